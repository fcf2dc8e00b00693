/**
 * LevelDB's manifest: which `.log` file holds what is not in its tables yet. LevelDB itself opens without
 * that file, and without what is in it.
 *
 * A manifest is a log of edits (`leveldb-records.ts`), an edit a row of fields (`version_edit.cc` of LevelDB):
 *
 * ```
 *  tag   1 comparator   b            n  varint, seven bits a byte, lowest first
 *        2 log number   n            b  length as varint, then so many bytes
 *        3 next file    n
 *        4 last change  n            5 compaction pointer   n b
 *        9 previous log n            6 file removed         n n
 *                                    7 file added           n n n b b
 * ```
 */
import { payloadsIn } from './leveldb-records.ts';

const LOG_NUMBER = 2;
type Part = 'n' | 'b';
const SHAPES: Readonly<Record<number, readonly Part[]>> = {
  1: ['b'],
  2: ['n'],
  3: ['n'],
  4: ['n'],
  5: ['n', 'b'],
  6: ['n', 'n'],
  7: ['n', 'n', 'n', 'b', 'b'],
  9: ['n'],
};
/** As LevelDB names them. */
const NAME_DIGITS = 6;

/**
 * The name of the oldest `.log` file a whole manifest counts on; none where the store was never opened to
 * its end, or where the manifest has fields we do not know.
 */
export function logNamedIn(manifest: Buffer): string | undefined {
  const numbers = payloadsIn(manifest).flatMap((edit) => logNumbersIn(edit));
  const newest = numbers.at(-1) ?? 0;
  return newest === 0 ? undefined : `${String(newest).padStart(NAME_DIGITS, '0')}.log`;
}

function logNumbersIn(edit: Buffer): readonly number[] {
  const fields = new Fields(edit);
  const found: number[] = [];
  while (fields.hasMore) {
    const tag = fields.number();
    const [value] = fields.values(SHAPES[tag]);
    if (tag === LOG_NUMBER && value !== undefined) found.push(value);
  }
  return found;
}

class Fields {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get hasMore(): boolean {
    return this.#offset < this.#bytes.length;
  }

  /** The numbers of a field; bytes are passed over, and after an unknown field, everything. */
  values(shape: readonly Part[] | undefined): readonly number[] {
    if (shape === undefined) this.#offset = this.#bytes.length;
    return (shape ?? []).map((part) => (part === 'n' ? this.number() : this.#skip()));
  }

  number(): number {
    let value = 0;
    let unit = 1;
    for (let more = true; more; unit *= 128) {
      const byte = this.#byte();
      value += (byte % 128) * unit;
      more = byte >= 128;
    }
    return value;
  }

  #skip(): number {
    const length = this.number();
    this.#offset += length;
    return length;
  }

  /** Beyond the end, zeros: a number ends there. */
  #byte(): number {
    const byte = this.#bytes[this.#offset] ?? 0;
    this.#offset += 1;
    return byte;
  }
}
