/**
 * The rows of groups: which groups there are besides `main`, who takes part in each, and how far its life
 * has come.
 *
 * Rows of groups that are over stay to be asked about, within ENDED_MAX and ENDED_KEPT_MS of log time; then
 * folds trim them, a few at a time. A group created again under an old name takes the old row's place.
 */
import { z } from 'zod';
import { assert } from '../assert.ts';
import { IDENTIFIER } from '../identifier.ts';
import type { Moment, ReadonlyTables, WritableTables } from '../projection.ts';
import type { TableDefinition } from '../table.ts';

/** Groups that are not over; beyond, creating another is refused with `group-limit`. */
export const MAX_GROUPS = 10_000;
/** Groups that are over and still kept; beyond, the oldest goes. */
export const ENDED_MAX = 10_000;
/** How long, in log time, a group that is over is kept. */
export const ENDED_KEPT_MS = 24 * 60 * 60 * 1000;
/** The most rows one fold trims. At least two, so that trimming is faster than ending. */
const TRIM_MAX = 8;

export const GROUP_KINDS = ['job', 'gate'] as const;
export type GroupKind = (typeof GROUP_KINDS)[number];

/** As the log knows a member: the same shape in every room, and plain data here. */
export const MEMBER = z.object({
  id: IDENTIFIER,
  store: z.string().max(64),
  addresses: z.array(z.string().max(255)).max(16),
});
export type GroupMember = z.output<typeof MEMBER>;

export interface GroupRow {
  /** Like `job/42`. */
  readonly id: string;
  /** The index of its creation: in its keys and messages, so that no other group under the name meets them. */
  readonly incarnation: number;
  readonly kind: GroupKind;
  /** Node ids; empty until it is founded, where its creator named none. */
  readonly voters: readonly string[];
  /** The voters with their stores, as the leader of `main` knew them; empty until it is founded. */
  readonly members: readonly GroupMember[];
  readonly state: 'created' | 'founded' | 'sealed' | 'destroyed';
  readonly created_at: number;
  readonly sealed_index: number | null;
  /** What all outcomes up to the seal hash to. */
  readonly sealed_root: string | null;
  readonly ended_at: number | null;
  readonly changed_index: number;
}

export const GROUPS: TableDefinition<GroupRow> = {
  name: 'groups',
  key: (row) => row.id,
  columns: [
    'id',
    'incarnation',
    'kind',
    'voters',
    'members',
    'state',
    'created_at',
    'sealed_index',
    'sealed_root',
    'ended_at',
    'changed_index',
  ],
  indexes: {
    by_id: [],
    by_state: ['state', 'incarnation'],
    by_end: (row) => (row.ended_at === null ? [] : [[row.ended_at]]),
  },
  counters: { state: (row) => row.state },
};

export function isOver({ ended_at }: GroupRow): boolean {
  return ended_at !== null;
}

export function liveCount(tables: ReadonlyTables): number {
  const groups = tables.of(GROUPS);
  return groups.size - groups.index('by_end').size;
}

/** The group of this name that is not over. */
export function liveGroup(tables: ReadonlyTables, id: string): GroupRow | undefined {
  const row = tables.of(GROUPS).get(id);
  return row === undefined || isOver(row) ? undefined : row;
}

/** Replaces columns of a row that a fact speaks of. */
export function change(tables: WritableTables, id: string, columns: Partial<GroupRow>): void {
  const row = tables.of(GROUPS).get(id);
  assert(row !== undefined, 'a fact about a group speaks of a row');
  tables.of(GROUPS).put({ ...row, ...columns });
}

/** Forgets groups that are over and too many or too old. */
export function trim(tables: WritableTables, moment: Moment): void {
  for (const id of forgettable(tables, moment)) tables.of(GROUPS).remove(id);
}

function forgettable(tables: ReadonlyTables, moment: Moment): readonly string[] {
  const groups = tables.of(GROUPS);
  const surplus = Math.min(groups.index('by_end').size - ENDED_MAX, TRIM_MAX);
  const ids: string[] = [];
  for (const { id, ended_at } of groups.select('by_end', [])) {
    const isOld = Number(ended_at) + ENDED_KEPT_MS <= moment.at;
    if (ids.length >= (isOld ? TRIM_MAX : surplus)) break;
    ids.push(id);
  }
  return ids;
}
