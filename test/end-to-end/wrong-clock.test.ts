/** A node whose wall clock is an hour ahead: it says so, and leaves leading to others. */
import { expect, test } from 'vitest';
import { ask, fetched } from './ask.ts';
import { ClusterProcesses } from './cluster-processes.ts';
import { until } from './condition.ts';
import { quorate } from './quorate-command.ts';

const HOUR = 3_600_000;
/** Only what the process takes for the time; how fast it passes stays as it is. */
const AHEAD = `const real = Date.now; Date.now = () => real() + ${HOUR};`;
const UNDER = ['env', `NODE_OPTIONS=--import=data:text/javascript,${encodeURIComponent(AHEAD)}`];

interface ClockShown {
  readonly offset_ms: number;
  readonly is_off: boolean;
  readonly heard: number;
}

async function clockOf(cluster: ClusterProcesses, id: string): Promise<ClockShown> {
  return (await fetched(`${cluster.node(id).url}/raft/status`))['clock'] as ClockShown;
}

test('a clock that is an hour ahead is warned of once and shown, and its node does not stay the leader', async () => {
  const cluster = await ClusterProcesses.found('a', 'b', 'c');
  await cluster.node('c').stop();
  await cluster.start('c', undefined, { under: UNDER });
  await cluster.isReady('c');
  const shown = await until('c knows', async () => {
    const clock = await clockOf(cluster, 'c');
    return clock.is_off && clock.heard === 2 && clock;
  });
  expect(Math.abs(shown.offset_ms - HOUR)).toBeLessThan(2_000);
  const { text } = await ask(`${cluster.node('c').url}/metrics`);
  const metric = Number(/^quorate_clock_offset_seconds (\S+)$/m.exec(text)?.[1]);
  expect(Math.abs(metric - 3_600)).toBeLessThan(2);
  for (const id of ['a', 'b']) expect((await clockOf(cluster, id)).is_off).toBe(false);
  expect(cluster.node('c').output.match(/"level":40.*"clock_off"/g)).toHaveLength(1);

  const { stdout } = await quorate('raft', 'status', '--url', cluster.node('c').url);
  expect(stdout).toMatch(
    /clock +3 (?:600|599) \d{3} ms ahead of the middle of the voters: set it right/,
  );

  // Made the leader by hand, it goes; and what it wrote as one is there.
  const first = await cluster.leader();
  await ask(`${cluster.node(first).url}/v1/raft/transfer`, { body: { to: 'c' } });
  await until('another leads', async () => (await cluster.leader()) !== 'c');
  const written = await cluster.write('c');
  // Where the leader dies, the other takes the office, at once or from it.
  const second = await cluster.leader();
  await cluster.kill(second);
  const third = second === 'a' ? 'b' : 'a';
  await until(`${third} leads`, async () => (await cluster.leader()) === third);
  expect(await cluster.reads(third, written)).toBe(200);
});
