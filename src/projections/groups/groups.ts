/**
 * Groups: every replicated log besides `main` begins and ends with entries of `main`.
 *
 * ```
 *             create_group               found_group                 job_sealed
 *  (no row) ───────────────▶ created ─────────────────▶ founded ────────────────▶ sealed
 *                               │                          │
 *                               └───── destroy_group ──────┴────────────────────▶ destroyed
 * ```
 *
 * Whoever creates a group names nodes at most. Which stores these are is what the leader of `main` knows,
 * and it says so once, in `found_group`: from that entry every voter founds the group with the same
 * members, and a disk that was emptied since is none of them. A group is over when its own log was sealed
 * and that is recorded here, or when it is destroyed with whatever it holds.
 */
import { z } from 'zod';
import { IDENTIFIER } from '../identifier.ts';
import { refuse, type Refusal } from '../outcome.ts';
import {
  command,
  type Decision,
  projection,
  type ReadonlyTables,
  type Ruling,
} from '../projection.ts';
import {
  change,
  GROUP_KINDS,
  type GroupKind,
  type GroupMember,
  type GroupRow,
  GROUPS,
  liveCount,
  liveGroup,
  MAX_GROUPS,
  MEMBER,
  trim,
} from './group-table.ts';

const VOTERS_MAX = 7;
/** When to try again where there is no room: jobs end every now and then. */
const RETRY_SECONDS = 10;

const ID = z.string().regex(/^(job|gate)\/[A-Za-z0-9._:-]{1,128}$/);
const INCARNATION = z.int().min(1);
const VOTERS = z.array(IDENTIFIER).max(VOTERS_MAX);

interface Named {
  readonly id: string;
  readonly incarnation: number;
}

type Facts =
  | ({
      readonly type: 'group_created';
      readonly kind: GroupKind;
      readonly voters: readonly string[];
    } & Named)
  | ({ readonly type: 'group_founded'; readonly members: readonly GroupMember[] } & Named)
  | ({
      readonly type: 'group_sealed';
      readonly sealed_index: number;
      readonly sealed_root: string;
    } & Named)
  | ({ readonly type: 'group_destroyed' } & Named);

interface Wanted {
  readonly id: string;
  readonly kind: GroupKind;
  readonly voters: readonly string[];
}

function create(ruling: Ruling, { id, kind, voters }: Wanted): Decision {
  const obstacle = obstacleTo(id, ruling.tables);
  if (obstacle !== undefined) return obstacle;
  const incarnation = ruling.index;
  ruling.emit<Facts>({
    type: 'group_created',
    id,
    incarnation,
    kind,
    voters: [...new Set(voters)].sort(),
  });
  return { results: [{ group: id, incarnation }] };
}

function obstacleTo(id: string, tables: ReadonlyTables): Refusal | undefined {
  const known = liveGroup(tables, id);
  if (known !== undefined)
    return refuse('exists', `the group ${id} is there`, { incarnation: known.incarnation });
  if (liveCount(tables) < MAX_GROUPS) return undefined;
  return refuse('group-limit', 'there are as many groups as may be', {
    limit: MAX_GROUPS,
    retry_after_seconds: RETRY_SECONDS,
  });
}

function destroy(ruling: Ruling, id: string): Decision {
  const row = liveGroup(ruling.tables, id);
  if (row === undefined) return noSuchGroup(id);
  ruling.emit<Facts>({ type: 'group_destroyed', id, incarnation: row.incarnation });
  return undefined;
}

function noSuchGroup(id: string): Refusal {
  return refuse('not-found', `there is no group ${id}`);
}

/** The group an engine speaks of, in the life it speaks of; its word may come late, or twice. */
function spokenOf({ tables }: Ruling, { id, incarnation }: Named): GroupRow | undefined {
  const row = tables.of(GROUPS).get(id);
  return row?.incarnation === incarnation ? row : undefined;
}

const FOUND = z.object({
  group: ID,
  incarnation: INCARNATION,
  members: z.array(MEMBER).min(1).max(VOTERS_MAX),
});

/** The first word counts. */
function found(
  ruling: Ruling,
  { group: id, incarnation, members }: z.output<typeof FOUND>,
): Decision {
  const row = spokenOf(ruling, { id, incarnation });
  if (row === undefined) return noSuchGroup(id);
  if (row.state !== 'created') return undefined;
  ruling.emit<Facts>({ type: 'group_founded', id, incarnation, members });
  return undefined;
}

const SEALED = z.object({
  group: ID,
  incarnation: INCARNATION,
  index: z.int().min(1),
  root: z.string().regex(/^[0-9a-f]{64}$/),
});

/** Said again, it changes nothing. */
function sealed(ruling: Ruling, said: z.output<typeof SEALED>): Decision {
  const { group: id, incarnation, index: sealed_index, root: sealed_root } = said;
  const row = spokenOf(ruling, { id, incarnation });
  if (row === undefined) return noSuchGroup(id);
  if (row.state !== 'founded') return undefined;
  ruling.emit<Facts>({ type: 'group_sealed', id, incarnation, sealed_index, sealed_root });
  return undefined;
}

function groupChanged(tables: ReadonlyTables, { id }: { readonly id: string }): number {
  return tables.of(GROUPS).get(id)?.changed_index ?? 0;
}

function jobChanged(tables: ReadonlyTables, { job_id }: { readonly job_id: string }): number {
  return groupChanged(tables, { id: jobGroup(job_id) });
}

function jobGroup(job_id: string): string {
  return `job/${job_id}`;
}

const OPERATORS = { role: 'operator', traffic: 'dispatch' } as const;
const ENGINES = { origin: 'engine', role: 'admin', traffic: 'control' } as const;

export const groups = projection<Facts>({
  name: 'groups',
  summary: 'The groups there are besides `main`: who takes part in them, how they ended.',
  tables: [GROUPS],
  commands: {
    create_group: command({
      ...OPERATORS,
      summary: 'Creates a group; its voters are those of `main` where none are named.',
      schema: z
        .object({ id: ID, kind: z.enum(GROUP_KINDS), voters: VOTERS.default([]) })
        .refine(({ id, kind }) => id.startsWith(`${kind}/`), {
          path: ['id'],
          message: 'begins with the kind of the group',
        }),
      changed: groupChanged,
      decide: create,
    }),
    destroy_group: command({
      ...OPERATORS,
      summary: 'Ends a group with whatever its log holds.',
      schema: z.object({ id: ID }),
      changed: groupChanged,
      decide: (ruling, { id }) => destroy(ruling, id),
    }),
    create_job_raft: command({
      ...OPERATORS,
      summary: 'Creates the group `job/<job_id>`, as the source system calls it.',
      schema: z.object({ job_id: IDENTIFIER }),
      changed: jobChanged,
      decide: (ruling, { job_id }) =>
        create(ruling, { id: jobGroup(job_id), kind: 'job', voters: [] }),
    }),
    destroy_job_raft: command({
      ...OPERATORS,
      summary: 'Ends the group `job/<job_id>`, as the source system calls it.',
      schema: z.object({ job_id: IDENTIFIER }),
      changed: jobChanged,
      decide: (ruling, { job_id }) => destroy(ruling, jobGroup(job_id)),
    }),
    found_group: command({
      ...ENGINES,
      summary: 'Says which stores a group that was created begins with.',
      schema: FOUND,
      decide: found,
    }),
    job_sealed: command({
      ...ENGINES,
      summary: 'Records where the log of a group was sealed, and what it hashes to.',
      schema: SEALED,
      decide: sealed,
    }),
  },
  folds: {
    group_created: (tables, { type: _type, ...created }, moment) => {
      tables.of(GROUPS).put({
        ...created,
        members: [],
        state: 'created',
        created_at: moment.at,
        sealed_index: null,
        sealed_root: null,
        ended_at: null,
        changed_index: moment.index,
      });
      trim(tables, moment);
    },
    group_founded: (tables, { id, members }, { index }) =>
      change(tables, id, {
        members,
        voters: members.map((member) => member.id),
        state: 'founded',
        changed_index: index,
      }),
    group_sealed: (tables, { id, sealed_index, sealed_root }, moment) => {
      const ended = { state: 'sealed', ended_at: moment.at, changed_index: moment.index } as const;
      change(tables, id, { ...ended, sealed_index, sealed_root });
      trim(tables, moment);
    },
    group_destroyed: (tables, { id }, moment) => {
      const ended_at = moment.at;
      change(tables, id, { state: 'destroyed', ended_at, changed_index: moment.index });
      trim(tables, moment);
    },
  },
});
