/**
 * The machines of the trace as workers: what each has free, what a claim may ask for, where a task goes.
 *
 * A GPU gives thousandths. A task takes whole GPUs, or a share of one: shares go to the GPU that is
 * broken into most and still has room, so that whole ones stay whole.
 */
import type { FleetNode, Task } from './trace.ts';

const WHOLE = 1000;
/** Every so many nodes is offered for best effort only, as preemptible machines are. */
const SPARE_EVERY = 12;

export interface ClaimFilter {
  readonly queues: readonly string[];
  readonly capabilities: readonly string[];
  readonly gpu: { readonly model: string; readonly count: number; readonly milli: number } | null;
  readonly resources: { readonly cpu_milli: number; readonly memory_mib: number };
  readonly max: number;
}

/** What a task holds on its node: which GPU gave how much. */
interface Held {
  readonly task: Task;
  readonly gpus: readonly (readonly [gpu: number, milli: number])[];
}

export function capabilityOf(qos: string): string {
  return `qos:${qos}`;
}

/** Whole GPUs, or a share of one. */
export function wholeGpusOf(task: Task): number {
  return task.gpuMilli < WHOLE && task.gpus <= 1 ? 0 : task.gpus;
}

export function shareOf(task: Task): number {
  return task.gpus === 1 && task.gpuMilli < WHOLE ? task.gpuMilli : 0;
}

export class Worker {
  readonly node: FleetNode;
  readonly capabilities: readonly string[];
  readonly queues: readonly string[];
  /** A claim is on its way: what is free is promised to it. */
  isAsking = false;
  /** It was told that there is nothing for it: others ask first until then. */
  restsUntil = 0;
  readonly #held = new Map<string, Held>();
  readonly #gpus: number[];
  #cpuMilli: number;
  #memoryMib: number;
  #room: number;

  constructor(node: FleetNode, qos: readonly string[]) {
    this.node = node;
    this.queues = qos;
    this.capabilities = qos.map(capabilityOf);
    this.#gpus = Array.from({ length: node.gpus }, () => WHOLE);
    this.#cpuMilli = node.cpuMilli;
    this.#memoryMib = node.memoryMib;
    this.#room = this.#roomNow();
  }

  get holds(): number {
    return this.#held.size;
  }

  /** How much is free, roughly: to ask first with those that have most. */
  get room(): number {
    return this.#room;
  }

  filter(max: number): ClaimFilter {
    return {
      queues: this.queues,
      capabilities: this.capabilities,
      gpu: this.#freeGpu(),
      resources: { cpu_milli: this.#cpuMilli, memory_mib: this.#memoryMib },
      max,
    };
  }

  /** Takes a task that a claim brought. @returns false when it does not fit after all */
  take(task: Task): boolean {
    const gpus = this.#place(task);
    if (gpus === undefined || task.cpuMilli > this.#cpuMilli || task.memoryMib > this.#memoryMib)
      return false;
    this.#held.set(task.name, { task, gpus });
    this.#add(task, gpus, -1);
    return true;
  }

  give(name: string): void {
    const held = this.#held.get(name);
    if (held === undefined) return;
    this.#held.delete(name);
    this.#add(held.task, held.gpus, 1);
  }

  #add(task: Task, gpus: Held['gpus'], sign: 1 | -1): void {
    this.#cpuMilli += sign * task.cpuMilli;
    this.#memoryMib += sign * task.memoryMib;
    for (const [gpu, milli] of gpus) this.#gpus[gpu]! += sign * milli;
    this.#room = this.#roomNow();
  }

  #roomNow(): number {
    const gpus = this.#gpus.reduce((sum, milli) => sum + milli, 0);
    return gpus / (WHOLE * Math.max(1, this.node.gpus)) + this.#cpuMilli / this.node.cpuMilli;
  }

  #freeGpu(): ClaimFilter['gpu'] {
    const { model } = this.node;
    if (this.#gpus.length === 0) return null;
    const count = this.#gpus.filter((milli) => milli === WHOLE).length;
    return count > 0
      ? { model, count, milli: WHOLE }
      : { model, count: 1, milli: Math.max(...this.#gpus) };
  }

  #place(task: Task): Held['gpus'] | undefined {
    const [whole, share] = [wholeGpusOf(task), shareOf(task)];
    if (share > 0) return this.#placeShare(share);
    const free = [...this.#gpus.keys()].filter((gpu) => this.#gpus[gpu] === WHOLE);
    return free.length < whole ? undefined : free.slice(0, whole).map((gpu) => [gpu, WHOLE]);
  }

  /** Best fit: the fullest GPU that still has room. */
  #placeShare(share: number): Held['gpus'] | undefined {
    const [best] = [...this.#gpus.keys()]
      .filter((gpu) => this.#gpus[gpu]! >= share)
      .sort((a, b) => this.#gpus[a]! - this.#gpus[b]!);
    return best === undefined ? undefined : [[best, share]];
  }
}

/** A machine that could run the task if it were empty. */
export function couldRun(worker: Worker, task: Task): boolean {
  const { node } = worker;
  const hasModel = task.gpuModels.length === 0 || task.gpuModels.includes(node.model);
  return (
    hasModel &&
    worker.queues.includes(task.qos) &&
    task.gpus <= node.gpus &&
    task.cpuMilli <= node.cpuMilli &&
    task.memoryMib <= node.memoryMib
  );
}

/** Workers that are alike to the queue: same model, same capabilities. */
export interface WorkerClass {
  readonly name: string;
  readonly workers: readonly Worker[];
}

export class Fleet {
  readonly workers: readonly Worker[];
  readonly classes: readonly WorkerClass[];

  constructor(nodes: readonly FleetNode[], qos: readonly string[]) {
    this.workers = nodes.map(
      (node, at) => new Worker(node, at % SPARE_EVERY === SPARE_EVERY - 1 ? qos.slice(-2) : qos),
    );
    const byName = new Map<string, Worker[]>();
    for (const worker of this.workers) {
      const name = `${worker.node.model || 'CPU'}/${worker.queues.length}`;
      byName.set(name, [...(byName.get(name) ?? []), worker]);
    }
    this.classes = [...byName].map(([name, workers]) => ({ name, workers }));
  }

  couldRun(task: Task): boolean {
    return this.workers.some((worker) => couldRun(worker, task));
  }
}
