/**
 * Histories of clients of atomic objects, from a seed: each operation takes effect at one moment between
 * its call and its answer, some are never answered, and of those some take effect much later or never. So
 * every one of these histories is linearizable, and a checker that says otherwise is wrong.
 */
import { between, type Random, seeded } from '../../tools/random.ts';
import { type AtomicObject, atomicObject } from './atomic-objects.ts';
import type { Operation } from './history.ts';
import { keysOf, LONG_LEASE_MS, pick, type Wisher, wisher } from './wishes.ts';

export interface SimulationOptions {
  readonly seed: number;
  readonly clients: number;
  readonly keys: number;
  readonly operations: number;
  /** Of a hundred operations, how many nobody hears of. */
  readonly openPercent: number;
  readonly kinds?: readonly string[];
}

/** Microseconds. */
const THINKING_MAX = 40;
const WAY_MAX = 50;
/** How late an operation may take effect that nobody heard of. */
const STRAGGLING_MAX = 5_000;

interface Event {
  readonly at: number;
  readonly order: number;
  readonly happen: (at: number) => void;
}

/** Events in the order of time; as many as there are clients and stragglers. */
class Agenda {
  readonly #events: Event[] = [];
  #count = 0;

  add(at: number, happen: (at: number) => void): void {
    this.#count += 1;
    const event = { at, order: this.#count, happen };
    let place = this.#events.length;
    while (place > 0 && (this.#events[place - 1]?.at ?? 0) <= at) place -= 1;
    this.#events.splice(place, 0, event);
  }

  run(): void {
    for (let next = this.#events.pop(); next !== undefined; next = this.#events.pop())
      next.happen(next.at);
  }
}

export function simulatedHistory(options: SimulationOptions): readonly Operation[] {
  return new Simulation(options).run();
}

class Simulation {
  readonly #options: SimulationOptions;
  readonly #random: Random;
  readonly #agenda = new Agenda();
  readonly #keys: readonly string[];
  readonly #objects = new Map<string, AtomicObject>();
  readonly #wishers = new Map<string, Wisher>();
  readonly #operations: Operation[] = [];
  #index = 0;
  #drawn = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#random = seeded(options.seed);
    this.#keys = keysOf(options.keys, options.kinds);
  }

  run(): readonly Operation[] {
    for (let client = 1; client <= this.#options.clients; client += 1)
      this.#agenda.add(this.#draw(THINKING_MAX), (at) => this.#call(`c${client}`, at));
    this.#agenda.run();
    return this.#operations;
  }

  #call(client: string, calledAt: number): void {
    if (this.#operations.length === this.#options.operations) return;
    const key = pick(this.#random, this.#keys);
    const wishes = this.#wisher(client, key);
    const input = wishes.next();
    const id = this.#operations.length;
    const asked: Operation = { id, client, key, input, calledAt, answer: { kind: 'open' } };
    this.#operations.push(asked);
    if (this.#random() * 100 < this.#options.openPercent) this.#lose(asked, wishes);
    else this.#serve(asked, wishes);
  }

  #serve(asked: Operation, wishes: Wisher): void {
    this.#agenda.add(asked.calledAt + this.#draw(WAY_MAX), (effectAt) => {
      const output = this.#object(asked.key).apply(asked.input);
      this.#agenda.add(effectAt + this.#draw(WAY_MAX), (at) => {
        this.#operations[asked.id] = { ...asked, answer: { kind: 'answered', at, output } };
        wishes.heard(asked.input, output);
        this.#goOn(asked.client, at);
      });
    });
  }

  /** The client gives up; the operation may straggle. */
  #lose(asked: Operation, wishes: Wisher): void {
    wishes.heard(asked.input, undefined);
    this.#goOn(asked.client, asked.calledAt + WAY_MAX);
    if (this.#random() < 0.4) return;
    const effectAt = asked.calledAt + this.#draw(STRAGGLING_MAX);
    this.#agenda.add(effectAt, () => void this.#object(asked.key).apply(asked.input));
  }

  #goOn(client: string, at: number): void {
    this.#agenda.add(at + this.#draw(THINKING_MAX), (then) => this.#call(client, then));
  }

  #object(key: string): AtomicObject {
    const object = this.#objects.get(key) ?? atomicObject(key, () => (this.#index += 10));
    this.#objects.set(key, object);
    return object;
  }

  #wisher(client: string, key: string): Wisher {
    const name = `${client} ${key}`;
    const known =
      this.#wishers.get(name) ??
      wisher(key, {
        client,
        random: this.#random,
        leaseMs: LONG_LEASE_MS,
        fresh: () => (this.#drawn += 1),
      });
    this.#wishers.set(name, known);
    return known;
  }

  #draw(most: number): number {
    return between(this.#random, 1, most);
  }
}
