/** Several nodes that agree, as processes on real disks: founding, killing, joining, changing, leaving. */
import { expect, test } from 'vitest';
import { ask, fetched } from './ask.ts';
import { ClusterProcesses } from './cluster-processes.ts';
import { until } from './condition.ts';
import { offlineDigest } from './digest.ts';
import { NodeProcess } from './node-process.ts';
import { expectOneClearLine } from './one-clear-line.ts';

const CLEAN = { code: 0, signal: null };

test('three nodes found a cluster; what is written at one is read at all; they stop in order and hold the same', async () => {
  const cluster = await ClusterProcesses.found('a', 'b', 'c');
  const ids = await Promise.all(
    cluster.ids.map(async (id) => {
      const { cluster: its } = await fetched(`${cluster.node(id).url}/status`);
      return (its as { readonly cluster_id: string }).cluster_id;
    }),
  );
  expect(new Set(ids).size).toBe(1);
  for (const writer of cluster.ids) {
    const written = await cluster.write(writer);
    for (const reader of cluster.ids) expect(await cluster.reads(reader, written)).toBe(200);
  }
  const { index, digest } = await cluster.agreed();
  const { ids: names } = cluster;
  expect(await cluster.stop()).toEqual([CLEAN, CLEAN, CLEAN]);
  for (const id of names)
    expect(await offlineDigest(cluster.directory(id), index)).toEqual({ index, digest });
});

test('I1, I4: the leader is killed while clients write: writes go on, each is done once, and it catches up when it is back', async () => {
  const cluster = await ClusterProcesses.found('a', 'b', 'c');
  const first = await cluster.leader();
  const [one = '', other = ''] = cluster.ids.filter((id) => id !== first);
  const written: string[] = [];
  const writing = [one, other].map(async (at) => {
    for (let times = 0; times < 40; times++) written.push(await cluster.write(at));
  });
  await until('some are written', () => written.length > 10);
  await cluster.kill(first);
  await Promise.all(writing);
  const second = await cluster.leader();
  expect(second).not.toBe(first);

  await cluster.start(first);
  const { index } = await cluster.agreed();
  expect(index).toBeGreaterThan(written.length);
  const additions = await cluster.additions(first);
  expect([...additions.keys()].toSorted()).toEqual(written.toSorted());
  expect([...additions.values()].filter((times) => times !== 1)).toEqual([]);
});

test('every node is killed at once: what was acknowledged is there when they are back', async () => {
  const cluster = await ClusterProcesses.found('a', 'b', 'c');
  const written = await Promise.all(cluster.ids.map((id) => cluster.write(id)));
  const { ids } = cluster;
  await Promise.all(ids.map((id) => cluster.kill(id)));
  await Promise.all(ids.map((id) => cluster.start(id)));
  await Promise.all(ids.map((id) => cluster.isReady(id)));
  for (const id of ids) for (const work of written) expect(await cluster.reads(id, work)).toBe(200);
  await cluster.agreed();
});

test('leadership is handed over on request, and the old leader follows', async () => {
  const cluster = await ClusterProcesses.found('a', 'b', 'c');
  const first = await cluster.leader();
  const to = cluster.ids.find((id) => id !== first) ?? '';
  // Who was told to lead may lose the office to another at once, where a process had to wait for its turn.
  await until('it leads', async () => {
    await cluster.change(first, '/v1/raft/transfer', { to });
    return (await cluster.leader()) === to;
  });
  await cluster.write(first);
  await cluster.agreed();
});

test('a fourth node joins: as a learner, then as a voter; one of the first may go, and come back emptied', async () => {
  const cluster = await ClusterProcesses.found('a', 'b', 'c');
  const before = await cluster.write('a');
  await cluster.start('d', { JOIN: cluster.address('b') });
  await until('d votes', async () => (await cluster.members('d')).voters.includes('d'));
  await until('it says so', () => cluster.node('d').output.includes('asked to join as d: learner'));
  expect(await cluster.reads('d', before)).toBe(200);

  await cluster.change('d', '/v1/voters', { voters: ['b', 'c', 'd'] });
  await until('a takes no part', async () => {
    const { voters, learners } = await cluster.members('b');
    return voters.join() === 'b,c,d' && learners.length === 0;
  });
  expect(await cluster.node('a').stop()).toEqual(CLEAN);
  const after = await cluster.write('d');
  expect(await cluster.reads('c', after)).toBe(200);
  // Who joined comes back on its own directory, like any other.
  await cluster.kill('d');
  await cluster.start('d', { JOIN: cluster.address('b') });
  await cluster.agreed();
  expect((await cluster.members('b')).voters).toEqual(['b', 'c', 'd']);

  await cluster.empty('a');
  await cluster.start('a', { JOIN: cluster.address('c') });
  await until('a votes again', async () => (await cluster.members('a')).voters.includes('a'));
  expect(await cluster.reads('a', before)).toBe(200);
  await cluster.agreed();
});

test('a disk that was lost comes back as another store: a learner first, then the voter it was', async () => {
  const cluster = await ClusterProcesses.found('a', 'b', 'c');
  const kept = await cluster.write('a');
  const leader = await cluster.leader();
  const lost = cluster.ids.find((id) => id !== leader) ?? '';
  const { stores: before } = await cluster.members(leader);
  await cluster.kill(lost);
  await cluster.empty(lost);
  await cluster.write(leader);

  await cluster.start(lost);
  const after = await until('its new store votes', async () => {
    const { voters, stores } = await cluster.members(leader);
    return voters.includes(lost) && stores[lost] !== before[lost] && stores;
  });
  expect(after).toEqual({ ...before, [lost]: expect.any(String) });
  const joining = `asked to join as ${lost}: learner`;
  await until('it says so', () => cluster.node(lost).output.includes(joining));
  expect(await cluster.reads(lost, kept)).toBe(200);
  await cluster.agreed();
});

test('an empty directory under an id whose store answers is not let in', async () => {
  const cluster = await ClusterProcesses.found('a', 'b', 'c');
  const leader = await cluster.leader();
  const taken = cluster.ids.find((id) => id !== leader) ?? '';
  const impostor = NodeProcess.launch({
    directory: `${cluster.directory(taken)}-again`,
    nodeId: taken,
    settings: { RAFT_PORT: '0', JOIN: cluster.address(leader) },
  });
  await until('it is told', () => /is taken by a store that answers/.test(impostor.output));
  expect((await ask(`${impostor.url}/readyz`)).status).toBe(503);
  expect((await cluster.members(leader)).voters).toEqual(['a', 'b', 'c']);
  await cluster.write(taken);
});

test('one of a cluster is not started alone on its log: it would decide what the others do not know', async () => {
  const cluster = await ClusterProcesses.found('a', 'b', 'c');
  await cluster.write('a');
  await cluster.node('a').stop();
  const alone = NodeProcess.launch({ directory: cluster.directory('a'), nodeId: 'a' });
  expect((await alone.ended()).code).toBe(78);
  expectOneClearLine(alone.output, /this log is shared with b, c; start the node with --raft-port/);
  // Neither its settings nor anybody else are needed to take part again: the log says who does.
  await cluster.start('a', {});
  await cluster.agreed();
});

test('a node alone becomes the first of a cluster, with everything it had', async () => {
  const directory = (await ClusterProcesses.found('x')).directory('solo');
  const solo = await NodeProcess.start({ directory, nodeId: 'solo' });
  await ask(`${solo.url}/v1/work`, { body: { work_id: 'early' } });
  await solo.stop();
  const first = await NodeProcess.start({
    directory,
    nodeId: 'solo',
    settings: { RAFT_PORT: '0' },
  });
  const { config } = await fetched(`${first.url}/raft/status`);
  const port = (config as { readonly bind_port: number }).bind_port;
  const second = await NodeProcess.start({
    directory: `${directory}-2`,
    nodeId: 'second',
    settings: { RAFT_PORT: '0', JOIN: `127.0.0.1:${port}` },
  });
  await until('the second has it', async () => {
    const reply = await ask(`${second.url}/v1/work/early`);
    return reply.status === 200;
  });
});

test('the URL that a node prints is enough to join its cluster; where that lets nobody in, it is said', async () => {
  const cluster = await ClusterProcesses.found('a', 'b');
  const [alone, dead] = [await ClusterProcesses.none(), 'http://127.0.0.1:1'];
  const { url: shut } = await NodeProcess.start({ directory: alone.directory('alone') });
  const kept = await cluster.write('a');
  // The first door is shut and the second leads nowhere: the third is asked all the same.
  await cluster.start('c', { JOIN: `${shut},${dead},${cluster.node('a').url}` });
  await until('c votes', async () => (await cluster.members('c')).voters.includes('c'));
  expect(await cluster.reads('c', kept)).toBe(200);
  await cluster.agreed();

  await cluster.start('d', { JOIN: shut });
  const words =
    /nobody answered \(.*404: .*; a node that runs alone has to be started with --raft-p/;
  await until('d says why not', () => words.test(cluster.node('d').output));
  const wrong = NodeProcess.launch({
    directory: alone.directory('e'),
    settings: { JOIN: 'ftp://127.0.0.1:8770' },
  });
  expect((await wrong.ended()).code).toBe(78);
  expect(wrong.output).toMatch(/JOIN is "ftp:.*http:\/\/10\.0\.0\.1:8770 or ws:/);
});
