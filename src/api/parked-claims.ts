/**
 * Claims that found nothing and wait at the node until there is something.
 *
 * ```
 *            ┌─ an item it may have became pending, or its queue was resumed ─▶ offered
 *  parked ───┼─ its time is up, or its caller is gone ─────────────────────────▶ late
 *            └─ the node stops ────────────────────────────────────────────────▶ stopped
 * ```
 *
 * Each item wakes one waiter, the one that waits longest of those that may have it; whoever is woken claims
 * like anybody else and parks again if another was faster. Costs nothing while nobody waits.
 */
import type { Clock, Milliseconds } from '../log/time.ts';
import type { Kept } from '../projections/kept-rows.ts';
import type { AppliedEntry } from '../projections/machine.ts';
import { QUEUES, type QueueRow } from '../projections/work-queue/queues.ts';
import {
  type Claimer,
  type Demand,
  demandOf,
  fits,
  vetoOf,
} from '../projections/work-queue/shape.ts';
import { WORK, type WorkRow } from '../projections/work-queue/work-table.ts';
import type { Group } from '../protocols/coordinator/group.ts';

/** Claims that may be parked at once; beyond it a claim is answered at once, with `backpressure`. */
export const PARKED_MAX = 10_000;

export type Parked = 'offered' | 'late' | 'crowded' | 'stopped';

interface Parking {
  readonly claimer: Claimer;
  readonly within: Milliseconds;
  readonly signal: AbortSignal;
}

interface Waiter {
  readonly claimer: Claimer;
  readonly settle: (parked: Parked) => void;
}

type Change = AppliedEntry['changes'][number];

export class ParkedClaims {
  readonly #group: Group;
  readonly #clock: Clock;
  /** In the order of their coming. */
  readonly #waiters = new Set<Waiter>();
  #unlisten: () => void = () => undefined;
  #stopped = false;

  constructor(group: Group, clock: Clock) {
    this.#group = group;
    this.#clock = clock;
  }

  get size(): number {
    return this.#waiters.size;
  }

  park(parking: Parking): Promise<Parked> {
    const hopeless = this.#hopeless(parking);
    return hopeless === undefined ? this.#wait(parking) : Promise.resolve(hopeless);
  }

  /** Somebody who was woken could not claim after all: the next in line may. */
  passOn({ queues }: Claimer): void {
    for (const queue of queues) this.#wakeOneOf(queue);
  }

  /** Everyone who is parked is told so; nobody can park afterwards. */
  stop(): void {
    this.#stopped = true;
    for (const waiter of this.#waiters) waiter.settle('stopped');
  }

  #hopeless({ within }: Parking): Parked | undefined {
    if (this.#stopped) return 'stopped';
    if (this.#waiters.size >= PARKED_MAX) return 'crowded';
    return within <= 0 ? 'late' : undefined;
  }

  #wait({ claimer, within, signal }: Parking): Promise<Parked> {
    return new Promise((resolve) => {
      const late = (): void => waiter.settle('late');
      const cancel = this.#clock.after(within, late);
      const waiter: Waiter = {
        claimer,
        settle: (parked) => {
          cancel();
          signal.removeEventListener('abort', late);
          this.#leave(waiter);
          resolve(parked);
        },
      };
      this.#enter(waiter);
      signal.addEventListener('abort', late);
      // One that went away before it was parked is not heard of again.
      if (signal.aborted) late();
    });
  }

  #enter(waiter: Waiter): void {
    if (this.#waiters.size === 0)
      this.#unlisten = this.#group.onApplied((applied) => this.#applied(applied));
    this.#waiters.add(waiter);
  }

  #leave(waiter: Waiter): void {
    this.#waiters.delete(waiter);
    if (this.#waiters.size === 0) this.#unlisten();
  }

  #applied({ changes }: AppliedEntry): void {
    // A thousand items of a shape that nobody here may have are looked at once.
    const unwanted = new Set<string>();
    for (const { shape } of changes.flatMap(offeredBy)) this.#offer(shape, unwanted);
    for (const queue of changes.flatMap(resumedBy)) this.#wakeAllOf(queue);
  }

  /** Wakes the first who may have an item of the shape, unless nobody was found before. */
  #offer(shape: string, unwanted: Set<string>): void {
    if (unwanted.has(shape)) return;
    const demand = demandOf(shape);
    for (const waiter of this.#waiters)
      if (mayHave(waiter.claimer, demand)) return waiter.settle('offered');
    unwanted.add(shape);
  }

  #wakeOneOf(queue: string): void {
    for (const waiter of this.#waiters)
      if (waiter.claimer.queues.includes(queue)) return waiter.settle('offered');
  }

  #wakeAllOf(queue: string): void {
    for (const waiter of this.#waiters)
      if (waiter.claimer.queues.includes(queue)) waiter.settle('offered');
  }
}

function mayHave(claimer: Claimer, demand: Demand): boolean {
  if (!claimer.queues.includes(demand.queue)) return false;
  return vetoOf(demand, claimer) === undefined && fits(demand, claimer.free);
}

/** The item that a change made pending, if it did. */
function offeredBy({ table, before, after }: Change): readonly WorkRow[] {
  if (!isOf(table, WORK)) return [];
  const [was, is] = [before as Kept<WorkRow> | undefined, after as WorkRow | undefined];
  return isPending(is) && !isPending(was) ? [is] : [];
}

/** What is kept as text is over. */
function isPending(row: Kept<WorkRow> | undefined): row is WorkRow {
  return typeof row === 'object' && row.status === 'pending';
}

/** The queue that a change opened again, if it did. */
function resumedBy({ table, before, after }: Change): readonly string[] {
  if (!isOf(table, QUEUES)) return [];
  const [was, is] = [before as QueueRow | undefined, after as QueueRow | undefined];
  return isPaused(was) && !isPaused(is) ? [was.queue] : [];
}

function isPaused(row: QueueRow | undefined): row is QueueRow {
  return row?.paused === true;
}

/** A definition is the key to its table, and says of what type its rows are. */
function isOf(table: Change['table'], definition: unknown): boolean {
  return table.definition === definition;
}
