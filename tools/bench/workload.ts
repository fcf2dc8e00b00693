/**
 * The commands that loads propose, by number: the same number is always the same command, so what was
 * acknowledged can be looked up.
 */

export interface BenchCommand {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export type Workload = (number: number) => BenchCommand;

export const BENCH_QUEUE = 'bench';
/** Room for what a run adds; the node's own bound on all queues together is above it. */
const QUEUE_LIMITS = { soft: 900_000, hard: 1_000_000, recovery: 800_000 };

/** Before the first command of a load. */
export const OPENING: BenchCommand = {
  type: 'set_queue',
  data: { queue: BENCH_QUEUE, ...QUEUE_LIMITS },
};

function workId(number: number): string {
  return `bench-${number}`;
}

const addWork: Workload = (number) => ({
  type: 'add_work',
  data: { work_id: workId(number), queue: BENCH_QUEUE, priority: number % 100 },
});

/** One item after another is added, claimed by its name and completed: three commands each. */
const CYCLE: readonly Workload[] = [
  addWork,
  (number) => ({
    type: 'claim_work',
    data: { node_id: `worker-${number % 64}`, work_id: workId(number) },
  }),
  // Without a token: the item is claimed once in its life, so there is only one holder it can be.
  (number) => ({
    type: 'complete_work',
    data: { work_id: workId(number), token: null, result: { score: number } },
  }),
];

export const CYCLE_COMMANDS: number = CYCLE.length;

const cycle: Workload = (number) =>
  CYCLE[number % CYCLE.length]!(Math.floor(number / CYCLE.length));

const lock: Workload = (number) => ({
  type: 'acquire_lock',
  data: { name: `lock-${number % 50_000}`, owner: `owner-${number % 50_000}`, ttl_seconds: 3600 },
});

const assign: Workload = (number) => ({
  type: 'assign_job',
  data: { job_id: `job-${number}`, node_id: `node-${number % 100}` },
});

const WORKLOADS: Readonly<Record<string, Workload>> = {
  add_work: addWork,
  cycle,
  acquire_lock: lock,
  assign_job: assign,
};

export function workload(name: string): Workload {
  const found = WORKLOADS[name];
  if (found !== undefined) return found;
  throw new Error(`there is no load of ${name}; there are ${Object.keys(WORKLOADS).join(', ')}`);
}
