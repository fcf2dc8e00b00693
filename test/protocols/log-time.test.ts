import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { LogTime } from '../../src/protocols/log-time.ts';
import { VirtualClock } from './virtual-clock.ts';

test('log time is the wall clock, as long as that goes steadily', async () => {
  const clock = new VirtualClock();
  const time = new LogTime(clock);
  for (const pause of [0, 1, 250, 3_600_000]) {
    await clock.advance(pause);
    expect(time.now()).toBe(clock.now());
  }
});

test('it goes on from a stamp that is later than the wall clock, and waits for nobody', async () => {
  const clock = new VirtualClock(1_000_000);
  const time = new LogTime(clock);
  time.resume(2_000_000);
  expect(time.now()).toBe(2_000_000);
  await clock.advance(1_000);
  expect(time.now()).toBe(2_000_900);
  time.resume(5);
  expect(time.now()).toBe(2_000_900);
});

test('a stamp that comes after a while nobody asked for the time counts from then on: what passed before is not added to it', async () => {
  const clock = new VirtualClock(1_000_000);
  const time = new LogTime(clock);
  await clock.advance(5_000);
  time.resume(clock.now());
  expect(time.now()).toBe(clock.now());
  await clock.advance(5_000);
  time.resume(clock.now() + 300);
  expect(time.now()).toBe(clock.now() + 300);
});

test('it comes back to the wall clock, and then stays with it', async () => {
  for (const jump of [-60_000, 60_000]) {
    const clock = new VirtualClock();
    const time = new LogTime(clock);
    clock.jump(jump);
    await clock.advance(599_000);
    expect(time.now()).not.toBe(clock.now());
    await clock.advance(1_001);
    expect(time.now()).toBe(clock.now());
    await clock.advance(1_000);
    expect(time.now()).toBe(clock.now());
  }
});

test('whatever the wall clock does, log time keeps within a tenth of the pace of the monotonic clock', async () => {
  const step = fc.record({
    jump: fc.integer({ min: -86_400_000, max: 86_400_000 }),
    pause: fc.integer({ min: 0, max: 100_000 }),
    looks: fc.integer({ min: 1, max: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      const clock = new VirtualClock();
      const time = new LogTime(clock);
      for (const { jump, pause, looks } of steps) {
        clock.jump(jump);
        const before = time.now();
        await clock.advance(pause);
        for (let look = 0; look < looks; look++) time.now();
        const passed = time.now() - before;
        expect(passed).toBeGreaterThanOrEqual(Math.floor(pause * 0.9) - 1);
        expect(passed).toBeLessThanOrEqual(Math.ceil(pause * 1.1) + 1);
      }
    }),
    { numRuns: 50 },
  );
});

test('what a node took for the time while others led does not count: the first stamp of a term is by the clock as it is known now', async () => {
  const clock = new VirtualClock(5_000_000);
  const time = new LogTime(clock);
  // The clock was an hour ahead when the node started, and has been put right since.
  clock.jump(-3_600_000);
  time.resume(1_399_000);
  expect(time.now()).toBeGreaterThan(4_000_000);
  expect(time.stamp(2)).toBe(1_400_000);
  await clock.advance(10_000);
  expect(time.stamp(2)).toBe(1_410_000);
});

test('a new term never goes back behind what is in the log, whoever stamped it', () => {
  const clock = new VirtualClock(1_000_000);
  const time = new LogTime(clock);
  time.resume(2_000_000);
  expect(time.stamp(2)).toBe(2_000_000);
  time.resume(2_000_500);
  expect(time.stamp(4)).toBe(2_000_500);
});
