/**
 * Finding one node at one of several addresses: the best is tried first, the next after a moment or as
 * soon as one has failed, and the first that leads to a finished handshake is taken (after RFC 8305,
 * "Happy Eyeballs", with the handshake in the place of the connection: an address may lead elsewhere).
 */
import type { Clock, Milliseconds } from '../../log/time.ts';
import type { Met } from './meeting.ts';

/** The head start of each address before the next one is tried. */
export const STAGGER_MS: Milliseconds = 250;

/** Tries one address until the signal aborts. */
export type Attempt = (address: string, signal: AbortSignal) => Promise<Met>;

export class Approach {
  /** The first connection with the peer behind it. Rejects with what every address said, or with the reason of `abort` */
  readonly met: Promise<Met>;
  readonly #clock: Clock;
  readonly #attempt: Attempt;
  readonly #addresses: string[];
  readonly #failures: string[] = [];
  readonly #aborting = new AbortController();
  #resolve: (met: Met) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  #underWay = 0;
  #cancelStagger: () => void = () => undefined;

  constructor(addresses: readonly string[], attempt: Attempt, clock: Clock) {
    this.#addresses = [...addresses];
    this.#attempt = attempt;
    this.#clock = clock;
    this.met = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#next();
  }

  /** Cuts what is under way. Harmless once it is over. */
  abort(reason: Error): void {
    this.#over();
    this.#reject(reason);
  }

  #next(): void {
    this.#cancelStagger();
    const address = this.#addresses.shift();
    if (address === undefined) return this.#giveUpIfAllFailed();
    this.#underWay += 1;
    this.#cancelStagger = this.#clock.after(STAGGER_MS, () => this.#next());
    this.#attempt(address, this.#aborting.signal).then(
      (met) => this.#found(met),
      (error: Error) => this.#failed(address, error),
    );
  }

  #found(met: Met): void {
    this.#over();
    this.#resolve(met);
  }

  #failed(address: string, error: Error): void {
    this.#underWay -= 1;
    this.#failures.push(`${address}: ${error.message}`);
    if (!this.#aborting.signal.aborted) this.#next();
  }

  #giveUpIfAllFailed(): void {
    if (this.#underWay > 0) return;
    const said = this.#failures.join('; ');
    this.abort(new Error(said === '' ? 'no address is known' : said));
  }

  #over(): void {
    this.#cancelStagger();
    this.#aborting.abort();
  }
}
