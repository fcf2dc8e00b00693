/**
 * Whether anything else uses the machine. A figure taken beside a build says nothing, and a ratio less:
 * a round begins when the machine is quiet, and says how much others used while it ran.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { busySeconds, cpuSeconds } from '../process-figures.ts';

/** The share of one core that others may use; the kernel's own writeback takes up to a quarter. */
export const OTHERS_MAX = 0.3;
const WINDOW_MS = 1000;
const WAIT_MS_MAX = 60_000;

export class Busy extends Error {}

/** CPU seconds used by processes other than this one and `own`, per second, since it was made. */
export class OthersLoad {
  readonly #since = performance.now();
  readonly #busy = busySeconds();
  readonly #own: number;

  private constructor(own: number) {
    this.#own = own;
  }

  static async start(own: readonly number[]): Promise<OthersLoad> {
    return new OthersLoad(await ownSeconds(own));
  }

  /** @param gone CPU seconds of own processes that have ended meanwhile */
  async share(own: readonly number[], gone = 0): Promise<number> {
    const elapsed = (performance.now() - this.#since) / 1000;
    const used = busySeconds() - this.#busy - gone - ((await ownSeconds(own)) - this.#own);
    return Math.max(0, used / elapsed);
  }
}

async function ownSeconds(own: readonly number[]): Promise<number> {
  const each = await Promise.all([process.pid, ...own].map(cpuSeconds));
  return each.reduce((sum, seconds) => sum + seconds, 0);
}

/** Waits for a quiet second. @throws Busy when there is none within a minute; never waits when forced */
export async function quiet(force: boolean): Promise<void> {
  if (force) return;
  const until = performance.now() + WAIT_MS_MAX;
  for (let share = await othersNow(); share > OTHERS_MAX; share = await othersNow())
    if (performance.now() > until)
      throw new Busy(
        `other processes use ${Math.round(share * 100)} % of a core; stop them, or say --force`,
      );
}

async function othersNow(): Promise<number> {
  const others = await OthersLoad.start([]);
  await pause(WINDOW_MS);
  return others.share([]);
}
