import { test } from 'vitest';
import { cpuSeconds } from '../../tools/process-figures.ts';
import { ClusterProcesses } from './cluster-processes.ts';
import { until } from './condition.ts';

/** Of one processor. */
const IDLE_SHARE_MAX = 0.05;
/** Watched at a time: long enough that a collection of garbage does not decide. */
const WATCHED_SECONDS = 5;

test('trap 23: a node that has nothing to do takes less than a twentieth of a processor, with consensus on', async () => {
  const cluster = await ClusterProcesses.found('n1', 'n2', 'n3');
  await cluster.write(await cluster.leader());
  await cluster.agreed();
  const pids = cluster.ids.map((id) => cluster.node(id).pid);
  let before = await taken(pids);
  const isIdle = async (): Promise<boolean> => {
    const now = await taken(pids);
    const seconds = now.at - before.at;
    if (seconds < WATCHED_SECONDS) return false;
    const shares = now.cpu.map((cpu, place) => (cpu - before.cpu[place]!) / seconds);
    before = now;
    return shares.every((share) => share < IDLE_SHARE_MAX);
  };
  // A machine that is busy with other things may make it look worse for a while, never better.
  await until('all three are idle', isIdle, 180_000);
});

async function taken(pids: readonly number[]): Promise<{ at: number; cpu: readonly number[] }> {
  const cpu = await Promise.all(pids.map(cpuSeconds));
  return { at: performance.now() / 1_000, cpu };
}
