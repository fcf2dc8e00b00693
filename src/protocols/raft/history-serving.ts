/** What a node answers to a peer that fetches history it does not have (`back-filling.ts` draws it). */
import { placeOf } from '../../log/frame.ts';
import type { GroupId } from '../../log/group.ts';
import type { Log } from '../../log/log.ts';
import { decodeOutcomePage, firstOfPage, PAGE_ENTRIES, pageOf } from '../../log/outcome-page.ts';
import { splitFrames } from '../../log/split-frames.ts';

export const HISTORY_TOPIC = 'history';

/** Of one page, in one answer: half of what a message may hold. A page that is longer comes in parts. */
const PART_BYTES_MAX = 4 * 1024 * 1024;
/** An answer that holds so much takes no further part, so that neither end is busy with it for long. */
const ENOUGH_BYTES = 512 * 1024;
const PARTS_MAX = 8;

const NONE = ['none'] as const;
/** This node is behind: the entries, or the page of outcomes that they end, are not there yet. */
const LATER = ['later'] as const;
type Word = typeof NONE | typeof LATER;

/** Entries of one page, the last of them at `to`. */
interface Part {
  readonly first: number;
  readonly frames: readonly Buffer[];
  readonly bytes: number;
  /** Where `to` ends a page, its outcomes. */
  readonly page: Buffer | undefined;
}

/**
 * Entries that end at `to`, of up to `PARTS_MAX` pages, each with its outcomes.
 *
 * @returns `["entries", first, term before, frames, outcome pages: newest first]` | `["none"]` | `["later"]`
 */
export async function historyTo(log: Log, group: GroupId, to: number): Promise<readonly unknown[]> {
  const parts: Part[] = [];
  let next: Part | Word = await partTo(log, group, to);
  while ('first' in next) {
    parts.push(next);
    next = isEnough(parts) ? NONE : await partTo(log, group, next.first - 1);
  }
  return parts.length === 0 ? next : answered(log, group, parts);
}

function isEnough(parts: readonly Part[]): boolean {
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  return parts.length >= PARTS_MAX || bytes >= ENOUGH_BYTES;
}

/** @param parts newest first, each ending where the one before it begins */
async function answered(
  log: Log,
  group: GroupId,
  parts: readonly Part[],
): Promise<readonly unknown[]> {
  const first = parts.at(-1)?.first ?? 0;
  const frames = parts.toReversed().flatMap((part) => part.frames);
  const pages = parts.flatMap(({ page }) => page ?? []);
  return ['entries', first, await termAt(log, group, first - 1), Buffer.concat(frames), pages];
}

async function partTo(log: Log, group: GroupId, to: number): Promise<Part | Word> {
  const begin = firstOfPage(pageOf(to));
  if (log.bounds(group).first > begin) return NONE;
  const page = await outcomesTo(log, group, to);
  const all = await framesBetween(log, group, begin, to);
  if (page === 'unfinished' || all.length <= to - begin) return LATER;
  return partOf(newestWithin(all, PART_BYTES_MAX), to, page);
}

function partOf(frames: readonly Buffer[], to: number, page: Buffer | undefined): Part {
  const bytes = frames.reduce((sum, { length }) => sum + length, page?.length ?? 0);
  return { first: to - frames.length + 1, frames, bytes, page };
}

/** Unfinished: some of the page's outcomes are not decided here yet, or it is on its way to the disk. */
async function outcomesTo(
  log: Log,
  group: GroupId,
  to: number,
): Promise<Buffer | 'unfinished' | undefined> {
  if (to % PAGE_ENTRIES !== 0) return undefined;
  const bytes = await log.outcomePage(group, pageOf(to));
  return bytes !== undefined && isWhole(bytes) ? bytes : 'unfinished';
}

function isWhole(page: Buffer): boolean {
  const read = decodeOutcomePage(page);
  return read.kind === 'page' && read.outcomes.length === PAGE_ENTRIES;
}

async function framesBetween(
  log: Log,
  group: GroupId,
  first: number,
  to: number,
): Promise<Buffer[]> {
  const frames: Buffer[] = [];
  for await (const chunk of log.read(group, first, { to }))
    frames.push(...splitFrames(chunk.frames));
  return frames;
}

/** The last of them that fit together; at least one. */
function newestWithin(frames: readonly Buffer[], budget: number): readonly Buffer[] {
  let bytes = 0;
  const fits = frames.findLastIndex((frame) => {
    bytes += frame.length;
    return bytes > budget;
  });
  return frames.slice(Math.min(fits + 1, frames.length - 1));
}

async function termAt(log: Log, group: GroupId, index: number): Promise<number> {
  const floor = log.floor(group);
  if (index === floor.index) return floor.term;
  const frame = await log.frame(group, index);
  return frame === undefined ? 0 : placeOf(frame).term;
}
