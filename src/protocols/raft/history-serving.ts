/** What a node answers to a peer that fetches history it does not have (`back-filling.ts` draws it). */
import { termOf } from '../../log/frame.ts';
import type { GroupId } from '../../log/group.ts';
import type { Log } from '../../log/log.ts';
import { decodeOutcomePage, firstOfPage, PAGE_ENTRIES, pageOf } from '../../log/outcome-page.ts';
import { splitFrames } from '../../log/split-frames.ts';
import { alongWith } from './long-page.ts';

export const HISTORY_TOPIC = 'history';

/** Of the frames of one page, in one answer, if there is more than one. A page that is longer comes in parts. */
const PART_BYTES_MAX = 1024 * 1024;
/** Of one answer: a message holds 8 MiB. */
const ANSWER_BYTES_MAX = 7 * 1024 * 1024;
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
  /** Where `to` ends a page, its outcomes; empty where they are too long to be sent along. */
  readonly page: Buffer | undefined;
}

/**
 * Entries that end at `to`, of up to `PARTS_MAX` pages, each with its outcomes.
 *
 * @returns `["entries", first, term before, frames, outcome pages: newest first]` | `["none"]` | `["later"]`
 */
export async function historyTo(log: Log, group: GroupId, to: number): Promise<readonly unknown[]> {
  const newest = await partTo(log, group, to);
  if (!('first' in newest)) return newest;
  const parts = [newest];
  for (let last = newest.first - 1; isOpen(parts); last = oldestOf(parts) - 1) {
    const next = await partTo(log, group, last);
    if (!fits(next, parts)) break;
    parts.push(next);
  }
  return answered(log, group, parts);
}

function isOpen(parts: readonly Part[]): boolean {
  return parts.length < PARTS_MAX && bytesOf(parts) < ENOUGH_BYTES;
}

function fits(next: Part | Word, parts: readonly Part[]): next is Part {
  return 'first' in next && bytesOf(parts) + next.bytes <= ANSWER_BYTES_MAX;
}

/** The first entry of them all. */
function oldestOf(parts: readonly Part[]): number {
  return Math.min(...parts.map(({ first }) => first));
}

function bytesOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** @param parts newest first, each ending where the one before it begins */
async function answered(
  log: Log,
  group: GroupId,
  parts: readonly Part[],
): Promise<readonly unknown[]> {
  const first = oldestOf(parts);
  const frames = parts.toReversed().flatMap((part) => part.frames);
  const pages = parts.flatMap(({ page }) => page ?? []);
  const before = await termAt(log, group, first - 1);
  // The log was trimmed, or replaced by a snapshot, while it was read.
  if (before === undefined) return LATER;
  return ['entries', first, before, Buffer.concat(frames), pages];
}

async function partTo(log: Log, group: GroupId, to: number): Promise<Part | Word> {
  const { first } = log.bounds(group);
  if (first > to) return NONE;
  const page = await outcomesTo(log, group, to);
  const read = await newestFrames(log, group, {
    from: Math.max(firstOfPage(pageOf(to)), first),
    to,
  });
  if (page === 'unfinished' || read === undefined) return LATER;
  return partOf(read, to, page);
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
  return bytes !== undefined && isWhole(bytes) ? alongWith(bytes) : 'unfinished';
}

function isWhole(page: Buffer): boolean {
  const read = decodeOutcomePage(page);
  return read.kind === 'page' && read.outcomes.length === PAGE_ENTRIES;
}

interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** The last of these entries that fit together, at least one; undefined where they are not all here. */
async function newestFrames(
  log: Log,
  group: GroupId,
  { from, to }: Stretch,
): Promise<readonly Buffer[] | undefined> {
  let newest: readonly Buffer[] = [];
  let next = from;
  for await (const { frames } of log.read(group, from, { to })) {
    const read = splitFrames(frames);
    next += read.length;
    newest = newestWithin([...newest, ...read], PART_BYTES_MAX);
  }
  return next > to ? newest : undefined;
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

async function termAt(log: Log, group: GroupId, index: number): Promise<number | undefined> {
  const floor = log.floor(group);
  if (index === floor.index) return floor.term;
  const frame = await log.frame(group, index);
  return frame && termOf(frame);
}
