/**
 * What clients were promised, written down by themselves, and the audit of a node against it.
 *
 * A command is *acknowledged* when its answer came, whatever the answer was: from then on it has an index
 * and an outcome for ever. It is *doubtful* when the connection broke before: it may have been applied or
 * not, but never twice, and a retry with its key finds out.
 */
import { isDeepStrictEqual } from 'node:util';
import { ask, fetched } from './ask.ts';
import { until } from './condition.ts';

const COMPACTED = 410;

export interface KeyedCommand {
  readonly key: string;
  /** How it was proposed. A retry goes the same way: a key belongs to its request, byte for byte. */
  readonly via: 'http' | 'stream';
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Acknowledged extends KeyedCommand {
  readonly index: number;
  readonly outcome: string;
  readonly facts: unknown;
}

export class Ledger {
  readonly #acknowledged: Acknowledged[] = [];
  readonly #doubtful = new Map<string, KeyedCommand>();

  /** In the order in which the answers came. */
  get acknowledged(): readonly Acknowledged[] {
    return this.#acknowledged;
  }

  get doubtful(): readonly KeyedCommand[] {
    return [...this.#doubtful.values()];
  }

  acknowledge(acknowledged: Acknowledged): void {
    this.#acknowledged.push(acknowledged);
    this.#doubtful.delete(acknowledged.key);
  }

  doubt(command: KeyedCommand): void {
    this.#doubtful.set(command.key, command);
  }

  /** It was refused without an index: nothing happened, and nothing is promised. */
  withdraw(command: KeyedCommand): void {
    this.#doubtful.delete(command.key);
  }

  /** What is true now, whatever the clients learn afterwards. */
  upToNow(): Ledger {
    const copy = new Ledger();
    copy.#acknowledged.push(...this.#acknowledged);
    for (const [key, command] of this.#doubtful) copy.#doubtful.set(key, command);
    return copy;
  }

  /** The highest acknowledged index, 0 when nothing was. */
  get head(): number {
    return this.#acknowledged.reduce((head, { index }) => Math.max(head, index), 0);
  }
}

/** An entry as `GET /v1/log` shows it. */
export interface LoggedEntry {
  readonly index: number;
  readonly term: number;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly outcome: string;
  readonly facts: unknown;
  readonly of?: number;
  readonly key?: string;
}

/** What of the promises a log does not keep: a few lines for people, and how many more there are. */
export interface LogBreaches {
  /** Acknowledged, and not in the log, or another command in its place. */
  readonly lost: readonly string[];
  /** In the log, with another outcome than the caller was told. */
  readonly different: readonly string[];
  /** Keys whose command was applied more than once. */
  readonly doubled: readonly string[];
}

/** What of the promises a node does not keep. Nothing of it may ever hold anything. */
export interface Breaches extends LogBreaches {
  /** In the log, and without the effect it had. */
  readonly withoutEffect: readonly string[];
}

export const NO_LOG_BREACHES: LogBreaches = { lost: [], different: [], doubled: [] };
export const NO_BREACHES: Breaches = { ...NO_LOG_BREACHES, withoutEffect: [] };

/** Compares the whole log, and what follows from it, with the ledger. */
export async function audited(url: string, ledger: Ledger): Promise<Breaches> {
  return { ...(await auditedLog(url, ledger, 0)), withoutEffect: await unseen(url, ledger) };
}

/** What was acknowledged and does not show in the state of the work. */
export async function unseen(url: string, ledger: Ledger): Promise<readonly string[]> {
  const items = await workItems(url);
  return told(ledger.acknowledged.filter((one) => !hasEffect(one, items)));
}

/** Compares the log above `after` with the ledger. */
export async function auditedLog(url: string, ledger: Ledger, after: number): Promise<LogBreaches> {
  const entries = await logged(url, after);
  const promised = ledger.acknowledged.filter(({ index }) => index > after);
  const isLost = (one: Acknowledged): boolean => !isThere(one, entries.get(one.index));
  const isDifferent = (one: Acknowledged): boolean => !isSame(one, entries.get(one.index));
  return {
    lost: told(promised.filter(isLost)),
    different: told(promised.filter((one) => !isLost(one) && isDifferent(one))),
    doubled: doubledIn([...entries.values()]),
  };
}

const TOLD_MAX = 5;

function told(found: readonly Acknowledged[]): readonly string[] {
  const lines = found.slice(0, TOLD_MAX).map(({ index, key }) => `${key} at ${index}`);
  return found.length > TOLD_MAX ? [...lines, `and ${found.length - TOLD_MAX} more`] : lines;
}

/** Every entry above `after`, by index. */
export async function logged(url: string, after: number): Promise<Map<number, LoggedEntry>> {
  const entries = new Map<number, LoggedEntry>();
  let cursor = after;
  for (;;) {
    const page = await pageOf(url, cursor);
    const items = page['items'] as readonly LoggedEntry[];
    for (const entry of items) entries.set(entry.index, entry);
    const last = items.at(-1);
    if (last === undefined) return entries;
    cursor = last.index;
  }
}

/** A node that was given a snapshot serves before it has fetched the entries below it. */
function pageOf(url: string, after: number): Promise<Readonly<Record<string, unknown>>> {
  return until(`the log of ${url} after ${after}`, async () => {
    const { status, text } = await ask(`${url}/v1/log?after=${after}&limit=1000`);
    if (![200, COMPACTED].includes(status)) throw new Error(`${url} answered ${status}: ${text}`);
    return status === 200 && (JSON.parse(text) as Record<string, unknown>);
  });
}

interface WorkItem {
  readonly work_id: string;
  readonly status: string;
}

async function workItems(url: string): Promise<Map<string, WorkItem>> {
  const items = new Map<string, WorkItem>();
  let cursor: unknown;
  do {
    const query = typeof cursor === 'string' ? `&cursor=${encodeURIComponent(cursor)}` : '';
    const page = await fetched(`${url}/v1/work?limit=1000${query}`);
    for (const item of page['items'] as readonly WorkItem[]) items.set(item.work_id, item);
    cursor = page['cursor'];
  } while (typeof cursor === 'string');
  return items;
}

function isThere(one: Acknowledged, entry: LoggedEntry | undefined): boolean {
  return entry !== undefined && entry.key === one.key && entry.type === one.type;
}

function isSame(one: Acknowledged, entry: LoggedEntry | undefined): boolean {
  return entry?.outcome === one.outcome && isDeepStrictEqual(entry.facts, one.facts);
}

/** Keys under which something was applied more than once. */
export function doubledIn(entries: readonly LoggedEntry[]): readonly string[] {
  const seen = new Set<string>();
  return entries
    .filter(({ outcome }) => outcome === 'applied')
    .flatMap(({ key }) => key ?? [])
    .filter((key) => {
      const isAgain = seen.has(key);
      seen.add(key);
      return isAgain;
    });
}

const EFFECTS: Readonly<Record<string, readonly string[]>> = {
  add_work: ['pending', 'claimed', 'running', 'completed'],
  claim_work: ['pending', 'claimed', 'completed'],
  complete_work: ['completed'],
};

function hasEffect({ type, data, outcome }: Acknowledged, items: Map<string, WorkItem>): boolean {
  if (outcome !== 'applied') return true;
  const item = items.get(String(data['work_id']));
  return item !== undefined && (EFFECTS[type] ?? []).includes(item.status);
}
