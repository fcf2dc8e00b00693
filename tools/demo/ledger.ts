/**
 * What was promised to us: every command that the node acknowledged, with the index it was given and
 * what it led to. At the end each line is looked up in the log on disk; one that is not there, or says
 * something else, is lost.
 */
import { createHash } from 'node:crypto';
import type { Answer, Json } from './door.ts';

interface Promised {
  readonly type: string;
  readonly index: number;
  /** A print of the outcome: the facts where it was applied, the code where it was refused. */
  readonly print: string;
}

/** One entry as the log on disk shows it. */
export interface LoggedEntry {
  readonly index: number;
  readonly type: string;
  readonly key?: string;
  readonly outcome: string;
  readonly facts: readonly unknown[];
  readonly refusal?: { readonly code: string };
}

export interface LedgerAudit {
  readonly acknowledged: number;
  readonly lost: number;
  /** What is missing or different, one line each, the first LOST_SHOWN. */
  readonly lines: readonly string[];
}

const LOST_SHOWN = 10;

/** The same print for the same value, whatever the order of its keys. */
function printOf(value: unknown): string {
  const text = JSON.stringify(value, (_, member: unknown) => sorted(member)) ?? 'nothing';
  return createHash('sha256').update(text).digest('base64url').slice(0, 16);
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export class Ledger {
  readonly #promised = new Map<string, Promised>();
  #refused = 0;

  /** Commands that were refused: by a rule (in the log), or before they were proposed (not in it). */
  get refused(): number {
    return this.#refused;
  }

  get size(): number {
    return this.#promised.size;
  }

  acknowledged(command: { readonly key: string; readonly type: string }, answer: Answer): void {
    const { status, body } = answer;
    if (status >= 400) this.#refused += 1;
    const index = body['index'];
    // Nothing was proposed: an empty claim, or a request refused at the door.
    if (typeof index !== 'number') return;
    const print = printOf(status < 400 ? body['facts'] : body['code']);
    this.#promised.set(command.key, { type: command.type, index, print });
  }

  /** Compares every promise with the log. */
  async audit(log: AsyncIterable<LoggedEntry>): Promise<LedgerAudit> {
    const open = new Map(this.#promised);
    const lines: string[] = [];
    for await (const entry of log) {
      const promised = open.get(entry.key ?? '');
      // A retry of an applied command is an entry of its own under the same key: not the one promised.
      if (promised?.index !== entry.index) continue;
      open.delete(entry.key ?? '');
      const difference = differenceOf(promised, entry);
      if (difference !== undefined) lines.push(difference);
    }
    for (const { type, index } of open.values())
      lines.push(`${type}, acknowledged at ${index}, is not in the log`);
    const [acknowledged, lost] = [this.#promised.size, lines.length];
    return { acknowledged, lost, lines: lines.slice(0, LOST_SHOWN) };
  }
}

function differenceOf(promised: Promised, entry: LoggedEntry): string | undefined {
  const { index, type } = entry;
  if (promised.type !== type)
    return `entry ${index} was acknowledged as ${promised.type} and is ${type}`;
  const led = entry.outcome === 'applied' ? entry.facts : entry.refusal?.code;
  if (promised.print === printOf(led)) return undefined;
  return `entry ${index}, ${type}, was acknowledged with another outcome than the log has`;
}

/** The members of an answer that hold the facts of an applied command. */
export function factsOf(body: Json): readonly Json[] {
  return (body['facts'] ?? []) as readonly Json[];
}
