/**
 * Where a job is placed: the candidates as the leader saw them, and which of them was taken.
 *
 * Power, load and free capacity are telemetry, which is not in the log. Whoever proposes `place_job`
 * ranks the nodes it sees and writes them into the command, inputs and all, so that every node decides
 * the same and anyone can ask later why a job went where it went.
 */
import { z } from 'zod';
import { IDENTIFIER } from '../identifier.ts';
import type { ReadonlyTables } from '../projection.ts';
import type { TableDefinition } from '../table.ts';

/** Above this share of its load a node is given no new job: 0.8, in thousandths. */
export const LOAD_MILLI_MAX = 800;
/** The best so many are enough to choose from. */
export const CANDIDATES_MAX = 100;

const MILLI = z.int().min(0).max(1_000_000);

export const candidateSchema = z.object({
  node_id: IDENTIFIER,
  gpu_model: z.string().max(128).nullable().default(null),
  /** Thousandths of the power of one H100. */
  gpu_power: MILLI,
  /** Thousandths of a job slot. */
  capacity_free: MILLI,
  /** Thousandths of the node's full load. */
  load: MILLI,
  draining: z.boolean().default(false),
});
export type Candidate = Readonly<z.output<typeof candidateSchema>>;

export interface PlacementRow {
  readonly job_id: string;
  /** The node that was taken. */
  readonly chosen: string;
  readonly candidates: readonly Candidate[];
  readonly placed_index: number;
}

export const PLACEMENTS: TableDefinition<PlacementRow> = {
  name: 'placements',
  key: (row) => row.job_id,
  columns: ['job_id', 'chosen', 'candidates', 'placed_index'],
};

type Unfitness = 'draining' | 'overloaded';

/** Why a node gets no new job, or undefined when it may. */
function unfitness({ draining, load }: Candidate): Unfitness | undefined {
  if (draining) return 'draining';
  return load > LOAD_MILLI_MAX ? 'overloaded' : undefined;
}

/** Power × free capacity: what ranks a candidate. */
function score({ gpu_power, capacity_free }: Candidate): number {
  return gpu_power * capacity_free;
}

function compareIds(left: Candidate, right: Candidate): number {
  if (left.node_id === right.node_id) return 0;
  return left.node_id < right.node_id ? -1 : 1;
}

/** The nodes a job may go to, best first; of equals, the smaller id. At most CANDIDATES_MAX. */
export function rankCandidates(nodes: readonly Candidate[]): readonly Candidate[] {
  return nodes
    .filter((node) => unfitness(node) === undefined)
    .sort((left, right) => score(right) - score(left) || compareIds(left, right))
    .slice(0, CANDIDATES_MAX);
}

export function firstFit(candidates: readonly Candidate[]): Candidate | undefined {
  return candidates.find((candidate) => unfitness(candidate) === undefined);
}

type Verdict = Unfitness | 'chosen' | 'ranked lower';

export interface ExplainedCandidate extends Candidate {
  readonly score: number;
  readonly verdict: Verdict;
}

export interface PlacementExplanation {
  readonly job_id: string;
  readonly chosen: string;
  readonly placed_index: number;
  readonly candidates: readonly ExplainedCandidate[];
}

function verdictOn(candidate: Candidate, fit: Candidate | undefined): Verdict {
  return candidate === fit ? 'chosen' : (unfitness(candidate) ?? 'ranked lower');
}

/** Why the job was placed where it was; undefined when it was assigned to a node by name. */
export function explainPlacement(
  tables: ReadonlyTables,
  job_id: string,
): PlacementExplanation | undefined {
  const row = tables.of(PLACEMENTS).get(job_id);
  if (row === undefined) return undefined;
  const fit = firstFit(row.candidates);
  const candidates = row.candidates.map((candidate) => ({
    ...candidate,
    score: score(candidate),
    verdict: verdictOn(candidate, fit),
  }));
  return { ...row, candidates };
}
