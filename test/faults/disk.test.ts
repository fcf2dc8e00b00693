import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { lacks } from '../end-to-end/machine-permits.ts';
import { SmallDisk } from './disk.ts';

async function disk(): Promise<SmallDisk> {
  const folder = await mkdtemp(join(tmpdir(), 'quorate-disk-'));
  const made = await SmallDisk.create(join(folder, 'disk'), 4);
  onTestFinished(async () => {
    await made.remove();
    await rm(folder, { recursive: true });
  });
  return made;
}

const unmountable = lacks('tmpfs');
const PAGE = 4096;

test.skipIf(unmountable)('a full disk takes nothing more, and an emptied one does', async () => {
  const small = await disk();
  const file = join(small.directory, 'file');
  await small.fill(2 * PAGE);
  expect(await small.free()).toBe(2 * PAGE);
  await expect(writeFile(file, Buffer.alloc(3 * PAGE))).rejects.toThrow(/ENOSPC/);
  await small.empty();
  await writeFile(file, Buffer.alloc(3 * PAGE));
  await small.fill();
  expect(await small.free()).toBe(0);
  // What is there stays there, whole.
  expect((await readFile(file)).length).toBe(3 * PAGE);
});

test.skipIf(unmountable)('a disk can grow, and can be read-only for a while', async () => {
  const small = await disk();
  await small.fill();
  await small.grow(8);
  expect(await small.free()).toBeGreaterThan(3 * 1024 * 1024);
  await small.makeReadOnly();
  await expect(writeFile(join(small.directory, 'file'), 'a')).rejects.toThrow(/EROFS/);
  await small.makeWritable();
  await writeFile(join(small.directory, 'file'), 'a');
});
