/**
 * Reads the whole ring of links back and follows it: numbers contiguous, every link tied to the one
 * before. What comes out is where each group stood after the last batch that touched it.
 */
import {
  CHAIN_START,
  type ChainEnd,
  decodeLink,
  type Link,
  type TouchedGroup,
} from './batch-chain.ts';
import { CHAIN_LINKS, EVERY_LINK } from './keys.ts';
import type { Pair, Store } from './store.ts';

export interface Standing extends TouchedGroup {
  /** The number of the batch that said so. */
  readonly batch: number;
}

/** The part of a link that following the chain needs. */
type Knot = Pick<Link, 'number' | 'previous' | 'sum'>;

export interface ChainBreak {
  /** The first batch that cannot be proved. */
  readonly batch: number;
  readonly reason: string;
}

export interface Chain {
  /** The last batch that is proved. */
  readonly end: ChainEnd;
  readonly links: number;
  /** By `standingName`; only what links up to `end` say. */
  readonly standings: ReadonlyMap<string, Standing>;
  /** Where the chain breaks. Undefined: it is whole. */
  readonly broken: ChainBreak | undefined;
}

/** A group as a key of a map. */
export function standingName(group: { readonly id: string; readonly incarnation: number }): string {
  return `${group.incarnation}/${group.id}`;
}

export async function readChain(store: Store): Promise<Chain> {
  const links: Link[] = [];
  let unreadable = 0;
  for await (const page of store.scan(EVERY_LINK)) unreadable += gather(links, page);
  links.sort((one, other) => one.number - other.number);
  const proved = followed(links);
  const broken = breakAfter(links, proved, unreadable);
  const standings = standingsOf(links.slice(0, proved));
  const end: ChainEnd = links[proved - 1] ?? CHAIN_START;
  return { end, links: links.length, standings, broken };
}

/** @returns how many values of the page are not links. */
function gather(links: Link[], page: readonly Pair[]): number {
  let unreadable = 0;
  for (const [key, value] of page) {
    const link = decodeLink(key, value);
    if (link === undefined) unreadable += 1;
    else links.push(link);
  }
  return unreadable;
}

/** How many links, from the oldest on, hang together. */
function followed(links: readonly Knot[]): number {
  let before: Knot | undefined;
  for (const [position, link] of links.entries()) {
    if (before !== undefined && !ties(before, link)) return position;
    before = link;
  }
  return links.length;
}

function ties(before: Knot, link: Knot): boolean {
  return link.number === before.number + 1 && link.previous === before.sum;
}

function breakAfter(
  links: readonly Knot[],
  proved: number,
  unreadable: number,
): ChainBreak | undefined {
  const batch = newestOf(links.slice(0, proved)) + 1;
  const next = links[proved];
  if (next !== undefined) return { batch, reason: `batch ${next.number} does not follow it` };
  if (unreadable > 0) return { batch, reason: `${unreadable} links cannot be read` };
  return shortRing(links);
}

function newestOf(links: readonly Knot[]): number {
  return links.at(-1)?.number ?? 0;
}

/** The ring always reaches back 65 536 batches, or to the first. */
function shortRing(links: readonly Knot[]): ChainBreak | undefined {
  const newest = newestOf(links);
  if (links.length === Math.min(newest, CHAIN_LINKS)) return undefined;
  return { batch: newest - links.length, reason: 'the oldest links are gone' };
}

function standingsOf(links: readonly Link[]): Map<string, Standing> {
  const standings = new Map<string, Standing>();
  for (const { number, touched } of links)
    for (const group of touched)
      standings.set(standingName(group.group), { ...group, batch: number });
  return standings;
}
