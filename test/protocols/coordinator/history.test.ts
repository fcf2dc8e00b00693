import { describe, expect, test } from 'vitest';
import { packr } from '../../../src/log/command.ts';
import { Compacted } from '../../../src/log/fault.ts';
import { placeOf } from '../../../src/log/frame.ts';
import { KIND } from '../../../src/log/keys.ts';
import { PAGE_ENTRIES } from '../../../src/log/outcome-page.ts';
import type {
  History,
  HistoryRange,
  RecordedEntry,
} from '../../../src/protocols/coordinator/history.ts';
import type { Group } from '../../../src/protocols/coordinator/group.ts';
import { framesOf, MAIN, openedLog } from '../../log/fixtures.ts';
import { add, addMany, asked, hosted, memoryDisk } from './hosted-group.ts';

async function entriesOf(
  history: History,
  from: number,
  range: HistoryRange = {},
): Promise<readonly RecordedEntry[]> {
  const entries: RecordedEntry[] = [];
  for await (const chunk of history.read(from, range)) entries.push(...chunk);
  return entries;
}

/** What a group applied, as its listeners heard it: what history must tell later. */
function heardBy(group: Group): { readonly index: number; readonly outcome: Buffer }[] {
  const heard: { readonly index: number; readonly outcome: Buffer }[] = [];
  group.onApplied(({ entry, outcomeBytes }) =>
    heard.push({ index: entry.index, outcome: Buffer.from(outcomeBytes) }),
  );
  return heard;
}

function told(entries: readonly RecordedEntry[]): unknown {
  return entries.map(({ index, outcome }) => ({ index, outcome: Buffer.from(outcome) }));
}

describe('reading history', () => {
  test('each entry comes with what it led to, as it is stored', async () => {
    const { group, log } = await hosted(await memoryDisk());
    const heard = heardBy(group);
    await addMany(group, PAGE_ENTRIES * 2 + 10);
    const entries = await entriesOf(group.history, 2);
    expect(told(entries)).toEqual(heard);
    const frames = await framesOf(log, MAIN, 2);
    expect(entries.map(({ frame }) => frame.toString('hex'))).toEqual(
      frames.map((frame) => frame.toString('hex')),
    );
    for (const { index, frame } of entries) expect(placeOf(frame).index).toBe(index);
  });

  test('a flipped bit in a recorded page is an error, and never another digest or another outcome', async () => {
    const life = await hosted(await memoryDisk());
    await addMany(life.group, PAGE_ENTRIES * 3);
    await life.group.snapshots.take();
    await life.end();
    const { contents } = life.disk;
    const { group } = await hosted(life.disk, { clock: life.clock });
    const at = PAGE_ENTRIES + 5;
    const digest = await group.history.digestAt(at);
    const key = [...contents.keys()].find((one) => one.startsWith(KIND.page))!;
    const page = contents.get(key)!;
    for (const byte of Array.from({ length: 90 }, (_, place) => place)) {
      const flipped = Buffer.from(page);
      flipped[byte]! ^= 0x04;
      contents.set(key, flipped);
      await expect(group.history.digestAt(at), `byte ${byte}`).rejects.toThrow(
        'outcome page 0 is damaged',
      );
    }
    contents.set(key, page);
    expect(await group.history.digestAt(at)).toBe(digest);
  });

  test('outcomes that memory no longer has come from the recorded pages, and are the same', async () => {
    const life = await hosted(await memoryDisk());
    const heard = heardBy(life.group);
    await addMany(life.group, PAGE_ENTRIES * 3);
    await life.group.snapshots.take();
    await addMany(life.group, 20);
    const [before] = [[...heard]];
    await life.end();
    const { group } = await hosted(life.disk, { clock: life.clock });
    expect(group.machine.outcomeBytes(2)).toBeUndefined();
    expect(group.machine.outcomeBytes(before.at(-1)!.index)).toBeDefined();
    const entries = await entriesOf(group.history, 2, { to: before.at(-1)!.index });
    expect(told(entries)).toEqual(before);
  });

  test('a range ends where it says, chunks keep to their budget, and nothing is beyond the newest', async () => {
    const { group } = await hosted(await memoryDisk());
    await addMany(group, 100);
    const range = await entriesOf(group.history, 10, { to: 20 });
    expect(range.map(({ index }) => index)).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
    const sizes: number[] = [];
    for await (const chunk of group.history.read(1, { bytes: 500 }))
      sizes.push(chunk.reduce((sum, { frame }) => sum + frame.length, 0));
    expect(sizes.length).toBeGreaterThan(10);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(500);
    expect(await entriesOf(group.history, 102)).toEqual([]);
    expect(await entriesOf(group.history, 5, { to: 4 })).toEqual([]);
  });

  test('a reader below what retention kept is told from where it can go on', async () => {
    const { group, log } = await hosted(await memoryDisk(), {
      retention: { kind: 'entries', entries: 1 },
    });
    for (let round = 0; round < 10; round++) await asked(group, add('a'));
    const snapshot = await group.snapshots.take();
    const oldest = log.bounds(MAIN).first;
    const reading = entriesOf(group.history, 1);
    await expect(reading).rejects.toThrow(Compacted);
    await expect(reading).rejects.toMatchObject({ oldest, snapshot });
  });
});

describe('one outcome', () => {
  test('is told by its index', async () => {
    const { group } = await hosted(await memoryDisk());
    const answer = await asked(group, add('a', { by: 7 }));
    const { index } = group.machine.position;
    expect(packr.unpack(await group.history.outcome(index))).toEqual(
      (answer as { outcome: unknown }).outcome,
    );
  });

  test('an outcome that is not recorded, or that the disk spoilt, is a fault and never made up', async () => {
    const life = await hosted(await memoryDisk());
    await addMany(life.group, PAGE_ENTRIES * 3);
    await life.group.snapshots.take();
    await life.end();
    const log = await openedLog(life.disk.directory, { store: life.disk.store });
    log.putOutcomePage(MAIN, 0, Buffer.from((await log.outcomePage(MAIN, 0))!).fill(7, 90, 99));
    await log.flush();
    await log.close();
    const { group } = await hosted(life.disk, { clock: life.clock });
    await expect(group.history.outcome(5)).rejects.toThrow('outcome page 0 is damaged');
    expect(await group.history.outcome(PAGE_ENTRIES + 5)).toBeDefined();
    await expect(group.history.outcome(1_000_000)).rejects.toThrow('not recorded');
  });
});
