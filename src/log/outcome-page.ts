/**
 * Outcome pages: what was decided, recorded beside the log in pages of 256 entries and chained by a
 * digest.
 *
 * ```
 *  0      4       8            12      16                     48          80
 *  ├──────┼───────┼────────────┼───────┼──────────────────────┼───────────┼────────────────────────┐
 *  │ crc  │ count │ page (u64) ········│ digest before        │ digest    │ count × [4 length][outcome] │
 *  └──────┴───────┴────────────┴───────┴──────────────────────┴───────────┴────────────────────────┘
 * ```
 *
 * Page p holds the outcomes of the indices 256·p + 1 … 256·(p + 1). `digest` = SHA-256(digest before ‖
 * the records that follow); the digest before page 0 is 32 zero bytes. The digest *at* an index is that
 * of its page cut after it, so two nodes find the first difference by comparing page digests and then
 * one page. crc covers all that follows it. A page is written unsynced with the next batch: it can
 * always be derived again from the log.
 */
import { createHash } from 'node:crypto';
import { checksum } from './checksum.ts';
import { readUint64, writeUint64 } from './integer.ts';

export const PAGE_ENTRIES = 256;
export const DIGEST_BYTES = 32;
export const GENESIS_DIGEST: Buffer = Buffer.alloc(DIGEST_BYTES);

const COUNT_AT = 4;
const PAGE_AT = 8;
const BEFORE_AT = 16;
const DIGEST_AT = BEFORE_AT + DIGEST_BYTES;
const RECORDS_AT = DIGEST_AT + DIGEST_BYTES;

export interface OutcomePage {
  readonly page: number;
  /** In the order of their entries; fewer than PAGE_ENTRIES only in the newest page. */
  readonly outcomes: readonly Uint8Array[];
  readonly previousDigest: Buffer;
}

export function pageOf(index: number): number {
  return Math.floor((index - 1) / PAGE_ENTRIES);
}

export function firstOfPage(page: number): number {
  return page * PAGE_ENTRIES + 1;
}

/** @returns a new buffer with the records behind `before` bytes that are left to the caller */
function records(outcomes: readonly Uint8Array[], before = 0): Buffer {
  const bytes = outcomes.reduce((sum, outcome) => sum + 4 + outcome.length, before);
  const buffer = Buffer.allocUnsafe(bytes);
  let offset = before;
  for (const outcome of outcomes) {
    buffer.writeUInt32BE(outcome.length, offset);
    buffer.set(outcome, offset + 4);
    offset += 4 + outcome.length;
  }
  return buffer;
}

function digestOf(previousDigest: Buffer, recorded: Buffer): Buffer {
  return createHash('sha256').update(previousDigest).update(recorded).digest();
}

/** The digest after `outcomes`, given the one before them; an empty page leaves it as it was. */
export function pageDigest(previousDigest: Buffer, outcomes: readonly Uint8Array[]): Buffer {
  return outcomes.length === 0 ? previousDigest : digestOf(previousDigest, records(outcomes));
}

export function encodeOutcomePage({ page, outcomes, previousDigest }: OutcomePage): Buffer {
  const bytes = records(outcomes, RECORDS_AT);
  bytes.writeUInt32BE(outcomes.length, COUNT_AT);
  writeUint64(bytes, page, PAGE_AT);
  bytes.set(previousDigest, BEFORE_AT);
  bytes.set(digestOf(previousDigest, bytes.subarray(RECORDS_AT)), DIGEST_AT);
  bytes.writeUInt32BE(checksum(bytes.subarray(COUNT_AT)), 0);
  return bytes;
}

/** The digest after an encoded page, which the next one needs. */
export function digestIn(encoded: Buffer): Buffer {
  return encoded.subarray(DIGEST_AT, RECORDS_AT);
}

export type OutcomePageRead =
  | ({ readonly kind: 'page'; readonly digest: Buffer } & OutcomePage)
  | { readonly kind: 'damaged'; readonly reason: string };

/** Reads and checks a page. Never throws on bad bytes. */
export function decodeOutcomePage(bytes: Buffer): OutcomePageRead {
  if (bytes.length < RECORDS_AT) return { kind: 'damaged', reason: 'cut short' };
  if (checksum(bytes.subarray(COUNT_AT)) !== bytes.readUInt32BE(0))
    return { kind: 'damaged', reason: 'checksum mismatch' };
  return {
    kind: 'page',
    page: readUint64(bytes, PAGE_AT),
    outcomes: splitRecords(bytes, bytes.readUInt32BE(COUNT_AT)),
    previousDigest: bytes.subarray(BEFORE_AT, DIGEST_AT),
    digest: bytes.subarray(DIGEST_AT, RECORDS_AT),
  };
}

/** The outcome at a place, from 0, of an encoded page that is known to be whole. */
export function outcomeIn(encoded: Buffer, place: number): Buffer {
  let start = RECORDS_AT + 4;
  for (let before = 0; before < place; before++) start += 4 + encoded.readUInt32BE(start - 4);
  return encoded.subarray(start, start + encoded.readUInt32BE(start - 4));
}

function splitRecords(bytes: Buffer, count: number): Buffer[] {
  const outcomes: Buffer[] = [];
  let offset = RECORDS_AT;
  while (outcomes.length < count) {
    const start = offset + 4;
    offset = start + bytes.readUInt32BE(offset);
    outcomes.push(bytes.subarray(start, offset));
  }
  return outcomes;
}
