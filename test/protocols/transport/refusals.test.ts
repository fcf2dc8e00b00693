import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { expect, test } from 'vitest';
import { frameOf, pack } from '../../../src/protocols/transport/frames.ts';
import { STRANGERS_MAX } from '../../../src/protocols/transport/listener.ts';
import { LinkLost } from '../../../src/protocols/transport/network.ts';
import { until } from '../../end-to-end/condition.ts';
import { VirtualClock } from '../virtual-clock.ts';
import { stopNodesAfterEach, TalkingNode, type Wishes } from './node.ts';
import { dial, RawPeer } from './raw-peer.ts';

stopNodesAfterEach();

/** Two nodes, of which `a` wants a link to `b` and does not get one; what each says of it. */
async function refusedPair(
  ofA: Wishes,
  ofB: Wishes,
  expected = 'b',
): Promise<{ readonly a: string; readonly b: string; readonly nodes: readonly TalkingNode[] }> {
  const [a, b] = [await TalkingNode.start('a', ofA), await TalkingNode.start('b', ofB)];
  a.network.connect([{ nodeId: expected, addresses: [b.address] }]);
  await until('both say so', () => a.errors.length > 0 && b.errors.length > 0);
  expect([a.ups, b.ups]).toEqual([[], []]);
  return { a: String(a.errors[0]), b: String(b.errors[0]), nodes: [a, b] };
}

test('a node of another cluster is refused by name, on both sides', async () => {
  const said = await refusedPair({ clusterId: () => 'red' }, { clusterId: () => 'blue' });
  expect(said.a).toMatch(/no link to node b: 127.0.0.1:\d+: refused .*wrong-cluster: .*(red|blue)/);
  expect(said.b).toMatch(/from 127.0.0.1:\d+: refused .*wrong-cluster: .*(red|blue)/);
});

test('a node with another secret is refused by name, on both sides', async () => {
  const said = await refusedPair({ secret: 'guess' }, {});
  expect([said.a, said.b]).toEqual([
    expect.stringContaining('refused there, wrong-secret'),
    expect.stringContaining('refused here, wrong-secret'),
  ]);
});

test('an address of another node is refused by name, on both sides', async () => {
  const said = await refusedPair({}, {}, 'c');
  expect(said.a).toMatch(/refused here, wrong-node: node b answers at an address of node c/);
  expect(said.b).toMatch(/refused there, wrong-node/);
});

test('an address of the node itself is refused by name', async () => {
  const a = await TalkingNode.start('a');
  await expect(a.network.askAddress(a.address, Buffer.from('me?'), 120_000)).rejects.toThrow(
    /wrong-node: the node itself is at the other end of a connection of a/,
  );
});

test('a version that is not spoken any more is refused by name, on both sides', async () => {
  const a = await TalkingNode.start('a');
  await expect(RawPeer.connect(a.network.port, { version: 9, least: 9 })).rejects.toThrow(
    /refused there, version: node a speaks 1 to 1, node raw 9 to 9/,
  );
  expect(a.errors).toEqual([expect.stringContaining('refused here, version')]);
});

test('what is refused again and again is said once', async () => {
  const { nodes } = await refusedPair({ secret: 'guess' }, {});
  const [a, b] = nodes as [TalkingNode, TalkingNode];
  const [link] = a.network.links();
  expect(link).toMatchObject({ node_id: 'b', last_error: expect.stringContaining('wrong-secret') });
  for (let tries = 0; tries < 5; tries++)
    await expect(a.network.askAddress(b.address, Buffer.from('?'), 120_000)).rejects.toThrow(
      LinkLost,
    );
  expect([a.errors, b.errors]).toEqual([[expect.anything()], [expect.anything()]]);
});

test('an empty secret is not taken for one', async () => {
  await expect(TalkingNode.start('a', { secret: '' })).rejects.toThrow(/everybody knows/);
});

const elsewhere = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

test.skipIf(elsewhere === undefined)(
  'without a secret, who comes from another address than loopback is refused with a clear line',
  async () => {
    const listen = { host: '0.0.0.0', port: 0 };
    const a = await TalkingNode.start('a', { secret: undefined });
    const b = await TalkingNode.start('b', { secret: undefined, listen });
    a.network.connect([{ nodeId: 'b', addresses: [`${elsewhere}:${b.network.port}`] }]);
    await until('both say so', () => a.errors.length > 0 && b.errors.length > 0);
    const line = /secret-needed: without a cluster secret or TLS only loopback peers are accepted/;
    expect([a.errors[0], b.errors[0]]).toEqual([
      expect.stringMatching(line),
      expect.stringMatching(line),
    ]);
    a.network.connect([b.peer]);
    await until('by loopback it is up', () => a.linkTo('b') === 'up' && b.linkTo('a') === 'up');
  },
);

test.each([
  ['a web browser', Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')],
  ['random bytes', randomBytes(500)],
  ['a frame longer than a handshake', pack([frameOf(1, Buffer.alloc(2_000))])[0]!],
  ['a frame of no length', Buffer.alloc(4)],
  ['a proof without a hello', pack([frameOf(2, Buffer.alloc(32))])[0]!],
])('%s ends its connection, not the node', async (_what, bytes) => {
  const [a, b] = [await TalkingNode.start('a'), await TalkingNode.start('b')];
  b.network.connect([a.peer]);
  await until('the link is up', () => a.linkTo('b') === 'up' && b.linkTo('a') === 'up');
  const socket = await dial(a.network.port);
  const closed = once(socket.resume(), 'close');
  socket.write(bytes);
  await closed;
  expect(a.errors).toEqual([expect.stringContaining('does not speak this protocol')]);
  expect(await b.ask('a', 'still there?')).toBe('b asked still there?');
});

test('who connects and says nothing is cut after three seconds', async () => {
  const clock = new VirtualClock();
  const a = await TalkingNode.start('a', { clock });
  const socket = await dial(a.network.port);
  const closed = once(socket.resume(), 'close');
  await until('it was taken in', () => clock.waiting === 2);
  await clock.advance(3_000);
  await closed;
  expect(a.errors).toEqual([expect.stringContaining('nobody shook hands within 3000 ms')]);
});

test('of too many strangers the oldest go, and a peer still comes in', async () => {
  // Time stands still: nobody is cut for being slow.
  const a = await TalkingNode.start('a', { clock: new VirtualClock() });
  const idle = await Promise.all(
    Array.from({ length: STRANGERS_MAX + 10 }, () => dial(a.network.port)),
  );
  for (const socket of idle) socket.resume();
  const b = await TalkingNode.start('b');
  b.network.connect([a.peer]);
  await until('the link is up', () => b.linkTo('a') === 'up');
  const cut = (): boolean[] => idle.map(({ destroyed }) => destroyed);
  await until('the oldest were cut', () => cut().slice(0, 10).every(Boolean));
  expect(cut().filter(Boolean).length).toBeLessThan(20);
  for (const socket of idle) socket.destroy();
});

function certified(name: string, authority = 'ca'): Wishes {
  const read = (file: string): string =>
    readFileSync(join(import.meta.dirname, 'certificates', file), 'utf8');
  const tls = { key: read(`${name}.key`), cert: read(`${name}.crt`), ca: read(`${authority}.crt`) };
  return { secret: undefined, tls };
}

test('with TLS certificates stand in for the secret', async () => {
  const a = await TalkingNode.start('a', certified('a'));
  const b = await TalkingNode.start('b', certified('b'));
  a.network.connect([b.peer]);
  b.network.connect([a.peer]);
  await until('the link is up', () => a.linkTo('b') === 'up' && b.linkTo('a') === 'up');
  expect(await a.ask('b', 'secretly')).toBe('a asked secretly');
  expect([a.errors, b.errors]).toEqual([[], []]);
});

test.each([
  ['of the one that is dialled', certified('a'), certified('foreign')],
  ['of the one that dials', certified('foreign'), certified('b')],
])(
  'a certificate of another authority is refused by name, on both sides: that %s',
  async (...of) => {
    const [, ofA, ofB] = of;
    const said = await refusedPair(ofA, ofB);
    const line = /wrong-certificate: the authority of this node's cluster has not signed it/;
    expect([said.a, said.b]).toEqual([expect.stringMatching(line), expect.stringMatching(line)]);
  },
);

test('who shows no certificate at all is refused by name', async () => {
  const b = await TalkingNode.start('b', certified('b'));
  const socket = connectTls({ port: b.network.port, rejectUnauthorized: false });
  socket.on('error', () => undefined);
  const heard: Buffer[] = [];
  socket.on('data', (bytes: Buffer) => heard.push(bytes));
  await once(socket, 'close');
  expect(Buffer.concat(heard).toString()).toContain('wrong-certificate');
  expect(b.errors).toEqual([expect.stringContaining('refused here, wrong-certificate')]);
});

test('a certificate that names another node is refused by name, on both sides', async () => {
  const said = await refusedPair(certified('a'), certified('a'));
  expect([said.a, said.b]).toEqual([
    expect.stringMatching(/wrong-certificate: the certificate does not name node b/),
    expect.stringMatching(/wrong-certificate/),
  ]);
});

test('who speaks without TLS to a node with TLS gets no link, and the node stays up', async () => {
  const a = await TalkingNode.start('a');
  const b = await TalkingNode.start('b', certified('b'));
  a.network.connect([b.peer]);
  await until('both say so', () => a.errors.length > 0 && b.errors.length > 0);
  expect(b.errors[0]).toMatch(/TLS failed/);
  const other = await TalkingNode.start('a', certified('a'));
  expect(await other.network.askAddress(b.address, Buffer.from('well?'), 120_000)).toEqual(
    Buffer.from('a asked well?'),
  );
});
