/**
 * What a client that knows what it was told wants next of an object: now and then something that must be
 * refused. The same wishes drive simulated objects and real clusters.
 */
import { between, type Random, weighted } from '../../tools/random.ts';
import type { GuardedInput, GuardedOutput } from './models/guarded.ts';
import type { LockInput, LockOutput } from './models/lock.ts';
import type { RegisterInput } from './models/register.ts';
import type { WorkInput, WorkOutput } from './models/work.ts';

/** No lease ends in a run that is shorter. */
export const LONG_LEASE_MS = 86_400_000;

/** A client's view of one object. */
export interface Wisher {
  next(): unknown;
  /** What came of it; undefined: nobody knows. */
  heard(input: unknown, output: unknown): void;
}

export interface WisherOptions {
  readonly client: string;
  readonly random: Random;
  readonly leaseMs: number;
  /** A number nobody drew before. */
  readonly fresh: () => number;
}

class RegisterWisher implements Wisher {
  readonly #options: WisherOptions;
  #seen = 0;

  constructor(options: WisherOptions) {
    this.#options = options;
  }

  next(): RegisterInput {
    const { random, fresh } = this.#options;
    return weighted<RegisterInput>(random, [
      [{ kind: 'read' }, 4],
      [{ kind: 'write', value: fresh() }, 2],
      [{ kind: 'exchange', expected: this.#seen, value: fresh() }, 2],
    ]);
  }

  heard(input: RegisterInput, output: { readonly value?: number } | undefined): void {
    if (input.kind === 'read') this.#seen = output?.value ?? this.#seen;
  }
}

class GuardedWisher implements Wisher {
  readonly #options: WisherOptions;
  #seen = 0;

  constructor(options: WisherOptions) {
    this.#options = options;
  }

  next(): GuardedInput {
    const { random, fresh } = this.#options;
    return weighted<GuardedInput>(random, [
      [{ kind: 'read' }, 4],
      [{ kind: 'put', value: fresh(), if: null }, 1],
      [{ kind: 'put', value: fresh(), if: this.#seen }, 4],
    ]);
  }

  heard(_input: GuardedInput, output: GuardedOutput | undefined): void {
    this.#seen = output?.index ?? this.#seen;
  }
}

class LockWisher implements Wisher {
  readonly #options: WisherOptions;
  #token = 0;

  constructor(options: WisherOptions) {
    this.#options = options;
  }

  next(): LockInput {
    const { random, client: owner, leaseMs: lease_ms } = this.#options;
    const token = this.#token;
    const isHolder = token > 0;
    return weighted<LockInput>(random, [
      [{ kind: 'read' }, 3],
      [{ kind: 'acquire', owner, lease_ms }, isHolder ? 1 : 4],
      [{ kind: 'renew', owner, token: Math.max(1, token), lease_ms }, isHolder ? 2 : 0.2],
      [{ kind: 'release', owner, token: Math.max(1, token) }, isHolder ? 4 : 0.2],
    ]);
  }

  heard(input: LockInput, output: LockOutput | undefined): void {
    if (output?.kind === 'granted') this.#token = output.token;
    // Also when nobody knows: then it says so once more with a token that may be stale.
    else if (input.kind === 'release' && output !== undefined) this.#token = 0;
  }
}

class WorkWisher implements Wisher {
  readonly #options: WisherOptions;
  #token = 0;

  constructor(options: WisherOptions) {
    this.#options = options;
  }

  next(): WorkInput {
    const { random, client: node, leaseMs: lease_ms } = this.#options;
    const token = Math.max(1, this.#token);
    const isHolder = this.#token > 0;
    return weighted<WorkInput>(random, [
      [{ kind: 'read' }, 3],
      [{ kind: 'add' }, 1],
      [{ kind: 'claim', node, lease_ms }, isHolder ? 0.5 : 4],
      [{ kind: 'start', token }, isHolder ? 1 : 0.1],
      [{ kind: 'release', token }, isHolder ? 5 : 0.1],
      [{ kind: 'complete', token }, isHolder ? 0.3 : 0.1],
      [{ kind: 'fail', token }, isHolder ? 0.1 : 0.05],
    ]);
  }

  heard(input: WorkInput, output: WorkOutput | undefined): void {
    if (output?.kind === 'granted') this.#token = output.token;
    // Its own claim, of which it had not heard.
    else if (output?.kind === 'taken' && output.holder === this.#options.client)
      this.#token = output.token;
    else if ('token' in input && input.kind !== 'start' && output !== undefined) this.#token = 0;
  }
}

const WISHERS: Readonly<Record<string, (options: WisherOptions) => Wisher>> = {
  register: (options) => new RegisterWisher(options),
  queue: (options) => new GuardedWisher(options),
  lock: (options) => new LockWisher(options),
  work: (options) => new WorkWisher(options),
};

export const KINDS: readonly string[] = Object.keys(WISHERS);

export function wisher(key: string, options: WisherOptions): Wisher {
  return WISHERS[key.split('/')[0] ?? '']!(options);
}

/** Keys `lock/0`, `work/1`, …, each kind in turn. */
export function keysOf(count: number, kinds: readonly string[] = KINDS): readonly string[] {
  return Array.from({ length: count }, (_, at) => `${kinds[at % kinds.length]}/${at}`);
}

export function pick<Choice>(random: Random, choices: readonly Choice[]): Choice {
  return choices[between(random, 0, choices.length - 1)] as Choice;
}
