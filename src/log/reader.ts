/**
 * Reads a group's entries as they are stored, without decoding them, in chunks within a byte budget.
 * It never blocks appends and sees only what is on the disk.
 */
import { type Chunk, pieces, slice } from './block.ts';

/** The most bytes of frames in a chunk; a larger frame is a chunk of its own. */
export const CHUNK_BYTES = 256 * 1024;

export interface Span {
  readonly from: number;
  readonly to: number;
  /** Budget of one chunk. */
  readonly bytes: number;
}

/** Small blocks are gathered into one chunk, large ones cut. */
export async function* chunks(blocks: AsyncIterable<Chunk>, span: Span): AsyncGenerator<Chunk> {
  const gathered = new Gathered();
  for await (const piece of cut(blocks, span)) {
    if (gathered.bytes > 0 && gathered.bytes + piece.frames.length > span.bytes)
      yield* gathered.take();
    gathered.add(piece);
  }
  yield* gathered.take();
}

async function* cut(blocks: AsyncIterable<Chunk>, span: Span): AsyncGenerator<Chunk> {
  for await (const block of blocks) yield* pieces(slice(block, span.from, span.to), span.bytes);
}

/** Consecutive pieces that will be one chunk. */
class Gathered {
  #pieces: Chunk[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  add(piece: Chunk): void {
    this.#pieces.push(piece);
    this.#bytes += piece.frames.length;
  }

  /** What was gathered, as one chunk, if anything was; copied only where there is more than one piece. */
  *take(): Generator<Chunk> {
    const [first] = this.#pieces;
    const last = this.#pieces.at(-1);
    const all = this.#pieces.map(({ frames }) => frames);
    this.#pieces = [];
    this.#bytes = 0;
    if (first === undefined || last === undefined) return;
    const frames = first === last ? first.frames : Buffer.concat(all);
    yield { first: first.first, last: last.last, frames };
  }
}
