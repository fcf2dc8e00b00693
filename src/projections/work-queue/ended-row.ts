/**
 * An item that is over, as text: a hundred thousand of them are kept to be asked about, and hardly any is.
 *
 * ```
 * ["selfplay","bench","completed",37,{},0,[],null,…]    the columns in order, without the id: it is the key
 *                                       └─ requires nothing, as most do
 * ```
 *
 * Moments are told from when the item was added. Column by column, as in `copyOf`: a row read back lies in
 * one piece, and the compiler sees that none is missing.
 */
import { NO_REQUIREMENTS, type Requirements } from './work-item.ts';
import type { WorkRow } from './work-table.ts';

/** Milliseconds since the item was added. */
type Since = number | null;

type Columns = readonly [
  work_type: WorkRow['work_type'],
  queue: WorkRow['queue'],
  status: WorkRow['status'],
  priority: WorkRow['priority'],
  config: WorkRow['config'],
  requires: Requirements | 0,
  excluded_nodes: WorkRow['excluded_nodes'],
  target_node: WorkRow['target_node'],
  unique_key: WorkRow['unique_key'],
  group_key: WorkRow['group_key'],
  depends_on: WorkRow['depends_on'],
  waiting_on: WorkRow['waiting_on'],
  dependents: WorkRow['dependents'],
  max_attempts: WorkRow['max_attempts'],
  attempts: WorkRow['attempts'],
  timeout_seconds: WorkRow['timeout_seconds'],
  not_before: WorkRow['not_before'],
  added_index: WorkRow['added_index'],
  added_at: WorkRow['added_at'],
  position: WorkRow['position'],
  shape: WorkRow['shape'],
  claimed_by: WorkRow['claimed_by'],
  token: WorkRow['token'],
  claim_count: WorkRow['claim_count'],
  claimed_at: Since,
  started_at: Since,
  deadline_at: Since,
  lease_ms: WorkRow['lease_ms'],
  directive: WorkRow['directive'],
  ended_at: Since,
  result: WorkRow['result'],
  error: WorkRow['error'],
  changed_index: WorkRow['changed_index'],
];

function since({ added_at }: Pick<WorkRow, 'added_at'>, at: number | null): Since {
  return at === null ? null : at - added_at;
}

function at(added_at: number, passed: Since): number | null {
  return passed === null ? null : added_at + passed;
}

export function packEnded(row: WorkRow): string {
  const columns: Columns = [
    row.work_type,
    row.queue,
    row.status,
    row.priority,
    row.config,
    row.requires === NO_REQUIREMENTS ? 0 : row.requires,
    row.excluded_nodes,
    row.target_node,
    row.unique_key,
    row.group_key,
    row.depends_on,
    row.waiting_on,
    row.dependents,
    row.max_attempts,
    row.attempts,
    row.timeout_seconds,
    row.not_before,
    row.added_index,
    row.added_at,
    row.position,
    row.shape,
    row.claimed_by,
    row.token,
    row.claim_count,
    since(row, row.claimed_at),
    since(row, row.started_at),
    since(row, row.deadline_at),
    row.lease_ms,
    row.directive,
    since(row, row.ended_at),
    row.result,
    row.error,
    row.changed_index,
  ];
  return JSON.stringify(columns);
}

export function unpackEnded(work_id: string, text: string): WorkRow {
  // Written by packEnded above, and by nothing else.
  const columns = JSON.parse(text) as Columns;
  return {
    work_id,
    work_type: columns[0],
    queue: columns[1],
    status: columns[2],
    priority: columns[3],
    config: columns[4],
    requires: columns[5] === 0 ? NO_REQUIREMENTS : columns[5],
    excluded_nodes: columns[6],
    target_node: columns[7],
    unique_key: columns[8],
    group_key: columns[9],
    depends_on: columns[10],
    waiting_on: columns[11],
    dependents: columns[12],
    max_attempts: columns[13],
    attempts: columns[14],
    timeout_seconds: columns[15],
    not_before: columns[16],
    added_index: columns[17],
    added_at: columns[18],
    position: columns[19],
    shape: columns[20],
    claimed_by: columns[21],
    token: columns[22],
    claim_count: columns[23],
    claimed_at: at(columns[18], columns[24]),
    started_at: at(columns[18], columns[25]),
    deadline_at: at(columns[18], columns[26]),
    lease_ms: columns[27],
    directive: columns[28],
    ended_at: at(columns[18], columns[29]),
    result: columns[30],
    error: columns[31],
    changed_index: columns[32],
  };
}
