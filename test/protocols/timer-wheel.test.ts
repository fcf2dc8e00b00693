import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Milliseconds } from '../../src/log/time.ts';
import { TimerWheel } from '../../src/protocols/timer-wheel.ts';
import { realClock } from '../../src/real-clock.ts';
import { VirtualClock } from './virtual-clock.ts';

const TICK_MS = 10;
/** Sums of fractions may be a little off. */
const ROUNDING = 1e-6;
const DAY_MS = 86_400_000;

function wheel(clock = new VirtualClock()) {
  const heard: string[] = [];
  return { clock, heard, wheel: new TimerWheel(clock) };
}

/** The system's timers may come a moment before their time. */
class HastyClock extends VirtualClock {
  override after(delay: Milliseconds, run: () => void): () => void {
    return super.after(delay * 0.99, run);
  }
}

/** Counts how often it woke somebody. */
class CountingClock extends VirtualClock {
  woke = 0;

  override after(delay: Milliseconds, run: () => void): () => void {
    return super.after(delay, () => {
      this.woke += 1;
      run();
    });
  }
}

test('those who are due within ten milliseconds are woken at once, in the order they asked, by one timer', async () => {
  const { clock, heard, wheel: kept } = wheel();
  kept.after(9, () => heard.push('a'));
  kept.after(3, () => heard.push('b'));
  kept.after(11, () => heard.push('c'));
  expect(clock.waiting).toBe(1);
  await clock.advance(9);
  expect(heard).toEqual([]);
  await clock.advance(1);
  expect(heard).toEqual(['a', 'b']);
  await clock.advance(10);
  expect(heard).toEqual(['a', 'b', 'c']);
  expect(clock.waiting).toBe(0);
});

test('who is due earlier than the others is not kept waiting by them', async () => {
  const { clock, heard, wheel: kept } = wheel();
  kept.after(5_000, () => heard.push('late'));
  kept.after(20, () => heard.push('early'));
  await clock.advance(20);
  expect(heard).toEqual(['early']);
  await clock.advance(4_980);
  expect(heard).toEqual(['early', 'late']);
});

test('I9: when nobody waits any more, there is no timer', async () => {
  const { clock, heard, wheel: kept } = wheel();
  const cancels = [10, 700, 70_000, 2 * DAY_MS].map((delay) =>
    kept.after(delay, () => heard.push('woken')),
  );
  expect([kept.waiting, clock.waiting]).toEqual([4, 1]);
  // Calling off twice is harmless.
  for (const cancel of [...cancels, ...cancels]) cancel();
  expect([kept.waiting, clock.waiting]).toEqual([0, 0]);
  await clock.advance(3 * DAY_MS);
  expect(heard).toEqual([]);
});

test('nobody is woken for what was called off', async () => {
  const clock = new CountingClock();
  const kept = new TimerWheel(clock);
  let isOver = false;
  kept.after(10_000, () => {
    isOver = true;
  });
  // As a follower does whose leader is heard from: what it waits for is put off each time.
  let putOff = kept.after(150, () => undefined);
  for (let beat = 0; beat < 100; beat += 1) {
    await clock.advance(50);
    putOff();
    putOff = kept.after(150, () => undefined);
  }
  putOff();
  expect(clock.woke).toBeLessThanOrEqual(2);
  await clock.advance(5_000);
  expect([isOver, kept.waiting, clock.waiting]).toEqual([true, 0, 0]);
});

test('a task may call off what is due with it, and arm what is due next', async () => {
  const { clock, heard, wheel: kept } = wheel();
  kept.after(10, () => {
    cancel();
    kept.after(0, () => heard.push('next'));
    heard.push('first');
  });
  const cancel = kept.after(10, () => heard.push('called off'));
  await clock.advance(10);
  expect(heard).toEqual(['first']);
  await clock.advance(10);
  expect(heard).toEqual(['first', 'next']);
});

test('a timer that comes before its time wakes nobody too early', async () => {
  const { clock, wheel: kept } = wheel(new HastyClock());
  const woken: Milliseconds[] = [];
  for (const delay of [15, 300, 70_000]) kept.after(delay, () => woken.push(clock.monotonic()));
  await clock.advance(80_000);
  expect(woken.map(Math.round)).toEqual([20, 300, 70_000]);
});

test('a real process has one timer, however many wait', () => {
  const timers = (): number =>
    process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
  const before = timers();
  const cancels = [10, 20, 3_000, 60_000, DAY_MS].flatMap((delay) =>
    Array.from({ length: 40 }, () => realClock.after(delay, () => undefined)),
  );
  expect(timers()).toBe(before + 1);
  for (const cancel of cancels) cancel();
  expect(timers()).toBe(before);
});

describe('whatever is armed and called off, and whenever', () => {
  const delay = fc.oneof(
    fc.nat(40),
    fc.nat(6_000),
    fc.double({ min: 0, max: 2_000, noNaN: true }),
    fc.nat(2_000_000),
    fc.nat(3 * DAY_MS),
  );
  const step = fc.record({
    delay,
    pause: fc.oneof(fc.nat(30), fc.nat(700_000)),
    isKept: fc.boolean(),
  });

  /** A hundred-thousandth of a millisecond before a tick: it is that tick already, or not yet. */
  const besideATick = [
    { delay: 1_999.99998, pause: 1_000, isKept: false },
    { delay: 0, pause: 0, isKept: true },
  ];

  test('each is woken once, at the first tick after its time, and what is called off never', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const { clock, wheel: kept } = wheel();
        const tasks: { readonly expected: readonly number[]; readonly woken: number[] }[] = [];
        for (const { delay: wanted, pause, isKept } of steps) {
          const expected = isKept ? ticksOf(clock.monotonic(), wanted) : [];
          const woken: number[] = [];
          tasks.push({ expected, woken });
          const cancel = kept.after(wanted, () =>
            woken.push(Math.round(clock.monotonic() / TICK_MS)),
          );
          expect(clock.waiting).toBe(1);
          await clock.advance(Math.min(pause, isKept ? pause : wanted / 2));
          if (!isKept) cancel();
          expect(clock.waiting).toBeLessThanOrEqual(1);
        }
        await clock.advance(4 * DAY_MS);
        for (const { expected, woken } of tasks) {
          expect(woken).toHaveLength(Math.min(expected.length, 1));
          for (const tick of woken) expect(expected).toContain(tick);
        }
        expect([kept.waiting, clock.waiting]).toEqual([0, 0]);
      }),
      { numRuns: 100, examples: [[besideATick]] },
    );
  });

  /** The tick it is to be woken at; where now is within a rounding of a tick, counted with that tick and without. */
  function ticksOf(now: Milliseconds, wanted: Milliseconds): number[] {
    const due = Math.ceil((now + wanted) / TICK_MS - ROUNDING);
    return [now / TICK_MS, now / TICK_MS + ROUNDING].map((tick) =>
      Math.max(due, Math.floor(tick) + 1),
    );
  }
});
