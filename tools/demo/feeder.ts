/** Adds the tasks as they arrive, in batches: one command for all that arrived since the last. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Door, Json } from './door.ts';
import { capabilityOf, shareOf, wholeGpusOf } from './fleet.ts';
import type { Paced } from './pace.ts';
import type { Qos, Task } from './trace.ts';

const BATCH_MAX = 500;
const LOOK_MS = 50;

const PRIORITIES: Readonly<Record<Qos, number>> = { LS: 90, Guaranteed: 70, Burstable: 50, BE: 10 };
/** A task of best effort that fails is tried twice more; the others outlive many vanished holders. */
const ATTEMPTS: Readonly<Record<Qos, number>> = { LS: 10, Guaranteed: 10, Burstable: 10, BE: 3 };

export function workItemOf(task: Task): Json {
  const [whole, share] = [wholeGpusOf(task), shareOf(task)];
  return {
    work_id: task.name,
    work_type: 'gpu_task',
    queue: task.qos,
    priority: PRIORITIES[task.qos],
    max_attempts: ATTEMPTS[task.qos],
    config: { ran_seconds: task.ran, phase: task.phase },
    requires: {
      capabilities: [capabilityOf(task.qos)],
      gpu_models: task.gpuModels,
      min_gpus: share > 0 ? 1 : whole,
      min_gpu_milli: share > 0 ? share : whole > 0 ? 1000 : 0,
      cpu_milli: task.cpuMilli,
      memory_mib: task.memoryMib,
    },
  };
}

export async function feed(
  door: Door,
  arriving: readonly Paced[],
  signal: AbortSignal,
): Promise<void> {
  const started = performance.now();
  let next = 0;
  while (next < arriving.length) {
    const elapsed = performance.now() - started;
    const due = arriving.slice(next, next + BATCH_MAX).filter(({ at }) => at <= elapsed);
    next += due.length;
    if (due.length > 0) await add(door, due);
    else await pause(LOOK_MS, undefined, { signal });
  }
}

async function add(door: Door, due: readonly Paced[]): Promise<void> {
  const items = due.map(({ task }) => workItemOf(task));
  const body = { type: 'add_work_batch', data: { items } };
  const answer = await door.command({ path: '/v1/commands', type: 'add_work_batch', body });
  if (answer.status >= 400) throw new Error(`add_work_batch: ${JSON.stringify(answer.body)}`);
}
