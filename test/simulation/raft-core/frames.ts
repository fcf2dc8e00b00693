/**
 * What simulated clients write, small enough to be read back by every law.
 *
 * ```
 *  0        4          8
 *  ├────────┼──────────┼──────────────┐
 *  │ kind   │ number   │ padding …    │     no two frames of a world have the same number
 *  └────────┴──────────┴──────────────┘
 * ```
 */
import type { FrameMaker } from '../../../src/protocols/raft/core/entry.ts';

export type FrameKind = 'command' | 'no_op' | 'configuration';
const KINDS: readonly FrameKind[] = ['command', 'no_op', 'configuration'];
const HEADER_BYTES = 8;

export function frameOf(kind: FrameKind, number: number, padding = 0): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES + padding);
  frame[0] = KINDS.indexOf(kind);
  for (let at = 4; at < HEADER_BYTES; at += 1) frame[at] = (number >>> (8 * (at - 4))) & 0xff;
  return frame;
}

export function kindOf(frame: Uint8Array): FrameKind {
  return KINDS[frame[0]!]!;
}

export function numberOf(frame: Uint8Array): number {
  return (frame[4]! | (frame[5]! << 8) | (frame[6]! << 16) | (frame[7]! << 24)) >>> 0;
}

/** Numbers for the frames of a world, and the maker of those the cores append themselves. */
export class Numbering implements FrameMaker {
  #last = 0;

  next(): number {
    this.#last += 1;
    return this.#last;
  }

  noOp(): Uint8Array {
    return frameOf('no_op', this.next());
  }

  configuration(): Uint8Array {
    return frameOf('configuration', this.next());
  }
}
