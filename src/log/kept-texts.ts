/**
 * Short ASCII texts that were read before, found again by their bytes: ids, names and the keys of maps
 * repeat from entry to entry, and a text that is found is neither made nor hashed nor kept twice.
 *
 * ```
 *                text        length  tail     words, ten to a text, those that are filled
 *            ┌────────────┬────────┬────────┬─────────────────────────┐
 *  place ──▶ │ 'lock-17'  │   7    │ 'k-17' │ 'lock'                  │
 *            └────────────┴────────┴────────┴─────────────────────────┘
 * ```
 *
 * Bytes are compared four at a time; the tail, the last four, overlaps the words. A text takes the place of
 * another that has the same, so the table never grows; longer texts seldom come twice, and are made.
 */

/** A buffer as a whole, to be read in both ways. */
export interface Source {
  readonly buffer: ArrayBufferLike;
  readonly bytes: Buffer;
  readonly view: DataView;
}

const PLACES_LOG = 12;
const PLACES = 2 ** PLACES_LOG;
const TEXT_BYTES_MAX = 40;
const WORD_BYTES = 4;
const WORDS_EACH = TEXT_BYTES_MAX / WORD_BYTES;

export class KeptTexts {
  readonly #texts = Array.from<string>({ length: PLACES }).fill('');
  readonly #lengths = new Uint8Array(PLACES);
  readonly #tails = new Int32Array(PLACES);
  readonly #words = new Int32Array(PLACES * WORDS_EACH);

  /** The text that lies at a place of a buffer, or undefined where it is not all ASCII. */
  at(source: Source, start: number, length: number): string | undefined {
    if (length > TEXT_BYTES_MAX) return made(source, start, length);
    const place = placeOf(source.view, start, length);
    if (this.#lengths[place] === length && this.#isAt(place, source.view, start))
      return this.#texts[place];
    return this.#keep(place, source, { start, length });
  }

  /** Whether the text of a place, whose length is right, is the one at `start`. */
  #isAt(place: number, view: DataView, start: number): boolean {
    const length = this.#lengths[place] as number;
    if (this.#tails[place] !== tailOf(view, start, length)) return false;
    const words = place * WORDS_EACH;
    for (let word = 0; word < length >> 2; word++)
      if (this.#words[words + word] !== view.getInt32(start + word * WORD_BYTES)) return false;
    return true;
  }

  #keep(place: number, source: Source, { start, length }: Span): string | undefined {
    const text = made(source, start, length);
    if (text === undefined) return undefined;
    this.#texts[place] = text;
    this.#lengths[place] = length;
    this.#tails[place] = tailOf(source.view, start, length);
    for (let word = 0; word < length >> 2; word++)
      this.#words[place * WORDS_EACH + word] = source.view.getInt32(start + word * WORD_BYTES);
    return text;
  }
}

interface Span {
  readonly start: number;
  readonly length: number;
}

/** The last four bytes; of a shorter text, all of it. */
function tailOf(view: DataView, start: number, length: number): number {
  if (length >= WORD_BYTES) return view.getInt32(start + length - WORD_BYTES);
  let tail = 0;
  for (let at = start; at < start + length; at++) tail = (tail << 8) | view.getUint8(at);
  return tail;
}

/** By its first and last bytes and its length: ids differ at their ends. */
function placeOf(view: DataView, start: number, length: number): number {
  const tail = tailOf(view, start, length);
  const head = length >= WORD_BYTES ? view.getInt32(start) : length;
  return Math.imul(tail ^ Math.imul(head + length, 0x85ebca6b), 0x9e3779b1) >>> (32 - PLACES_LOG);
}

function made({ bytes, view }: Source, start: number, length: number): string | undefined {
  for (let at = start; at < start + length; at++) if (view.getUint8(at) > 0x7f) return undefined;
  return bytes.toString('latin1', start, start + length);
}
