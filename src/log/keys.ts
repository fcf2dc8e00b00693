/**
 * The keys of the store: one LevelDB holds all groups of a node, so that one fsync commits entries of
 * many groups. Integers are big-endian, so the order of the keys is the order of the indices.
 *
 * ```
 * n                               identity of the store
 * x                               the mark of a clean exit: number of the last batch
 * b/[2: batch number mod 65 536]  batch chain, a ring of links
 * h/[group]                       hard state
 * f/[group]                       floor: index and term of the last entry that was trimmed
 * e/[group][8: first index]       block: consecutive frames of one batch
 * o/[group][8: page number]       outcome page
 * t/[group]…                      Merkle tiles
 * ```
 *
 * `[group]` is drawn in `group.ts`. Where keys lie in LevelDB is drawn in `interleaving.ts`.
 */
import { damaged, type LogFault } from './fault.ts';
import { type GroupId, groupBytes, readGroup } from './group.ts';
import { readUint64, writeUint64 } from './integer.ts';
import type { Range } from './store.ts';

export const IDENTITY_KEY = Buffer.from('n');
export const CLEAN_EXIT_KEY = Buffer.from('x');

/** How many links of the batch chain are kept; the oldest is overwritten. */
export const CHAIN_LINKS = 65_536;

const PREFIX_BYTES = 2;
const LINK_PREFIX = Buffer.from('b/');

/** Kinds of keys that are filed under a group. */
export const KIND = { hardState: 'h/', floor: 'f/', block: 'e/', page: 'o/', tile: 't/' } as const;
export type Kind = (typeof KIND)[keyof typeof KIND];

/** The key prefixes of one group, made once and kept with it. */
export interface GroupKeys {
  readonly group: Buffer;
  readonly hardState: Buffer;
  readonly floor: Buffer;
  readonly block: Buffer;
  readonly page: Buffer;
  readonly tile: Buffer;
}

export function groupKeys(id: GroupId): GroupKeys {
  const group = groupBytes(id);
  const under = (kind: Kind): Buffer => Buffer.concat([Buffer.from(kind), group]);
  return {
    group,
    hardState: under(KIND.hardState),
    floor: under(KIND.floor),
    block: under(KIND.block),
    page: under(KIND.page),
    tile: under(KIND.tile),
  };
}

/** A key of a group that ends in a number: a block's first index, a page's number. */
export function numbered(prefix: Buffer, number: number): Buffer {
  const key = Buffer.allocUnsafe(prefix.length + 8);
  key.set(prefix);
  writeUint64(key, number, prefix.length);
  return key;
}

/** The number a key made by `numbered` ends in. */
export function numberOf(key: Buffer): number {
  return readUint64(key, key.length - 8);
}

/** All numbered keys of `prefix` from `low` to `high`, both included. */
export function numberedRange(prefix: Buffer, low: number, high: number): Range {
  return { from: numbered(prefix, low), to: numbered(prefix, high) };
}

/** Everything a group filed under one kind of key. */
export function everyNumber(prefix: Buffer): Range {
  return numberedRange(prefix, 0, Number.MAX_SAFE_INTEGER);
}

export function linkKey(batch: number): Buffer {
  const key = Buffer.allocUnsafe(PREFIX_BYTES + 2);
  key.set(LINK_PREFIX);
  key.writeUInt16BE(batch % CHAIN_LINKS, PREFIX_BYTES);
  return key;
}

export const EVERY_LINK: Range = { from: linkKey(0), to: linkKey(CHAIN_LINKS - 1) };

/** All keys of one kind, of every group: `0` follows `/`, and no key is called that. */
export function everyGroup(kind: Kind): Range {
  return { from: Buffer.from(kind), to: Buffer.from(kind.replace('/', '0')) };
}

/** The group a key is filed under, and where its bytes end in the key. @throws LogFault `damaged` where it names none */
export function groupOfKey(key: Buffer): { readonly group: GroupId; readonly next: number } {
  const read = readGroup(key, PREFIX_BYTES);
  if (read === undefined) throw neverWritten(key);
  return read;
}

export function neverWritten(key: Buffer): LogFault {
  return damaged(`the key ${key.toString('hex')} of the store was never written`);
}
