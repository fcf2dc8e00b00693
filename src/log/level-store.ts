/** The store on LevelDB (`level`): keys and values as buffers, errors named as `LogFault`. */
import { type Iterator, type IteratorOptions, Level } from 'level';
import { faultOf } from './fault.ts';
import { type Pair, type Range, SCAN_PAGE_PAIRS, type Store, type StoreBatch } from './store.ts';

/** How much of a range an iterator may hold at once. */
const SCAN_BYTES_MAX = 1024 * 1024;

const BUFFERS = { keyEncoding: 'buffer', valueEncoding: 'buffer' } as const;

type Database = Level<Buffer, Buffer>;
type Snapshot = ReturnType<Database['snapshot']>;

/** What the Node implementation of `level` has beyond the interface it shares with browsers. */
interface Sized {
  approximateSize(start: Buffer, end: Buffer): Promise<number>;
}

interface Repairing {
  repair(directory: string): Promise<void>;
}

async function named<Value>(result: Promise<Value>): Promise<Value> {
  try {
    return await result;
  } catch (error) {
    throw faultOf(error);
  }
}

class LevelBatch implements StoreBatch {
  readonly #batch: ReturnType<Database['batch']>;

  constructor(batch: ReturnType<Database['batch']>) {
    this.#batch = batch;
  }

  put(key: Buffer, value: Buffer): void {
    this.#batch.put(key, value);
  }

  delete(key: Buffer): void {
    this.#batch.del(key);
  }

  write(options: { readonly sync: boolean }): Promise<void> {
    return named(this.#batch.write(options));
  }
}

/** What can be read of a store as it is, or as it was. */
export type Reading = Pick<Store, 'scan' | 'first' | 'last'>;

/** A store as it was when the view began. */
export interface View extends Reading {
  close(): Promise<void>;
}

/** A store that can be looked at for a while as it is now. */
export interface Viewable extends Store {
  view(): View;
}

class LevelReading implements Reading {
  readonly #database: Database;
  readonly #snapshot: Snapshot | undefined;

  constructor(database: Database, snapshot?: Snapshot) {
    this.#database = database;
    this.#snapshot = snapshot;
  }

  async *scan(range: Range): AsyncGenerator<readonly Pair[]> {
    const bounds = { gte: range.from, lte: range.to, highWaterMarkBytes: SCAN_BYTES_MAX };
    const iterator = this.#iterator(bounds);
    try {
      let page = await named(iterator.nextv(SCAN_PAGE_PAIRS));
      while (page.length > 0) {
        yield page;
        page = await named(iterator.nextv(SCAN_PAGE_PAIRS));
      }
    } finally {
      await iterator.close();
    }
  }

  first(range: Range): Promise<Pair | undefined> {
    return this.#edge(range, false);
  }

  last(range: Range): Promise<Pair | undefined> {
    return this.#edge(range, true);
  }

  async close(): Promise<void> {
    await this.#snapshot?.close();
  }

  /** @throws LogFault `closed`: unlike reads, an iterator fails at once when the store is closed. */
  #iterator(bounds: IteratorOptions<Buffer, Buffer>): Iterator<Database, Buffer, Buffer> {
    try {
      return this.#database.iterator<Buffer, Buffer>({ ...bounds, snapshot: this.#snapshot });
    } catch (error) {
      throw faultOf(error);
    }
  }

  async #edge(range: Range, reverse: boolean): Promise<Pair | undefined> {
    const bounds = { gte: range.from, lte: range.to, reverse, limit: 1 };
    const iterator = this.#iterator(bounds);
    try {
      return await named(iterator.next());
    } finally {
      await iterator.close();
    }
  }
}

export class LevelStore implements Viewable {
  readonly #database: Database;
  readonly #now: LevelReading;

  private constructor(database: Database) {
    this.#database = database;
    this.#now = new LevelReading(database);
  }

  /** @throws LogFault `in-use`, `read-only`, `no-space`, `damaged` or `io`. */
  static async open(directory: string): Promise<LevelStore> {
    const database = new Level<Buffer, Buffer>(directory, BUFFERS);
    await named(database.open());
    return new LevelStore(database);
  }

  /** Builds a store that opens again from the table and log files that can be read. Loses what cannot. */
  static rebuild(directory: string): Promise<void> {
    return named((Level as unknown as Repairing).repair(directory));
  }

  batch(): StoreBatch {
    return new LevelBatch(this.#database.batch());
  }

  get(key: Buffer): Promise<Buffer | undefined> {
    return named<Buffer | undefined>(this.#database.get(key));
  }

  getMany(keys: readonly Buffer[]): Promise<readonly (Buffer | undefined)[]> {
    return named<readonly (Buffer | undefined)[]>(this.#database.getMany([...keys]));
  }

  scan(range: Range): AsyncIterable<readonly Pair[]> {
    return this.#now.scan(range);
  }

  first(range: Range): Promise<Pair | undefined> {
    return this.#now.first(range);
  }

  last(range: Range): Promise<Pair | undefined> {
    return this.#now.last(range);
  }

  /** @throws LogFault `closed` */
  view(): View {
    try {
      return new LevelReading(this.#database, this.#database.snapshot());
    } catch (error) {
      throw faultOf(error);
    }
  }

  clear(range: Range): Promise<void> {
    return named(this.#database.clear({ gte: range.from, lte: range.to }));
  }

  approximateSize(range: Range): Promise<number> {
    const sized = this.#database as unknown as Sized;
    return named(sized.approximateSize(range.from, range.to));
  }

  close(): Promise<void> {
    return named(this.#database.close());
  }
}
