import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../end-to-end/condition.ts';
import { echo, LISTENING } from './echo-process.ts';
import { Mesh } from './mesh.ts';
import { networkFaults, nodeFaults } from './node-faults.ts';
import { ChildUnderTest } from './processes.ts';
import { Told } from './told.ts';

const IDS = ['a', 'b', 'c'];

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Three echo processes on ports of their own, which they keep, and the links between them. */
async function cluster(): Promise<{ mesh: Mesh; operated: (id: string) => ChildUnderTest }> {
  const folder = await mkdtemp(join(tmpdir(), 'quorate-faults-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const nodes = new Map<string, ChildUnderTest>();
  const peers = [];
  for (const id of IDS) {
    const raftPort = await freePort();
    const child = new ChildUnderTest(echo(join(folder, id), '127.0.0.1', raftPort));
    onTestFinished(async () => void (await child.kill()));
    await child.start();
    await until(`${id} listens`, async () =>
      LISTENING.test(await readFile(join(folder, id), 'utf8')),
    );
    nodes.set(id, child);
    peers.push({ id, raftPort });
  }
  const mesh = await Mesh.open(peers);
  onTestFinished(() => mesh.close());
  return { mesh, operated: (id) => nodes.get(id)! };
}

/** Says something from one to another. */
async function said(mesh: Mesh, from: string, to: string): Promise<Told> {
  const told = await Told.connect(mesh.port(from, to));
  told.say('?');
  return told;
}

test('a killed node is gone until its fault ends, and a frozen one is silent until then', async () => {
  const { mesh, operated } = await cluster();
  const { kill, freeze } = nodeFaults(operated);
  const started = await kill?.('b');
  expect(operated('b').isRunning).toBe(false);
  await started?.();
  await until('b answers', async () => {
    const told = await said(mesh, 'a', 'b');
    await until('it is answered, or the end', () => told.heard === '?' || told.end !== undefined);
    return told.heard === '?';
  });
  const thawed = await freeze?.('b');
  const [silent, talking] = [await said(mesh, 'a', 'b'), await said(mesh, 'a', 'c')];
  await until('c answers', () => talking.heard === '?');
  expect(silent.heard).toBe('');
  await thawed?.();
  await until('b answers', () => silent.heard === '?');
});

test('an isolated node hears nobody and is heard by nobody; others go on', async () => {
  const { mesh } = await cluster();
  const healed = await networkFaults(mesh)['isolate']?.('a');
  const lonely = [await said(mesh, 'a', 'b'), await said(mesh, 'c', 'a')];
  const others = await said(mesh, 'b', 'c');
  await until('others talk', () => others.heard === '?');
  expect(lonely.map(({ heard, end }) => [heard, end])).toEqual([
    ['', undefined],
    ['', undefined],
  ]);
  await healed?.();
  await until('all talk', () => lonely.every(({ heard }) => heard === '?'));
});

test('two nodes that are split off hear each other, and nobody else', async () => {
  const { mesh } = await cluster();
  const healed = await networkFaults(mesh)['split']?.('a', 'b');
  const [inside, across] = [await said(mesh, 'a', 'b'), await said(mesh, 'c', 'b')];
  await until('the two talk', () => inside.heard === '?');
  expect([across.heard, across.end]).toEqual(['', undefined]);
  await healed?.();
  await until('all talk', () => across.heard === '?');
});

test('of a deafened pair only one direction is lost, and a cut pair is reset', async () => {
  const { mesh } = await cluster();
  const { deafen, cut } = networkFaults(mesh);
  const heard = await deafen?.('a', 'b');
  const [across, others] = [await said(mesh, 'a', 'b'), await said(mesh, 'b', 'c')];
  await until('others talk', () => others.heard === '?');
  expect(across.heard).toBe('');
  await heard?.();
  await until('b answers', () => across.heard === '?');
  const joined = await cut?.('a', 'b');
  await until('the connection is reset', () => across.end === 'ECONNRESET');
  expect(others.end).toBeUndefined();
  await joined?.();
  const again = await said(mesh, 'a', 'b');
  await until('b answers', () => again.heard === '?');
});
