/** Writes a store from its first batch on, as repair needs it: the same keys and the same chain as the writer's. */
import { CHAIN_START, type ChainEnd, nextLink, type Touched } from './batch-chain.ts';
import { markCleanExit } from './clean-exit.ts';
import type { Pair, Store } from './store.ts';

export class Rewriter {
  readonly #store: Store;
  #chain: ChainEnd = CHAIN_START;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Not synced: `finish` is. */
  async write(puts: readonly Pair[], touched: readonly Touched[]): Promise<void> {
    const writes = this.#store.batch();
    for (const [key, value] of puts) writes.put(key, value);
    const link = nextLink(this.#chain, touched);
    writes.put(link.key, link.value);
    await writes.write({ sync: false });
    this.#chain = link.end;
  }

  /** Everything written is on the disk when this resolves: one file is synced, those before it were tables. */
  finish(): Promise<void> {
    return markCleanExit(this.#store, this.#chain.number);
  }
}
