/** Blocks and pages lie interleaved, and nobody notices: what a store of plain keys answers is answered here. */
import * as fc from 'fast-check';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { join } from 'node:path';
import { Archive } from '../../src/log/archive.ts';
import { examine } from '../../src/log/examining.ts';
import { LogFault } from '../../src/log/fault.ts';
import type { GroupId } from '../../src/log/group.ts';
import { FORMAT_VERSION, foundIdentity, readIdentity } from '../../src/log/identity.ts';
import { InterleavedStore } from '../../src/log/interleaved-store.ts';
import { keyAt, placeOf } from '../../src/log/interleaving.ts';
import {
  CLEAN_EXIT_KEY,
  EVERY_LINK,
  everyGroup,
  everyNumber,
  groupKeys,
  IDENTITY_KEY,
  KIND,
  linkKey,
  numbered,
  numberedRange,
} from '../../src/log/keys.ts';
import { LevelStore } from '../../src/log/level-store.ts';
import { openStore } from '../../src/log/open-store.ts';
import { type Pair, pairs, type Range, type Store } from '../../src/log/store.ts';
import { groupsIn } from '../../src/log/recovery.ts';
import { repairLog } from '../../src/log/repair.ts';
import { sealed } from '../../src/log/sealed-value.ts';
import { appendRange, JOB, MAIN, openedLog, temporaryDirectory } from './fixtures.ts';
import { MemoryStore } from './memory-store.ts';

const [MAIN_KEYS, JOB_KEYS] = [groupKeys(MAIN), groupKeys(JOB)];
const PREFIXES = [MAIN_KEYS, JOB_KEYS].flatMap(({ block, page }) => [block, page]);
/** Around the ends of stretches, as blocks and as pages count them, and far away. */
const NUMBERS = [0, 1, 2, 15, 16, 17, 32, 4095, 4096, 4097, 4098, 8192, 8193, 65_536, 2 ** 40];

const prefix = fc.constantFrom(...PREFIXES);
const number = fc.constantFrom(...NUMBERS);
const numberedKey = fc.tuple(prefix, number).map(([of, n]) => numbered(of, n));
const singleKey = fc.constantFrom(
  IDENTITY_KEY,
  CLEAN_EXIT_KEY,
  MAIN_KEYS.hardState,
  JOB_KEYS.floor,
  linkKey(0),
  linkKey(7),
  linkKey(65_535),
);
const key = fc.oneof({ weight: 5, arbitrary: numberedKey }, singleKey);
const range = fc.oneof(
  fc.tuple(prefix, number, number).map(([of, low, high]) => numberedRange(of, low, high)),
  prefix.map(everyNumber),
  fc.constantFrom(EVERY_LINK, ...Object.values(KIND).map(everyGroup)),
);

type Step = (store: Store) => Promise<unknown>;

const put = key.map((at): Step => async (store) => {
  const batch = store.batch();
  batch.put(at, Buffer.from(`value of ${at.toString('hex')}`));
  await batch.write({ sync: false });
});
const remove = key.map((at): Step => async (store) => {
  const batch = store.batch();
  batch.delete(at);
  await batch.write({ sync: false });
});
const step = fc.oneof(
  { weight: 12, arbitrary: put },
  { weight: 2, arbitrary: remove },
  range.map(
    (within): Step =>
      (store) =>
        store.clear(within),
  ),
  range.map(
    (within): Step =>
      async (store) =>
        textsOf(await found(store, within)),
  ),
  range.map(
    (within): Step =>
      async (store) =>
        textOf(await store.first(within)),
  ),
  range.map(
    (within): Step =>
      async (store) =>
        textOf(await store.last(within)),
  ),
  key.map(
    (at): Step =>
      async (store) =>
        (await store.get(at))?.toString(),
  ),
  fc.array(key, { maxLength: 4 }).map(
    (keys): Step =>
      async (store) =>
        (await store.getMany(keys)).map(String),
  ),
);

async function found(store: Store, within: Range): Promise<Pair[]> {
  const all: Pair[] = [];
  for await (const pair of pairs(store.scan(within))) all.push(pair);
  return all;
}

function textOf(pair: Pair | undefined): string {
  return pair === undefined ? 'nothing' : `${pair[0].toString('hex')}: ${pair[1].toString()}`;
}

function textsOf(all: readonly Pair[]): string[] {
  return all.map(textOf);
}

async function interleaved(): Promise<Store> {
  const places = await LevelStore.open(await temporaryDirectory());
  onTestFinished(() => places.close());
  return new InterleavedStore(places);
}

async function clear(store: Store): Promise<void> {
  await store.clear({ from: Buffer.from('a'), to: Buffer.from('z') });
  for (const kind of Object.values(KIND)) await store.clear(everyGroup(kind));
}

test('every key comes back from its place, and places of one kind are in the order of their keys', () => {
  fc.assert(
    fc.property(numberedKey, numberedKey, singleKey, (one, other, single) => {
      for (const at of [one, other, single]) expect(keyAt(placeOf(at))).toEqual(at);
      if (one[0] === other[0])
        expect(Math.sign(placeOf(one).compare(placeOf(other)))).toBe(Math.sign(one.compare(other)));
    }),
  );
});

test('it answers as a store in which keys lie as they are', async () => {
  const store = await interleaved();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const plain = new MemoryStore();
      await clear(store);
      for (const take of steps) expect(await take(store)).toEqual(await take(plain));
    }),
    { numRuns: 150 },
  );
});

test('what a range shows is of the moment in which its scan began, whatever comes and goes in it', async () => {
  const store = await interleaved();
  const writes = store.batch();
  for (let first = 1; first <= 40_000; first += 1000)
    writes.put(numbered(MAIN_KEYS.block, first), Buffer.from(`${first}`));
  await writes.write({ sync: false });
  const seen: string[] = [];
  for await (const [, value] of pairs(store.scan(everyNumber(MAIN_KEYS.block)))) {
    if (seen.length === 0) {
      const more = store.batch();
      more.put(numbered(MAIN_KEYS.block, 39_500), Buffer.from('late'));
      await more.write({ sync: false });
      await store.clear(numberedRange(MAIN_KEYS.block, 20_000, 30_000));
    }
    seen.push(value.toString());
  }
  expect(seen).toHaveLength(40);
  expect(seen).not.toContain('late');
});

test('I9: every view is closed, however a reader leaves', async () => {
  const places = await LevelStore.open(await temporaryDirectory());
  onTestFinished(() => places.close());
  let open = 0;
  const view = places.view.bind(places);
  places.view = () => {
    const opened = view();
    const close = opened.close.bind(opened);
    open += 1;
    opened.close = () => {
      open -= 1;
      return close();
    };
    return opened;
  };
  // Nothing is looked for but in a view: what takes two looks would see two moments.
  places.first = places.last = () => Promise.reject(new Error('not of one moment'));
  const store = new InterleavedStore(places);
  const writes = store.batch();
  for (let first = 1; first <= 40_000; first += 1000)
    writes.put(numbered(MAIN_KEYS.block, first), Buffer.from(`${first}`));
  await writes.write({ sync: false });
  const all = everyNumber(MAIN_KEYS.block);
  expect(await found(store, all)).toHaveLength(40);
  await store.first(all);
  await store.last(all);
  for await (const [key] of pairs(store.scan(all))) if (key.length > 0) break;
  const failing = (async () => {
    for await (const page of store.scan(all)) throw new Error(`${page.length} are too many`);
  })();
  await expect(failing).rejects.toThrow('too many');
  expect(open).toBe(0);
});

test.each([41, 44, 53, 60])(
  'a stretch that was never written, of bit %i, is damage, and nobody looks for its end',
  async (bit) => {
    const places = await LevelStore.open(await temporaryDirectory());
    onTestFinished(() => places.close());
    const place = placeOf(numbered(MAIN_KEYS.block, 1));
    const at = place.length - 17 + 7 - Math.floor(bit / 8);
    place[at] = place[at]! ^ (1 << (bit % 8));
    const writes = places.batch();
    writes.put(place, Buffer.from('somewhere'));
    await writes.write({ sync: false });
    const seen: GroupId[] = [];
    const looking = (async () => {
      for await (const group of groupsIn(new InterleavedStore(places))) seen.push(group);
    })();
    await expect(looking).rejects.toMatchObject({ code: 'damaged' });
    expect(seen).toEqual([MAIN]);
  },
);

test('what is written at the same time lies behind all that was written before, hard states and floors aside', () => {
  const before = [numbered(MAIN_KEYS.block, 8000), numbered(MAIN_KEYS.page, 31)];
  const after = [numbered(MAIN_KEYS.block, 8193), numbered(MAIN_KEYS.page, 32), linkKey(3)];
  for (const older of before)
    for (const newer of after) expect(placeOf(older).compare(placeOf(newer))).toBe(-1);
  for (const small of [MAIN_KEYS.hardState, MAIN_KEYS.floor, IDENTITY_KEY])
    expect(placeOf(numbered(MAIN_KEYS.block, 2 ** 50)).compare(placeOf(small))).toBe(-1);
});

describe('which format a directory has', () => {
  const claim = { nodeId: 'node-1', clusterId: 'c', drawId: () => 'id', now: 0 };
  const BLOCK = numbered(MAIN_KEYS.block, 1);

  async function plainWith(...keys: readonly Buffer[]): Promise<string> {
    const directory = await temporaryDirectory();
    const places = await LevelStore.open(directory);
    const writes = places.batch();
    for (const at of keys) writes.put(at, Buffer.from('as it is'));
    await writes.write({ sync: true });
    await places.close();
    return directory;
  }

  async function openedIn(directory: string): Promise<Store> {
    const store = await openStore(directory);
    onTestFinished(() => store.close());
    return store;
  }

  test('an empty one is of the newest, and its identity says so', async () => {
    const directory = await temporaryDirectory();
    const store = await openStore(directory);
    expect(store).toBeInstanceOf(InterleavedStore);
    expect(await foundIdentity(store, claim)).toMatchObject({ formatVersion: FORMAT_VERSION });
    await store.close();
    const again = await openStore(directory);
    onTestFinished(() => again.close());
    expect(again).toBeInstanceOf(InterleavedStore);
  });

  test.each([
    ['a block', BLOCK],
    ['a page', numbered(MAIN_KEYS.page, 0)],
    ['a link', linkKey(9)],
  ])('one whose identity is lost, by %s, as only format 1 has it', async (_, at) => {
    for (const lost of [[], [IDENTITY_KEY]]) {
      const store = await openedIn(await plainWith(at, ...lost));
      expect(store).toBeInstanceOf(LevelStore);
      expect((await store.get(at))?.toString()).toBe('as it is');
    }
    const store = await openedIn(await plainWith(placeOf(at)));
    expect(store).toBeInstanceOf(InterleavedStore);
    expect((await store.get(at))?.toString()).toBe('as it is');
  });

  test('is not guessed where the disk fails', async () => {
    const directory = await plainWith(BLOCK);
    const get = vi.spyOn(LevelStore.prototype, 'get');
    get.mockRejectedValueOnce(new LogFault('io', 'the disk failed'));
    onTestFinished(() => get.mockRestore());
    await expect(openStore(directory)).rejects.toMatchObject({ code: 'io' });
    expect(await openedIn(directory)).toBeInstanceOf(LevelStore);
  });

  test('one of format 1 that holds nothing but its identity stays of format 1', async () => {
    const directory = await temporaryDirectory();
    const places = await LevelStore.open(directory);
    const old = Buffer.from(
      JSON.stringify({ ...(await foundIdentity(places, claim)), formatVersion: 1 }),
    );
    const writes = places.batch();
    writes.put(IDENTITY_KEY, sealed(IDENTITY_KEY, old));
    await writes.write({ sync: true });
    await places.close();
    expect(await openedIn(directory)).toBeInstanceOf(LevelStore);
  });

  test('one of a newer format is read by nobody: not by a node, an audit, an examination or a repair', async () => {
    const directory = await temporaryDirectory();
    const log = await openedLog(directory);
    await appendRange(log, MAIN, 1, 3);
    await log.close();
    const store = await openStore(join(directory, 'log'));
    const newer = { ...(await readIdentity(store)), formatVersion: FORMAT_VERSION + 1 };
    const writes = store.batch();
    writes.put(IDENTITY_KEY, sealed(IDENTITY_KEY, Buffer.from(JSON.stringify(newer))));
    await writes.write({ sync: true });
    await store.close();
    const target = await temporaryDirectory();
    const repairing = { directory, target, drawId: () => 'id', now: 0, isRunning: () => false };
    for (const read of [
      () => openedLog(directory),
      () => Archive.open(directory),
      () => examine(directory),
      () => repairLog(repairing),
    ])
      await expect(read()).rejects.toMatchObject({ code: 'newer-format' });
  });
});
