/**
 * An outcome page that is too long for a message: with large results, 256 outcomes may be many megabytes. An
 * answer about history leaves its place empty, and it is asked for in slices.
 *
 *   question  ["history-page", group, incarnation, page, offset]
 *   answer    ["slice", length of the page, bytes from the offset on] | ["none"]
 */
import type { GroupId } from '../../log/group.ts';
import type { Log } from '../../log/log.ts';
import { PAGE_ENTRIES } from '../../log/outcome-page.ts';
import type { Milliseconds } from '../../log/time.ts';
import type { Exchange } from './exchange.ts';
import { BadMessage, type Fields } from './fields.ts';

export const PAGE_TOPIC = 'history-page';

const SLICE_BYTES = 4 * 1024 * 1024;
const ANSWER_MS: Milliseconds = 5_000;
/** A command is at most 1 MiB, and so is what follows from it, but for its frame. */
const PAGE_BYTES_MAX = 2 * PAGE_ENTRIES * 1024 * 1024;

/** What comes along with an answer: the page, or nothing in its place. */
export function alongWith(page: Buffer): Buffer {
  return page.length > SLICE_BYTES ? Buffer.alloc(0) : page;
}

export async function sliceOfPage(
  log: Log,
  group: GroupId,
  question: Fields,
): Promise<readonly unknown[]> {
  const [page, offset] = [question.whole(), question.whole()];
  const bytes = await log.outcomePage(group, page);
  if (bytes === undefined) return ['none'];
  return ['slice', bytes.length, bytes.subarray(offset, offset + SLICE_BYTES)];
}

export interface LongPage {
  readonly exchange: Exchange;
  readonly group: GroupId;
  readonly peer: string;
  readonly page: number;
}

/** @throws BadMessage where the peer does not have it any more, or it cannot be a page */
export async function fetchLongPage({ exchange, group, peer, page }: LongPage): Promise<Buffer> {
  const slices: Buffer[] = [];
  let rest = Number.POSITIVE_INFINITY;
  for (let offset = 0; rest > 0; offset += slices.at(-1)?.length ?? 0) {
    const question = { group, topic: PAGE_TOPIC, values: [page, offset] };
    const slice = sliceIn(await exchange.ask(peer, question, ANSWER_MS), offset);
    slices.push(slice.bytes);
    rest = slice.rest;
  }
  return Buffer.concat(slices);
}

interface Slice {
  readonly bytes: Buffer;
  /** Bytes of the page behind it. */
  readonly rest: number;
}

function sliceIn(answer: Fields, offset: number): Slice {
  if (answer.text() !== 'slice') throw new BadMessage('an outcome page that is gone');
  const length = answer.whole();
  // What is kept must not hold on to the buffer of the socket.
  const bytes = Buffer.from(answer.bytes());
  if (length > PAGE_BYTES_MAX || bytes.length === 0)
    throw new BadMessage(`an outcome page of ${length} bytes`);
  return { bytes, rest: length - offset - bytes.length };
}
