/**
 * Where the keys of `keys.ts` lie in LevelDB: what grows with the log lies together, stretch by stretch.
 *
 * ```
 *  key                           its place
 *  e/[group][8: first index]     d/[group][8: stretch]e[8: first index]      a block
 *  o/[group][8: page]            d/[group][8: stretch]o[8: page]             an outcome page
 *  b/[2: number]                 l/[2: number]                               a link of the batch chain
 *  all others                    the same
 *
 *  d/main  0 e e e e o o   1 e e e o o o   2 e e        l/ …
 *         └── 4 096 ────┘ └── entries ──┘     ▲
 *                                             └ all that a busy node writes comes here, and behind
 * ```
 *
 * LevelDB merges a new file with every older one whose keys lie between its first and its last. If blocks, pages and
 * links each grew in a range of their own, every new file would reach over all of them, and what was written of late
 * would be written again with every merge. So what is written at the same time lies side by side, at the end of what
 * is there; and what is written over and over lies behind it.
 */
import { damaged } from './fault.ts';
import { readUint64, writeUint64 } from './integer.ts';
import { PAGE_ENTRIES } from './outcome-page.ts';

/** Entries of a stretch: a reader of blocks leaps over pages this often. */
const STRETCH_ENTRIES = 4096;
const STRETCH_PAGES = STRETCH_ENTRIES / PAGE_ENTRIES;

const PREFIX_BYTES = 2;
const DATA = Buffer.from('d/');
const BEHIND_DATA = Buffer.from('d0');

/** What lies interleaved, in the order within a stretch. */
const BLOCK = 0x65;
const PAGE = 0x6f;
export type Interleaved = typeof BLOCK | typeof PAGE;

/** The stretch that a block which begins with this entry, or a page of this number, lies in. */
const STRETCH_OF: Readonly<Record<Interleaved, (number: number) => number>> = {
  [BLOCK]: (first) => Math.floor(Math.max(first - 1, 0) / STRETCH_ENTRIES),
  [PAGE]: (page) => Math.floor(page / STRETCH_PAGES),
};

const STRETCH_BYTES = 8;
const NUMBER_BYTES = 8;
/** Counted from the end of a place. */
const KIND_FROM_END = 1 + NUMBER_BYTES;
const STRETCH_FROM_END = STRETCH_BYTES + KIND_FROM_END;

/** What takes the place of the first letter of a key. */
const LINK = 0x62;
const LINK_PLACE = 0x6c;

/** What kind of thing a key, or a bound of a range, names; undefined: it does not lie interleaved. */
export function kindOf(key: Buffer): Interleaved | undefined {
  const [letter] = key;
  return letter === BLOCK || letter === PAGE ? letter : undefined;
}

/** Where a key, or a bound of a range, lies. */
export function placeOf(key: Buffer): Buffer {
  const kind = kindOf(key);
  if (kind === undefined) return renamed(key, LINK, LINK_PLACE);
  return key.length === PREFIX_BYTES ? endOfKind(key) : interleaved(key, kind);
}

/** Both ends of everything of a kind: of all groups. */
function endOfKind(bound: Buffer): Buffer {
  return bound[1] === DATA[1] ? DATA : BEHIND_DATA;
}

function interleaved(key: Buffer, kind: Interleaved): Buffer {
  const number = readUint64(key, key.length - NUMBER_BYTES);
  const group = key.subarray(PREFIX_BYTES, key.length - NUMBER_BYTES);
  return placeIn(group, STRETCH_OF[kind](number), kind, number);
}

function placeIn(group: Buffer, stretch: number, kind: Interleaved, number: number): Buffer {
  const place = Buffer.allocUnsafe(PREFIX_BYTES + group.length + STRETCH_FROM_END);
  place.set(DATA);
  place.set(group, PREFIX_BYTES);
  writeUint64(place, stretch, place.length - STRETCH_FROM_END);
  place[place.length - KIND_FROM_END] = kind;
  writeUint64(place, number, place.length - NUMBER_BYTES);
  return place;
}

/** The key of what lies at a place. */
export function keyAt(place: Buffer): Buffer {
  if (!isData(place)) return renamed(place, LINK_PLACE, LINK);
  const group = groupAt(place);
  const key = Buffer.allocUnsafe(PREFIX_BYTES + group.length + NUMBER_BYTES);
  key[0] = kindAt(place);
  key[1] = DATA[1] as number;
  key.set(group, PREFIX_BYTES);
  place.copy(key, key.length - NUMBER_BYTES, place.length - NUMBER_BYTES);
  return key;
}

/** What kind of thing lies at an interleaved place. */
export function kindAt(place: Buffer): Interleaved {
  return place[place.length - KIND_FROM_END] as Interleaved;
}

/** The last place of the same group, stretch and kind. */
export function endOfRun(place: Buffer): Buffer {
  return placeIn(groupAt(place), stretchAt(place), kindAt(place), Number.MAX_SAFE_INTEGER);
}

/** Where, behind a place, the next run of a kind may begin. */
export function runBehind(place: Buffer, kind: Interleaved): Buffer {
  const stretch = stretchAt(place) + Number(kindAt(place) >= kind);
  return placeIn(groupAt(place), stretch, kind, 0);
}

/** Where, before a place, the run of a kind before it may end; before the first stretch lies another group. */
export function runBefore(place: Buffer, kind: Interleaved): Buffer {
  const stretch = stretchAt(place) - Number(kindAt(place) <= kind);
  if (stretch < 0) return place.subarray(0, place.length - STRETCH_FROM_END);
  return placeIn(groupAt(place), stretch, kind, Number.MAX_SAFE_INTEGER);
}

function isData(place: Buffer): boolean {
  return place[0] === DATA[0] && place[1] === DATA[1];
}

function groupAt(place: Buffer): Buffer {
  return place.subarray(PREFIX_BYTES, place.length - STRETCH_FROM_END);
}

/** @throws LogFault `damaged` where no place has these bytes */
function stretchAt(place: Buffer): number {
  const at = place.length - STRETCH_FROM_END;
  const stretch = at < PREFIX_BYTES ? Number.NaN : readUint64(place, at);
  if (Number.isSafeInteger(stretch + 1)) return stretch;
  throw damaged(`the place ${place.toString('hex')} in the store was never written`);
}

function renamed(key: Buffer, from: number, to: number): Buffer {
  if (key[0] !== from || key[1] !== DATA[1]) return key;
  const other = Buffer.from(key);
  other[0] = to;
  return other;
}
