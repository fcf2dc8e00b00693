import { describe, expect, onTestFinished, test } from 'vitest';
import { LevelStore } from '../../src/log/level-store.ts';
import { openStore } from '../../src/log/open-store.ts';
import { temporaryDirectory } from './fixtures.ts';
import { MemoryStore } from './memory-store.ts';
import { storeContract } from './store-contract.ts';

describe('in memory', () => {
  storeContract(() => Promise.resolve(new MemoryStore()));
});

describe('on LevelDB, interleaved', () => {
  storeContract(async () => {
    const store = await openStore(await temporaryDirectory());
    onTestFinished(() => store.close());
    return store;
  });
});

describe('on LevelDB', () => {
  storeContract(async () => {
    const store = await LevelStore.open(await temporaryDirectory());
    onTestFinished(() => store.close());
    return store;
  });

  test('a directory that is open cannot be opened again, and the message says so', async () => {
    const directory = await temporaryDirectory();
    const first = await LevelStore.open(directory);
    onTestFinished(() => first.close());
    await expect(LevelStore.open(directory)).rejects.toMatchObject({
      code: 'in-use',
      message: expect.stringContaining('another process has this log open'),
    });
  });

  test('what was written is there after it was closed and opened again', async () => {
    const directory = await temporaryDirectory();
    const first = await LevelStore.open(directory);
    const batch = first.batch();
    batch.put(Buffer.from('a'), Buffer.from('1'));
    await batch.write({ sync: true });
    await first.close();
    const second = await LevelStore.open(directory);
    onTestFinished(() => second.close());
    expect((await second.get(Buffer.from('a')))?.toString()).toBe('1');
  });
});
