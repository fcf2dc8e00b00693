import { describe, expect, test } from 'vitest';
import { Loop } from '../../../src/protocols/coordinator/loop.ts';
import { turns, VirtualClock } from '../virtual-clock.ts';

const INTERVAL = 1_000;

/** A loop whose runs are counted; each ends when the test says so, or at once. */
class Observed {
  readonly clock = new VirtualClock();
  readonly told: unknown[] = [];
  begun = 0;
  /** What a run does. */
  work: () => Promise<void> = () => Promise.resolve();
  readonly loop = new Loop({
    name: 'observed',
    clock: this.clock,
    interval: INTERVAL,
    run: () => {
      this.begun += 1;
      return this.work();
    },
    onError: (error) => this.told.push(error),
  });

  /** From now on runs last until the returned function is called. */
  slow(): () => void {
    let end: () => void = () => undefined;
    this.work = () =>
      new Promise((resolve) => {
        end = resolve;
      });
    return () => end();
  }

  fails(cause: unknown = new Error('no luck')): void {
    this.work = () => Promise.reject(cause);
  }

  succeeds(): void {
    this.work = () => Promise.resolve();
  }

  async intervals(count: number): Promise<void> {
    for (let passed = 0; passed < count; passed++) await this.clock.advance(INTERVAL);
  }
}

describe('when a loop runs', () => {
  test('the first run comes after one interval, the next one interval after the end of the first', async () => {
    const seen = new Observed();
    const end = seen.slow();
    seen.loop.start();
    await seen.clock.advance(INTERVAL - 1);
    expect(seen.begun).toBe(0);
    await seen.clock.advance(1);
    expect(seen.begun).toBe(1);
    await seen.clock.advance(INTERVAL * 3);
    end();
    await turns();
    expect(seen.clock.nextIn).toBe(INTERVAL);
  });

  test('it never runs twice at a time', async () => {
    const seen = new Observed();
    const end = seen.slow();
    seen.loop.start();
    await seen.intervals(5);
    seen.loop.poke();
    await turns();
    expect(seen.begun).toBe(1);
    end();
  });

  test('a poke runs it at once', async () => {
    const seen = new Observed();
    seen.loop.start();
    seen.loop.poke();
    await turns();
    expect(seen.begun).toBe(1);
    expect(seen.clock.waiting, 'the timer of the interval was replaced').toBe(1);
    expect(seen.clock.nextIn).toBe(INTERVAL);
  });

  test('pokes while it runs make it run once more, however many there were', async () => {
    const seen = new Observed();
    const end = seen.slow();
    seen.loop.start();
    seen.loop.poke();
    for (let pokes = 0; pokes < 10; pokes++) seen.loop.poke();
    seen.succeeds();
    end();
    await turns();
    await seen.clock.advance(0);
    expect(seen.begun).toBe(2);
    await seen.clock.advance(INTERVAL - 1);
    expect(seen.begun).toBe(2);
  });
});

describe('how a loop fares', () => {
  test('a loop that never ran is running, with a success fraction of one', () => {
    expect(new Observed().loop.start().status()).toEqual({
      name: 'observed',
      status: 'running',
      runs: 0,
      errors: 0,
      consecutive_errors: 0,
      success_fraction: 1,
      last_error: null,
      last_duration_ms: null,
      interval_ms: INTERVAL,
    });
  });

  test('success is a fraction from 0 to 1, and a loop below one half is degraded', async () => {
    const seen = new Observed();
    seen.loop.start();
    await seen.intervals(3);
    seen.fails();
    await seen.intervals(3);
    expect(seen.loop.status()).toMatchObject({ success_fraction: 0.5, status: 'running' });
    await seen.intervals(1);
    expect(seen.loop.status()).toMatchObject({ runs: 7, errors: 4, status: 'degraded' });
    expect(seen.loop.status().success_fraction).toBeCloseTo(3 / 7);
  });

  test('five failures in a row are an error, whatever came before; one success ends it', async () => {
    const seen = new Observed();
    seen.loop.start();
    await seen.intervals(20);
    seen.fails();
    await seen.intervals(4);
    expect(seen.loop.status()).toMatchObject({ consecutive_errors: 4, status: 'running' });
    await seen.intervals(1);
    expect(seen.loop.status()).toMatchObject({ consecutive_errors: 5, status: 'error' });
    seen.succeeds();
    await seen.intervals(1);
    expect(seen.loop.status()).toMatchObject({ consecutive_errors: 0, status: 'running' });
  });

  test('an error is counted, told and shown, and the loop goes on', async () => {
    const seen = new Observed();
    const cause = new Error('the disk is full');
    seen.fails(cause);
    seen.loop.start();
    await seen.intervals(2);
    expect(seen.told).toEqual([cause, cause]);
    expect(seen.loop.status().last_error).toBe('Error: the disk is full');
    seen.succeeds();
    await seen.intervals(1);
    expect(seen.loop.status()).toMatchObject({ runs: 3, errors: 2 });
  });

  test('it says how long its last run took', async () => {
    const seen = new Observed();
    const end = seen.slow();
    seen.loop.start();
    await seen.clock.advance(INTERVAL + 250);
    end();
    await turns();
    expect(seen.loop.status().last_duration_ms).toBe(250);
  });

  test('trap 22: whatever a run throws, its status can be asked for and the loop goes on', async () => {
    const strange: readonly unknown[] = [
      undefined,
      null,
      'words',
      Object.create(null),
      Symbol('x'),
    ];
    const seen = new Observed();
    seen.loop.start();
    for (const [thrown, cause] of strange.entries()) {
      seen.fails(cause);
      await seen.intervals(1);
      const status = seen.loop.status();
      expect(status).toMatchObject({ runs: thrown + 1, errors: thrown + 1 });
      expect(typeof status.last_error).toBe('string');
      expect(() => JSON.stringify(status)).not.toThrow();
    }
  });
});

describe('how a loop ends', () => {
  test('I9: a stop waits for the run in hand and leaves no timer', async () => {
    const seen = new Observed();
    const end = seen.slow();
    seen.loop.start();
    await seen.intervals(1);
    seen.loop.poke();
    let stopped = false;
    const stopping = seen.loop.stop().then(() => {
      stopped = true;
    });
    await turns();
    expect(stopped).toBe(false);
    end();
    await stopping;
    await turns();
    expect(seen.clock.waiting).toBe(0);
    expect(seen.begun).toBe(1);
    expect(seen.loop.status().status).toBe('stopped');
  });

  test('a stopped loop hears no poke', async () => {
    const seen = new Observed();
    await seen.loop.start().stop();
    seen.loop.poke();
    await seen.intervals(2);
    expect(seen.begun).toBe(0);
    expect(seen.clock.waiting).toBe(0);
  });
});
