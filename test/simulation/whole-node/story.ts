/** The story of a run of whole nodes: bytes that were sent, applied or answered are a part of it. */
import { checksum } from '../../../src/log/checksum.ts';
import { Story } from '../story.ts';

export class NodeStory extends Story {
  bytes(at: number, bytes: Uint8Array): void {
    this.mix(Math.floor(at * 1000));
    this.mix(checksum(bytes));
  }
}
