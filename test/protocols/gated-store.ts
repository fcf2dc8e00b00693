/** A store whose writes a test can hold back, let go and make fail: what lies behind it is a real one. */
import type { Pair, Range, Store, StoreBatch } from '../../src/log/store.ts';

/** Stands in front of every write of the stores it is given to. */
export class Gate {
  #held: Promise<void> = Promise.resolve();
  #open: () => void = () => undefined;
  #failure: Error | undefined;
  #left = Number.POSITIVE_INFINITY;
  /** Writes that are waiting to be let through. */
  waiting = 0;

  /** From now on writes wait. */
  hold(): void {
    this.#held = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  /** Lets every waiting and later write through. */
  release(): void {
    this.#open();
    this.#held = Promise.resolve();
  }

  /** Writes fail once so many more have gone through. */
  fail(cause: Error, after = 0): void {
    this.#failure = cause;
    this.#left = after;
  }

  async passed(): Promise<void> {
    this.waiting += 1;
    await this.#held;
    this.waiting -= 1;
    if (this.#failure !== undefined && this.#left <= 0) throw this.#failure;
    this.#left -= 1;
  }
}

export class GatedStore implements Store {
  readonly #inner: Store;
  readonly #gate: Gate;

  constructor(inner: Store, gate: Gate) {
    this.#inner = inner;
    this.#gate = gate;
  }

  batch(): StoreBatch {
    const batch = this.#inner.batch();
    return {
      put: (key, value) => batch.put(key, value),
      delete: (key) => batch.delete(key),
      write: async (options) => {
        await this.#gate.passed();
        await batch.write(options);
      },
    };
  }

  get(key: Buffer): Promise<Buffer | undefined> {
    return this.#inner.get(key);
  }

  getMany(keys: readonly Buffer[]): Promise<readonly (Buffer | undefined)[]> {
    return this.#inner.getMany(keys);
  }

  scan(range: Range): AsyncIterable<readonly Pair[]> {
    return this.#inner.scan(range);
  }

  first(range: Range): Promise<Pair | undefined> {
    return this.#inner.first(range);
  }

  last(range: Range): Promise<Pair | undefined> {
    return this.#inner.last(range);
  }

  clear(range: Range): Promise<void> {
    return this.#inner.clear(range);
  }

  approximateSize(range: Range): Promise<number> {
    return this.#inner.approximateSize(range);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
