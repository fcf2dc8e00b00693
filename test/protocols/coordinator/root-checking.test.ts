/** A node whose tables are wrong in its memory, and the root of a leader's that says so: what is left on the disk. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { NO_MEMBERS } from '../../../src/log/members.ts';
import type { Clock } from '../../../src/log/time.ts';
import type { Retention } from '../../../src/log/retention.ts';
import { Machine } from '../../../src/projections/machine.ts';
import { RULES_VERSION } from '../../../src/projections/rules.ts';
import {
  cutSnapshot,
  encodeSnapshot,
  restoreSnapshot,
  type SnapshotRoots,
} from '../../../src/projections/snapshot.ts';
import { Rebuilding } from '../../../src/protocols/coordinator/rebuilding.ts';
import { RootChecking } from '../../../src/protocols/coordinator/root-checking.ts';
import { breathe } from '../../../src/real-clock.ts';
import { MAIN } from '../../log/fixtures.ts';
import { TALLIES } from '../../projections/tally.ts';
import {
  add,
  asked,
  hosted,
  type Hosted,
  memoryDisk,
  PROJECTIONS,
  replayedTo,
  sumOf,
} from './hosted-group.ts';

const IDENTITY = { group: 'main', incarnation: 0, configuration: NO_MEMBERS };

function rootsOf(machine: Machine): SnapshotRoots {
  const slices = encodeSnapshot(cutSnapshot(machine), IDENTITY);
  let step = slices.next();
  while (step.done !== true) step = slices.next();
  return step.value;
}

/** One after another, so that each has a block of its own and the log can be trimmed behind any of them. */
async function addOnes({ group }: Hosted, count: number): Promise<void> {
  for (let place = 0; place < count; place++) await asked(group, add(`name ${place}`));
}

/** A bit of a row flips in memory: no entry did that, so nothing knows how it was. */
function flip({ group }: Hosted, name: string, sum = 4_097): void {
  const tables = group.machine.allTables();
  const table = tables.find(({ definition }) => definition.name === TALLIES.name)!;
  table.restore(name, { ...(table.get(name) as object), sum });
}

async function indicesOf({ log }: Hosted): Promise<readonly number[]> {
  return (await log.snapshots(MAIN).list()).map(({ index }) => index);
}

/** What name 3 was counted to, by each snapshot on the disk, newest first. */
async function sumsOf({ log }: Hosted): Promise<readonly unknown[]> {
  const sums: unknown[] = [];
  for (const { index } of await log.snapshots(MAIN).list()) {
    const machine = new Machine({ projections: PROJECTIONS });
    await restoreSnapshot(machine, await log.snapshots(MAIN).open(index));
    sums.push(machine.tables.of(TALLIES).get('name 3')?.sum);
  }
  return sums;
}

interface Meanwhile {
  /** Before everything is decided again, and when it was, beside ours. */
  readonly deciding?: () => void;
  readonly decided?: () => Promise<unknown>;
  /** When nothing is applied, and before anything takes the place of ours. */
  readonly paused?: () => void;
  readonly clock?: Clock;
}

/** A group that follows n1, as its check of roots sees it. */
function checking(
  { log, group, clock: its }: Hosted,
  { deciding, decided, paused = () => undefined, clock = its }: Meanwhile = {},
) {
  const { machine, snapshots } = group;
  const [said, errors, pages]: [string[], unknown[], number[]] = [[], [], []];
  /** From which entries everything was decided again. */
  const froms: number[] = [];
  const rebuilding = new Rebuilding({
    log,
    group: MAIN,
    restoring: snapshots.restoring,
    machine,
    fresh: () => new Machine({ projections: PROJECTIONS }),
    storePage: ({ page }) => pages.push(page),
    breathe,
  });
  const say = ({ verdict }: { readonly verdict: string }, words: string): void => {
    said.push(`${verdict}: ${words}`);
  };
  const checks = new RootChecking({
    machine,
    clock,
    breathe,
    engine: () => ({
      status: () => ({ ...group.status(), role: 'follower', leader_id: 'n1' }),
      whilePaused: (work) => {
        paused();
        return work();
      },
    }),
    rebuilding: {
      decidedAgain: async (stretch, rest) => {
        froms.push(stretch.from);
        deciding?.();
        const again = await rebuilding.decidedAgain(stretch, rest);
        await decided?.();
        return again;
      },
      replace: (again) => rebuilding.replace(again),
    },
    restoring: snapshots.restoring,
    snapshots,
    comparing: { agreedRoot: 0, say },
    onError: (error) => errors.push(error),
  });
  /** The leader's root of an entry is applied; it is held against ours, to the end. */
  const hears = async (at_index: number, { digest, roots }: SnapshotRoots): Promise<void> => {
    const data = { at_index, digest, roots, rules: RULES_VERSION };
    const { position } = machine;
    const entry = { ...position, index: position.index + 1, type: 'state_root', data };
    checks.note({ entry, outcome: { kind: 'applied', facts: [] } });
    await checks.settled();
  };
  return { said, errors, pages, froms, hears };
}

/** A group with a snapshot of right tables, in which a row then went wrong. */
async function wronged(entries?: number, since = 5) {
  const retention: Retention =
    entries === undefined ? { kind: 'all' } : { kind: 'entries', entries };
  const life = await hosted(await memoryDisk(), { retention });
  await addOnes(life, 20);
  const sound = await life.group.snapshots.take();
  await addOnes(life, since);
  const at = life.group.machine.position.index;
  const agreed = rootsOf(life.group.machine);
  flip(life, 'name 3');
  return { life, sound, at, agreed };
}

describe('a row that is wrong in memory, where the log says otherwise', () => {
  test('is made anew, and a snapshot of right tables is there before those of the wrong ones go', async () => {
    const { life, at, agreed } = await wronged();
    const wrong = await life.group.snapshots.take();
    const { hears, said, errors } = checking(life);
    await hears(at, agreed);
    expect(said).toEqual([expect.stringMatching('^wrong: the tables .tally. as of entry')]);
    expect(errors).toEqual([]);
    expect(sumOf(life.group, 'name 3')).toBe(2);
    expect(await sumsOf(life)).toEqual([2, 1]);
    expect(await indicesOf(life)).not.toContain(wrong);
  });

  test('a snapshot that was begun before is of wrong tables, too, whenever it ends', async () => {
    const { life, at, agreed } = await wronged();
    let begun: Promise<number> | undefined;
    const { hears, said } = checking(life, {
      paused: () => {
        begun = life.group.snapshots.take();
      },
    });
    await hears(at, agreed);
    expect(said).toHaveLength(1);
    // Whoever asked for it is given one of the right ones.
    expect(await indicesOf(life)).toContain(await begun);
    expect(await sumsOf(life)).toEqual([2, 1]);
  });

  test('where the log was trimmed meanwhile, everything stays as it is: a start needs what is there', async () => {
    const { life, at, agreed } = await wronged(3);
    const { hears, said, errors } = checking(life, {
      decided: async () => {
        await addOnes(life, 20);
        await life.group.snapshots.take();
      },
    });
    await hears(at, agreed);
    expect(life.log.floor(MAIN).index).toBeGreaterThan(at);
    const [newest] = await indicesOf(life);
    expect(newest).toBeGreaterThanOrEqual(life.log.floor(MAIN).index);
    expect([...said, ...errors.map(String)]).toEqual([expect.stringMatching('trimmed')]);
    await life.end();
    const again = await hosted(life.disk, { clock: life.clock });
    expect(again.loopErrors).toEqual([]);
  });

  test('where the log was trimmed above the right snapshot, a start has the one that is taken now', async () => {
    const { life, sound, at, agreed } = await wronged(3);
    const { hears, said } = checking(life, {
      decided: () => life.group.snapshots.take(),
    });
    await hears(at, agreed);
    expect(said).toEqual([expect.stringMatching('^wrong')]);
    expect(life.log.floor(MAIN).index).toBeGreaterThan(sound);
    await life.end();
    const again = await hosted(life.disk, { clock: life.clock });
    expect(sumOf(again.group, 'name 3')).toBe(2);
  });

  test('a snapshot of the leader that came meanwhile stays, and nothing takes the place of what it brought', async () => {
    const { life, sound, at, agreed } = await wronged();
    let came: number | undefined;
    const { hears, said, errors } = checking(life, {
      decided: async () => {
        const machine = new Machine({ projections: PROJECTIONS });
        const content = Readable.from(encodeSnapshot(cutSnapshot(life.group.machine), IDENTITY));
        await restoreSnapshot(machine, content);
        life.group.machine.adopt(machine);
        flip(life, 'name 3', 2);
        came = await life.group.snapshots.take();
      },
    });
    const { tables } = life.group.machine;
    await hears(at, agreed);
    expect(life.group.machine.tables).not.toBe(tables);
    expect([...said, ...errors]).toEqual([]);
    expect(await indicesOf(life)).toEqual([came, sound]);
  });
});

describe('what is decided again', () => {
  test('begins with the newest snapshot, as after a start nobody knows what was agreed upon; nothing is recorded', async () => {
    const { life, sound, at, agreed } = await wronged(3, 300);
    expect(life.log.floor(MAIN).index).toBeGreaterThan(0);
    const { hears, said, froms, pages } = checking(life);
    await hears(at, agreed);
    expect(said).toEqual([expect.stringMatching('^wrong')]);
    expect(froms).toEqual([sound]);
    expect(pages).toEqual([]);
    expect(sumOf(life.group, 'name 3')).toBe(2);
  });

  test('begins with an older one where that is of wrong tables, too', async () => {
    const { life, sound } = await wronged();
    const wrong = await life.group.snapshots.take();
    await addOnes(life, 5);
    const at = life.group.machine.position.index;
    const { hears, said, froms } = checking(life);
    await hears(at, rootsOf(await replayedTo(life, at)));
    expect(said).toEqual([expect.stringMatching('^wrong')]);
    expect(froms).toEqual([wrong, sound]);
    expect(await sumsOf(life)).toEqual([3, 1]);
  });

  test('is tried three times: the whole of a long log is not', async () => {
    const life = await hosted(await memoryDisk(), { historyBytes: 1024 * 1024 });
    for (let taken = 0; taken < 5; taken++) {
      await addOnes(life, 3);
      await life.group.snapshots.take();
    }
    const at = life.group.machine.position.index;
    const { digest, roots } = rootsOf(life.group.machine);
    const { hears, said, froms } = checking(life);
    await hears(at, { digest, roots: { ...roots, tally: 'what a wrong leader said' } });
    expect(froms).toEqual((await indicesOf(life)).slice(0, 3));
    expect(said).toEqual([expect.stringMatching('^unknown.*the log leads to the same here')]);
  });

  test('does not take the place of ours where it is not what was agreed either', async () => {
    const { life, at, agreed } = await wronged();
    const { hears, said } = checking(life);
    const roots = { ...agreed.roots, tally: 'what a wrong leader said' };
    await hears(at, { ...agreed, roots });
    expect(said).toEqual([expect.stringMatching('^unknown.*the log leads to others again')]);
    expect(sumOf(life.group, 'name 3')).toBe(4_097);
    // It is said once, and judged again when they have agreed.
    await hears(at, { ...agreed, roots });
    expect(said).toHaveLength(1);
  });

  test('does not take the place of ours where outcomes differ, which have to be recorded anew', async () => {
    const { life, at, agreed } = await wronged();
    await asked(life.group, { type: 'add_each', data: { names: ['name 3'] } });
    const { hears, said } = checking(life);
    await hears(at, agreed);
    expect(said).toEqual([expect.stringMatching('^unknown.*outcomes differ, too')]);
    expect(sumOf(life.group, 'name 3')).toBe(4_098);
  });

  test('is nothing where no snapshot is left that the log goes on from', async () => {
    const { life, at, agreed } = await wronged(3);
    for (const { path } of await life.log.snapshots(MAIN).list()) await rm(path);
    const { hears, said, froms } = checking(life);
    await hears(at, agreed);
    expect(froms).toEqual([]);
    expect(said).toEqual([expect.stringMatching('^unknown.*trimmed too far to tell')]);
  });

  test('passes over a snapshot that the disk has damaged', async () => {
    const { life, sound, at, agreed } = await wronged();
    const [newest] = await life.log.snapshots(MAIN).list();
    const bytes = await readFile(newest!.path);
    bytes[bytes.length - 50]! ^= 1;
    await writeFile(newest!.path, bytes);
    const { hears, said, froms } = checking(life);
    await hears(at, agreed);
    expect(froms).toEqual([sound, 0]);
    expect(said).toEqual([expect.stringMatching('^wrong')]);
    expect(life.loopErrors.map(String)).toEqual([expect.stringMatching('is damaged')]);
  });

  test('leaves most of the time to others: it rests after every chunk', async () => {
    const life = await hosted(await memoryDisk());
    await addOnes(life, 10);
    for (let large = 0; large < 5; large++) await asked(life.group, add('x'.repeat(50_000)));
    const at = life.group.machine.position.index;
    const agreed = rootsOf(life.group.machine);
    flip(life, 'name 3');
    let [time, rests, before, after] = [0, 0, 0, 0];
    // Whatever is worked takes a millisecond.
    const clock: Clock = {
      now: () => 0,
      monotonic: () => (time += 1),
      after: (_delay, run) => {
        rests += 1;
        setImmediate(run);
        return () => undefined;
      },
    };
    const { hears, said } = checking(life, {
      clock,
      deciding: () => {
        before = rests;
      },
      decided: () => Promise.resolve((after = rests)),
    });
    await hears(at, agreed);
    expect(said).toEqual([expect.stringMatching('^wrong')]);
    expect(after - before).toBeGreaterThan(3);
  });
});
