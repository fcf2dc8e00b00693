/**
 * The log over HTTP: entries with what they led to, from any index that is kept; as JSON, or as the
 * stored bytes for audits that trust nobody.
 *
 * `Accept: application/octet-stream` gets, per entry:
 *
 * ```
 * [4: bytes of the frame][frame as stored][4: bytes of the outcome][outcome as stored] …
 * ```
 */
import { z } from 'zod';
import { decodeEntry } from '../../log/command.ts';
import { firstOfPage, PAGE_ENTRIES } from '../../log/outcome-page.ts';
import type { GroupRow } from '../../projections/groups/group-table.ts';
import type { Group } from '../../protocols/coordinator/group.ts';
import type { RecordedEntry } from '../../protocols/coordinator/history.ts';
import { type Matches, readGlobs } from '../glob.ts';
import type { ServedNode } from '../served-node.ts';
import { type EntryJson, recordedEntryJson } from '../wire/entry.ts';
import { problem } from '../wire/problem.ts';
import { content, type Endpoint, ok, refusal, type Reply } from './endpoint.ts';
import { INDEX, LIMIT, WAIT } from './fields.ts';
import { type Asked, notFound, query } from './query.ts';

/** Bytes of frames after which an answer ends, whatever its limit; it always holds one entry. */
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;
/** Entries looked at for a filter before the answer says how far it came. */
const SCANNED_MAX = 10_000;
const OCTETS = 'application/octet-stream';
const FOR_EVER = { 'cache-control': 'public, max-age=31536000, immutable' };

const TYPES = z
  .string()
  .max(4096)
  .transform((list, context) => {
    const matches = readGlobs(list);
    if (matches !== undefined) return matches;
    context.addIssue({ code: 'custom', message: 'a comma-separated list such as work_*,lock_*' });
    return z.NEVER;
  })
  .optional()
  .describe('Only these types: a comma-separated list in which * stands for anything.');

const GROUP_ID = z.string().min(1).max(255);

const RANGE = { after: INDEX.default(0), limit: LIMIT.default(100), type: TYPES, wait: WAIT };
type Range = Asked<{ readonly group?: z.ZodString }, typeof RANGE>;

/** What a scan found, and how far it came. */
interface Found {
  readonly entries: readonly RecordedEntry[];
  readonly covered: number;
}

async function entries(asked: Range): Promise<Reply> {
  const { group, query: range, incoming } = asked;
  const head = group.machine.position.index;
  if (range.after > head)
    return refusal(problem('diverged', `the newest entry here is ${head}`, { index: head }));
  await news(asked);
  const found = await scan(group, range);
  return incoming.headers['accept'] === OCTETS ? octets(found) : json(group, found);
}

/** A long poll: waits until there is something behind `after`, or long enough. */
async function news({ serving, group, query: { after, wait }, incoming }: Range): Promise<void> {
  if (wait === 0) return;
  const signal = incoming.gone();
  await serving.applied(group).reaches({ index: after + 1, within: wait, signal });
}

interface Scan {
  readonly after: number;
  readonly limit: number;
  readonly type?: Matches | undefined;
}

async function scan(group: Group, { after, limit, type }: Scan): Promise<Found> {
  const basket = new Basket(limit, type);
  for await (const chunk of group.history.read(after + 1, { to: after + SCANNED_MAX }))
    if (!chunk.every((entry) => basket.take(entry))) break;
  return { entries: basket.entries, covered: Math.max(after, basket.covered) };
}

/** Gathers what matches, until it is full. */
class Basket {
  readonly entries: RecordedEntry[] = [];
  covered = 0;
  readonly #limit: number;
  readonly #type: Matches | undefined;
  #bytes = 0;

  constructor(limit: number, type: Matches | undefined) {
    this.#limit = limit;
    this.#type = type;
  }

  /** @returns whether there is room for more */
  take(entry: RecordedEntry): boolean {
    this.covered = entry.index;
    if (this.#wants(entry)) this.#keep(entry);
    return this.entries.length < this.#limit && this.#bytes < ANSWER_BYTES_MAX;
  }

  #wants({ frame }: RecordedEntry): boolean {
    return this.#type === undefined || this.#type(decodeEntry(frame).type);
  }

  #keep(entry: RecordedEntry): void {
    this.entries.push(entry);
    this.#bytes += entry.frame.length;
  }
}

function json(group: Group, { entries: found, covered }: Found): Reply {
  const head = group.machine.position.index;
  return ok({ items: found.map(jsonOf), covered, head });
}

function jsonOf({ frame, outcome }: RecordedEntry): EntryJson {
  return recordedEntryJson(decodeEntry(frame), outcome);
}

function octets({ entries: found, covered }: Found): Reply {
  const parts = found.flatMap(({ frame, outcome }) => [...counted(frame), ...counted(outcome)]);
  return content(Buffer.concat(parts), {
    'content-type': OCTETS,
    'quorate-covered': String(covered),
  });
}

function counted(bytes: Uint8Array): readonly Uint8Array[] {
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(bytes.length);
  return [length, bytes];
}

const ONE = { index: z.coerce.number().int().min(1) };

async function entry({ group, params }: Asked<typeof ONE, z.ZodRawShape>): Promise<Reply> {
  const { index } = params;
  const found = await span(group, index, index);
  const only = found[0];
  if (only === undefined) return notFound(`entry ${index} yet`);
  return ok(jsonOf(only), { ...FOR_EVER, etag: `"${index}"` });
}

const PAGE = { page: z.coerce.number().int().min(0) };

async function page({ group, params }: Asked<typeof PAGE, z.ZodRawShape>): Promise<Reply> {
  const first = firstOfPage(params.page);
  const found = await span(group, first, first + PAGE_ENTRIES - 1);
  if (found.length === 0) return notFound(`page ${params.page} yet`);
  const complete = found.length === PAGE_ENTRIES;
  return ok(
    { page: params.page, first, complete, items: found.map(jsonOf) },
    complete ? FOR_EVER : {},
  );
}

async function span(group: Group, from: number, to: number): Promise<readonly RecordedEntry[]> {
  const found: RecordedEntry[] = [];
  for await (const chunk of group.history.read(from, { to })) found.push(...chunk);
  return found;
}

function stats({ group, serving }: Asked<z.ZodRawShape, z.ZodRawShape>): Reply {
  const { index, term, at, skipped, faults } = group.machine.position;
  const { first, last } = serving.node.log.bounds(group.id);
  return ok({
    group: group.id.id,
    oldest: first,
    last,
    applied: index,
    term,
    at,
    unknown_entries: skipped,
    rule_faults: faults,
    digest: group.machine.digest(),
    snapshots: group.snapshotStatus,
  });
}

/** The same four reads for `main` and for a group by name. */
function logOf(base: string, whose: { readonly group?: z.ZodString }): readonly Endpoint[] {
  return [
    query({
      path: base,
      summary: 'Entries with what they led to, after an index; waits for news if asked to.',
      params: whose,
      query: RANGE,
      consistency: 'local',
      problems: ['compacted', 'diverged'],
      reply: entries,
    }),
    query({
      path: `${base}/stats`,
      summary: 'How long the log is, and what all outcomes hash to.',
      params: whose,
      consistency: 'local',
      reply: stats,
    }),
    query({
      path: `${base}/pages/{page}`,
      summary: 'A page of 256 entries; once complete it never changes.',
      params: { ...whose, ...PAGE },
      consistency: 'local',
      problems: ['compacted', 'not-found'],
      reply: page,
    }),
    query({
      path: `${base}/{index}`,
      summary: 'One entry with what it led to.',
      params: { ...whose, ...ONE },
      consistency: 'local',
      problems: ['compacted', 'not-found'],
      reply: entry,
    }),
  ];
}

export const LOG: readonly Endpoint[] = [
  query({
    path: '/v1/groups',
    summary: 'The groups this node has.',
    consistency: 'local',
    reply: ({ serving }) => ok({ items: groupLines(serving.node) }),
  }),
  ...logOf('/v1/log', {}),
  ...logOf('/v1/groups/{group}/log', { group: GROUP_ID }),
];

/** Those in memory say how they stand; those that rest, what `main` knows of them. */
function groupLines(node: ServedNode): readonly object[] {
  const awake = node.groups();
  const names = new Set(awake.map(({ id }) => id.id));
  const resting = rowsOf(node).filter(({ id }) => !names.has(id));
  return [...awake.map(groupLine), ...resting.map(restingLine)];
}

function rowsOf({ hosting }: ServedNode): readonly GroupRow[] {
  return hosting === undefined ? [] : hosting.rows();
}

function restingLine({ id, incarnation, voters }: GroupRow): object {
  return { group: id, incarnation, state: 'resting', voters };
}

function groupLine(group: Group): object {
  const { engine, role, leader_id, voters, learners } = group.status();
  const { index, term } = group.machine.position;
  const { id, incarnation } = group.id;
  const engineLine = { engine, role, leader_id, voters, learners };
  return { group: id, incarnation, state: 'awake', index, term, ...engineLine };
}
