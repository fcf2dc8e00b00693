/** What can be asked about assignments. Rows are the answer: nothing in them depends on the moment. */
import type { IndexPart } from '../ordered-index.ts';
import { type Page, pageOfRows, type PageRequest, type Selection } from '../page.ts';
import type { ReadonlyTables } from '../projection.ts';
import {
  type AssignmentRow,
  ASSIGNMENTS,
  type AssignmentStatus,
  STATUSES,
} from './assignment-table.ts';

export function assignmentView(tables: ReadonlyTables, job_id: string): AssignmentRow | undefined {
  return tables.of(ASSIGNMENTS).get(job_id);
}

export interface AssignmentFilter {
  readonly node_id?: string | undefined;
  readonly status?: AssignmentStatus | undefined;
}

/** Assignments of a node, a status, both, or all, oldest first (those of a node: by status, then age). */
export function listAssignments(
  tables: ReadonlyTables,
  filter: AssignmentFilter,
  page: PageRequest,
): Page<AssignmentRow> {
  return pageOfRows(tables.of(ASSIGNMENTS), selectionOf(filter), page);
}

function selectionOf({ node_id, status }: AssignmentFilter): Selection {
  const ofStatus: readonly IndexPart[] = status === undefined ? [] : [status];
  if (node_id !== undefined) return { index: 'by_node', prefix: [node_id, ...ofStatus] };
  return { index: status === undefined ? 'by_assignment' : 'by_status', prefix: ofStatus };
}

export interface AssignmentStatistics {
  readonly total: number;
  readonly by_status: Readonly<Record<AssignmentStatus, number>>;
  /** Nodes in the order of their ids; `total` counts the rows still kept. */
  readonly by_node: Readonly<Record<string, { readonly active: number; readonly total: number }>>;
}

export function assignmentStatistics(tables: ReadonlyTables): AssignmentStatistics {
  const assignments = tables.of(ASSIGNMENTS);
  const node_ids = [...assignments.counts('node').keys()].sort();
  return {
    total: assignments.size,
    by_status: Object.fromEntries(
      STATUSES.map((status) => [status, assignments.count('status', status)]),
    ) as Record<AssignmentStatus, number>,
    by_node: Object.fromEntries(
      node_ids.map((node_id) => [
        node_id,
        {
          active: assignments.count('active_on_node', node_id),
          total: assignments.count('node', node_id),
        },
      ]),
    ),
  };
}
