/** Sealed frames that lie one behind the other, as blocks and chunks hold them, one by one and uncopied. */
import { frameBytes } from './frame.ts';

/** @param frames checked bytes: a whole number of sealed frames */
export function splitFrames(frames: Buffer): Buffer[] {
  const split: Buffer[] = [];
  for (let offset = 0; offset < frames.length;) {
    const end = offset + frameBytes(frames, offset);
    split.push(frames.subarray(offset, end));
    offset = end;
  }
  return split;
}
