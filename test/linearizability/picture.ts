/**
 * A violation as people read it: one line per operation over a common time, the culprit marked, and what
 * the object may have been just before.
 *
 * ```
 *  lock/a: no order of these operations explains the one marked with !
 *
 *    c1   ├─ acquire by c1 ─┤ granted 17
 *    c3            ├─ release 17 by c1 ────────▷ nobody heard
 *  ! c2                         ├─ read ─┤ held by c2, token 16
 *
 *    just before, it can only have been
 *      held by c1, token 17     since c1: acquire by c1
 *      free                     since c3: release 17 by c1
 * ```
 */
import { answeredAt, type Operation } from './history.ts';
import type { Verdict, Violation } from './verdict.ts';

const COLUMNS = 72;

export function pictureOf({ key, model, culprit, possible, window }: Violation): string {
  const scale = scaleOf(window);
  const clients = Math.max(...window.map(({ client }) => client.length));
  const lines = window.map((operation) => {
    const mark = operation === culprit ? '!' : ' ';
    const words = model.tell(operation.input);
    return `${mark} ${operation.client.padEnd(clients)}  ${bar(operation, words, scale)} ${heard(operation, model)}`;
  });
  return [
    `${key}: no order of these operations explains the answer marked with !`,
    `from ${scale.from} µs, ${Math.round(scale.per)} µs per column`,
    '',
    ...lines,
    '',
    ...before(possible, model),
  ].join('\n');
}

/** The verdict in words: what a failing test says. */
export function tellVerdict(verdict: Verdict): string {
  if (verdict.kind === 'violation') return pictureOf(verdict.violation);
  if (verdict.kind === 'undecided')
    return `${verdict.key}: no verdict within ${verdict.steps} steps; that is not good enough`;
  return `${verdict.keys} objects are linearizable, in ${verdict.steps} steps`;
}

interface Scale {
  readonly from: number;
  /** Microseconds. */
  readonly per: number;
}

function scaleOf(window: readonly Operation[]): Scale {
  const from = Math.min(...window.map(({ calledAt }) => calledAt));
  const moments = window.flatMap((one) => [one.calledAt, answeredAt(one)]);
  const to = Math.max(...moments.filter((at) => Number.isFinite(at)));
  return { from, per: Math.max(1, (to - from) / COLUMNS) };
}

function bar(operation: Operation, words: string, { from, per }: Scale): string {
  const start = Math.round((operation.calledAt - from) / per);
  const isOpen = operation.answer.kind === 'open';
  const end = isOpen ? COLUMNS : Math.round((answeredAt(operation) - from) / per);
  const inside = ` ${words} `.padEnd(end - start - 2, '─');
  return `${' '.repeat(start)}├─${inside}${isOpen ? '▷' : '┤'}`;
}

function heard({ answer }: Operation, model: Violation['model']): string {
  return answer.kind === 'open' ? 'nobody heard' : model.hear(answer.output);
}

function before(possible: Violation['possible'], model: Violation['model']): readonly string[] {
  if (possible.length === 0) return ['  just before, it can have been too many things to list'];
  const told = possible.map(({ state, since }) => {
    const cause = since === undefined ? 'from the beginning' : causeOf(since, model);
    return `    ${model.describe(state)}   ${cause}`;
  });
  return ['  just before, it can only have been', ...told];
}

function causeOf({ client, input }: Operation, model: Violation['model']): string {
  return `since ${client}: ${model.tell(input)}`;
}
