/**
 * The store of the log on LevelDB, where blocks and outcome pages lie interleaved (`interleaving.ts`): whoever uses it
 * knows nothing of that, as long as a range is of one kind of key. A range of blocks is read run by run, and the pages
 * between are leapt over.
 *
 * ```
 *  blocks 5 000 – 9 000      1 e e e o o   2 e e e e o o
 *                              └─run─┘       └──run──┘
 * ```
 */
import {
  endOfRun,
  type Interleaved,
  keyAt,
  kindAt,
  kindOf,
  placeOf,
  runBefore,
  runBehind,
} from './interleaving.ts';
import type { Reading, Viewable } from './level-store.ts';
import type { Pair, Range, Store, StoreBatch } from './store.ts';

class InterleavedBatch implements StoreBatch {
  readonly #batch: StoreBatch;

  constructor(batch: StoreBatch) {
    this.#batch = batch;
  }

  put(key: Buffer, value: Buffer): void {
    this.#batch.put(placeOf(key), value);
  }

  delete(key: Buffer): void {
    this.#batch.delete(placeOf(key));
  }

  write(options: { readonly sync: boolean }): Promise<void> {
    return this.#batch.write(options);
  }
}

export class InterleavedStore implements Store {
  readonly #places: Viewable;

  /** @param places the store in which everything lies at its place */
  constructor(places: Viewable) {
    this.#places = places;
  }

  batch(): StoreBatch {
    return new InterleavedBatch(this.#places.batch());
  }

  get(key: Buffer): Promise<Buffer | undefined> {
    return this.#places.get(placeOf(key));
  }

  getMany(keys: readonly Buffer[]): Promise<readonly (Buffer | undefined)[]> {
    return this.#places.getMany(keys.map(placeOf));
  }

  async *scan(range: Range): AsyncGenerator<readonly Pair[]> {
    const view = this.#places.view();
    try {
      for await (const run of runsIn(view, range)) yield* pagesOf(view.scan(run));
    } finally {
      await view.close();
    }
  }

  first(range: Range): Promise<Pair | undefined> {
    return this.#edge(range, firstOf);
  }

  last(range: Range): Promise<Pair | undefined> {
    return this.#edge(range, lastOf);
  }

  async clear(range: Range): Promise<void> {
    for await (const run of runsIn(this.#places, range)) await this.#places.clear(run);
  }

  /** Of blocks, the pages between them are counted too. */
  approximateSize(range: Range): Promise<number> {
    return this.#places.approximateSize(placesOf(range));
  }

  close(): Promise<void> {
    return this.#places.close();
  }

  /** However many leaps it takes, it is found in the store of one moment. */
  async #edge(range: Range, find: typeof firstOf): Promise<Pair | undefined> {
    const view = this.#places.view();
    try {
      const pair = await find(view, kindOf(range.from), placesOf(range));
      return pair && named(pair);
    } finally {
      await view.close();
    }
  }
}

function placesOf({ from, to }: Range): Range {
  return { from: placeOf(from), to: placeOf(to) };
}

async function* pagesOf(scan: AsyncIterable<readonly Pair[]>): AsyncGenerator<readonly Pair[]> {
  for await (const page of scan) yield page.map(named);
}

function named([place, value]: Pair): Pair {
  return [keyAt(place), value];
}

/** The parts of a range, each without anything of another kind between. */
async function* runsIn(places: Reading, range: Range): AsyncGenerator<Range> {
  const kind = kindOf(range.from);
  const { from, to } = placesOf(range);
  if (kind === undefined) yield { from, to };
  else yield* runsOf(places, kind, { from, to });
}

async function* runsOf(
  places: Reading,
  kind: Interleaved,
  { from, to }: Range,
): AsyncGenerator<Range> {
  let pair = await firstOf(places, kind, { from, to });
  while (pair !== undefined) {
    const [place] = pair;
    yield { from: place, to: lesser(endOfRun(place), to) };
    pair = await firstOf(places, kind, { from: runBehind(place, kind), to });
  }
}

function lesser(one: Buffer, other: Buffer): Buffer {
  return one.compare(other) < 0 ? one : other;
}

type Kind = Interleaved | undefined;

function isOther(pair: Pair | undefined, kind: Kind): pair is Pair {
  return kind !== undefined && pair !== undefined && kindAt(pair[0]) !== kind;
}

async function firstOf(
  places: Reading,
  kind: Kind,
  { from, to }: Range,
): Promise<Pair | undefined> {
  let pair = await places.first({ from, to });
  while (isOther(pair, kind))
    pair = await places.first({ from: runBehind(pair[0], kind as Interleaved), to });
  return pair;
}

async function lastOf(places: Reading, kind: Kind, { from, to }: Range): Promise<Pair | undefined> {
  let pair = await places.last({ from, to });
  while (isOther(pair, kind))
    pair = await places.last({ from, to: runBefore(pair[0], kind as Interleaved) });
  return pair;
}
