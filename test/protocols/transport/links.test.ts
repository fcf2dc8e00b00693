import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { backoff, BACKOFF_MS_MAX } from '../../../src/protocols/transport/backoff.ts';
import { BEAT_MS, SILENT_BEATS } from '../../../src/protocols/transport/channel.ts';
import { LinkLost } from '../../../src/protocols/transport/network.ts';
import { QUEUE_BYTES_MAX } from '../../../src/protocols/transport/outbox.ts';
import { collect } from '../../collect.ts';
import { until } from '../../end-to-end/condition.ts';
import { turns, VirtualClock } from '../virtual-clock.ts';
import { stopNodesAfterEach, TalkingNode, type Wishes } from './node.ts';
import { dial, RawPeer } from './raw-peer.ts';
import { Wire } from './wire.ts';

stopNodesAfterEach();

async function linked(ofA: Wishes = {}, ofB: Wishes = {}): Promise<[TalkingNode, TalkingNode]> {
  const [a, b] = [await TalkingNode.start('a', ofA), await TalkingNode.start('b', ofB)];
  a.network.connect([b.peer]);
  await bothUp(a, b);
  return [a, b];
}

async function bothUp(a: TalkingNode, b: TalkingNode): Promise<void> {
  await until('the link is up', () => a.linkTo(b.nodeId) === 'up' && b.linkTo(a.nodeId) === 'up');
}

test('two nodes that want each other have one link, and messages arrive in order', async () => {
  const [a, b] = await linked();
  b.network.connect([a.peer]);
  const said = Array.from({ length: 1_000 }, (_, number) => `message ${number}`);
  for (const text of said) a.say('b', text);
  await until('all are heard', () => b.messages.length === said.length);
  expect(b.messages).toEqual(said.map((text) => `a: ${text}`));
  expect(a.ups).toEqual([{ nodeId: 'b', storeId: 'store of b', clusterId: 'c' }]);
  expect([a.network.links(), b.network.links()]).toEqual([[up('b')], [up('a')]]);
  expect([b.ups.length, a.downs, b.downs, a.errors, b.errors]).toEqual([1, [], [], [], []]);
});

function up(nodeId: string): unknown {
  return expect.objectContaining({ node_id: nodeId, state: 'up', queued_bytes: 0, dropped: 0 });
}

test('order is kept across messages of every size', async () => {
  const [a, b] = await linked();
  const sizes = Array.from({ length: 300 }, (_, number) => (number * 7_919) % 60_000);
  for (const [number, size] of sizes.entries()) a.say('b', `${number} ${'.'.repeat(size)}`);
  await until('all are heard', () => b.messages.length === sizes.length);
  const heard = b.messages.map((text) => [Number(text.split(' ')[1]), text.length]);
  expect(heard).toEqual(sizes.map((size, number) => [number, `a: ${number} `.length + size]));
});

test('a frame that arrives byte by byte is heard whole', async () => {
  const a = await TalkingNode.start('a');
  const peer = await RawPeer.connect(a.network.port);
  peer.socket.setNoDelay();
  for (const byte of Buffer.concat([Buffer.from([0, 0, 0, 6, 3]), Buffer.from('hello')])) {
    peer.socket.write(Buffer.from([byte]));
    await turns(2);
  }
  await until('it is heard', () => a.messages.length === 1);
  expect(a.messages).toEqual(['raw: hello']);
  peer.socket.destroy();
});

test.each([
  ['longer than 8 MiB', Buffer.from([0, 0x80, 0, 1, 3]), /8388609 bytes/],
  ['of an unknown kind', Buffer.from([0, 0, 0, 1, 99]), /unknown kind 99/],
  ['with a question without a number', Buffer.from([0, 0, 0, 2, 4, 1]), /without its number/],
  ['of another cluster', Buffer.from([0, 0, 0, 2, 7, 0x64]), /wrong-cluster: .* cluster d/],
])('a frame %s ends the connection, not the node', async (_what, bytes, reason) => {
  const [a, b] = await linked();
  const peer = await RawPeer.connect(a.network.port);
  await until('it is up', () => a.ups.length === 2);
  peer.socket.resume().write(bytes);
  await until('it is closed', () => peer.isClosed);
  expect(a.downs).toEqual([expect.stringMatching(reason)]);
  expect(await b.ask('a', 'still there?')).toBe('b asked still there?');
});

test('a peer that is killed is seen at once', async () => {
  const program = join(import.meta.dirname, 'killed-peer.ts');
  const peer = spawn(process.execPath, ['--import', 'tsx', program], { stdio: 'pipe' });
  const [port] = (await once(peer.stdout, 'data')) as [Buffer];
  const a = await TalkingNode.start('a');
  a.network.connect([{ nodeId: 'killed', addresses: [`127.0.0.1:${String(port).trim()}`] }]);
  await until('the link is up', () => a.linkTo('killed') === 'up');
  const asked = a.ask('killed', 'never answered', 3_600_000);
  peer.kill('SIGKILL');
  await expect(asked).rejects.toBeInstanceOf(LinkLost);
  expect(a.downs).toEqual([expect.stringMatching(/^killed: /)]);
});

test('a peer that falls silent without closing is down after ten beats', async () => {
  const clock = new VirtualClock();
  const b = await TalkingNode.start('b');
  const wire = await Wire.to(b.network.port);
  const a = await TalkingNode.start('a', { clock });
  a.network.connect([{ nodeId: 'b', addresses: [wire.address] }]);
  await bothUp(a, b);
  // As long as it answers, it may be quiet: it is asked for a sign of life.
  for (let beat = 0; beat < 3 * SILENT_BEATS; beat++) {
    await clock.advance(BEAT_MS);
    await turns(200);
  }
  expect(a.downs).toEqual([]);
  wire.hold();
  await clock.advance(BEAT_MS * (SILENT_BEATS + 1));
  expect(a.downs).toEqual(['b: silent for 5000 ms']);
  await wire.close();
});

test('a node that was stopped itself reads what waits before it calls a peer silent', async () => {
  const clock = new VirtualClock();
  const [a] = await linked({ clock });
  await clock.advance(BEAT_MS * 2);
  // A minute in which nothing ran: the timer is due once, however late it is.
  clock.jump(60_000);
  await clock.advance(BEAT_MS);
  expect(a.downs).toEqual([]);
});

test('a lost link is dialled again at once, and later with growing, jittered, bounded patience', async () => {
  const clock = new VirtualClock();
  const b = await TalkingNode.start('b');
  const wire = await Wire.to(b.network.port);
  const a = await TalkingNode.start('a', { clock, random: () => 0 });
  a.network.connect([{ nodeId: 'b', addresses: [wire.address] }]);
  await bothUp(a, b);
  await clock.advance(2_000);
  wire.cut();
  // No time passes, and the link is there again.
  await until('it is up again', () => a.ups.length === 2);
  expect(wire.connections).toBe(2);
  await wire.close();
  await until('it is down', () => a.downs.length === 2);
  expect(a.network.links()[0]).toMatchObject({ state: 'waiting', last_error: 'read ECONNRESET' });
  await clock.advance(50);
  await until('it has tried', () => a.network.links()[0]?.last_error?.includes('ECONNREFUSED'));
  const delays = Array.from({ length: 9 }, (_, failures) => backoff(failures, 0));
  expect(delays).toEqual([0, 50, 100, 200, 400, 800, 1_600, BACKOFF_MS_MAX, BACKOFF_MS_MAX]);
  expect(backoff(3, 0.999)).toBeGreaterThanOrEqual(100);
});

test('a peer that was restarted is found again, and told of as down, then up', async () => {
  const [a, b] = await linked();
  const listen = { host: '127.0.0.1', port: b.network.port };
  await b.network.stop();
  await until('it is down', () => a.downs.length === 1);
  expect(a.downs).toEqual(['b: the peer says: this node stops']);
  a.say('b', 'to nobody');
  await expect(a.ask('b', 'to nobody')).rejects.toBeInstanceOf(LinkLost);
  const again = await TalkingNode.start('b', { listen });
  await bothUp(a, again);
  expect([a.ups.length, a.network.links()[0]?.dropped, again.messages]).toEqual([2, 1, []]);
});

test('a peer that began anew while its old connection still stood takes its own place', async () => {
  const a = await TalkingNode.start('a');
  const old = await RawPeer.connect(a.network.port);
  await until('the old one is up', () => a.ups.length === 1);
  const fresh = await RawPeer.connect(a.network.port);
  await until('the new one is up', () => a.ups.length === 2);
  expect(a.downs).toEqual([expect.stringMatching(/^raw: /)]);
  old.socket.resume();
  await until('the old one is closed', () => old.isClosed);
  a.say('raw', 'hello');
  for await (const { body } of fresh.frames()) {
    expect(String(body)).toBe('hello');
    break;
  }
  fresh.socket.destroy();
});

test('two nodes that dial each other at once end with one link, and lose nothing by it', async () => {
  for (let round = 0; round < 20; round++) {
    const [a, b] = [await TalkingNode.start('a'), await TalkingNode.start('b')];
    const [toA, toB] = [await Wire.to(a.network.port), await Wire.to(b.network.port)];
    // Both dial, and are held up until both have: their handshakes end in the same moment.
    toA.hold();
    toB.hold();
    a.network.connect([{ nodeId: 'b', addresses: [toB.address] }]);
    b.network.connect([{ nodeId: 'a', addresses: [toA.address] }]);
    await until('both have dialled', () => toA.connections === 1 && toB.connections === 1);
    toA.release();
    toB.release();
    await bothUp(a, b);
    await until('they understand each other', () => hearEachOther(a, b));
    expect([a.downs, b.downs, a.ups.length, b.ups.length]).toEqual([[], [], 1, 1]);
    expect([a.network.links().length, b.network.links().length]).toEqual([1, 1]);
    await Promise.all([a.network.stop(), b.network.stop(), toA.close(), toB.close()]);
  }
});

async function hearEachOther(a: TalkingNode, b: TalkingNode): Promise<boolean> {
  const answers = await Promise.all([a.ask('b', '?'), b.ask('a', '?')]).catch(() => []);
  return answers.length === 2;
}

test('a connection that is replaced is no loss, if the one in its place comes soon', async () => {
  const clock = new VirtualClock();
  const a = await TalkingNode.start('a', { clock });
  const instance = Buffer.alloc(8, 'instance');
  const REPLACED = [2, Buffer.from('replaced')] as const;
  for (const round of [1, 2]) {
    const peer = await RawPeer.connect(a.network.port, { instance });
    await until('it is up', () => a.linkTo('raw') === 'up');
    peer.write(...REPLACED);
    await until('it is gone', () => a.linkTo('raw') !== 'up');
    await clock.advance(2_999);
    expect([round, a.ups.length, a.downs]).toEqual([round, 1, []]);
  }
  await clock.advance(1);
  expect(a.downs).toEqual(['raw: the connection in its place never came']);
  const last = await RawPeer.connect(a.network.port, { instance });
  await until('it is up', () => a.ups.length === 2);
  last.write(...REPLACED);
  await until('it is gone', () => a.linkTo('raw') !== 'up');
  await a.network.stop();
  expect(clock.waiting).toBe(0);
});

test('first version 11: a peer that takes nothing costs a bounded queue: the newest is dropped, what waits has no gap', async () => {
  const a = await TalkingNode.start('a');
  const peer = await RawPeer.connect(a.network.port);
  await until('it is up', () => a.ups.length === 1);
  const piece = Buffer.alloc(64 * 1024);
  const [before, count] = [buffered(), 4_096];
  for (let number = 0; number < count; number++) {
    const message = Buffer.from(piece);
    message.writeUInt32BE(number);
    a.network.send('raw', message);
    if (number % 64 === 0) await turns(1);
  }
  const [link] = a.network.links();
  expect(link?.queued_bytes).toBeGreaterThan(QUEUE_BYTES_MAX / 2);
  expect(link?.queued_bytes).toBeLessThanOrEqual(QUEUE_BYTES_MAX);
  expect(link?.dropped).toBeGreaterThan(count / 2);
  // 256 MiB were sent. What was dropped is given back by a thread of the collector, in its own time.
  await until('all else is let go', () => buffered() - before < 2 * QUEUE_BYTES_MAX);
  const heard: number[] = [];
  for await (const { kind, body } of peer.frames()) {
    if (kind === 3) heard.push(body.readUInt32BE(0));
    if (heard.length === count - Number(link?.dropped)) break;
  }
  expect(heard).toEqual(heard.map((_, place) => place));
  await until(
    'the queue is empty',
    () => a.network.links()[0]?.queued_bytes !== link?.queued_bytes,
  );
  peer.socket.destroy();
});

/** Bytes of buffers that anybody still holds. */
function buffered(): number {
  collect();
  return process.memoryUsage().arrayBuffers;
}

test('messages of one turn leave in one write', async () => {
  // No beat comes before them.
  const a = await TalkingNode.start('a', { clock: new VirtualClock() });
  const peer = await RawPeer.connect(a.network.port);
  await until('it is up', () => a.ups.length === 1);
  for (let number = 0; number < 100; number++) a.say('raw', `message ${number}`);
  const [bytes] = (await once(peer.socket.resume(), 'data')) as [Buffer];
  expect(bytes.toString()).toContain('message 99');
  peer.socket.destroy();
});

test('of several addresses the one that answers is taken, and remembered', async () => {
  const b = await TalkingNode.start('b');
  const [silent, wrong] = [await TalkingNode.start('silent'), await TalkingNode.start('wrong')];
  const hole = await Wire.to(silent.network.port);
  hole.hold();
  const way = await Wire.to(b.network.port);
  const a = await TalkingNode.start('a');
  a.network.connect([{ nodeId: 'b', addresses: [hole.address, wrong.address, way.address] }]);
  await bothUp(a, b);
  expect(a.network.links()[0]?.address).toBe(way.address);
  way.cut();
  await until('it is up again', () => a.ups.length === 2);
  expect([hole.connections, way.connections]).toEqual([1, 2]);
  await Promise.all([hole.close(), way.close()]);
});

test('links to others live as long as one of the two wants them', async () => {
  const [a, b] = await linked();
  b.network.connect([]);
  expect(await b.ask('a', 'still?')).toBe('b asked still?');
  a.network.connect([]);
  await until('it is down there', () => b.downs.length === 1);
  expect(b.downs).toEqual(['a: the peer says: it is no longer wanted here']);
  expect(a.network.links()).toEqual([]);
});

test('a peer whose address is not known is waited for: it dials', async () => {
  const [a, b] = [await TalkingNode.start('a'), await TalkingNode.start('b')];
  a.network.connect([{ nodeId: 'b', addresses: [] }]);
  expect(a.linkTo('b')).toBe('waiting');
  b.network.connect([a.peer]);
  await until('the link is up', () => a.linkTo('b') === 'up' && b.linkTo('a') === 'up');
  expect([await a.ask('b', 'who?'), a.errors]).toEqual(['a asked who?', []]);
});

test('a cluster that is learned later is told, and another one ends the link', async () => {
  const learned = { byA: '', byB: '' };
  const events: Wishes['events'] = {
    question: async ({ clusterId }) => Buffer.from(clusterId ?? 'none'),
  };
  const [a] = await linked(
    { clusterId: () => learned.byA || undefined },
    { clusterId: () => learned.byB || undefined, events },
  );
  expect(await a.ask('b', 'who am I?')).toBe('none');
  learned.byA = 'red';
  await until('it is told', async () => (await a.ask('b', 'who am I?')) === 'red');
  learned.byB = 'blue';
  await until('they part', () => a.downs.length > 0);
  expect(a.downs[0]).toMatch(
    /wrong-cluster: node a belongs to cluster red, node b to cluster blue/,
  );
});

test('a connection that nobody has proved is no peer: nothing is sent to it', async () => {
  const a = await TalkingNode.start('a');
  const socket = await dial(a.network.port);
  const heard: Buffer[] = [];
  socket.on('data', (bytes: Buffer) => heard.push(bytes));
  await until('it says hello', () => heard.length > 0);
  expect([a.ups, a.network.links()]).toEqual([[], []]);
  socket.destroy();
});
