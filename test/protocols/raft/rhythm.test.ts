import { expect, test } from 'vitest';
import type { Milliseconds } from '../../../src/log/time.ts';
import { Rhythm } from '../../../src/protocols/raft/rhythm.ts';
import { TimerWheel } from '../../../src/protocols/timer-wheel.ts';
import { breathe } from '../../../src/real-clock.ts';
import { turns, VirtualClock } from '../virtual-clock.ts';

function rhythm(tick?: number) {
  const clock = new VirtualClock();
  const heard: string[] = [];
  const onTurned = (): unknown => heard.push('turned');
  const wheel = new TimerWheel(clock);
  const kept = new Rhythm({ clock: wheel, breathe, onTurned, ...(tick && { tick }) });
  return { clock, heard, rhythm: kept };
}

test('all that happened in a turn is taken together, and told at its end', async () => {
  const { heard, rhythm: kept } = rhythm();
  kept.soon(() => heard.push(`a while turning: ${kept.isTurning}`));
  kept.soon(() => heard.push('b'));
  expect(kept.isTurning).toBe(false);
  await turns();
  expect(heard).toEqual(['a while turning: true', 'b', 'turned']);
});

test('what a turn begins belongs to the next one', async () => {
  const { heard, rhythm: kept } = rhythm();
  kept.soon(() => kept.soon(() => heard.push('next')));
  await turns();
  expect(heard).toEqual(['turned', 'next', 'turned']);
});

test('those who are due within ten milliseconds are woken at once, by one timer', async () => {
  const { clock, heard, rhythm: kept } = rhythm();
  kept.after(3, () => heard.push('a'));
  kept.after(9, () => heard.push('b'));
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

test('the grid may be coarser', async () => {
  const coarse = rhythm(40);
  coarse.rhythm.after(3, () => coarse.heard.push('a'));
  coarse.rhythm.after(39, () => coarse.heard.push('b'));
  expect(coarse.clock.waiting).toBe(1);
  await coarse.clock.advance(39);
  expect(coarse.heard).toEqual([]);
  await coarse.clock.advance(1);
  expect(coarse.heard).toEqual(['a', 'b']);
});

/** Its timers come so much later than they should. */
class LateClock extends VirtualClock {
  static readonly LATE_MS = 70;

  override after(delay: Milliseconds, run: () => void): () => void {
    return super.after(delay + LateClock.LATE_MS, run);
  }
}

test('who is woken is told how late, and waiting for the grid is not late', async () => {
  for (const [clock, late] of [
    [new VirtualClock(), 0],
    [new LateClock(), LateClock.LATE_MS],
  ] as const) {
    const wheel = new TimerWheel(clock);
    const kept = new Rhythm({ clock: wheel, breathe, tick: 250, onTurned: () => undefined });
    const told: number[] = [];
    kept.after(3, (ms) => told.push(ms));
    await clock.advance(400);
    expect(told).toEqual([late]);
  }
});

/** As on any machine, a little time goes by from one look at it to the next. */
class PassingClock extends VirtualClock {
  #looks = 0;

  override monotonic(): Milliseconds {
    this.#looks += 1;
    return super.monotonic() + this.#looks / 1_000;
  }
}

test('who is due at a tick is woken at it, though time goes by while that is worked out', async () => {
  const clock = new PassingClock();
  const kept = new Rhythm({ clock: new TimerWheel(clock), breathe, onTurned: () => undefined });
  const told: number[] = [];
  for (const delay of [3, 9, 21]) kept.after(delay, (late) => told.push(Math.round(late)));
  await clock.advance(60);
  expect(told).toEqual([0, 0, 0]);
});

test('what has arrived when the timer comes is heard before anybody is woken, and may call it off', async () => {
  const clock = new VirtualClock();
  const heard: string[] = [];
  const arrive: (() => void)[] = [];
  const breath = (): Promise<void> => {
    for (const one of arrive) one();
    return breathe();
  };
  const kept = new Rhythm({
    clock: new TimerWheel(clock),
    breathe: breath,
    onTurned: () => undefined,
  });
  arrive.push(kept.after(10, () => heard.push('called off')));
  kept.after(10, () => heard.push('woken'));
  await clock.advance(10);
  expect(heard).toEqual(['woken']);
});

test('I9: when nobody waits any more, there is no timer', () => {
  const { clock, rhythm: kept } = rhythm();
  const cancels = [kept.after(10, () => undefined), kept.after(700, () => undefined)];
  for (const cancel of cancels) cancel();
  expect(clock.waiting).toBe(0);
});
