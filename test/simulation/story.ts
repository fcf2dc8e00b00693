/**
 * What happened in a run: a fingerprint always (same seed, same fingerprint), lines for people when it is
 * recorded, and counts by which a test sees that the run was not idle.
 */

export class Figures {
  readonly #counts = new Map<string, number>();

  count(what: string, by = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + by);
  }

  of(what: string): number {
    return this.#counts.get(what) ?? 0;
  }

  entries(): readonly (readonly [string, number])[] {
    return [...this.#counts].sort(([one], [other]) => (one < other ? -1 : 1));
  }
}

/** A story longer than this keeps its end. */
const LINES_MOST = 200_000;

export class Story {
  readonly figures = new Figures();
  readonly lines: string[] = [];
  readonly #isRecorded: boolean;
  #fingerprint = 0;

  constructor(isRecorded: boolean) {
    this.#isRecorded = isRecorded;
  }

  /** Equal for equal runs. */
  get fingerprint(): number {
    return this.#fingerprint >>> 0;
  }

  /** Something that belongs to the run: when, who, what was sent, applied, answered. */
  mix(value: number): void {
    this.#fingerprint = Math.imul(this.#fingerprint ^ value, 0x01000193) + 1;
  }

  note(at: number, text: () => string): void {
    if (!this.#isRecorded) return;
    if (this.lines.length >= LINES_MOST) this.lines.splice(0, LINES_MOST / 2);
    this.lines.push(`${at.toFixed(2).padStart(9)}  ${text()}`);
  }
}
