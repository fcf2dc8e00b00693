/**
 * Waiting for a group to have applied an index: read-your-writes, linearizable reads and long polls.
 *
 * Costs nothing while nobody waits, and one comparison per entry while somebody does.
 */
import type { Clock, Milliseconds } from '../log/time.ts';
import type { Group } from '../protocols/coordinator/group.ts';

/** Callers that may wait at once per group; beyond it a caller is told so at once. */
export const WAITERS_MAX = 10_000;

/** `crowded`: too many wait already. `stopped`: the node is going away. */
export type Waited = 'reached' | 'late' | 'crowded' | 'stopped';

interface Waiter {
  readonly index: number;
  readonly settle: (waited: Waited) => void;
}

interface Wait {
  readonly index: number;
  readonly within: Milliseconds;
  /** Aborted when the caller is gone: the wait ends as `late` and is forgotten. */
  readonly signal?: AbortSignal | undefined;
}

export class AppliedIndex {
  readonly #group: Group;
  readonly #clock: Clock;
  readonly #waiters = new Set<Waiter>();
  #soonest = Number.POSITIVE_INFINITY;
  #unlisten: () => void = () => undefined;
  #stopped = false;

  constructor(group: Group, clock: Clock) {
    this.#group = group;
    this.#clock = clock;
  }

  /** Resolves when the index has been applied, or when there is no use in waiting any longer. */
  reaches(wait: Wait): Promise<Waited> {
    if (this.#group.machine.position.index >= wait.index) return Promise.resolve('reached');
    const hopeless = this.#hopeless(wait);
    return hopeless === undefined ? this.#wait(wait) : Promise.resolve(hopeless);
  }

  /** Everyone who waits is told to stop; nobody may wait afterwards. */
  stop(): void {
    this.#stopped = true;
    for (const waiter of this.#waiters) waiter.settle('stopped');
  }

  #hopeless({ within }: Wait): Waited | undefined {
    if (this.#stopped) return 'stopped';
    if (within <= 0) return 'late';
    return this.#waiters.size >= WAITERS_MAX ? 'crowded' : undefined;
  }

  #wait({ index, within, signal }: Wait): Promise<Waited> {
    return new Promise((resolve) => {
      const late = (): void => waiter.settle('late');
      const cancel = this.#clock.after(within, late);
      const waiter: Waiter = {
        index,
        settle: (waited) => {
          cancel();
          signal?.removeEventListener('abort', late);
          this.#leave(waiter);
          resolve(waited);
        },
      };
      this.#enter(waiter);
      signal?.addEventListener('abort', late);
    });
  }

  #enter(waiter: Waiter): void {
    if (this.#waiters.size === 0)
      this.#unlisten = this.#group.onApplied(({ entry }) => this.#applied(entry.index));
    this.#waiters.add(waiter);
    this.#soonest = Math.min(this.#soonest, waiter.index);
  }

  #leave(waiter: Waiter): void {
    this.#waiters.delete(waiter);
    if (this.#waiters.size === 0) this.#unlisten();
  }

  #applied(index: number): void {
    if (index < this.#soonest) return;
    this.#soonest = Number.POSITIVE_INFINITY;
    for (const waiter of this.#waiters) {
      if (waiter.index <= index) waiter.settle('reached');
      else this.#soonest = Math.min(this.#soonest, waiter.index);
    }
  }
}
