/**
 * A transfer: a long stream of bytes on a connection of its own, so that it delays nobody, and the
 * receiver's verdict at its end.
 *
 * ```
 *  sender    ── header ── chunk ── chunk ─ … ─ end ──▶            receiver
 *            ◀───────────────────────────── verdict | failed ──   also before the end: then the rest is not sent
 *
 *   3 header   4 chunk   5 end   6 verdict   7 failed (why, as text)   8 abandoned (why, as text)
 * ```
 *
 * The sender takes the next chunk from its source when the socket has taken the last; the receiver reads on
 * when its consumer has taken what was read. A transfer that breaks off never looks like one that ended:
 * the consumer's iteration throws.
 */
import { USER_KIND } from './channel.ts';

export const TRANSFER_KIND = {
  header: USER_KIND,
  chunk: USER_KIND + 1,
  end: USER_KIND + 2,
  verdict: USER_KIND + 3,
  failed: USER_KIND + 4,
  abandoned: USER_KIND + 5,
} as const;

/** Longer chunks are cut; what the receiver iterates over are pieces of this size at most. */
export const PIECE_BYTES_MAX = 256 * 1024;
/** Transfers of a node at once, each way; the next is refused with `busy`, and may be tried again. */
export const TRANSFERS_MAX = 8;
