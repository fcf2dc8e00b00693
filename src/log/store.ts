/**
 * The store as the log sees it: an ordered map from bytes to bytes that writes a batch at once or not at
 * all, and says when it is on the disk. One suite of tests holds for every implementation.
 *
 * Faults are thrown as `LogFault`. Reads may go on after a write failed; writes may not, but that is the
 * writer's rule, not the store's.
 */

/** Both ends are included. */
export interface Range {
  readonly from: Buffer;
  readonly to: Buffer;
}

export type Pair = readonly [key: Buffer, value: Buffer];

/** Gathers changes; nothing happens before `write`. Not used again afterwards. */
export interface StoreBatch {
  put(key: Buffer, value: Buffer): void;
  delete(key: Buffer): void;
  /** Resolves when the changes are visible and, with `sync`, on the disk. */
  write(options: { readonly sync: boolean }): Promise<void>;
}

export interface Store {
  batch(): StoreBatch;
  get(key: Buffer): Promise<Buffer | undefined>;
  getMany(keys: readonly Buffer[]): Promise<readonly (Buffer | undefined)[]>;
  /** Pairs in ascending order, in pages that are never empty, as they were when the scan began. */
  scan(range: Range): AsyncIterable<readonly Pair[]>;
  first(range: Range): Promise<Pair | undefined>;
  last(range: Range): Promise<Pair | undefined>;
  /** Removes a range, in pieces: after a crash some of it may still be there. */
  clear(range: Range): Promise<void>;
  /** Bytes on disk, roughly; what is not yet in a table file is not counted. */
  approximateSize(range: Range): Promise<number>;
  close(): Promise<void>;
}

/** The pairs of a scan one by one. */
export async function* pairs(pages: AsyncIterable<readonly Pair[]>): AsyncGenerator<Pair> {
  for await (const page of pages) yield* page;
}

/** Opens the store in `directory`, creating it where there is none. */
export type StoreFactory = (directory: string) => Promise<Store>;

/** The most pairs one page of a scan holds. */
export const SCAN_PAGE_PAIRS = 1_000;
