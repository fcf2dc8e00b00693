/** What happened in a run: a fingerprint always, lines for people when it is recorded, and counts. */
import { checksum } from '../../../src/log/checksum.ts';
import { Figures } from '../raft-core/story.ts';

/** A story longer than this keeps its end. */
const LINES_MOST = 100_000;

export class Story {
  readonly figures = new Figures();
  readonly lines: string[] = [];
  readonly #recorded: boolean;
  #fingerprint = 0;

  constructor(recorded: boolean) {
    this.#recorded = recorded;
  }

  /** Equal for equal runs. */
  get fingerprint(): number {
    return this.#fingerprint;
  }

  /** Bytes that belong to the story: what was sent, applied, answered. */
  mix(at: number, bytes: Uint8Array): void {
    const sum = checksum(bytes, this.#fingerprint);
    this.#fingerprint = (Math.imul(sum ^ Math.floor(at * 1000), 0x01000193) + 1) >>> 0;
  }

  note(at: number, text: () => string): void {
    if (!this.#recorded) return;
    if (this.lines.length >= LINES_MOST) this.lines.splice(0, LINES_MOST / 2);
    this.lines.push(`${at.toFixed(2).padStart(9)}  ${text()}`);
  }
}
