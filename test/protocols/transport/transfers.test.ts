import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { LinkLost, PeerRefused } from '../../../src/protocols/transport/network.ts';
import { TRANSFERS_MAX } from '../../../src/protocols/transport/transfer.ts';
import { until } from '../../end-to-end/condition.ts';
import { turns } from '../virtual-clock.ts';
import { stopNodesAfterEach, TalkingNode, type Wishes } from './node.ts';
import { RawPeer } from './raw-peer.ts';

stopNodesAfterEach();

const MIB = 1024 * 1024;
const HEADER = Buffer.from('a snapshot');

type Receive = NonNullable<NonNullable<Wishes['events']>['transfer']>;

async function linked(transfer: Receive, ofA: Wishes = {}): Promise<[TalkingNode, TalkingNode]> {
  const a = await TalkingNode.start('a', ofA);
  const b = await TalkingNode.start('b', { events: { transfer } });
  a.network.connect([b.peer]);
  await until('the link is up', () => a.linkTo('b') === 'up' && b.linkTo('a') === 'up');
  return [a, b];
}

/** Pieces of many sizes that no two of are alike; tells how far it was asked for. */
class Source {
  readonly bytes: number;
  readonly hash = createHash('sha256');
  given = 0;
  isReturned = false;

  constructor(bytes: number) {
    this.bytes = bytes;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void> {
    try {
      for (let number = 1; this.given < this.bytes; number++) {
        const length = Math.min(this.bytes - this.given, (number * 7_919_993) % (3 * MIB));
        const piece = Buffer.alloc(length, `piece ${number} `);
        this.given += length;
        this.hash.update(piece);
        yield piece;
      }
    } finally {
      this.isReturned = true;
    }
  }
}

test('64 MiB arrive intact at a slow reader, which holds the sender back, and delay nobody', async () => {
  const source = new Source(64 * MIB);
  let [read, ahead] = [0, 0];
  const [a, b] = await linked(async (from, header, chunks) => {
    const hash = createHash('sha256');
    for await (const chunk of chunks) {
      hash.update(chunk);
      read += chunk.length;
      ahead = Math.max(ahead, source.given - read);
      await turns(20);
    }
    return Buffer.from(`${from.nodeId} ${String(header)} ${hash.digest('hex')}`);
  });
  const verdict = a.network.transfer('b', HEADER, source);
  await until('it is under way', () => read > 0);
  expect(await a.ask('b', 'meanwhile')).toBe('a asked meanwhile');
  expect(await b.ask('a', 'meanwhile')).toBe('b asked meanwhile');
  expect(source.given).toBeLessThan(source.bytes);
  expect(String(await verdict)).toBe(`a a snapshot ${source.hash.digest('hex')}`);
  expect(read).toBe(source.bytes);
  // What both queues and the kernel's buffers hold; without backpressure it would be nearly everything.
  expect(ahead).toBeLessThan(24 * MIB);
});

test('an empty transfer has a verdict too', async () => {
  const [a] = await linked(async (_from, header, chunks) => {
    for await (const chunk of chunks) throw new Error(`${chunk.length} bytes of nothing`);
    return header;
  });
  expect(await a.network.transfer('b', HEADER, new Source(0))).toEqual(HEADER);
});

test('a verdict before the end ends the transfer: the rest is not sent', async () => {
  const source = new Source(256 * MIB);
  const [a] = await linked(async (_from, _header, chunks) => {
    for await (const _chunk of chunks) break;
    return Buffer.from('I have it already');
  });
  expect(String(await a.network.transfer('b', HEADER, source))).toBe('I have it already');
  await until('the source is let go of', () => source.isReturned);
  expect(source.given).toBeLessThan(64 * MIB);
});

test('a transfer whose source fails never looks whole to the receiver', async () => {
  const ends: string[] = [];
  const [a, b] = await linked(async (_from, _header, chunks) => {
    let bytes = 0;
    try {
      for await (const chunk of chunks) bytes += chunk.length;
      ends.push(`whole: ${bytes}`);
    } catch (error) {
      ends.push(String(error));
      throw error;
    }
    return Buffer.alloc(0);
  });
  async function* failing(): AsyncGenerator<Buffer, void> {
    yield Buffer.alloc(100_000);
    throw new Error('the disk is gone');
  }
  await expect(a.network.transfer('b', HEADER, failing())).rejects.toThrow('the disk is gone');
  await until('the receiver knows', () => ends.length === 1);
  expect(ends).toEqual([expect.stringContaining('broke off: abandoned: the source failed')]);
  expect(b.errors).toEqual([]);
});

test('a receiver that fails says so, to the sender and to its own operator', async () => {
  const [a, b] = await linked(async () => {
    throw new Error('no room');
  });
  await expect(a.network.transfer('b', HEADER, new Source(MIB))).rejects.toThrow(PeerRefused);
  expect(b.errors).toEqual(['no room']);
});

test('a receiver that goes away ends the transfer at once', async () => {
  let chunksSeen = 0;
  const [a, b] = await linked(async (_from, _header, chunks) => {
    for await (const _chunk of chunks) chunksSeen += 1;
    return Buffer.alloc(0);
  });
  async function* endless(): AsyncGenerator<Buffer, void> {
    for (;;) {
      yield Buffer.alloc(10_000);
      await turns(1);
    }
  }
  const sent = a.network.transfer('b', HEADER, endless());
  const failed = expect(sent).rejects.toThrow(LinkLost);
  await until('it is under way', () => chunksSeen > 3);
  await b.network.stop();
  await failed;
});

test('a sender that goes away ends the iteration of the receiver with an error', async () => {
  const ends: unknown[] = [];
  const a = await TalkingNode.start('a', {
    events: {
      transfer: async (_from, _header, chunks) => {
        try {
          for await (const chunk of chunks) ends.push(chunk.length);
        } catch (error) {
          ends.push(error);
        }
        return Buffer.alloc(0);
      },
    },
  });
  const peer = await RawPeer.connect(a.network.port, { purpose: 'transfer' });
  peer.write(3, HEADER);
  peer.write(4, Buffer.alloc(10));
  await until('a chunk is there', () => ends.length === 1);
  peer.socket.resetAndDestroy();
  await until('it ends', () => ends.length === 2);
  expect(ends).toEqual([10, expect.any(LinkLost)]);
});

test.each([
  ['a chunk before the header', 4],
  ['an end before the header', 5],
  ['a verdict from the sender', 6],
  ['an unknown kind', 77],
])('%s ends the connection, not the node', async (_what, kind) => {
  const [a, b] = await linked(async () => Buffer.alloc(0));
  const peer = await RawPeer.connect(b.network.port, { purpose: 'transfer' });
  const closed = once(peer.socket.resume(), 'close');
  peer.write(kind, Buffer.alloc(10));
  await closed;
  expect(await a.ask('b', 'still there?')).toBe('a asked still there?');
});

test('more transfers at once than are allowed are refused, and their places come free', async () => {
  const waiting: (() => void)[] = [];
  const [a, b] = await linked(
    () =>
      new Promise((resolve) => {
        waiting.push(() => resolve(Buffer.from('done')));
      }),
  );
  const started = Array.from({ length: TRANSFERS_MAX }, () =>
    a.network.transfer('b', HEADER, new Source(0)),
  );
  await until('all are under way', () => waiting.length === TRANSFERS_MAX);
  await expect(a.network.transfer('b', HEADER, new Source(0))).rejects.toThrow(PeerRefused);
  const other = await TalkingNode.start('other');
  other.network.connect([b.peer]);
  await until('the link is up', () => other.linkTo('b') === 'up');
  await expect(other.network.transfer('b', HEADER, new Source(0))).rejects.toThrow(/busy/);
  for (const finish of waiting.splice(0)) finish();
  expect((await Promise.all(started)).map(String)).toEqual(started.map(() => 'done'));
  const again = other.network.transfer('b', HEADER, new Source(0));
  await until('it is under way', () => waiting.length === 1);
  waiting[0]?.();
  expect(String(await again)).toBe('done');
});

test('a transfer to a node whose address is not known fails at once', async () => {
  const [, b] = await linked(async () => Buffer.alloc(0));
  await expect(b.network.transfer('a', HEADER, new Source(0))).rejects.toThrow(
    /no address is known/,
  );
});
