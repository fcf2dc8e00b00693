/** What the settings of a cluster say reaches what they are for. */
import { performance } from 'node:perf_hooks';
import { setImmediate as turn, setTimeout as rest } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { startNetwork } from '../src/cluster-network.ts';
import { loadConfig } from '../src/config.ts';

const TICK_MS = 1_000;

test('all that is due between two ticks is woken at once, as far apart as RAFT_TICK says they are', async () => {
  const flags = { RAFT_PORT: '0', RAFT_TICK: '1s', RAFT_HEARTBEAT: '1s', RAFT_ELECTION: '3s' };
  const loaded = loadConfig({ env: {}, flags });
  if (loaded.kind === 'faults') throw new Error(JSON.stringify(loaded.faults));
  const { cluster } = loaded.config;
  const { exchange, network } = await startNetwork({
    nodeId: 'n1',
    storeId: 's1',
    clusterId: () => undefined,
    cluster: cluster!,
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
