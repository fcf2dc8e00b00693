/**
 * The rows of one table by key. A row that is seldom looked at again is kept as text:
 *
 * ```
 *  in use   key ─▶ { 34 columns }                 about 400 bytes in twenty objects
 *  at rest  key ─▶ '["selfplay","bench",37,…]'    about 230 bytes in one, and nothing in it to walk
 * ```
 *
 * Tables keep a hundred thousand rows of what is over, so this is most of what a busy node weighs; and a
 * collector that has less to walk may run more often. A row is packed when it is put and read anew each
 * time it is asked for: whoever reads it twice pays twice.
 */

/** How rows at rest become text and come back equal. Of a table whose rows are never kept as text: none. */
export interface Packing<Row> {
  readonly isAtRest: (row: Row) => boolean;
  readonly pack: (row: Row) => string;
  /** @returns a Row; not said in its type, because tables are registered by what their functions accept */
  readonly unpack: (key: string, text: string) => unknown;
}

/** A row as its table keeps it. */
export type Kept<Row> = Row | string;

/** A row that was kept, as it is when it is in use. */
export function unpacked<Row>(
  packing: Packing<Row> | undefined,
  key: string,
  kept: Kept<Row>,
): Row {
  // Rows are objects: text is what this packing made of one.
  if (typeof kept !== 'string' || packing === undefined) return kept as Row;
  return packing.unpack(key, kept) as Row;
}

function packed<Row>(packing: Packing<Row> | undefined, row: Row): Kept<Row> {
  if (packing === undefined) return row;
  return packing.isAtRest(row) ? inOnePiece(packing.pack(row)) : row;
}

/** Text that was just written is a rope of its pieces; to look at a character makes it one, a quarter smaller. */
function inOnePiece(text: string): string {
  text.charCodeAt(0);
  return text;
}

export class KeptRows<Row> {
  readonly #kept = new Map<string, Kept<Row>>();
  readonly #packing: Packing<Row> | undefined;

  constructor(packing: Packing<Row> | undefined) {
    this.#packing = packing;
  }

  get size(): number {
    return this.#kept.size;
  }

  has(key: string): boolean {
    return this.#kept.has(key);
  }

  get(key: string): Row | undefined {
    const kept = this.#kept.get(key);
    return kept === undefined ? undefined : unpacked(this.#packing, key, kept);
  }

  /** The row as it is kept: a reference, however large it is. */
  kept(key: string): Kept<Row> | undefined {
    return this.#kept.get(key);
  }

  set(key: string, row: Row): void {
    this.#kept.set(key, packed(this.#packing, row));
  }

  delete(key: string): void {
    this.#kept.delete(key);
  }

  /** All keys, and in the same order the rows as they are kept: references, taken at once. */
  all(): { readonly keys: readonly string[]; readonly kept: readonly Kept<Row>[] } {
    return { keys: [...this.#kept.keys()], kept: [...this.#kept.values()] };
  }

  *rows(): IterableIterator<Row> {
    for (const [key, kept] of this.#kept) yield unpacked(this.#packing, key, kept);
  }
}
