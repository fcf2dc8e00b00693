/** A node whose tables are wrong in its memory, and the root of a leader's that says so: what is left on the disk. */
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { NO_MEMBERS } from '../../../src/log/members.ts';
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
import { add, asked, hosted, type Hosted, memoryDisk, PROJECTIONS, sumOf } from './hosted-group.ts';

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
  /** When everything was decided again, beside ours. */
  readonly decided?: () => Promise<unknown>;
  /** When nothing is applied, and before anything takes the place of ours. */
  readonly paused?: () => void;
}

/** A group that follows n1, as its check of roots sees it. */
function checking(
  { log, clock, group }: Hosted,
  { decided, paused = () => undefined }: Meanwhile = {},
) {
  const { machine, snapshots } = group;
  const [said, errors, pages]: [string[], unknown[], number[]] = [[], [], []];
  const rebuilding = new Rebuilding({
    log,
    group: MAIN,
    restoring: snapshots.restoring,
    machine,
    fresh: () => new Machine({ projections: PROJECTIONS }),
    storePage: ({ page }) => pages.push(page),
    breathe,
  });
  const comparing = {
    agreedRoot: 0,
    say: ({ verdict }: { readonly verdict: string }, words: string) =>
      said.push(`${verdict}: ${words}`),
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
      decidedAgain: async (...wanted) => {
        const again = await rebuilding.decidedAgain(...wanted);
        await decided?.();
        return again;
      },
      replace: (again) => rebuilding.replace(again),
    },
    snapshots,
    comparing,
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
  return { checks, comparing, said, errors, pages, hears };
}

/** A group with a snapshot of right tables, in which a row then went wrong. */
async function wronged(entries?: number) {
  const retention: Retention =
    entries === undefined ? { kind: 'all' } : { kind: 'entries', entries };
  const life = await hosted(await memoryDisk(), { retention });
  await addOnes(life, 20);
  const sound = await life.group.snapshots.take();
  await addOnes(life, 5);
  const at = life.group.machine.position.index;
  const agreed = rootsOf(life.group.machine);
  flip(life, 'name 3');
  return { life, sound, at, agreed };
}

describe('a row that is wrong in memory, where the log says otherwise', () => {
  test('is made anew, and a snapshot of right tables is there before those of the wrong ones go', async () => {
    const { life, sound, at, agreed } = await wronged();
    const wrong = await life.group.snapshots.take();
    const { comparing, hears, said, errors } = checking(life);
    comparing.agreedRoot = sound;
    await hears(at, agreed);
    expect(said).toEqual([expect.stringMatching('^wrong: the tables .tally. as of entry')]);
    expect(errors).toEqual([]);
    expect(sumOf(life.group, 'name 3')).toBe(2);
    expect(await sumsOf(life)).toEqual([2, 1]);
    expect(await indicesOf(life)).not.toContain(wrong);
  });

  test('a snapshot that was begun before is of wrong tables, too, whenever it ends', async () => {
    const { life, sound, at, agreed } = await wronged();
    let begun: Promise<number> | undefined;
    const { comparing, hears, said } = checking(life, {
      paused: () => {
        begun = life.group.snapshots.take();
      },
    });
    comparing.agreedRoot = sound;
    await hears(at, agreed);
    expect(said).toHaveLength(1);
    // Whoever asked for it is given one of the right ones.
    expect(await indicesOf(life)).toContain(await begun);
    expect(await sumsOf(life)).toEqual([2, 1]);
  });

  test('where the log was trimmed meanwhile, everything stays as it is: a start needs what is there', async () => {
    const { life, sound, at, agreed } = await wronged(3);
    const { comparing, hears, said, errors } = checking(life, {
      decided: async () => {
        await addOnes(life, 20);
        await life.group.snapshots.take();
      },
    });
    comparing.agreedRoot = sound;
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
    const { comparing, hears, said } = checking(life, {
      decided: () => life.group.snapshots.take(),
    });
    comparing.agreedRoot = sound;
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
    const { comparing, hears, said, errors } = checking(life, {
      decided: async () => {
        const machine = new Machine({ projections: PROJECTIONS });
        const content = Readable.from(encodeSnapshot(cutSnapshot(life.group.machine), IDENTITY));
        await restoreSnapshot(machine, content);
        life.group.machine.adopt(machine);
        flip(life, 'name 3', 2);
        came = await life.group.snapshots.take();
      },
    });
    comparing.agreedRoot = sound;
    const { tables } = life.group.machine;
    await hears(at, agreed);
    expect(life.group.machine.tables).not.toBe(tables);
    expect([...said, ...errors]).toEqual([]);
    expect(await indicesOf(life)).toEqual([came, sound]);
  });
});
