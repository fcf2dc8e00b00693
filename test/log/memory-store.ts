/** A store in memory that keeps the promises of the port, and can be told to be slow or to fail. */
import type { Pair, Range, Store, StoreBatch, StoreFactory } from '../../src/log/store.ts';

/** What outlives a crash: pass the same contents to a second store to "restart" on it. */
export type Contents = Map<string, Buffer>;

type Change = (contents: Contents) => void;

export interface Behaviour {
  /** Awaited before a write is applied; a rejection is a failed write. */
  readonly beforeWrite?: (options: { readonly sync: boolean }) => Promise<void>;
}

const name = (key: Buffer): string => key.toString('latin1');

export class MemoryStore implements Store {
  readonly contents: Contents;
  readonly #behaviour: Behaviour;
  closed = false;

  constructor(contents: Contents = new Map(), behaviour: Behaviour = {}) {
    this.contents = contents;
    this.#behaviour = behaviour;
  }

  batch(): StoreBatch {
    const changes: Change[] = [];
    return {
      put: (key, value) => {
        const copy = Buffer.from(value);
        changes.push((contents) => contents.set(name(key), copy));
      },
      delete: (key) => {
        changes.push((contents) => contents.delete(name(key)));
      },
      write: async (options) => {
        await this.#behaviour.beforeWrite?.(options);
        for (const change of changes) change(this.contents);
      },
    };
  }

  get(key: Buffer): Promise<Buffer | undefined> {
    return Promise.resolve(this.contents.get(name(key)));
  }

  getMany(keys: readonly Buffer[]): Promise<readonly (Buffer | undefined)[]> {
    return Promise.resolve(keys.map((key) => this.contents.get(name(key))));
  }

  async *scan(range: Range): AsyncGenerator<readonly Pair[]> {
    const pairs = this.#within(range);
    // A short page, so that whoever reads only the first one is found out.
    for (let from = 0; from < pairs.length; from += 7) yield pairs.slice(from, from + 7);
  }

  first(range: Range): Promise<Pair | undefined> {
    return Promise.resolve(this.#within(range)[0]);
  }

  last(range: Range): Promise<Pair | undefined> {
    return Promise.resolve(this.#within(range).at(-1));
  }

  clear(range: Range): Promise<void> {
    for (const [key] of this.#within(range)) this.contents.delete(name(key));
    return Promise.resolve();
  }

  approximateSize(range: Range): Promise<number> {
    return Promise.resolve(
      this.#within(range).reduce((sum, [key, value]) => sum + key.length + value.length, 0),
    );
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  #within({ from, to }: Range): Pair[] {
    const low = name(from);
    const high = name(to);
    const names = [...this.contents.keys()].filter((key) => key >= low && key <= high).sort();
    return names.map((key) => [Buffer.from(key, 'latin1'), this.contents.get(key)!]);
  }
}

export function memoryStore(contents: Contents, behaviour: Behaviour = {}): StoreFactory {
  return () => Promise.resolve(new MemoryStore(contents, behaviour));
}
