/**
 * Objects that are what they promise, one operation at a time: what the checker is tried on. They are
 * written as the service would be, not as the models are, so that the two can disagree.
 */
import type { GuardedInput, GuardedOutput } from './models/guarded.ts';
import type { Named } from './models/grant.ts';
import type { LockInput, LockOutput } from './models/lock.ts';
import type { RegisterInput, RegisterOutput } from './models/register.ts';
import type { WorkInput, WorkOutput } from './models/work.ts';

/** Draws the index of the next entry: the tokens and ETags of everything. */
export type NextIndex = () => number;

export interface AtomicObject {
  apply(input: unknown): unknown;
}

class AtomicRegister implements AtomicObject {
  #value = 0;

  apply(input: RegisterInput): RegisterOutput {
    if (input.kind === 'read') return { kind: 'value', value: this.#value };
    if (input.kind === 'exchange' && input.expected !== this.#value) return { kind: 'unexpected' };
    this.#value = input.value;
    return { kind: input.kind === 'write' ? 'written' : 'exchanged' };
  }
}

class AtomicGuarded implements AtomicObject {
  readonly #next: NextIndex;
  #value = 0;
  #index = 0;

  constructor(next: NextIndex) {
    this.#next = next;
  }

  apply(input: GuardedInput): GuardedOutput {
    const index = this.#next();
    if (input.kind === 'read') return { kind: 'seen', index: this.#index, value: this.#value };
    if (input.if !== null && input.if !== this.#index)
      return { kind: 'changed', index: this.#index };
    this.#value = input.value;
    this.#index = index;
    return { kind: 'written', index };
  }
}

class AtomicLock implements AtomicObject {
  readonly #next: NextIndex;
  #held: Named | null = null;

  constructor(next: NextIndex) {
    this.#next = next;
  }

  apply(input: LockInput): LockOutput {
    const token = this.#next();
    const held = this.#held;
    if (input.kind === 'read') return { kind: 'seen', held };
    if (input.kind === 'acquire') {
      if (held !== null && held.holder !== input.owner) return { kind: 'refused', ...held };
      this.#held = { holder: input.owner, token };
      return { kind: 'granted', token };
    }
    if (held?.holder !== input.owner || held.token !== input.token) return { kind: 'stale', held };
    if (input.kind === 'release') this.#held = null;
    return { kind: 'done' };
  }
}

const AFTER = {
  start: 'started',
  release: 'waiting',
  complete: 'completed',
  fail: 'failed',
} as const;

class AtomicWork implements AtomicObject {
  readonly #next: NextIndex;
  #status: 'missing' | 'waiting' | 'held' | 'started' | 'completed' | 'failed' = 'missing';
  #held: Named | null = null;

  constructor(next: NextIndex) {
    this.#next = next;
  }

  apply(input: WorkInput): WorkOutput {
    const token = this.#next();
    if (input.kind === 'read') return this.#seen();
    if (input.kind === 'add') {
      if (this.#status !== 'missing') return { kind: 'exists' };
      this.#status = 'waiting';
      return { kind: 'added' };
    }
    if (this.#held === null) return this.#unheld(input, token);
    if (input.kind === 'claim') return { kind: 'taken', ...this.#held };
    if (input.token !== this.#held.token) return { kind: 'stale', held: this.#held };
    return this.#said(input.kind);
  }

  #unheld(input: WorkInput, token: number): WorkOutput {
    if (this.#status !== 'waiting') return this.#seen();
    if (input.kind !== 'claim') return { kind: 'stale', held: null };
    this.#status = 'held';
    this.#held = { holder: input.node, token };
    return { kind: 'granted', token };
  }

  #said(kind: 'start' | 'release' | 'complete' | 'fail'): WorkOutput {
    if (kind === 'start' && this.#status === 'started') return { kind: 'started' };
    this.#status = AFTER[kind];
    if (kind !== 'start') this.#held = null;
    return { kind: 'done' };
  }

  #seen(): WorkOutput {
    const status = this.#status;
    if (status === 'missing' || status === 'waiting') return { kind: status };
    if (status === 'completed' || status === 'failed') return { kind: 'over', status };
    const { holder, token } = this.#held!;
    return { kind: 'held', started: status === 'started', holder, token };
  }
}

const OBJECTS: Readonly<Record<string, (next: NextIndex) => AtomicObject>> = {
  register: () => new AtomicRegister(),
  queue: (next) => new AtomicGuarded(next),
  lock: (next) => new AtomicLock(next),
  work: (next) => new AtomicWork(next),
};

export function atomicObject(key: string, next: NextIndex): AtomicObject {
  return OBJECTS[key.split('/')[0] ?? '']!(next);
}
