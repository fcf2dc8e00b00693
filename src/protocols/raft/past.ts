/**
 * Past: what an answer about history holds, believed only where it fits to what is here already.
 *
 * ```
 *        outcome pages              │ the first page here
 *   [page 0] ◀── [page 1] ◀── [page 2] ◀──│── previous digest
 *   [ 1 … 256 ][ 257 … 512 ][ 513 … 700 ]│ floor, with its term
 *        frames
 * ```
 *
 * Frames must be whole, follow each other, and end at the floor. Each page must have the digest that the page
 * above it goes on from, so that from the newest, which was agreed on, all others follow.
 */
import { slice, type Chunk } from '../../log/block.ts';
import type { Position } from '../../log/floor.ts';
import { placeOf, readFrame } from '../../log/frame.ts';
import {
  decodeOutcomePage,
  firstOfPage,
  type OutcomePage,
  pageDigest,
  pageOf,
} from '../../log/outcome-page.ts';
import { BadMessage, type Fields } from './fields.ts';

export interface Past {
  /** Oldest first, none of them in more than one page. */
  readonly chunks: readonly Chunk[];
  /** What lies before them. */
  readonly floor: Position;
  /** Encoded outcome pages, newest first; one that is too long to come along is empty. */
  readonly pages: readonly Buffer[];
}

/** One outcome page that was believed. */
export interface KnownPage {
  readonly page: number;
  readonly encoded: Buffer;
}

/** @param floor of the log here. @throws BadMessage where the frames do not lead to it */
export function pastIn(answer: Fields, floor: Position): Past {
  const [first, termBefore] = [answer.whole(), answer.whole()];
  if (first > 1 && termBefore === 0) throw new BadMessage('history that begins after no entry');
  // What is kept must not hold on to the buffer of the socket.
  const frames = Buffer.from(answer.bytes());
  assertLeadsTo(frames, first, floor);
  return {
    chunks: byPage({ first, last: floor.index, frames }),
    floor: { index: first - 1, term: termBefore },
    pages: answer.manyBytes().map((page) => Buffer.from(page)),
  };
}

/** The newest page that entries up to `floor` fill; -1 where they fill none. */
export function newestPageBelow(floor: number): number {
  return pageOf(floor + 1) - 1;
}

/**
 * The pages that the entries fill, with their numbers.
 *
 * @param newest the number of the newest of them; @param digest what the page above it goes on from
 * @throws BadMessage where one is missing, or is not the one the page above it goes on from
 */
export function pagesOf(past: Past, newest: number, digest: Buffer): readonly KnownPage[] {
  const oldest = pageOf(past.floor.index + 1);
  if (past.pages.length !== Math.max(0, newest - oldest + 1))
    throw new BadMessage(`history with ${past.pages.length} outcome pages`);
  let expected = digest;
  return past.pages.map((encoded, place) => {
    const page = newest - place;
    const read = decodeOutcomePage(encoded);
    if (read.kind !== 'page' || !isPage(read, page, expected))
      throw new BadMessage(`outcome page ${page} is not the one the page above it goes on from`);
    expected = read.previousDigest;
    return { page, encoded };
  });
}

function isPage(read: OutcomePage, page: number, digest: Buffer): boolean {
  return read.page === page && digest.equals(pageDigest(read.previousDigest, read.outcomes));
}

function byPage(chunk: Chunk): readonly Chunk[] {
  const chunks: Chunk[] = [];
  let rest = chunk;
  for (let last = lastOfPage(rest.first); last < chunk.last; last = lastOfPage(rest.first)) {
    chunks.push(slice(rest, rest.first, last));
    rest = slice(rest, last + 1, chunk.last);
  }
  return [...chunks, rest];
}

function lastOfPage(index: number): number {
  return firstOfPage(pageOf(index) + 1) - 1;
}

function assertLeadsTo(frames: Buffer, first: number, floor: Position): void {
  const { index, term } = lastOf(frames, first);
  if (index !== floor.index || term !== floor.term)
    throw new BadMessage('history that does not end where the log begins');
}

/** The last place of these frames, which begin with `first` and follow each other; index 0 if there are none. */
function lastOf(frames: Buffer, first: number): Position {
  let last: Position = { index: 0, term: 0 };
  for (let offset = 0, next = first; offset < frames.length; next += 1) {
    const read = readFrame(frames, offset);
    if (read.kind !== 'frame' || placeOf(read.frame).index !== next)
      throw new BadMessage('history that is not what was sealed');
    last = placeOf(read.frame);
    offset = read.next;
  }
  return last;
}
