/**
 * A leader whose clock is wrong leaves the office to a voter whose clock is right. It stamps entries by the
 * middle of all clocks, but only while it hears them; and a person who compares its log lines with others
 * is misled. Where nobody else can lead, it goes on.
 */
import type { Clock, Milliseconds } from '../../log/time.ts';
import type { PeerClocks } from './peer-clocks.ts';
import type { RaftEngine } from './raft-engine.ts';

/** Who answered so lately can take over. */
const ANSWERED_MS: Milliseconds = 1_000;
/** A transfer that failed is not tried again before: the group waits while one is under way. */
const PAUSE_MS: Milliseconds = 30_000;

export interface SteppingAsideOptions {
  readonly engine: () => Pick<RaftEngine, 'status' | 'silenceOf' | 'transfer'>;
  readonly clocks: Pick<PeerClocks, 'isOff' | 'isRight'>;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly onHandOver: (to: string) => void;
}

export class SteppingAside {
  readonly #options: SteppingAsideOptions;
  #notBefore: Milliseconds = Number.NEGATIVE_INFINITY;

  constructor(options: SteppingAsideOptions) {
    this.#options = options;
  }

  /** Hands over, where there is reason to and somebody to hand over to. */
  async look(): Promise<void> {
    const { engine, clock, onHandOver } = this.#options;
    const successor = this.#shouldGo() ? this.#successor() : undefined;
    if (successor === undefined) return;
    this.#notBefore = clock.monotonic() + PAUSE_MS;
    onHandOver(successor);
    await engine().transfer(successor);
  }

  #shouldGo(): boolean {
    const { engine, clocks, clock } = this.#options;
    if (!clocks.isOff || clock.monotonic() < this.#notBefore) return false;
    return engine().status().role === 'leader';
  }

  #successor(): string | undefined {
    const { engine, clocks } = this.#options;
    const { voters } = engine().status();
    return voters.find((id) => clocks.isRight(id) && this.#answers(id));
  }

  #answers(id: string): boolean {
    const silence = this.#options.engine().silenceOf(id);
    return silence !== undefined && silence < ANSWERED_MS;
  }
}
