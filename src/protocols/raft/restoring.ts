/**
 * What a core begins with: what the disk holds of its group.
 *
 * Where each term begins is found by halving, a block read per step: a log has few terms, so a start
 * stays cheap however long the log is.
 */
import { stampOf, termOf } from '../../log/frame.ts';
import type { GroupId } from '../../log/group.ts';
import type { HardState } from '../../log/hard-state.ts';
import type { Log } from '../../log/log.ts';
import type { Milliseconds } from '../../log/time.ts';
import type { Place } from './core/entry.ts';
import type { Restored } from './core/input.ts';

/** Terms looked up; what lies before them is as good as compacted: a follower so far behind gets a snapshot. */
const TERMS_MAX = 256;

export const NEW_MEMBER: HardState = { term: 0, vote: '', commit: 0, members: [] };

/** @param applied what the machine has already, from a snapshot and the log */
export async function restoredFrom(log: Log, group: GroupId, applied: number): Promise<Restored> {
  const { last, lastTerm } = log.bounds(group);
  const floor = log.floor(group);
  const { members, ...hard } = log.hardState(group) ?? NEW_MEMBER;
  const terms = await termsOf(log, group, { term: lastTerm, index: last });
  return {
    hard,
    // What lies before the terms that were looked up is as good as compacted.
    ...(terms.length < TERMS_MAX
      ? { floor, terms }
      : { floor: terms[0] as Place, terms: terms.slice(1) }),
    last: { term: lastTerm, index: last },
    applied,
    configurations: members,
  };
}

/** The stamp of the last entry that is on the disk, applied or not; 0 where there is none. */
export async function lastStamp(log: Log, group: GroupId): Promise<Milliseconds> {
  const frame = await log.frame(group, log.bounds(group).last);
  return frame === undefined ? 0 : stampOf(frame);
}

/** The first entry of each term above the floor, ascending. */
async function termsOf(log: Log, group: GroupId, last: Place): Promise<Place[]> {
  const { first } = log.bounds(group);
  const terms: Place[] = [];
  let end = last;
  while (end.index >= first && terms.length < TERMS_MAX) {
    const begin = await firstOfTerm(log, group, { term: end.term, from: first, to: end.index });
    terms.unshift({ term: end.term, index: begin });
    end = { index: begin - 1, term: begin > first ? await termAt(log, group, begin - 1) : 0 };
  }
  return terms;
}

interface Search {
  readonly term: number;
  readonly from: number;
  /** An entry of the term. */
  readonly to: number;
}

async function firstOfTerm(log: Log, group: GroupId, { term, from, to }: Search): Promise<number> {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((await termAt(log, group, middle)) < term) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function termAt(log: Log, group: GroupId, index: number): Promise<number> {
  const frame = await log.frame(group, index);
  if (frame === undefined) throw new Error(`entry ${index} of group ${group.id} is not in its log`);
  return termOf(frame);
}
