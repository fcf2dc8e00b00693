/**
 * The outcome pages of one group as they are stored, for a reader that goes forward: the first is got by
 * itself, those that follow come from a scan, which costs less. Wherever the reader turns to, and
 * whatever was written since the scan began, it is given what the store holds.
 */
import { numbered, numberedRange, numberOf } from './keys.ts';
import { type Pair, pairs, type Store } from './store.ts';

export class RecordedPages {
  readonly #store: Store;
  readonly #prefix: Buffer;
  #following = -1;
  #scan: AsyncGenerator<Pair> | undefined;
  /** What the scan came to, until it is asked for: pages may be missing before it. */
  #ahead: Pair | undefined;

  /** @param prefix the keys of the group's pages begin with it */
  constructor(store: Store, prefix: Buffer) {
    this.#store = store;
    this.#prefix = prefix;
  }

  /** The bytes of a page as they were put; whoever asks checks them. */
  async at(page: number): Promise<Buffer | undefined> {
    const follows = page === this.#following;
    this.#following = page + 1;
    if (!follows) await this.close();
    const scanned = follows ? await this.#scanned(page) : undefined;
    return scanned ?? this.#store.get(numbered(this.#prefix, page));
  }

  /** Ends the scan; another begins where it is needed. */
  async close(): Promise<void> {
    this.#ahead = undefined;
    const scan = this.#scan;
    this.#scan = undefined;
    await scan?.return(undefined);
  }

  async #scanned(page: number): Promise<Buffer | undefined> {
    this.#ahead ??= await this.#next(page);
    if (this.#ahead === undefined || numberOf(this.#ahead[0]) !== page) return undefined;
    const [, bytes] = this.#ahead;
    this.#ahead = undefined;
    return bytes;
  }

  async #next(page: number): Promise<Pair | undefined> {
    this.#scan ??= pairs(
      this.#store.scan(numberedRange(this.#prefix, page, Number.MAX_SAFE_INTEGER)),
    );
    const step = await this.#scan.next();
    return step.done === true ? undefined : step.value;
  }
}
