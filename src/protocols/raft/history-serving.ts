/** What a node answers to a peer that fetches history it does not have (`back-filling.ts` draws it). */
import { placeOf } from '../../log/frame.ts';
import type { GroupId } from '../../log/group.ts';
import type { Log } from '../../log/log.ts';
import { decodeOutcomePage, firstOfPage, PAGE_ENTRIES, pageOf } from '../../log/outcome-page.ts';
import { splitFrames } from '../../log/split-frames.ts';

export const HISTORY_TOPIC = 'history';

/** In one answer: half of what a message may hold. */
const BYTES_MAX = 4 * 1024 * 1024;
const NONE = ['none'] as const;
/** This node is behind: the entries, or the page of outcomes that they end, are not there yet. */
const LATER = ['later'] as const;
const EMPTY = Buffer.alloc(0);

/** Entries that end at `to`, of one page, as many as fit, with the page's outcomes. */
export async function historyTo(log: Log, group: GroupId, to: number): Promise<readonly unknown[]> {
  const first = firstOfPage(pageOf(to));
  if (log.bounds(group).first > first) return NONE;
  const page = await pageEndingAt(log, group, to);
  const all = await framesBetween(log, group, first, to);
  if (page === undefined || all.length <= to - first) return LATER;
  const frames = newestWithin(all, BYTES_MAX);
  const begin = to - frames.length + 1;
  const term = await termAt(log, group, begin - 1);
  return ['entries', begin, term, Buffer.concat(frames), page];
}

/** Empty where `to` ends none. Undefined: this node has not finished it yet, or it is on its way to the disk. */
async function pageEndingAt(log: Log, group: GroupId, to: number): Promise<Buffer | undefined> {
  if (to % PAGE_ENTRIES !== 0) return EMPTY;
  const page = await log.outcomePage(group, pageOf(to));
  return page !== undefined && isWhole(page) ? page : undefined;
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
