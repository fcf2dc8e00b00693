import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { dialWebsocket } from '../../../src/dial-websocket.ts';
import { WebsocketStream } from '../../../src/protocols/transport/websocket-stream.ts';
import { until } from '../../end-to-end/condition.ts';
import { turns } from '../virtual-clock.ts';
import { stopNodesAfterEach, TalkingNode, type Wishes } from './node.ts';
import { Wire } from './wire.ts';

stopNodesAfterEach();

const doors: Door[] = [];

afterEach(async () => {
  await Promise.all(doors.splice(0).map((door) => door.close()));
});

/** The HTTP port of a node, as far as peers are concerned. */
class Door {
  readonly #server: Server;
  readonly #upgrades = new WebSocketServer({ noServer: true, maxPayload: 256 * 1024 });

  private constructor(accept: (socket: WebSocket) => void) {
    this.#server = createServer();
    this.#server.on('upgrade', (request, socket, head) => {
      expect(request.url).toBe('/v1/peers');
      this.#upgrades.handleUpgrade(request, socket, head, accept);
    });
  }

  static async open(accept: (socket: WebSocket) => void): Promise<Door> {
    const door = new Door(accept);
    door.#server.listen(0, '127.0.0.1');
    await once(door.#server, 'listening');
    doors.push(door);
    return door;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}

async function doorOf(node: TalkingNode, from = '127.0.0.1'): Promise<Door> {
  return await Door.open((socket) => node.network.accept(socket, from));
}

async function linked(
  ofA: Wishes = {},
  ofB: Wishes = {},
): Promise<[TalkingNode, TalkingNode, Wire]> {
  const [a, b] = [await TalkingNode.start('a', ofA), await TalkingNode.start('b', ofB)];
  const wire = await Wire.to((await doorOf(b)).port);
  a.network.connect([{ nodeId: 'b', addresses: [`ws://${wire.address}`] }]);
  await until('the link is up', () => a.linkTo('b') === 'up' && b.linkTo('a') === 'up');
  return [a, b, wire];
}

test('over a websocket on the HTTP port, messages, questions and transfers pass as over TCP', async () => {
  const bytes = randomBytes(5 * 1024 * 1024);
  const [a, b, wire] = await linked(
    {},
    {
      events: {
        transfer: async (_from, _header, chunks) => {
          const hash = createHash('sha256');
          for await (const chunk of chunks) {
            hash.update(chunk);
            await turns(1);
          }
          return hash.digest();
        },
      },
    },
  );
  const said = Array.from({ length: 200 }, (_, number) => `${number} ${'.'.repeat(number * 50)}`);
  for (const text of said) a.say('b', text);
  await until('all are heard', () => b.messages.length === said.length);
  expect(b.messages).toEqual(said.map((text) => `a: ${text}`));
  expect(await b.ask('a', 'and back?')).toBe('b asked and back?');
  const large = await a.network.ask('b', Buffer.alloc(2_000_000, 'x'), 120_000);
  expect(large.length).toBe('a asked '.length + 2_000_000);
  async function* source(): AsyncGenerator<Buffer, void> {
    yield bytes;
  }
  const verdict = await a.network.transfer('b', Buffer.from('bytes'), source());
  expect(verdict).toEqual(createHash('sha256').update(bytes).digest());
  const answer = await a.network.askAddress(`ws://${wire.address}`, Buffer.from('?'), 120_000);
  expect(String(answer)).toBe('a asked ?');
  expect([a.errors, b.errors, a.downs, b.downs]).toEqual([[], [], [], []]);
  await wire.close();
});

test('a websocket that is cut is seen at once, and the link comes back', async () => {
  const [a, b, wire] = await linked();
  wire.cut();
  await until('both know', () => a.downs.length === 1 && b.downs.length === 1);
  await until('it is up again', () => a.ups.length === 2 && b.ups.length === 2);
  expect(await a.ask('b', 'again')).toBe('a asked again');
  await wire.close();
});

test('a node that stops says so over a websocket too', async () => {
  const [a, b, wire] = await linked();
  await b.network.stop();
  await until('it is down', () => a.downs.length === 1);
  expect(a.downs).toEqual(['b: the peer says: this node stops']);
  await wire.close();
});

test('over a websocket a peer is refused by the same rules, named on both sides', async () => {
  const [a, b] = [
    await TalkingNode.start('a', { secret: 'guess' }),
    await TalkingNode.start('b', {}),
  ];
  const door = await doorOf(b);
  a.network.connect([{ nodeId: 'b', addresses: [`ws://127.0.0.1:${door.port}`] }]);
  await until('both say so', () => a.errors.length > 0 && b.errors.length > 0);
  expect([a.errors[0], b.errors[0]]).toEqual([
    expect.stringContaining('wrong-secret'),
    expect.stringContaining('wrong-secret'),
  ]);
});

test('without a secret, a websocket from elsewhere is refused with a clear line', async () => {
  const a = await TalkingNode.start('a', { secret: undefined });
  const b = await TalkingNode.start('b', { secret: undefined });
  const door = await doorOf(b, '10.0.0.5');
  a.network.connect([{ nodeId: 'b', addresses: [`ws://127.0.0.1:${door.port}`] }]);
  await until('both say so', () => a.errors.length > 0 && b.errors.length > 0);
  expect(b.errors[0]).toMatch(/from 10.0.0.5 websocket 1: refused here, secret-needed/);
  expect(a.errors[0]).toMatch(/refused there, secret-needed/);
});

test('a text message, and what is no handshake, end the websocket and not the node', async () => {
  const b = await TalkingNode.start('b');
  const door = await doorOf(b);
  for (const said of ['hello', Buffer.from('GET / HTTP/1.1\r\n\r\n')]) {
    const socket = new WebSocket(`ws://127.0.0.1:${door.port}/v1/peers`);
    socket.on('error', () => undefined);
    await once(socket, 'open');
    socket.send(said);
    await once(socket, 'close');
  }
  const a = await TalkingNode.start('a');
  a.network.connect([b.peer]);
  await until('it still talks', () => a.linkTo('b') === 'up');
});

test('an address where no node answers websockets is one clear line', async () => {
  const [a, other] = [await TalkingNode.start('a'), createServer((_, reply) => reply.end('hi'))];
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  a.network.connect([{ nodeId: 'b', addresses: [`ws://127.0.0.1:${port}`] }]);
  await until('it says so', () => a.errors.length > 0);
  expect(a.errors[0]).toMatch(/no link to node b: ws:.*Unexpected server response: 200/);
  other.closeAllConnections();
  other.close();
});

test('as a stream of bytes, a websocket honours backpressure both ways and ends with what it was given', async () => {
  let far: WebsocketStream | undefined;
  const door = await Door.open((socket) => {
    far = new WebsocketStream(socket);
  });
  const near = new WebsocketStream(dialWebsocket(`ws://127.0.0.1:${door.port}/v1/peers`));
  await once(near, 'connect');
  await until('it is taken in', () => far !== undefined);
  const bytes = randomBytes(32 * 1024 * 1024);
  let taken = 0;
  near.write(bytes, () => {
    taken = bytes.length;
  });
  near.end();
  await until('the other end holds some', () => (far as WebsocketStream).readableLength > 0);
  await turns(500);
  // Nobody reads there: it is not taken from here.
  expect(taken).toBe(0);
  expect((far as WebsocketStream).readableLength).toBeLessThan(4 * 1024 * 1024);
  const hash = createHash('sha256');
  for await (const piece of far as WebsocketStream) hash.update(piece as Buffer);
  expect(hash.digest()).toEqual(createHash('sha256').update(bytes).digest());
  (far as WebsocketStream).destroy();
  near.destroy();
});
