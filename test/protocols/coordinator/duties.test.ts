import { expect, test } from 'vitest';
import { Machine } from '../../../src/projections/machine.ts';
import { LOCKS } from '../../../src/projections/locks/lock-table.ts';
import {
  type Due,
  DUTIES_MAX,
  type Duty,
  NOTHING_DUE,
} from '../../../src/projections/projection.ts';
import { MAIN_PROJECTIONS } from '../../../src/projections/registry.ts';
import { Duties } from '../../../src/protocols/coordinator/duties.ts';
import { turns, VirtualClock } from '../virtual-clock.ts';

const DUTY: Duty = { type: 'tidy', data: {} };

/** Duties over a `due` that the test writes down; what is proposed is answered when the test says so. */
class Watched {
  readonly clock = new VirtualClock();
  readonly asked: number[] = [];
  readonly proposed: { readonly duty: Duty; readonly at: number }[] = [];
  readonly told: unknown[] = [];
  leader = true;
  due: (now: number) => Due = () => NOTHING_DUE;
  answer: () => Promise<boolean> = () => Promise.resolve(true);
  readonly duties = new Duties({
    clock: this.clock,
    now: () => this.clock.now(),
    isLeader: () => this.leader,
    due: (now) => {
      this.asked.push(now);
      return this.due(now);
    },
    propose: (duty) => {
      this.proposed.push({ duty, at: this.clock.now() });
      return this.answer();
    },
    onError: (error) => this.told.push(error),
  });

  /** One duty, due at `at`, done once it was proposed. */
  dueOnce(at: number): void {
    this.due = (now) => {
      if (this.proposed.length > 0) return NOTHING_DUE;
      return now >= at ? { duties: [DUTY], next_at: now } : { duties: [], next_at: at };
    };
  }
}

test('a duty is proposed at its time and not before', async () => {
  const seen = new Watched();
  const at = seen.clock.now() + 30_000;
  seen.dueOnce(at);
  seen.duties.poke();
  await seen.clock.advance(29_999);
  expect(seen.proposed).toEqual([]);
  await seen.clock.advance(1);
  expect(seen.proposed).toEqual([{ duty: DUTY, at }]);
});

test('between now and the next deadline nobody looks', async () => {
  const seen = new Watched();
  seen.dueOnce(seen.clock.now() + 3_600_000);
  seen.duties.poke();
  await seen.clock.advance(3_599_000);
  expect(seen.asked).toHaveLength(1);
});

test('with nothing to wait for, no timer waits', async () => {
  const seen = new Watched();
  seen.duties.poke();
  await seen.clock.advance(1_000);
  expect(seen.asked).toHaveLength(1);
  expect(seen.clock.waiting).toBe(0);
});

test('entries that arrive together are looked at together', async () => {
  const seen = new Watched();
  for (let entries = 0; entries < 100; entries++) seen.duties.poke();
  await seen.clock.advance(1_000);
  expect(seen.asked).toHaveLength(1);
});

test('a new entry brings an earlier deadline forward', async () => {
  const seen = new Watched();
  seen.due = (now) => ({ duties: [], next_at: now + 3_600_000 });
  seen.duties.poke();
  await seen.clock.advance(1_000);
  const soon = seen.clock.now() + 500;
  seen.dueOnce(soon);
  seen.duties.poke();
  await seen.clock.advance(500);
  expect(seen.proposed).toEqual([{ duty: DUTY, at: soon }]);
});

test('there are never two rounds at a time', async () => {
  const seen = new Watched();
  let end: (applied: boolean) => void = () => undefined;
  seen.answer = () =>
    new Promise((resolve) => {
      end = resolve;
    });
  seen.due = (now) => ({ duties: [DUTY], next_at: now });
  seen.duties.poke();
  await seen.clock.advance(1_000);
  seen.duties.poke();
  await seen.clock.advance(60_000);
  expect(seen.proposed).toHaveLength(1);
  end(true);
  await turns();
  await seen.clock.advance(10);
  expect(seen.proposed).toHaveLength(2);
});

test('a refused round is tried again a little later', async () => {
  const seen = new Watched();
  const answers = [false, false, true];
  seen.answer = () => Promise.resolve(answers.shift() ?? true);
  seen.due = (now) => (answers.length === 0 ? NOTHING_DUE : { duties: [DUTY], next_at: now });
  seen.duties.poke();
  await seen.clock.advance(10_000);
  expect(seen.proposed).toHaveLength(3);
  const [first, second] = seen.proposed;
  expect(second!.at - first!.at).toBe(200);
});

test('who does not lead proposes nothing, and begins when an entry of its own term arrives', async () => {
  const seen = new Watched();
  seen.leader = false;
  seen.dueOnce(0);
  seen.duties.poke();
  await seen.clock.advance(10_000);
  expect(seen.proposed).toEqual([]);
  seen.leader = true;
  seen.duties.poke();
  await seen.clock.advance(10);
  expect(seen.proposed).toHaveLength(1);
});

test('I11: a rule that throws while it is asked what is due is told, and the others have their turn later', async () => {
  const seen = new Watched();
  const fault = new Error('a broken rule');
  seen.due = () => {
    throw fault;
  };
  seen.duties.poke();
  await seen.clock.advance(10);
  expect(seen.told).toEqual([fault]);
  seen.dueOnce(0);
  await seen.clock.advance(5_000);
  expect(seen.proposed).toHaveLength(1);
});

test('a proposal that throws counts as refused, and is told', async () => {
  const seen = new Watched();
  const fault = new Error('no disk');
  seen.answer = () => (seen.proposed.length === 1 ? Promise.reject(fault) : Promise.resolve(true));
  seen.due = (now) => (seen.proposed.length > 1 ? NOTHING_DUE : { duties: [DUTY], next_at: now });
  seen.duties.poke();
  await seen.clock.advance(10_000);
  expect(seen.told).toEqual([fault]);
  expect(seen.proposed).toHaveLength(2);
});

test('I9: a stop waits for the round in hand, leaves no timer and hears nothing any more', async () => {
  const seen = new Watched();
  let end: (applied: boolean) => void = () => undefined;
  seen.answer = () =>
    new Promise((resolve) => {
      end = resolve;
    });
  seen.due = (now) => ({ duties: [DUTY], next_at: now });
  seen.duties.poke();
  await seen.clock.advance(10);
  let stopped = false;
  const stopping = seen.duties.stop().then(() => {
    stopped = true;
  });
  await turns();
  expect(stopped).toBe(false);
  end(true);
  await stopping;
  seen.duties.poke();
  await seen.clock.advance(60_000);
  expect(seen.proposed).toHaveLength(1);
  expect(seen.clock.waiting).toBe(0);
});

test('I9: a stop while it waits takes the timer away', async () => {
  const seen = new Watched();
  seen.duties.poke();
  await seen.duties.stop();
  await seen.duties.stop();
  expect(seen.clock.waiting).toBe(0);
});

test('I7: a backlog larger than one duty may name is worked off, round by round', async () => {
  const clock = new VirtualClock();
  const machine = new Machine({ projections: MAIN_PROJECTIONS });
  const apply = (type: string, data: Readonly<Record<string, unknown>>): void => {
    const place = { index: machine.position.index + 1, term: 1, at: clock.now() };
    machine.apply({ type, data, ...place });
  };
  const backlog = DUTIES_MAX * 2 + 500;
  for (let name = 0; name < backlog; name++)
    apply('acquire_lock', {
      name: `lock-${name}`,
      owner: 'ann',
      ttl_seconds: 30,
      lock_delay_seconds: 0,
    });
  const sizes: number[] = [];
  const duties = new Duties({
    clock,
    now: () => clock.now(),
    isLeader: () => true,
    due: (now) => machine.due(now),
    propose: ({ type, data }) => {
      sizes.push((data['locks'] as readonly unknown[]).length);
      apply(type, data);
      return Promise.resolve(true);
    },
    onError: (error) => {
      throw error;
    },
  });
  duties.poke();
  await clock.advance(31_000);
  expect(sizes).toEqual([DUTIES_MAX, DUTIES_MAX, 500]);
  expect(machine.tables.of(LOCKS).size).toBe(0);
  expect(duties.status).toEqual({ rounds: 3, proposed: 3 });
  await duties.stop();
});
