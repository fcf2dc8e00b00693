import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { until, within } from '../end-to-end/condition.ts';
import { Mesh } from './mesh.ts';
import { HELD, Link, OPEN } from './proxy.ts';
import { Told } from './told.ts';

/** A server that echoes, and the sockets it accepted. */
async function echoServer(): Promise<{ port: number; accepted: Socket[]; server: Server }> {
  const accepted: Socket[] = [];
  const server = createServer((socket) => {
    accepted.push(socket);
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of accepted) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, accepted, server };
}

async function linked(): Promise<{ link: Link; told: Told; accepted: Socket[] }> {
  const { port, accepted } = await echoServer();
  const link = await Link.open({ host: '127.0.0.1', port });
  onTestFinished(() => link.close());
  const told = await Told.connect(link.port);
  told.say('a');
  await until('a comes back', () => told.heard === 'a');
  return { link, told, accepted };
}

test('what goes through an open link arrives whole and in order, and so does the end of it', async () => {
  const { port } = await echoServer();
  const link = await Link.open({ host: '127.0.0.1', port });
  onTestFinished(() => link.close());
  const sent = randomBytes(8 * 1024 * 1024);
  const socket = connect({ port: link.port, host: '127.0.0.1' });
  const received: Buffer[] = [];
  socket.on('data', (bytes) => received.push(bytes));
  socket.end(sent);
  await within('everything comes back', once(socket, 'close'));
  expect(Buffer.concat(received).equals(sent)).toBe(true);
  await until('nothing is left of the connection', () => link.connections.length === 0);
});

test('a cut link resets its connections and refuses others, until it is healed', async () => {
  const { link, told, accepted } = await linked();
  link.cut();
  await until('the dialler is told', () => told.end === 'ECONNRESET');
  await until('the target is told', () => accepted[0]?.destroyed);
  expect(await isRefused(link.port)).toBe(true);
  expect(accepted.length).toBe(1);
  link.heal();
  const again = await Told.connect(link.port);
  again.say('b');
  await until('b comes back', () => again.heard === 'b');
});

/** The reset may come before the client has noticed that it was connected. */
async function isRefused(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' });
  onTestFinished(() => void socket.destroy());
  const [error] = (await within(
    'it is over',
    once(socket, 'close').catch((why) => [why]),
  )) as [unknown];
  return error !== false;
}

test('a held link delivers nothing and tells nobody; when it is healed, everything arrives', async () => {
  const { link, told, accepted } = await linked();
  link.set('there', HELD);
  link.set('back', HELD);
  told.say('b');
  const other = await Told.connect(link.port);
  other.say('c');
  accepted[0]?.destroy();
  await until('both are connected', () => link.connections.length === 2);
  expect([told.heard, told.end, other.heard]).toEqual(['a', undefined, '']);
  link.heal();
  await until('the other is answered', () => other.heard === 'c');
  await until('now it is told that the target is gone', () => told.end !== undefined);
});

test('a link can be deaf in one direction: what is said arrives, and the answer does not', async () => {
  const { link, told, accepted } = await linked();
  link.set('back', HELD);
  let arrived = '';
  accepted[0]?.on('data', (bytes) => (arrived += String(bytes)));
  told.say('b');
  await until('b arrives', () => arrived === 'b');
  expect(told.heard).toBe('a');
  link.set('back', OPEN);
  await until('b comes back', () => told.heard === 'ab');
});

test('a slow link takes its time, keeps the order, and what is under way stays under way', async () => {
  const { link, told } = await linked();
  link.set('there', { kind: 'slow', milliseconds: 150 });
  const said = performance.now();
  for (const letter of 'bcdef') told.say(letter);
  await until('everything comes back', () => told.heard === 'abcdef');
  expect(performance.now() - said).toBeGreaterThanOrEqual(149);
});

test('one connection of a link can be held or reset while others go on', async () => {
  const { link, told } = await linked();
  const other = await Told.connect(link.port);
  other.say('x');
  await until('x comes back', () => other.heard === 'x');
  const [first, second] = link.connections;
  first?.set('there', HELD);
  told.say('b');
  other.say('y');
  await until('y comes back', () => other.heard === 'xy');
  expect(told.heard).toBe('a');
  second?.reset();
  await until('the other is over', () => other.end === 'ECONNRESET');
  first?.set('there', OPEN);
  await until('b comes back', () => told.heard === 'ab');
});

test('a link whose target is not there ends its connections, and serves again when it is back', async () => {
  const { port, server, accepted } = await echoServer();
  const link = await Link.open({ host: '127.0.0.1', port });
  onTestFinished(() => link.close());
  server.close();
  await once(server, 'close');
  const told = await Told.connect(link.port);
  await until('it is over', () => told.end !== undefined);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const again = await Told.connect(link.port);
  again.say('b');
  await until('b comes back', () => again.heard === 'b');
  expect(accepted.length).toBe(1);
});

test('a sender through a held link is slowed down, not stored without bound', async () => {
  const { link, told } = await linked();
  link.set('there', HELD);
  const chunk = Buffer.alloc(1024 * 1024);
  for (let sent = 0; sent < 64; sent += 1) told.socket.write(chunk);
  await until('it is told to wait', () => told.socket.writableNeedDrain);
  expect(told.socket.writableLength).toBeGreaterThan(48 * 1024 * 1024);
});

test('a closed link leaves nothing behind', async () => {
  const before = sockets();
  const { link, told } = await linked();
  link.set('back', HELD);
  told.say('b');
  await link.close();
  told.socket.destroy();
  expect(link.connections).toEqual([]);
  await until(
    'no socket is left but the server and what it accepted',
    () => sockets() <= before + 2,
  );
});

function sockets(): number {
  return process.getActiveResourcesInfo().filter((name) => /TCP/.test(name)).length;
}

async function meshed(): Promise<Mesh> {
  const ids = ['a', 'b', 'c'];
  const servers = await Promise.all(ids.map(() => echoServer()));
  const mesh = await Mesh.open(ids.map((id, at) => ({ id, raftPort: servers[at]?.port ?? 0 })));
  onTestFinished(() => mesh.close());
  return mesh;
}

async function answers(mesh: Mesh, from: string, to: string): Promise<Told> {
  const told = await Told.connect(mesh.port(from, to));
  told.say('?');
  return told;
}

test('what one node says to another can be held whoever of the two dialled', async () => {
  const mesh = await meshed();
  mesh.set('a', 'b', HELD);
  const dialled = await answers(mesh, 'a', 'b');
  const accepted = await answers(mesh, 'b', 'a');
  const others = await Promise.all([answers(mesh, 'a', 'c'), answers(mesh, 'c', 'b')]);
  await until('others are answered', () => others.every(({ heard }) => heard === '?'));
  expect([dialled.heard, accepted.heard]).toEqual(['', '']);
  mesh.heal();
  await until('both are answered', () => dialled.heard === '?' && accepted.heard === '?');
});

test('a partition holds what crosses it and nothing else', async () => {
  const mesh = await meshed();
  mesh.partition([['a', 'b']]);
  const inside = await answers(mesh, 'b', 'a');
  const across = await Promise.all([answers(mesh, 'a', 'c'), answers(mesh, 'c', 'b')]);
  await until('inside they talk', () => inside.heard === '?');
  expect(across.map(({ heard }) => heard)).toEqual(['', '']);
  mesh.heal();
  await until('all talk', () => across.every(({ heard }) => heard === '?'));
});
