/** Clear lines for the operator about what does not work, and not the same line again and again. */
import type { Clock, Milliseconds } from '../../log/time.ts';

/** A line is not repeated for so long. */
export const REPEAT_MS: Milliseconds = 60_000;
/** Different lines that are remembered; beyond it the oldest is forgotten, and may be said again. */
const REMEMBERED_MAX = 256;

export class Complaints {
  readonly #clock: Clock;
  readonly #tell: (error: Error) => void;
  readonly #said = new Map<string, Milliseconds>();

  constructor(clock: Clock, tell: (error: Error) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** @param about what stays the same from one time to the next; ports of strangers do not */
  complain(about: string, line: string): void {
    const now = this.#clock.monotonic();
    const before = this.#said.get(about);
    if (before !== undefined && now - before < REPEAT_MS) return;
    this.#said.delete(about);
    this.#said.set(about, now);
    this.#forget();
    this.#tell(new Error(line));
  }

  #forget(): void {
    const [oldest] = this.#said.keys();
    if (this.#said.size > REMEMBERED_MAX) this.#said.delete(String(oldest));
  }
}
