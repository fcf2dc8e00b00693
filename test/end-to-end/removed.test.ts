/** A node that was removed from the members and goes on running: what it is told, and that it is quiet. */
import { expect, test } from 'vitest';
import { ask, fetched } from './ask.ts';
import { ClusterProcesses } from './cluster-processes.ts';
import { until } from './condition.ts';
import { quorate } from './quorate-command.ts';

/** How often the node looks, once a second, whether it still takes part: the length of the observation. */
const LOOKS = 5;

async function raftOf(cluster: ClusterProcesses, id: string): Promise<Record<string, unknown>> {
  return { ...(await fetched(`${cluster.node(id).url}/raft/status`)) };
}

async function untilRemoved(cluster: ClusterProcesses, id: string): Promise<unknown> {
  const raft = await until(`${id} says that it was removed`, async () => {
    const shown = await raftOf(cluster, id);
    return shown['role'] === 'removed' && shown;
  });
  return raft['removed'];
}

interface LoopShown {
  readonly name: string;
  readonly status: string;
  readonly runs: number;
}

async function loop(cluster: ClusterProcesses, id: string, name: string): Promise<LoopShown> {
  const status = await fetched(`${cluster.node(id).url}/status`);
  return (status['background_loops'] as readonly LoopShown[]).find((each) => each.name === name)!;
}

async function looks(cluster: ClusterProcesses, id: string): Promise<number> {
  return (await loop(cluster, id, 'standing')).runs;
}

async function terms(cluster: ClusterProcesses): Promise<ReadonlySet<unknown>> {
  const seen = await Promise.all(cluster.ids.map((id) => raftOf(cluster, id)));
  return new Set(seen.map(({ term }) => term));
}

test('a voter that is removed and goes on running says so, says what to do, and disturbs nobody', async () => {
  const cluster = await ClusterProcesses.found('a', 'b', 'c');
  const leader = await cluster.leader();
  const [gone = '', other = ''] = cluster.ids.filter((id) => id !== leader);
  await cluster.write(gone);
  await cluster.agreed();
  await cluster.change(leader, '/v1/voters', { voters: [leader, other] });
  await until('it is out', async () => (await cluster.members(leader)).voters.length === 2);
  expect(await untilRemoved(cluster, gone)).toEqual({ index: expect.any(Number) });

  const node = cluster.node(gone);
  const ready = await ask(`${node.url}/readyz`);
  expect(ready.status).toBe(503);
  expect(ready.text).toMatch(/removed from the members by entry \d+; stop it, or start it with an/);
  expect(await fetched(`${node.url}/health`)).toMatchObject({ role: 'removed', healthy: true });
  expect(await fetched(`${node.url}/status`)).toMatchObject({
    group: { role: 'removed' },
    removed: { index: expect.any(Number) },
  });
  for (const words of [['status'], ['raft', 'status']]) {
    const { code, stdout } = await quorate(...words, '--url', node.url);
    expect(code).toBe(1);
    expect(stdout).toMatch(/removed from the members by entry \d+: stop it/);
  }
  expect(node.output.match(/removed_from_members/g)).toHaveLength(1);

  // It asks for no votes: nobody's term grows while it runs on, nor does a line in its log say that it asked.
  const before = await terms(cluster);
  expect(before.size).toBe(1);
  const asked = node.output.match(/candidate/g)?.length;
  const enough = (await looks(cluster, gone)) + LOOKS;
  await until('it has run on', async () => {
    expect(await terms(cluster)).toEqual(before);
    return (await looks(cluster, gone)) >= enough;
  });
  expect(node.output.match(/candidate/g)?.length).toBe(asked);

  // A life later it is still none of them, and is told again.
  await node.stop();
  await cluster.start(gone);
  await untilRemoved(cluster, gone);
  await cluster.write(leader);
  expect((await cluster.members(leader)).leader).toBe(leader);
});

test('a learner that is removed does not go on believing in its leader', async () => {
  const cluster = await ClusterProcesses.found('a');
  await cluster.start('b', { JOIN: cluster.address('a') });
  await until('b votes', async () => (await loop(cluster, 'b', 'joining')).status === 'stopped');
  await cluster.change('a', '/v1/voters', { voters: ['a'], learners: ['b'] });
  await until('b learns', async () => (await cluster.members('b')).role === 'learner');
  await cluster.change('a', '/v1/voters', { voters: ['a'], learners: [] });
  await untilRemoved(cluster, 'b');
  expect((await ask(`${cluster.node('b').url}/readyz`)).status).toBe(503);
});
