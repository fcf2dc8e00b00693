/**
 * The workers at work: they ask for tasks, hold them, extend their leases, and say how it went.
 *
 * ```
 *  ask (long poll) ─▶ claimed ─▶ start ─▶ running … extend … ─┬▶ complete
 *                                             │               └▶ fail
 *                                             └▶ vanish: says nothing more; the lease ends, the task is
 *                                                offered again, somebody else does it
 * ```
 *
 * More than a thousand workers share a bounded number of parked polls. Polls are dealt to the classes of
 * workers in turn, and within a class to the worker with most room: what it cannot take, hardly any of
 * its class can.
 */
import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Answer, Door, Json } from './door.ts';
import type { Fleet, Worker, WorkerClass } from './fleet.ts';
import { factsOf } from './ledger.ts';
import type { Share } from './share.ts';
import type { Task } from './trace.ts';

/** What a holder hears whose lease ended before it spoke: somebody else has the task, or had it. */
const GONE = new Set(['stale-token', 'illegal-transition']);
const CLAIM_MAX = 8;
const WAIT_SECONDS = 1;
const EXTEND_BATCH_MAX = 1000;
/** A worker that just heard "nothing" lets the others of its class ask first. */
const EMPTY_REST_MS = 200;

export interface CrewOptions {
  readonly door: Door;
  readonly fleet: Fleet;
  readonly tasks: ReadonlyMap<string, Task>;
  /** How many polls may be parked at the node at once. */
  readonly polls: number;
  readonly leaseSeconds: number;
  /** How long a task runs here, ms. */
  readonly runs: (task: Task) => number;
  /** Which tasks' first holders vanish. */
  readonly vanishing: Share;
  readonly signal: AbortSignal;
}

interface Grant {
  readonly work_id: string;
  readonly token: number;
}

export class Crew {
  /** Holders that stopped saying anything. */
  vanished = 0;
  /** Grants that were gone when the holder spoke: the lease had ended meanwhile. */
  outlived = 0;
  /** Tasks that did not fit after all and were given back. */
  released = 0;
  readonly #options: CrewOptions;
  readonly #grants = new Map<string, Grant>();
  readonly #gone = new Set<string>();
  readonly #tasks = new Set<Promise<void>>();
  readonly #leaving = new AbortController();
  readonly #signal: AbortSignal;
  #turn = 0;
  #loops: Promise<unknown> | undefined;

  constructor(options: CrewOptions) {
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, this.#leaving.signal]);
    setMaxListeners(0, this.#signal);
  }

  get running(): number {
    return this.#grants.size;
  }

  start(): void {
    const polls = Array.from({ length: this.#options.polls }, () => this.#poll());
    this.#loops = Promise.all([...polls, this.#extendAll()]);
  }

  /** Lets the polls under way end, and every task that runs. */
  async leave(): Promise<void> {
    this.#leaving.abort();
    await this.#loops;
    await Promise.all(this.#tasks);
  }

  /** Rejects when a loop of the crew breaks; never resolves before `leave`. */
  get loops(): Promise<unknown> {
    return this.#loops ?? Promise.resolve();
  }

  async #poll(): Promise<void> {
    while (!this.#signal.aborted) {
      const worker = this.#nextWorker();
      if (worker === undefined) await this.#rest(20);
      else await this.#ask(worker);
    }
  }

  /** Classes in turn; in a class, the one with most room that neither asks nor rests. */
  #nextWorker(): Worker | undefined {
    const { classes } = this.#options.fleet;
    for (let tried = 0; tried < classes.length; tried++) {
      this.#turn = (this.#turn + 1) % classes.length;
      const worker = this.#roomiest(classes[this.#turn]!);
      if (worker !== undefined) return worker;
    }
    return undefined;
  }

  #roomiest({ workers }: WorkerClass): Worker | undefined {
    const now = performance.now();
    let best: Worker | undefined;
    for (const worker of workers) {
      if (worker.isAsking || worker.restsUntil > now) continue;
      if (best === undefined || worker.room > best.room) best = worker;
    }
    return best;
  }

  async #ask(worker: Worker): Promise<void> {
    const { door, leaseSeconds } = this.#options;
    worker.isAsking = true;
    const answer = await door.command({
      path: '/v1/work/claim',
      type: 'claim_work',
      body: {
        node_id: worker.node.name,
        filter: worker.filter(CLAIM_MAX),
        lease_seconds: leaseSeconds,
        wait_seconds: WAIT_SECONDS,
      },
    });
    worker.isAsking = false;
    const claimed = factsOf(answer.body).filter(({ type }) => type === 'work_claimed');
    if (claimed.length === 0) worker.restsUntil = performance.now() + EMPTY_REST_MS;
    for (const fact of claimed) this.#begin(worker, grantOf(fact));
  }

  #begin(worker: Worker, grant: Grant): void {
    const doing = this.#work(worker, grant).finally(() => this.#tasks.delete(doing));
    // A fault shows when the crew leaves; until then it must not end the process.
    doing.catch(() => undefined);
    this.#tasks.add(doing);
  }

  async #work(worker: Worker, grant: Grant): Promise<void> {
    const { tasks, door } = this.#options;
    const task = tasks.get(grant.work_id);
    if (task === undefined) throw new Error(`claimed ${grant.work_id}, which nobody added`);
    if (!worker.take(task)) {
      this.released += 1;
      await this.#say(door, grant, 'release');
      return;
    }
    this.#grants.set(grant.work_id, grant);
    await this.#hold(task, grant);
    this.#drop(grant);
    worker.give(task.name);
  }

  async #hold(task: Task, grant: Grant): Promise<void> {
    const { door, runs, vanishing, leaseSeconds } = this.#options;
    if (vanishing(task.name) && !this.#gone.has(task.name)) {
      this.#gone.add(task.name);
      this.vanished += 1;
      this.#drop(grant);
      // The machine is gone for as long as its lease lasts, and comes back empty.
      await this.#rest(leaseSeconds * 1000);
      return;
    }
    if (!(await this.#say(door, grant, 'start'))) return;
    await this.#runFor(runs(task));
    if (task.phase === 'Failed') await this.#fail(task, grant);
    else await this.#say(door, grant, 'complete', { result: { ran_seconds: task.ran } });
  }

  /** Runs to its end even while the crew leaves; only a stopped demo cuts it short. */
  async #runFor(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.#options.signal });
  }

  /** Most failures are for good; tasks of best effort are tried again at once until they are dead. */
  #fail(task: Task, grant: Grant): Promise<boolean> {
    const retryable = task.qos === 'BE';
    const about = { error: `ended as ${task.phase} in the trace`, retryable, delay_seconds: 0 };
    return this.#say(this.#options.door, grant, 'fail', about);
  }

  /** @returns false when the grant was no longer ours */
  async #say(door: Door, { work_id, token }: Grant, verb: Verb, about?: Json): Promise<boolean> {
    const answer: Answer = await door.command({
      path: `/v1/work/${work_id}/${verb}`,
      type: `${verb}_work`,
      body: { token, ...about },
    });
    if (answer.status < 400) return true;
    if (!GONE.has(String(answer.body['code'])))
      throw new Error(`${verb} ${work_id}: ${JSON.stringify(answer.body)}`);
    this.outlived += 1;
    return false;
  }

  async #extendAll(): Promise<void> {
    const { leaseSeconds } = this.#options;
    while (!this.#signal.aborted || this.#tasks.size > 0) {
      this.#options.signal.throwIfAborted();
      await pause((leaseSeconds * 1000) / 3, undefined, { signal: this.#options.signal });
      const grants = [...this.#grants.values()];
      for (let at = 0; at < grants.length; at += EXTEND_BATCH_MAX)
        await this.#extend(grants.slice(at, at + EXTEND_BATCH_MAX));
    }
  }

  async #extend(items: readonly Grant[]): Promise<void> {
    const { door } = this.#options;
    await door.command({ path: '/v1/work/extend', type: 'extend_work', body: { items } });
  }

  #drop({ work_id, token }: Grant): void {
    if (this.#grants.get(work_id)?.token === token) this.#grants.delete(work_id);
  }

  async #rest(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.#signal }).catch(() => undefined);
  }
}

type Verb = 'start' | 'complete' | 'fail' | 'release';

function grantOf(fact: Json): Grant {
  return { work_id: String(fact['work_id']), token: Number(fact['token']) };
}
