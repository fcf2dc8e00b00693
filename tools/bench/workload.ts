/**
 * The commands that loads propose, by number: the same number is always the same command, so what was
 * acknowledged can be looked up.
 */

export interface BenchCommand {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The index that the command of a number was given, once it has been acknowledged. */
export type IndexOf = (number: number) => number;

export type Workload = (number: number, indexOf: IndexOf) => BenchCommand;

/** For loads that are not told what they led to. */
const UNTOLD: IndexOf = (number) => {
  throw new Error(`nobody says at which index command ${number} is`);
};

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

const cycle: Workload = (number, indexOf) =>
  CYCLE[number % CYCLE.length]!(Math.floor(number / CYCLE.length), indexOf);

const acquireLock: Workload = (number) => ({
  type: 'acquire_lock',
  data: { name: `lock-${number % 50_000}`, owner: `owner-${number % 50_000}`, ttl_seconds: 3600 },
});

/** Locks of the load `lock`; more than are ever in flight, so each is held before it is renewed. */
export const RENEWED = 1_000;

/**
 * A fixed set of locks is acquired once and then renewed in turn: a command of about 100 bytes that
 * changes one row, as a put of a small value does elsewhere.
 */
const lock: Workload = (number, indexOf) => {
  const [name, owner] = [`lock-${number % RENEWED}`, `owner-${number % RENEWED}`];
  return number < RENEWED
    ? { type: 'acquire_lock', data: { name, owner, ttl_seconds: 3600 } }
    : { type: 'renew_lock', data: { name, owner, token: indexOf(number % RENEWED) } };
};

/** The same without anything to know of earlier answers: who holds a lock takes it again. */
const retakeLock: Workload = (number) => ({
  type: 'acquire_lock',
  data: { name: `lock-${number % RENEWED}`, owner: `owner-${number % RENEWED}`, ttl_seconds: 3600 },
});

/** Reads of the locks that the load `lock` takes first. */
const getLock: Workload = (number) => ({
  type: 'get_lock',
  data: { name: `lock-${number % RENEWED}` },
});

/** What those are elsewhere: small values under as many keys, put again and again, and read. */
const put: Workload = (number) => ({ type: 'put', data: { number, key: number % RENEWED } });
const range: Workload = (number) => ({ type: 'range', data: { key: number % RENEWED } });

const assign: Workload = (number) => ({
  type: 'assign_job',
  data: { job_id: `job-${number}`, node_id: `node-${number % 100}` },
});

const WORKLOADS: Readonly<Record<string, Workload>> = {
  add_work: addWork,
  cycle,
  lock,
  acquire_lock: acquireLock,
  retake_lock: retakeLock,
  get_lock: getLock,
  put,
  range,
  assign_job: assign,
};

export const WORKLOAD_NAMES: readonly string[] = Object.keys(WORKLOADS);

export function workload(
  name: string,
  indexOf: IndexOf = UNTOLD,
): (number: number) => BenchCommand {
  const found = WORKLOADS[name];
  if (found !== undefined) return (number) => found(number, indexOf);
  throw new Error(`there is no load of ${name}; there are ${WORKLOAD_NAMES.join(', ')}`);
}
