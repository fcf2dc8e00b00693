import { describe, expect, test } from 'vitest';
import {
  decodeOutcomePage,
  encodeOutcomePage,
  PAGE_ENTRIES,
} from '../../../src/log/outcome-page.ts';
import { packr } from '../../../src/log/command.ts';
import { LOCKS } from '../../../src/projections/locks/lock-table.ts';
import { UpgradeRequired } from '../../../src/projections/machine.ts';
import { KEY_WINDOW_MS } from '../../../src/projections/sessions.ts';
import { claimable } from '../../../src/projections/work-queue/claiming.ts';
import { CLAIM_FILTER } from '../../../src/projections/work-queue/work-item.ts';
import { WORK } from '../../../src/projections/work-queue/work-table.ts';
import type { Group } from '../../../src/protocols/coordinator/group.ts';
import { OutcomeDivergence } from '../../../src/protocols/coordinator/replayed-pages.ts';
import { until } from '../../end-to-end/condition.ts';
import { MAIN, openedLog } from '../../log/fixtures.ts';
import { stateOf } from '../../projections/timeline.ts';
import { turns } from '../virtual-clock.ts';
import {
  add,
  addMany,
  asked,
  type Disk,
  hosted,
  type Hosted,
  memoryDisk,
  replayedTo,
  sumOf,
  untilIn,
} from './hosted-group.ts';

const RAISE = { type: 'raise_rules_version', data: { version: 2 } };
const KEYED = { once: { key: 'k', print: 'p' }, actor: 'ann' };

/** A log of a few hundred entries, its group stopped. */
async function written(): Promise<Disk> {
  const life = await hosted(await memoryDisk());
  await addMany(life.group, PAGE_ENTRIES + 50);
  await life.end();
  return life.disk;
}

/** Rewrites the first recorded page of outcomes. */
async function rewritten(disk: Disk, change: (outcomes: Buffer[]) => Buffer): Promise<void> {
  const log = await openedLog(disk.directory, { store: disk.store });
  const read = decodeOutcomePage((await log.outcomePage(MAIN, 0))!);
  if (read.kind === 'damaged') throw new Error(read.reason);
  log.putOutcomePage(MAIN, 0, change(read.outcomes.map((outcome) => Buffer.from(outcome))));
  await log.flush();
  await log.close();
}

describe('proposing', () => {
  test('a command is answered with its place and with what it led to, once that can be read', async () => {
    const { group } = await hosted(await memoryDisk());
    const answer = await asked(group, add('a', { by: 3 }));
    expect(answer).toEqual({
      kind: 'answered',
      index: group.machine.position.index,
      term: 1,
      outcome: { kind: 'applied', facts: [{ type: 'tallied', name: 'a', by: 3 }] },
      replayed: false,
    });
    expect(sumOf(group, 'a')).toBe(3);
    expect(await group.read()).toEqual({ kind: 'at', index: group.machine.position.index });
  });

  test('what a rule refuses is an answer, with its place in the log', async () => {
    const { group } = await hosted(await memoryDisk());
    await asked(group, { type: 'acquire_lock', data: { name: 'door', owner: 'ann' } });
    const answer = await asked(group, {
      type: 'acquire_lock',
      data: { name: 'door', owner: 'bob' },
    });
    expect(answer).toMatchObject({
      kind: 'answered',
      index: 3,
      outcome: { kind: 'refused', code: 'already-claimed' },
    });
  });

  test('what the engine refuses is passed on, and nothing is applied', async () => {
    const { group } = await hosted(await memoryDisk());
    const before = stateOf(group.machine);
    const answer = await asked(group, add('x'.repeat(2_000_000)));
    expect(answer).toEqual({ kind: 'refused', code: 'too-large' });
    expect(stateOf(group.machine)).toEqual(before);
  });

  test('answers reach their callers though many ask at once', async () => {
    const { group } = await hosted(await memoryDisk());
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, by) => asked(group, add('a', { by }))),
    );
    for (const [by, answer] of answers.entries())
      expect(answer).toMatchObject({ outcome: { facts: [{ by }] } });
  });

  test('a write that failed is answered with unknown', async () => {
    const { group, gate } = await hosted(await memoryDisk());
    gate.fail(new Error('EIO'));
    expect(await asked(group, add('a'))).toEqual({ kind: 'unknown' });
    expect(sumOf(group, 'a')).toBeUndefined();
  });

  test('I11: a rule that throws is answered as a fault of the rule, and the group goes on', async () => {
    const { group, faults } = await hosted(await memoryDisk());
    await asked(group, add('a'));
    const answer = await asked(group, { type: 'add_then_throw', data: { name: 'a', by: 1_000 } });
    expect(answer).toMatchObject({ outcome: { kind: 'refused', code: 'rule-fault' } });
    expect(sumOf(group, 'a')).toBe(1);
    await asked(group, add('a'));
    expect(sumOf(group, 'a')).toBe(2);
    expect(faults).toEqual([]);
    expect(group.machine.position.faults).toBe(1);
  });

  test('trap 25: a command of an unknown type is skipped and counted, and the group goes on', async () => {
    const { group, faults } = await hosted(await memoryDisk());
    const answer = await group.propose({ type: 'of_the_future', data: {} }, 'data');
    expect(answer).toMatchObject({ outcome: { kind: 'skipped', type: 'of_the_future' } });
    expect(group.machine.position.skipped).toBe(1);
    expect(await asked(group, add('a'))).toMatchObject({ kind: 'answered' });
    expect(faults).toEqual([]);
  });
});

describe('retries', () => {
  test('I4: a command retried with its key is applied once and answered twice', async () => {
    const { group } = await hosted(await memoryDisk());
    const first = await asked(group, add('a', KEYED));
    await asked(group, add('a'));
    const second = await asked(group, add('a', KEYED));
    expect(first).toMatchObject({ kind: 'answered', replayed: false });
    expect(second).toEqual({ ...first, replayed: true });
    expect(sumOf(group, 'a')).toBe(2);
  });

  test('I4: a retry overtakes nothing: while the first attempt is under way it is told to wait', async () => {
    const { group, gate } = await hosted(await memoryDisk());
    gate.hold();
    const first = asked(group, add('a', KEYED));
    expect(await asked(group, add('a', KEYED))).toEqual({
      kind: 'refused',
      code: 'idempotency-in-flight',
    });
    const other = asked(group, add('a', { ...KEYED, actor: 'bob' }));
    gate.release();
    expect(await first).toMatchObject({ kind: 'answered', replayed: false });
    expect(await other).toMatchObject({ kind: 'answered', replayed: false });
    expect(await asked(group, add('a', KEYED))).toMatchObject({ replayed: true });
    expect(sumOf(group, 'a')).toBe(2);
  });

  test('I4: a key is free again when its first attempt was refused before it was appended', async () => {
    const { group } = await hosted(await memoryDisk());
    const large = add('x'.repeat(2_000_000), KEYED);
    expect(await asked(group, large)).toEqual({ kind: 'refused', code: 'too-large' });
    expect(await asked(group, large)).toEqual({ kind: 'refused', code: 'too-large' });
  });

  test('I4: a retry after a restart is answered from the recorded outcomes, however long ago it was', async () => {
    const life = await hosted(await memoryDisk());
    const first = await asked(life.group, add('a', KEYED));
    await addMany(life.group, PAGE_ENTRIES * 3);
    await life.group.snapshots.take();
    await life.end();
    const { group } = await hosted(life.disk, { clock: life.clock });
    expect(group.machine.outcomeBytes(2), 'memory does not have it').toBeUndefined();
    const second = await asked(group, add('a', KEYED));
    expect(second).toMatchObject({ kind: 'answered', index: 2, replayed: true });
    expect(second).toMatchObject({ outcome: (first as { outcome: object }).outcome });
    expect(sumOf(group, 'a')).toBe(1);
  });

  test('I4: a key with another request is refused, and so is one whose window is over, without an entry', async () => {
    const { group, clock } = await hosted(await memoryDisk());
    await asked(group, add('a', KEYED));
    const { index } = group.machine.position;
    const other = { ...KEYED, once: { key: 'k', print: 'another' } };
    expect(await asked(group, add('a', other))).toMatchObject({
      outcome: { code: 'idempotency-mismatch' },
    });
    await clock.advance(KEY_WINDOW_MS + 1);
    expect(await asked(group, add('a', KEYED))).toMatchObject({
      outcome: { code: 'idempotency-expired' },
    });
    expect(group.machine.position.index).toBe(index);
  });
});

describe('news', () => {
  test('listeners hear of every applied entry in order, until they leave', async () => {
    const { group } = await hosted(await memoryDisk());
    const heard: number[] = [];
    const leave = group.onApplied(({ entry }) => heard.push(entry.index));
    await addMany(group, 20);
    expect(heard).toEqual(Array.from({ length: 20 }, (_, place) => place + 2));
    leave();
    await addMany(group, 5);
    expect(heard).toHaveLength(20);
  });

  test('whoever is answered after a listener heard finds the same outcome', async () => {
    const { group } = await hosted(await memoryDisk());
    const heard: unknown[] = [];
    group.onApplied(({ outcome }) => heard.push(outcome));
    const answer = await asked(group, add('a'));
    expect(heard).toEqual([(answer as { outcome: unknown }).outcome]);
  });
});

describe('starting again', () => {
  test('I3: a group that replays its log stands where it stood', async () => {
    const life = await hosted(await memoryDisk());
    await addMany(life.group, PAGE_ENTRIES + 50);
    const before = stateOf(life.group.machine);
    const { index } = life.group.machine.position;
    await life.end();
    const again = await hosted(life.disk, { clock: life.clock });
    expect(stateOf(await replayedTo(again, index))).toEqual(before);
    expect(again.group.machine.position).toMatchObject({ index: index + 1, term: 2 });
  });

  test('outcomes that differ from what this build decides refuse the start', async () => {
    const disk = await written();
    await rewritten(disk, (outcomes) => {
      outcomes[100] = packr.pack({ kind: 'skipped', type: 'add' });
      return encodeOutcomePage({ page: 0, outcomes, previousDigest: Buffer.alloc(32) });
    });
    await expect(hosted(disk)).rejects.toThrow(OutcomeDivergence);
    await expect(hosted(disk)).rejects.toThrow('entries 1–256');
  });

  test('a page of outcomes that the disk spoilt is derived again', async () => {
    const disk = await written();
    const intact = await hosted(disk);
    const page = (await intact.log.outcomePage(MAIN, 0))!;
    await intact.end();
    await rewritten(disk, () => Buffer.from(page).fill(7, 90, 120));
    const { log } = await hosted(disk);
    await log.flush();
    expect((await log.outcomePage(MAIN, 0))!.equals(page)).toBe(true);
  });

  test('a clean end records the page that is being filled', async () => {
    const life = await hosted(await memoryDisk());
    await addMany(life.group, 10);
    await life.end();
    const log = await openedLog(life.disk.directory, { store: life.disk.store });
    const read = decodeOutcomePage((await log.outcomePage(MAIN, 0))!);
    expect(read).toMatchObject({ kind: 'page', page: 0 });
    expect(read.kind === 'page' && read.outcomes).toHaveLength(11);
  });
});

describe('rules newer than the build', () => {
  async function raised(): Promise<Hosted> {
    const life = await hosted(await memoryDisk());
    expect(await life.group.propose(RAISE, 'control')).toMatchObject({ kind: 'answered' });
    return life;
  }

  test('apply stops, the node is told once, and callers are told that they cannot know', async () => {
    const { group, faults } = await raised();
    const before = stateOf(group.machine);
    expect(await asked(group, add('a'))).toEqual({ kind: 'unknown' });
    expect(await asked(group, add('a'))).toEqual({ kind: 'unknown' });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toBeInstanceOf(UpgradeRequired);
    expect(group.fault).toBe(faults[0]);
    expect(stateOf(group.machine)).toEqual(before);
  });

  test('the next start of this build is refused, and says what to do', async () => {
    const { group, disk, end } = await raised();
    await asked(group, add('a'));
    await end();
    await expect(hosted(disk)).rejects.toThrow(UpgradeRequired);
    await expect(hosted(disk)).rejects.toThrow('upgrade this node');
  });
});

describe('stopping', () => {
  test('I9: a stopped group leaves no timer, refuses what is new, and may be stopped again', async () => {
    const { group, clock } = await hosted(await memoryDisk());
    await asked(group, { type: 'acquire_lock', data: { name: 'door', owner: 'ann' } });
    await turns();
    expect(clock.waiting).toBeGreaterThan(0);
    await group.stop();
    await group.stop();
    expect(clock.waiting).toBe(0);
    expect(await asked(group, add('a'))).toEqual({ kind: 'refused', code: 'shutting-down' });
    expect(group.isLeader).toBe(false);
    expect(group.loops().map(({ status }) => status)).toEqual(['stopped', 'stopped']);
  });

  test('what was under way when the group is stopped is answered', async () => {
    const { group, gate } = await hosted(await memoryDisk());
    gate.hold();
    const underWay = asked(group, add('a'));
    await until('the write waits', () => gate.waiting === 1);
    const stopping = group.stop();
    gate.release();
    await stopping;
    expect(await underWay).toMatchObject({ kind: 'answered' });
  });
});

describe('I7: nothing stuck', () => {
  const LEASES = [1, 5, 30, 60, 300];

  function lock(group: Group, ttl_seconds: number): Promise<unknown> {
    const data = { name: `lock-${ttl_seconds}`, owner: 'ann', ttl_seconds };
    return asked(group, { type: 'acquire_lock', data });
  }

  async function claim(group: Group, lease_seconds: number): Promise<void> {
    const work_id = `work-${lease_seconds}`;
    await asked(group, { type: 'add_work', data: { work_id, queue: work_id } });
    await asked(group, { type: 'claim_work', data: { node_id: 'n1', work_id, lease_seconds } });
  }

  function free(group: Group, seconds: number): boolean {
    const { machine } = group;
    const filter = CLAIM_FILTER.parse({ queues: [`work-${seconds}`] });
    return (
      !machine.tables.of(LOCKS).has(`lock-${seconds}`) &&
      machine.tables.of(WORK).get(`work-${seconds}`)?.status === 'pending' &&
      claimable(machine.tables, machine.momentAt(group.now()), 'n2', filter)
    );
  }

  async function granted(life: Hosted): Promise<void> {
    for (const seconds of LEASES) {
      await lock(life.group, seconds);
      await claim(life.group, seconds);
    }
  }

  test('every lock and every claim past its lease is offered again, in the order of the leases', async () => {
    const life = await hosted(await memoryDisk());
    await granted(life);
    const freed: number[] = [];
    const begun = life.group.now();
    for (const seconds of LEASES) {
      const look = (): boolean => free(life.group, seconds);
      await untilIn(life.clock, 500, { what: `the lease of ${seconds} s is over`, look });
      const passed = life.group.now() - begun;
      expect(passed).toBeGreaterThanOrEqual(seconds * 1000);
      freed.push(...LEASES.filter((other) => other > seconds && free(life.group, other)));
    }
    expect(freed, 'nothing was free before its time').toEqual([]);
  });

  test('also when the node was down while the leases ran out', async () => {
    const before = await hosted(await memoryDisk());
    await granted(before);
    await before.end();
    await before.clock.advance(3_600_000);
    const { group, clock } = await hosted(before.disk, { clock: before.clock });
    const look = (): boolean => LEASES.every((seconds) => free(group, seconds));
    await untilIn(clock, 500, { what: 'everything is free', look });
  });

  test('also when the wall clock was set back meanwhile', async () => {
    const life = await hosted(await memoryDisk());
    await granted(life);
    life.clock.jump(-7_200_000);
    const begun = life.clock.monotonic();
    const look = (): boolean => LEASES.every((seconds) => free(life.group, seconds));
    await untilIn(life.clock, 5_000, { what: 'everything is free', look });
    expect(life.clock.monotonic() - begun).toBeLessThan(400_000);
  });

  test('also when the disk stood still meanwhile', async () => {
    const life = await hosted(await memoryDisk());
    await granted(life);
    life.gate.hold();
    await life.clock.advance(400_000);
    life.gate.release();
    const look = (): boolean => LEASES.every((seconds) => free(life.group, seconds));
    await untilIn(life.clock, 50, { what: 'everything is free', look });
  });
});
