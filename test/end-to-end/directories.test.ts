/** A node starts only on a directory that is its own and can hold what it will write; else it says why. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FORMAT_VERSION, readIdentity } from '../../src/log/identity.ts';
import { IDENTITY_KEY } from '../../src/log/keys.ts';
import { openStore } from '../../src/log/open-store.ts';
import { sealed } from '../../src/log/sealed-value.ts';
import { pairs } from '../../src/log/store.ts';
import { ask } from './ask.ts';
import { contentOf, copyOf } from './directory-copy.ts';
import { temporaryFolder } from './folder.ts';
import { lacks } from './machine-permits.ts';
import { type NodeOptions, NodeProcess } from './node-process.ts';
import { expectOneClearLine } from './one-clear-line.ts';
import { smallDisk } from './tmpfs.ts';

async function founded(directory: string): Promise<string> {
  const node = await NodeProcess.start({ directory });
  expect((await node.stop()).code).toBe(0);
  return directory;
}

async function freshDirectory(): Promise<string> {
  return founded(join(await temporaryFolder(), 'data'));
}

/** The node does not start, says why once, and leaves what was there as it was. */
async function expectRefusal(options: NodeOptions, words: RegExp): Promise<void> {
  const node = NodeProcess.launch(options);
  const { code, signal } = await node.ended();
  expect(signal).toBeNull();
  expect(code).not.toBe(0);
  expectOneClearLine(node.output, words);
}

/** Everything the store holds. LevelDB may rearrange its files when it is opened; this stays. */
async function holdingsOf(directory: string): Promise<readonly (readonly [string, string])[]> {
  const store = await openStore(join(directory, 'log'));
  const holdings: (readonly [string, string])[] = [];
  for await (const [key, value] of pairs(store.scan(EVERYTHING)))
    holdings.push([key.toString('hex'), value.toString('hex')]);
  await store.close();
  return holdings;
}

const EVERYTHING = { from: Buffer.alloc(0), to: Buffer.alloc(64, 0xff) };

test('a directory of another node is refused by the names of both, and left as it was', async () => {
  const directory = await freshDirectory();
  const before = await holdingsOf(directory);
  await expectRefusal({ directory, nodeId: 'node-9' }, /belongs to node node-1, not to node-9/);
  expect(await holdingsOf(directory)).toEqual(before);
  await founded(directory);
});

test('a directory of another cluster is refused', async () => {
  const directory = join(await temporaryFolder(), 'data');
  const fleet = await NodeProcess.start({ directory, settings: { CLUSTER_ID: 'fleet-a' } });
  await fleet.stop();
  await expectRefusal(
    { directory, settings: { CLUSTER_ID: 'fleet-b' } },
    /belongs to cluster fleet-a, not to fleet-b/,
  );
});

test('a directory in use is refused with the url of the node that uses it, which goes on serving', async () => {
  const directory = join(await temporaryFolder(), 'data');
  const node = await NodeProcess.start({ directory });
  const before = await contentOf(directory);
  await expectRefusal({ directory }, new RegExp(node.url));
  expect(await contentOf(directory)).toEqual(before);
  expect((await ask(`${node.url}/health`)).status).toBe(200);
});

test('a directory in use by a node that says nothing is refused too, and the node goes on when it can', async () => {
  const directory = join(await temporaryFolder(), 'data');
  const node = await NodeProcess.start({ directory });
  await node.freeze();
  await expectRefusal({ directory }, /another process has this log open; stop it first/);
  node.signal('SIGCONT');
  expect((await ask(`${node.url}/health`)).status).toBe(200);
  expect((await node.stop()).code).toBe(0);
});

test.skipIf(lacks('tmpfs'))('a read-only directory is refused, and nothing is lost', async () => {
  const disk = await smallDisk(32);
  const directory = await founded(join(disk.directory, 'data'));
  const before = await contentOf(directory);
  await disk.makeReadOnly();
  await expectRefusal({ directory }, /cannot be written; make it writable/);
  expect(await contentOf(directory)).toEqual(before);
  await disk.makeWritable();
  await founded(directory);
});

test.skipIf(lacks('tmpfs'))(
  'a full disk is refused as full, and a node starts there when there is room',
  async () => {
    const disk = await smallDisk(8);
    const directory = await founded(join(disk.directory, 'data'));
    await fill(disk.directory);
    await expectRefusal({ directory }, /the disk is full; free space/);
    await disk.grow(32);
    await founded(directory);
  },
);

async function fill(directory: string): Promise<void> {
  const piece = Buffer.alloc(64 * 1024);
  for (let number = 0; ; number += 1) {
    const failure = await writeFile(join(directory, `ballast-${number}`), piece).catch(
      (error: Error) => error,
    );
    if (failure !== undefined) return;
  }
}

test('a directory of a newer format is refused, and left as it was', async () => {
  const directory = await freshDirectory();
  await raiseFormat(directory);
  const before = await holdingsOf(directory);
  await expectRefusal(
    { directory },
    new RegExp(`has format ${FORMAT_VERSION + 1}, this build reads up to ${FORMAT_VERSION}`),
  );
  expect(before.length).toBeGreaterThan(3);
  expect(await holdingsOf(directory)).toEqual(before);
});

/** What a node of a later release leaves behind. */
async function raiseFormat(directory: string): Promise<void> {
  const store = await openStore(join(directory, 'log'));
  const identity = await readIdentity(store);
  const writes = store.batch();
  const raised = JSON.stringify({ ...identity, formatVersion: FORMAT_VERSION + 1 });
  writes.put(IDENTITY_KEY, sealed(IDENTITY_KEY, Buffer.from(raised)));
  await writes.write({ sync: true });
  await store.close();
}

test('a file where the directory should be is refused, and left as it was', async () => {
  const path = join(await temporaryFolder(), 'data');
  await writeFile(path, 'somebody put a file here');
  await expectRefusal({ directory: path }, /there is a file where a directory should be/);
  expect(await contentOf(join(path, '..'))).toHaveProperty([path]);
});

test('a log that lies where a file should be is refused', async () => {
  const directory = join(await temporaryFolder(), 'data');
  await mkdir(directory);
  await writeFile(join(directory, 'log'), 'not a LevelDB');
  await expectRefusal({ directory }, /there is a file where a directory should be/);
});

test('every fault of the configuration is named at once, with an example, and nothing is created', async () => {
  const directory = join(await temporaryFolder(), 'data');
  const settings = { P2P_PORT: 'eighty', DISK_REJECT: '7', P2P_PROT: '1' };
  const node = NodeProcess.launch({ directory, settings });
  expect((await node.ended()).code).toBe(78);
  for (const name of Object.keys(settings)) expect(node.output).toContain(`QUORATE_${name}`);
  await expect(contentOf(directory)).rejects.toThrow('ENOENT');
});

test('a port in use ends the start with one clear line, and the directory can be used at once', async () => {
  const other = await NodeProcess.start({ directory: join(await temporaryFolder(), 'data') });
  const directory = await freshDirectory();
  const settings = { P2P_PORT: new URL(other.url).port };
  await expectRefusal({ directory, settings }, /taken by another process/);
  await founded(await copyOf(directory));
  await founded(directory);
});
