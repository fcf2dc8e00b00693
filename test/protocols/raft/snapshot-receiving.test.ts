import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packr } from '../../../src/log/command.ts';
import type { Input } from '../../../src/protocols/raft/core/input.ts';
import { Fields } from '../../../src/protocols/raft/fields.ts';
import { SnapshotReceiving } from '../../../src/protocols/raft/snapshot-receiving.ts';
import { MAIN, openedLog, temporaryDirectory } from '../../log/fixtures.ts';

const LEADER = { nodeId: 'n2', storeId: 's2', clusterId: 'c' };
const MEMBERS = { voters: [], outgoing: [], learners: [] };
const CONTENT = Buffer.from('all that is known');
const INDEX = 40;

async function digestOfOurs(): Promise<Buffer> {
  const shelf = (await openedLog(await temporaryDirectory())).snapshots(MAIN);
  const writer = await shelf.write(INDEX);
  await writer.write(CONTENT);
  await writer.finish();
  const reader = await shelf.open(INDEX);
  await reader.close();
  return reader.digest;
}

function fields(values: readonly unknown[]): Fields {
  return Fields.of(packr.pack(values));
}

async function* chunks(content: Buffer): AsyncGenerator<Buffer> {
  yield content;
}

interface Received {
  readonly verdict: unknown;
  readonly kept: readonly string[];
  /** What the core was told. */
  readonly told: readonly Input[];
}

/** Sends a whole snapshot to a node whose core's log begins after `floor` once it was told of it. */
async function received(floor: number, { content = CONTENT, commit = 0 } = {}): Promise<Received> {
  const directory = await temporaryDirectory();
  const told: Input[] = [];
  const receiving = new SnapshotReceiving({
    log: await openedLog(directory),
    group: MAIN,
    nodeId: 'n1',
    step: (input) => told.push(input),
    host: { status: () => ({ floor: { term: 2, index: told.length === 0 ? 0 : floor }, commit }) },
  });
  expect(await receiving.offered(fields([INDEX, await digestOfOurs()]))).toEqual(['from', 0]);
  const header = fields([3, 0, 2, INDEX, MEMBERS]);
  const verdict = await receiving.receive(LEADER, header, chunks(content));
  const files = await readdir(join(directory, 'snapshots'), { recursive: true });
  return { verdict, told, kept: files.filter((name) => name.includes('.')) };
}

test('a snapshot that the core does not want leaves nothing on the disk', async () => {
  expect(await received(0)).toMatchObject({ verdict: ['taken'], kept: [] });
});

test('a snapshot of what is committed already is not kept, and its leader hears what is here', async () => {
  const { verdict, kept, told } = await received(INDEX, { commit: INDEX });
  expect([verdict, kept]).toEqual([['taken'], []]);
  expect(told).toHaveLength(1);
});

interface Receiver {
  readonly receiving: SnapshotReceiving;
  readonly files: () => Promise<readonly string[]>;
}

async function receiver(): Promise<Receiver> {
  const directory = await temporaryDirectory();
  const receiving = new SnapshotReceiving({
    log: await openedLog(directory),
    group: MAIN,
    nodeId: 'n1',
    step: () => undefined,
    host: { status: () => ({ floor: { term: 2, index: INDEX }, commit: 0 }) },
  });
  const files = async (): Promise<readonly string[]> =>
    (await readdir(join(directory, 'snapshots'), { recursive: true })).filter((name) =>
      name.includes('.'),
    );
  return { receiving, files };
}

async function* brokenOff(): AsyncGenerator<Buffer> {
  yield CONTENT.subarray(0, 7);
  throw new Error('the link is lost');
}

test('what breaks off goes on where it ended', async () => {
  const { receiving, files } = await receiver();
  const offer = [INDEX, await digestOfOurs()];
  await receiving.offered(fields(offer));
  const begun = receiving.receive(LEADER, fields([3, 0, 2, INDEX, MEMBERS]), brokenOff());
  await expect(begun).rejects.toThrow('the link is lost');
  expect(await receiving.offered(fields(offer))).toEqual(['from', 7]);
  async function* rest(): AsyncGenerator<Buffer> {
    yield CONTENT.subarray(7);
  }
  const header = fields([3, 7, 2, INDEX, MEMBERS]);
  expect(await receiving.receive(LEADER, header, rest())).toEqual(['taken']);
  expect(await files()).toEqual([expect.stringContaining(`${INDEX}.received`)]);
});

test('after a failure of the disk it begins again: nobody knows what was written', async () => {
  const { receiving } = await receiver();
  const offer = [INDEX, await digestOfOurs()];
  await receiving.offered(fields(offer));
  async function* unwritable(): AsyncGenerator<Buffer> {
    yield CONTENT.subarray(0, 7);
    // No file takes this.
    yield undefined as unknown as Buffer;
  }
  const begun = receiving.receive(LEADER, fields([3, 0, 2, INDEX, MEMBERS]), unwritable());
  await expect(begun).rejects.toThrow();
  expect(await receiving.offered(fields(offer))).toEqual(['from', 0]);
  await receiving.stop();
});

test('whoever comes while one is taken tries again: there is one file', async () => {
  const { receiving } = await receiver();
  const digest = await digestOfOurs();
  await receiving.offered(fields([INDEX, digest]));
  const others: unknown[] = [];
  async function* disturbed(): AsyncGenerator<Buffer> {
    others.push(await receiving.offered(fields([INDEX + 1, digest])));
    others.push(
      await receiving.receive(LEADER, fields([4, 0, 2, INDEX, MEMBERS]), chunks(CONTENT)),
    );
    yield CONTENT;
  }
  const header = fields([3, 0, 2, INDEX, MEMBERS]);
  expect(await receiving.receive(LEADER, header, disturbed())).toEqual(['taken']);
  expect(others).toEqual([['begin again'], ['begin again']]);
});

test('a snapshot that the core takes is held until the log goes on from it', async () => {
  const { verdict, kept } = await received(INDEX);
  expect(verdict).toEqual(['taken']);
  expect(kept).toEqual([expect.stringContaining(`${INDEX}.received`)]);
});

test('a snapshot that is not what was offered is not told to the core, leaves nothing, and is asked for again', async () => {
  const spoilt = Buffer.from(CONTENT);
  spoilt[3]! ^= 1;
  expect(await received(INDEX, { content: spoilt })).toEqual({
    verdict: ['begin again'],
    kept: [],
    told: [],
  });
});
