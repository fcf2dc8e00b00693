/** What the settings of a cluster say reaches what they are for. */
import { performance } from 'node:perf_hooks';
import { setImmediate as turn, setTimeout as rest } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { startNetwork } from '../src/cluster-network.ts';
import { timingOf } from '../src/protocols/raft/timing.ts';
import type { ClusterConfig } from '../src/config/cluster.ts';
import { loadConfig } from '../src/config.ts';
import { LivedTime } from '../src/protocols/raft/core/lived-time.ts';
import { Rhythm } from '../src/protocols/raft/rhythm.ts';
import { TimerWheel } from '../src/protocols/timer-wheel.ts';
import { breathe } from '../src/real-clock.ts';
import { VirtualClock } from './protocols/virtual-clock.ts';

const TICK_MS = 1_000;

function clusterOf(flags: Readonly<Record<string, string>>): ClusterConfig {
  const loaded = loadConfig({ env: {}, flags: { RAFT_PORT: '0', ...flags } });
  if (loaded.kind === 'faults') throw new Error(JSON.stringify(loaded.faults));
  return loaded.config.cluster!;
}

test('all that is due between two ticks is woken at once, as far apart as RAFT_TICK says they are', async () => {
  const cluster = clusterOf({ RAFT_TICK: '1s', RAFT_HEARTBEAT: '1s', RAFT_ELECTION: '3s' });
  const { exchange, network } = await startNetwork({
    nodeId: 'n1',
    storeId: 's1',
    clusterId: () => undefined,
    cluster,
    listen: { host: '127.0.0.1', port: 0 },
    logger: pino({ level: 'silent' }),
  });
  onTestFinished(() => network.stop());
  // Early enough in a tick that what follows is within it.
  while (performance.now() % TICK_MS > TICK_MS / 4) await rest(10);
  const heard: string[] = [];
  await new Promise<void>((resolve) => {
    exchange.rhythm.after(1, () => {
      heard.push('first');
      void turn().then(() => heard.push('a turn later'));
    });
    exchange.rhythm.after(TICK_MS / 2, () => {
      heard.push('second');
      void turn().then(() => resolve());
    });
  });
  expect(heard).toEqual(['first', 'second', 'a turn later']);
});

test.each([
  ['10ms', '80ms', '250ms'],
  ['25ms', '50ms', '150ms'],
  ['50ms', '50ms', '150ms'],
  ['250ms', '500ms', '2s'],
  ['1s', '1s', '3s'],
])(
  'who waits for the next tick has not stood still, with a tick of %s and a heartbeat of %s',
  async (RAFT_TICK, RAFT_HEARTBEAT, RAFT_ELECTION) => {
    const cluster = clusterOf({ RAFT_TICK, RAFT_HEARTBEAT, RAFT_ELECTION });
    const clock = new VirtualClock();
    const rhythm = new Rhythm({
      clock: new TimerWheel(clock),
      breathe,
      tick: cluster.tickMs,
      onTurned: () => undefined,
    });
    const time = new LivedTime(timingOf(cluster), clock.monotonic());
    const lived = new Map<number, number>();
    // Deadlines of any part of a tick, the worst of them just behind one.
    for (let wait = 1; wait <= cluster.tickMs; wait += 3) {
      const now = clock.monotonic();
      const due = time.wakeAt(time.at(now) + wait) ?? now;
      rhythm.after(due - now, () => {
        lived.set(clock.monotonic(), time.at(clock.monotonic()));
        time.wakeAt(Number.POSITIVE_INFINITY);
      });
      await clock.advance(2 * cluster.tickMs);
    }
    expect([...lived.values()]).toEqual([...lived.keys()]);
  },
);

test('who comes late by more than that has stood still, and counts it as a moment', () => {
  const cluster = clusterOf({ RAFT_TICK: '50ms', RAFT_HEARTBEAT: '50ms' });
  const time = new LivedTime(timingOf(cluster), 0);
  expect(time.at(1_000)).toBe(1_000);
  expect(time.wakeAt(1_050)).toBe(1_050);
  // Its tick, and half a heartbeat more.
  expect(time.at(1_125)).toBe(1_125);
  expect(time.wakeAt(1_150)).toBe(1_150);
  expect(time.at(1_226)).toBe(1_160);
});
