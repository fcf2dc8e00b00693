import { NO_MEMBERS } from '../../../src/log/members.ts';
import { open, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Machine } from '../../../src/projections/machine.ts';
import { STATE_ROOTS, type StateRootRow } from '../../../src/projections/rules.ts';
import {
  cutSnapshot,
  encodeSnapshot,
  restoreSnapshot,
  type SnapshotRoots,
} from '../../../src/projections/snapshot.ts';
import type { Group } from '../../../src/protocols/coordinator/group.ts';
import { breathe } from '../../../src/real-clock.ts';
import { until } from '../../end-to-end/condition.ts';
import { MAIN } from '../../log/fixtures.ts';
import { stateOf } from '../../projections/timeline.ts';
import {
  add,
  addMany,
  asked,
  hosted,
  type Hosted,
  levelDisk,
  memoryDisk,
  PROJECTIONS,
  replayedTo,
} from './hosted-group.ts';

const BALLAST = 'x'.repeat(100_000);
const INTERVAL = 60_000;
const IDENTITY = { group: 'main', incarnation: 0, configuration: NO_MEMBERS };

/** Lets the log grow by `megabytes` without the tables growing much. */
async function grow({ group }: Hosted, megabytes: number): Promise<void> {
  for (let written = 0; written < megabytes * 10; written++) await asked(group, add(BALLAST));
}

function rootsOf(machine: Machine): SnapshotRoots {
  const slices = encodeSnapshot(cutSnapshot(machine), IDENTITY);
  let step = slices.next();
  while (step.done !== true) step = slices.next();
  return step.value;
}

function agreedRoots({ machine }: Group): readonly StateRootRow[] {
  return [...machine.tables.of(STATE_ROOTS).select('by_index', [])];
}

async function indicesOf({ log }: Hosted): Promise<readonly number[]> {
  return (await log.snapshots(MAIN).list()).map(({ index }) => index);
}

/** The machine a snapshot holds. */
async function restored({ log }: Hosted, index: number): Promise<Machine> {
  const machine = new Machine({ projections: PROJECTIONS });
  await restoreSnapshot(machine, await log.snapshots(MAIN).open(index));
  return machine;
}

/** Flips bits in the content of one. @returns its path */
async function damaged({ log }: Hosted, index: number): Promise<string> {
  const listed = await log.snapshots(MAIN).list();
  const { path } = listed.find((snapshot) => snapshot.index === index)!;
  const file = await open(path, 'r+');
  await file.write(Buffer.of(0xff), 0, 1, 400);
  await file.close();
  return path;
}

describe('when a snapshot is taken', () => {
  test('at once when 4 MiB of log have gathered, without waiting for the interval', async () => {
    const life = await hosted(await memoryDisk());
    await grow(life, 4);
    expect(life.group.snapshotStatus.taken).toBe(0);
    await grow(life, 1);
    await until('a snapshot was taken', () => life.group.snapshotStatus.taken === 1);
    expect(life.clock.monotonic(), 'no time went by').toBe(0);
  });

  test('at the interval, when a tenth of that has gathered, and not below a tenth', async () => {
    const life = await hosted(await memoryDisk());
    await grow(life, 0.3);
    await life.clock.advance(INTERVAL);
    await life.clock.advance(INTERVAL);
    expect(life.group.loops()[0]).toMatchObject({ runs: 2, errors: 0 });
    expect(life.group.snapshotStatus.taken).toBe(0);
    await grow(life, 0.2);
    await life.clock.advance(INTERVAL);
    await until('a snapshot was taken', () => life.group.snapshotStatus.taken === 1);
  });

  test('a larger snapshot raises the bar: no other before the log that has gathered is four times its size', async () => {
    const life = await hosted(await memoryDisk());
    for (let row = 0; row < 25; row++) await asked(life.group, add(`${row} ${BALLAST}`));
    await life.group.snapshots.take();
    const { taken, last_bytes } = life.group.snapshotStatus;
    expect(last_bytes).toBeGreaterThan(2_000_000);
    const bar = (4 * last_bytes) / 1_000_000;
    await grow(life, bar * 0.8);
    expect(life.group.snapshots.isUrgent).toBe(false);
    expect(life.group.snapshotStatus.taken).toBe(taken);
    await grow(life, bar * 0.3);
    await until('a snapshot was taken', () => life.group.snapshotStatus.taken === taken + 1);
  });

  test('where nothing was applied since the last one, none is taken again', async () => {
    const life = await hosted(await memoryDisk());
    await addMany(life.group, 10);
    const index = await life.group.snapshots.take();
    await until('its root is agreed', () => agreedRoots(life.group).length === 1);
    const second = await life.group.snapshots.take();
    expect(second, 'the agreed root is an entry of its own').toBe(index + 1);
    await life.end();
    const again = await hosted(life.disk);
    const before = again.group.snapshotStatus.last_index;
    expect(before).toBe(second);
  });

  test('what is applied while one is written counts towards the next', async () => {
    let during: (() => Promise<unknown>) | undefined;
    const life = await hosted(await memoryDisk(), {
      breathe: async () => {
        await during?.();
        await breathe();
      },
    });
    await addMany(life.group, 1_000);
    let written = 0;
    during = () => (written++ < 5 ? asked(life.group, add(BALLAST)) : Promise.resolve());
    await life.group.snapshots.take();
    expect(written).toBeGreaterThan(5);
    expect(life.group.snapshotStatus.log_bytes_since).toBeGreaterThan(5 * BALLAST.length);
  });

  test('two who ask at the same time get the same one', async () => {
    const life = await hosted(await memoryDisk());
    await addMany(life.group, 10);
    const both = [life.group.snapshots.take(), life.group.snapshots.take()];
    expect(life.group.snapshotStatus.in_progress).toBe(true);
    const [one, other] = await Promise.all(both);
    expect(one).toBe(other);
    expect(life.group.snapshotStatus).toMatchObject({ taken: 1, in_progress: false });
  });
});

describe('what a snapshot holds', () => {
  test('I3: the state at one index, though entries keep coming while it is written', async () => {
    let during: (() => Promise<unknown>) | undefined;
    const life = await hosted(await memoryDisk(), {
      breathe: async () => {
        await during?.();
        await breathe();
      },
    });
    await addMany(life.group, 1_500);
    let written = 0;
    during = () => asked(life.group, add(`name ${written++ % 100}`, { by: 1_000 }));
    const index = await life.group.snapshots.take();
    during = undefined;
    expect(written).toBeGreaterThan(5);
    expect(life.group.machine.position.index).toBeGreaterThan(index + 5);
    const cut = stateOf(await restored(life, index));
    expect(cut).toEqual(stateOf(await replayedTo(life, index)));
    expect(cut).not.toEqual(stateOf(life.group.machine));
  });

  test('its roots are agreed in the log, and are those that a replay arrives at', async () => {
    const life = await hosted(await memoryDisk());
    await asked(life.group, { type: 'acquire_lock', data: { name: 'door', owner: 'ann' } });
    await addMany(life.group, 600);
    const index = await life.group.snapshots.take();
    const [agreed] = agreedRoots(life.group);
    expect(agreed).toMatchObject({ at_index: index, rules: 1 });
    const replayed = await replayedTo(life, index);
    expect({ digest: agreed?.digest, roots: agreed?.roots }).toEqual(rootsOf(replayed));
    expect(Object.keys(agreed!.roots)).toEqual(PROJECTIONS.map(({ name }) => name));
    expect(agreed?.digest).toBe(replayed.digest());
  });

  test('I3: a start from a snapshot and the log above it ends where a replay from the beginning ends', async () => {
    const life = await hosted(await memoryDisk());
    await addMany(life.group, 400);
    const snapshot = await life.group.snapshots.take();
    await addMany(life.group, 400);
    const { index } = life.group.machine.position;
    const state = stateOf(life.group.machine);
    await life.end();
    const again = await hosted(life.disk, { clock: life.clock });
    expect(again.group.snapshotStatus.last_index).toBe(snapshot);
    expect(stateOf(again.group.machine)).not.toEqual(state);
    expect(stateOf(await replayedTo(again, index))).toEqual(state);
    const end = again.group.machine.position.index;
    expect(stateOf(again.group.machine)).toEqual(stateOf(await replayedTo(again, end)));
  });
});

describe('which snapshots are kept', () => {
  test('the newest three, where nothing is granted to history', async () => {
    const life = await hosted(await memoryDisk());
    const taken: number[] = [];
    for (let round = 0; round < 5; round++) {
      await addMany(life.group, 3);
      taken.unshift(await life.group.snapshots.take());
    }
    expect(await indicesOf(life)).toEqual(taken.slice(0, 3));
  });

  test('older ones too, within the bytes that history may have', async () => {
    const life = await hosted(await memoryDisk(), { historyBytes: 1024 * 1024 });
    for (let round = 0; round < 6; round++) {
      await addMany(life.group, 3);
      await life.group.snapshots.take();
    }
    expect(await indicesOf(life)).toHaveLength(6);
  });

  test('the log is trimmed as retention says, but never above the newest snapshot', async () => {
    for (const disk of [await memoryDisk(), await levelDisk()]) {
      const retention = { kind: 'entries', entries: 1 } as const;
      let during: (() => Promise<unknown>) | undefined;
      const breatheOut = async (): Promise<void> => void (await during?.());
      const life = await hosted(disk, { retention, breathe: breatheOut });
      for (let round = 0; round < 20; round++) await asked(life.group, add(`a ${round}`));
      expect(life.log.bounds(MAIN).first).toBe(1);
      // Retention alone would give these up too: they are newer than the snapshot.
      during = () => asked(life.group, add('while it is written'));
      const index = await life.group.snapshots.take();
      during = undefined;
      const { first, last } = life.log.bounds(MAIN);
      expect(first).toBeGreaterThan(1);
      expect(first).toBeLessThanOrEqual(index + 1);
      expect(last).toBeGreaterThan(index + 3);
      const state = stateOf(life.group.machine);
      await life.end();
      const again = await hosted(life.disk, { retention, clock: life.clock });
      expect(again.group.machine.position.index).toBe(last + 1);
      expect(stateOf(again.group.machine)).toMatchObject({
        rows: (state as { readonly rows: object }).rows,
      });
    }
  });

  test('by default nothing of the log is ever trimmed', async () => {
    const life = await hosted(await memoryDisk());
    await addMany(life.group, 20);
    await life.group.snapshots.take();
    expect(life.log.bounds(MAIN).first).toBe(1);
  });
});

describe('when a snapshot cannot be had', () => {
  test('a failed one is told, leaves no file, and is tried again at the next interval', async () => {
    const life = await hosted(await memoryDisk());
    const shelf = join(life.disk.directory, 'snapshots');
    await writeFile(shelf, 'in the way');
    await grow(life, 5);
    await until('the failure is told', () => life.loopErrors.length > 0);
    const failures = life.loopErrors.length;
    await addMany(life.group, 20);
    expect(life.loopErrors, 'not at every entry').toHaveLength(failures);
    expect(life.group.loops()[0]).toMatchObject({ errors: failures, consecutive_errors: failures });
    await rm(shelf);
    await life.clock.advance(INTERVAL);
    await until('a snapshot was taken', () => life.group.snapshotStatus.taken === 1);
    const [directory] = await readdir(shelf);
    expect(await readdir(join(shelf, directory!))).toHaveLength(1);
  });

  test('a damaged snapshot is passed over and named: an older one, or the whole log, leads to the same', async () => {
    let life = await hosted(await memoryDisk());
    const clock = life.clock;
    for (let taken = 0; taken < 2; taken++) {
      await addMany(life.group, 50);
      await life.group.snapshots.take();
    }
    const indices = await indicesOf(life);
    for (const [place, index] of indices.entries()) {
      const { position } = life.group.machine;
      const state = stateOf(life.group.machine);
      await life.end();
      const path = await damaged(life, index);
      life = await hosted(life.disk, { clock });
      // A leader begins its term with an entry.
      const machine = await replayedTo(life, position.index);
      expect(stateOf(machine)).toEqual(state);
      expect(rootsOf(life.group.machine)).toEqual(
        rootsOf(await replayedTo(life, position.index + 1)),
      );
      const older = indices[place + 1];
      const instead = older === undefined ? 'the whole log' : `the snapshot of entry ${older} and`;
      expect(life.loopErrors.map(String)).toEqual([
        expect.stringMatching(`${path} is damaged: it is kept as .*\\.damaged, and ${instead}`),
      ]);
      expect(await indicesOf(life)).toEqual(indices.slice(place + 1));
      const kept = (await readdir(dirname(path))).filter((name) => name.endsWith('.damaged'));
      expect(kept).toEqual([`${index}.damaged`]);
    }
  });

  test('a damaged snapshot under which the log was trimmed refuses the start, and stays where it is', async () => {
    const life = await hosted(await memoryDisk(), { retention: { kind: 'entries', entries: 5 } });
    for (let taken = 0; taken < 2; taken++) {
      await addMany(life.group, 50);
      await life.group.snapshots.take();
    }
    const indices = await indicesOf(life);
    expect(life.log.floor(MAIN).index).toBeGreaterThan(indices[1]!);
    await life.end();
    const path = await damaged(life, indices[0]!);
    await expect(hosted(life.disk)).rejects.toMatchObject({
      code: 'damaged',
      message: expect.stringMatching(`^the snapshot ${path} is damaged, and nothing older will do`),
    });
    expect(await indicesOf(life)).toEqual(indices);
  });

  test.each([
    ['there is none', (_newest: number, indices: readonly number[]) => indices],
    ['the newest is gone', (newest: number) => [newest]],
  ])(
    'where the log begins behind every snapshot, because %s, the start is refused as damage',
    async (_why, gone) => {
      const life = await hosted(await memoryDisk(), { retention: { kind: 'entries', entries: 5 } });
      for (let taken = 0; taken < 2; taken++) {
        await addMany(life.group, 50);
        await life.group.snapshots.take();
      }
      const indices = await indicesOf(life);
      const floor = life.log.floor(MAIN).index;
      expect(floor).toBeGreaterThan(indices[1]!);
      await life.end();
      const listed = await life.log.snapshots(MAIN).list();
      const removed = gone(indices[0]!, indices);
      for (const { index, path } of listed) if (removed.includes(index)) await rm(path);
      await expect(hosted(life.disk)).rejects.toMatchObject({
        code: 'damaged',
        message: expect.stringMatching(
          `^the log of group main begins after entry ${floor}, but .*snapshot`,
        ),
      });
    },
  );

  test('a stop in the middle of a snapshot gives it up and leaves nothing of it', async () => {
    const life = await hosted(await memoryDisk());
    await addMany(life.group, 2_000);
    await grow(life, 5);
    await until('a snapshot is under way', () => life.group.snapshotStatus.in_progress);
    await life.group.stop();
    expect(life.group.snapshotStatus.in_progress).toBe(false);
    expect(life.group.snapshotStatus.taken).toBe(0);
    expect(await indicesOf(life)).toEqual([]);
  });
});
