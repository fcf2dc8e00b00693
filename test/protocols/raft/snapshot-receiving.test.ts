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

async function* chunks(): AsyncGenerator<Buffer> {
  yield CONTENT;
}

/** Sends a whole snapshot to a node whose core's log begins after `floor` once it was told of it. */
async function received(floor: number): Promise<{ verdict: unknown; kept: readonly string[] }> {
  const directory = await temporaryDirectory();
  const told: Input[] = [];
  const receiving = new SnapshotReceiving({
    log: await openedLog(directory),
    group: MAIN,
    nodeId: 'n1',
    step: (input) => told.push(input),
    floor: () => (told.length === 0 ? 0 : floor),
  });
  expect(await receiving.offered(fields([INDEX, await digestOfOurs()]))).toEqual(['from', 0]);
  const header = fields([3, 0, 2, INDEX, MEMBERS]);
  const verdict = await receiving.receive(LEADER, header, chunks());
  const files = await readdir(join(directory, 'snapshots'), { recursive: true });
  return { verdict, kept: files.filter((name) => name.includes('.')) };
}

test('a snapshot that the core does not want leaves nothing on the disk', async () => {
  expect(await received(0)).toEqual({ verdict: ['taken'], kept: [] });
});

test('a snapshot that the core takes is held until the log goes on from it', async () => {
  const { verdict, kept } = await received(INDEX);
  expect(verdict).toEqual(['taken']);
  expect(kept).toEqual([expect.stringContaining(`${INDEX}.received`)]);
});
