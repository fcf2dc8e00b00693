/**
 * The logs of a cluster after a campaign, each held against what clients were told: every acknowledged
 * operation stands in it exactly once, where its answer said, and no key was applied twice. Every node
 * shows its own, from what it has on its own disk, and all show the same.
 */
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { entryOf } from '../../test/linearizability/clients.ts';
import { answeredAt, type Operation } from '../../test/linearizability/history.ts';
import type { CampaignNode } from './node.ts';

const PAGE = 1_000;
/** Of one kind that are told; the rest are counted. */
const TOLD_MAX = 10;
const COMPACTED = 410;
/** For its history to come back, in the background. */
const HISTORY_MS_MAX = 120_000;
const LOOK_AGAIN_MS = 250;
/** A page of many entries, of a node of a machine that does other things, too. */
const PAGE_MS_MAX = 30_000;

interface LogItem {
  readonly index: number;
  readonly term: number;
  readonly outcome: string;
  readonly key?: string;
  readonly refusal?: { readonly code: string };
}

/** What of a log is needed afterwards. */
export interface ReadLog {
  /** Whose it is. */
  readonly id: string;
  readonly entries: number;
  /** The last entry that was looked at. */
  readonly upTo: number;
  /** Of all entries and outcomes as the node shows them. */
  readonly digest: string;
  /** Of entries, by their keys, in the order of the log; without those that are no answer. */
  readonly indices: ReadonlyMap<string, readonly number[]>;
  termAt(index: number): number | undefined;
}

/**
 * `last`: where all are to be read to, because entries that time asks for are still written; unless said, the
 * end. @throws where the node does not show its whole log
 */
export async function readLog(node: CampaignNode, last = Infinity): Promise<ReadLog> {
  const indices = new Map<string, number[]>();
  const terms = new Map<number, number>();
  const shown = createHash('sha256');
  let [after, head] = [0, 1];
  while (after < Math.min(head, last)) {
    const answer = await historyOf(node, after);
    if (answer?.status !== 200)
      throw new Error(`the log of ${node.id} after ${after}: ${JSON.stringify(answer)}`);
    const page = answer.members as unknown as {
      readonly items: readonly LogItem[];
      readonly covered: number;
      readonly head: number;
    };
    for (const item of page.items.filter(({ index }) => index <= last)) {
      const { index, term, key } = item;
      shown.update(JSON.stringify(item));
      terms.set(index, term);
      if (key !== undefined && isAnswer(item))
        indices.set(key, [...(indices.get(key) ?? []), index]);
    }
    if (page.covered === after) throw new Error(`the log of ${node.id} ends at ${after}`);
    ({ covered: after, head } = page);
  }
  return {
    id: node.id,
    entries: terms.size,
    upTo: Math.min(after, last),
    digest: shown.digest('hex'),
    indices,
    termAt: (index) => terms.get(index),
  };
}

/** What repeats an answer is none of its own; what there was no room for changed nothing, and may be tried again. */
function isAnswer({ outcome, refusal }: LogItem): boolean {
  return outcome !== 'replayed' && refusal?.code !== 'backpressure';
}

/** A node that lost its disk serves before it has fetched what lies below the snapshot it was given. */
async function historyOf(node: CampaignNode, after: number): ReturnType<CampaignNode['ask']> {
  const deadline = performance.now() + HISTORY_MS_MAX;
  const asked = (): ReturnType<CampaignNode['ask']> =>
    node.ask(`/v1/log?after=${after}&limit=${PAGE}`, 'GET', undefined, PAGE_MS_MAX);
  let answer = await asked();
  while ([undefined, COMPACTED].includes(answer?.status) && performance.now() < deadline) {
    await pause(LOOK_AGAIN_MS);
    answer = await asked();
  }
  return answer;
}

/** What is wrong; nothing where all is well. */
export function audit(
  operations: readonly Operation[],
  logs: readonly ReadLog[],
): readonly string[] {
  const wrong = logs.flatMap((log) =>
    wrongIn(operations, log).map((breach) => `in the log of ${log.id}: ${breach}`),
  );
  return [...wrong, ...differing(logs)];
}

/** Acknowledged operations may be in all of them, and the rest differ. */
function differing([first, ...others]: readonly ReadLog[]): readonly string[] {
  return others
    .filter(({ upTo, digest }) => upTo === first?.upTo && digest !== first.digest)
    .map(({ id, upTo }) => `up to ${upTo} the log of ${id} is not that of ${first?.id}`);
}

function wrongIn(operations: readonly Operation[], log: ReadLog): readonly string[] {
  const repeated = [...log.indices].filter(([, indices]) => indices.length > 1);
  const acknowledged = operations.filter(
    ({ answer, once }) => answer.kind === 'answered' && once !== undefined,
  );
  const lost = acknowledged.filter(({ once = '' }) => !log.indices.has(once));
  const elsewhere = acknowledged.filter((operation) => {
    const [index] = log.indices.get(operation.once ?? '') ?? [];
    const entry = entryOf(operation);
    return index !== undefined && entry !== undefined && index !== entry;
  });
  return [
    ...told('applied more than once', repeated),
    ...told('acknowledged, and not in the log', lost),
    ...told('acknowledged at another index than it stands in the log', elsewhere),
  ];
}

function told(what: string, those: readonly unknown[]): readonly string[] {
  if (those.length === 0) return [];
  const some = those.slice(0, TOLD_MAX).map((one) => `  ${JSON.stringify(one)}`);
  return [[`${those.length} ${what}:`, ...some].join('\n')];
}

export interface Failover {
  readonly term: number;
  /** From the last answer of an earlier term to the first of this one, as clients saw it. */
  readonly milliseconds: number;
}

/** Terms in which something was answered, each with how long clients had waited for it. */
export function failovers(operations: readonly Operation[], log: ReadLog): readonly Failover[] {
  const spans = new Map<number, { first: number; last: number }>();
  for (const operation of operations) {
    const entry = entryOf(operation);
    const term = entry === undefined ? undefined : log.termAt(entry);
    if (term === undefined) continue;
    const at = answeredAt(operation) / 1000;
    const { first, last } = spans.get(term) ?? { first: at, last: at };
    spans.set(term, { first: Math.min(first, at), last: Math.max(last, at) });
  }
  const inOrder = [...spans].sort(([one], [other]) => one - other);
  return inOrder.slice(1).map(([term, { first }], place) => ({
    term,
    milliseconds: Math.max(0, first - Number(inOrder[place]?.[1].last)),
  }));
}
