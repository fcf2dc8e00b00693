import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { FORMAT_VERSION } from '../../src/log/identity.ts';
import { sealed } from '../../src/log/sealed-value.ts';
import { IDENTITY_KEY } from '../../src/log/keys.ts';
import { Log } from '../../src/log/log.ts';
import { appendRange, JOB, MAIN, openedLog, optionsFor, temporaryDirectory } from './fixtures.ts';
import { type Contents, memoryStore } from './memory-store.ts';

const saved = (term: number): Parameters<Log['saveHardState']>[1] => ({
  term,
  vote: '',
  commit: 0,
  members: [
    {
      index: 0,
      configuration: {
        voters: [{ id: 'node-1', store: 'store-1', addresses: [] }],
        outgoing: [],
        learners: [],
      },
    },
  ],
});

/** A log of three batches for `main` and one for a job, not closed: the node was killed. */
async function killed(): Promise<Contents> {
  const contents: Contents = new Map();
  const log = await Log.open(optionsFor('/nowhere', { store: memoryStore(contents) }));
  await appendRange(log, MAIN, 1, 5);
  await log.saveHardState(MAIN, saved(1));
  await appendRange(log, MAIN, 6, 10);
  await appendRange(log, JOB, 1, 3);
  const copy = new Map([...contents].map(([key, value]) => [key, Buffer.from(value)]));
  await log.close();
  return copy;
}

const reopened = (contents: Contents): Promise<Log> =>
  openedLog('/nowhere', { store: memoryStore(contents) });

const keysOf = (contents: Contents, prefix: string): string[] =>
  [...contents.keys()].filter((key) => key.startsWith(prefix)).sort();

describe('recovery', () => {
  test('finds every group where it stood, and says that the exit was not clean', async () => {
    const log = await reopened(await killed());
    expect(log.recovery).toEqual({
      startedEmpty: false,
      uncleanExit: true,
      groups: 2,
      batches: 4,
      droppedBytes: 0,
      unreadBytes: 0,
    });
    expect(log.bounds(MAIN)).toEqual({ first: 1, last: 10, lastTerm: 1 });
    expect(log.bounds(JOB)).toEqual({ first: 1, last: 3, lastTerm: 1 });
    expect(log.hardState(MAIN)).toEqual(saved(1));
  });

  test('tells an empty directory from a log without entries', async () => {
    const contents: Contents = new Map();
    const first = await reopened(contents);
    expect(first.recovery).toMatchObject({ startedEmpty: true, uncleanExit: false });
    await first.close();
    expect((await reopened(contents)).recovery).toMatchObject({ startedEmpty: false });
  });

  test('closes the store again when it refuses it', async () => {
    const contents = await killed();
    contents.delete(keysOf(contents, 'b/')[1]!);
    let closed = false;
    const factory = memoryStore(contents);
    const store = async (directory: string): Promise<Awaited<ReturnType<typeof factory>>> => {
      const opened = await factory(directory);
      const close = opened.close.bind(opened);
      opened.close = () => {
        closed = true;
        return close();
      };
      return opened;
    };
    await expect(Log.open(optionsFor('/nowhere', { store }))).rejects.toMatchObject({
      code: 'damaged',
    });
    expect(closed).toBe(true);
  });
});

/** What is done to the store, and what the refusal names. */
const DAMAGE: readonly (readonly [string, (contents: Contents) => void, RegExp])[] = [
  ['a batch is missing', (it) => it.delete(keysOf(it, 'b/')[1]!), /chain breaks at batch 2/],
  [
    'nothing is left of whose it is, nor of its chain',
    (it) => ['n', 'x', ...keysOf(it, 'b/')].forEach((key) => it.delete(key)),
    /has batches but no identity/,
  ],
  [
    'an older hard state is back',
    (it) =>
      it.set(
        keysOf(it, 'h/')[0]!,
        Buffer.from(sealed(Buffer.from(keysOf(it, 'h/')[0]!, 'latin1'), Buffer.of(0x80))),
      ),
    /group main.*hard state is not the one batch 3 wrote/,
  ],
  ['the hard state is gone', (it) => it.delete(keysOf(it, 'h/')[0]!), /group main.*hard state/],
  [
    'the newest block is gone',
    (it) => it.delete(keysOf(it, 'e/').filter((key) => key.includes('main'))[1]!),
    /group main, entry 10: batch 3 wrote it, but the log ends at 5/,
  ],
  [
    'the oldest block is gone',
    (it) => it.delete(keysOf(it, 'e/').filter((key) => key.includes('main'))[0]!),
    /group main, entry 1: the oldest block is missing/,
  ],
  [
    'a block of a group lies under another',
    (it) => {
      const [job, , second] = keysOf(it, 'e/').sort((one, other) => other.length - one.length);
      it.set(second!, it.get(job!)!);
    },
    /the block is not what was written|newest block is not what was written/,
  ],
  [
    'a byte of the newest block is flipped',
    (it) => {
      it.get(keysOf(it, 'e/').filter((key) => key.includes('main'))[1]!)![40]! ^= 4;
    },
    /group main.*newest block is not what was written/,
  ],
  [
    'all of a group is gone',
    (it) => keysOf(it, 'e/').forEach((key) => key.includes('job') && it.delete(key)),
    /group job\/42 \(created at 17\), entry 3/,
  ],
  ['the identity is gone', (it) => it.delete('n'), /no identity/],
  [
    'a byte of the identity is flipped',
    (it) => {
      it.get('n')![9]! ^= 1;
    },
    /identity of the store is damaged/,
  ],
];

describe('trap 14: damage is never truncated silently', () => {
  test.each(DAMAGE)(
    '%s: the log is not opened, and the message names what and where',
    async (_, harm, names) => {
      const contents = await killed();
      harm(contents);
      const before = new Map(contents);
      await expect(reopened(contents)).rejects.toMatchObject({
        code: 'damaged',
        message: expect.stringMatching(names),
      });
      expect(contents).toEqual(before);
    },
  );

  test('a damaged block in the middle is named by whoever reads it', async () => {
    const contents = await killed();
    contents.get(keysOf(contents, 'e/').filter((key) => key.includes('main'))[0]!)![40]! ^= 4;
    const log = await reopened(contents);
    log.setCommitted(MAIN, 10);
    await expect(log.frame(MAIN, 3)).rejects.toMatchObject({ code: 'damaged' });
    expect(await log.frame(MAIN, 6)).toBeDefined();
    const reading = (async () => {
      for await (const chunk of log.read(MAIN, 1)) expect(chunk.first).toBeGreaterThan(5);
    })();
    await expect(reading).rejects.toThrow(/group main, entry 1: the block is not what was written/);
  });

  test('a block missing in the middle is a gap, never a shorter answer', async () => {
    const contents: Contents = new Map();
    const writing = await Log.open(optionsFor('/nowhere', { store: memoryStore(contents) }));
    for (const first of [1, 6, 11]) await appendRange(writing, MAIN, first, first + 4);
    await writing.close();
    contents.delete(keysOf(contents, 'e/')[1]!);
    const log = await reopened(contents);
    log.setCommitted(MAIN, 15);
    const reading = (async () => {
      for await (const chunk of log.read(MAIN, 2)) expect(chunk.last).toBeLessThan(6);
    })();
    await expect(reading).rejects.toThrow(/entry 6: the next block starts at 11/);
  });

  test('batches that vanished after a clean exit are missed', async () => {
    const contents: Contents = new Map();
    const log = await Log.open(optionsFor('/nowhere', { store: memoryStore(contents) }));
    await appendRange(log, MAIN, 1, 5);
    const before = new Map(contents);
    await appendRange(log, MAIN, 6, 10);
    await log.close();
    before.set('x', contents.get('x')!);
    await expect(reopened(before)).rejects.toThrow(
      'closed after batch 2, but batch 1 is the last one',
    );
  });
});

describe('the identity of a store', () => {
  test('a node without a cluster id draws one, and finds it again', async () => {
    const directory = await temporaryDirectory();
    const first = await openedLog(directory, { clusterId: undefined });
    expect(first.identity).toMatchObject({ nodeId: 'node-1', formatVersion: FORMAT_VERSION });
    await first.close();
    const second = await openedLog(directory, { clusterId: undefined, drawId: randomUUID });
    expect(second.identity).toEqual(first.identity);
  });

  test.each([
    ['node', { nodeId: 'node-2' }, 'node node-1, not to node-2'],
    ['cluster', { clusterId: 'cluster-2' }, 'cluster cluster-1, not to cluster-2'],
  ])('the store of another %s is refused', async (_, claim, says) => {
    const contents = await killed();
    const opening = Log.open(optionsFor('/nowhere', { store: memoryStore(contents), ...claim }));
    await expect(opening).rejects.toMatchObject({
      code: 'foreign-store',
      message: expect.stringContaining(says),
    });
  });

  test('a newer format is refused', async () => {
    const contents = await killed();
    const identity = {
      clusterId: 'cluster-1',
      nodeId: 'node-1',
      storeId: 's',
      formatVersion: FORMAT_VERSION + 1,
      createdAt: 0,
    };
    contents.set('n', sealed(IDENTITY_KEY, Buffer.from(JSON.stringify(identity))));
    await expect(reopened(contents)).rejects.toMatchObject({
      code: 'newer-format',
      message: expect.stringContaining('start a newer build'),
    });
  });

  test('a log that is open cannot be opened again', async () => {
    const directory = await temporaryDirectory();
    await openedLog(directory);
    await expect(Log.open(optionsFor(directory))).rejects.toMatchObject({ code: 'in-use' });
  });
});
