/** Questions that wait for their answers on one connection. Each settles once, and none outlives the connection. */
import type { Clock, Milliseconds } from '../../log/time.ts';
import { AskTimeout, LinkLost, NotSent, PeerRefused } from './network.ts';

/** Questions that wait at once; the next fails at once. */
export const PENDING_MAX = 16_384;
/** Ids are four bytes; by the time they begin again, what had the same id is long over. */
const IDS = 2 ** 32;

interface Pending {
  readonly resolve: (answer: Buffer) => void;
  readonly reject: (error: Error) => void;
  readonly cancel: () => void;
}

export class Asks {
  readonly #clock: Clock;
  readonly #pending = new Map<number, Pending>();
  #last = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get pending(): number {
    return this.#pending.size;
  }

  /**
   * Sends a question by `send`, under an id of its own.
   * @throws AskTimeout after `within`, LinkLost when the connection ends or does not take it, PeerRefused
   */
  ask(within: Milliseconds, send: (id: number) => boolean): Promise<Buffer> {
    if (this.#pending.size >= PENDING_MAX)
      return Promise.reject(new PeerRefused(`${PENDING_MAX} questions wait already`));
    const id = this.#last;
    this.#last = (id + 1) % IDS;
    const answer = this.#wait(id, within);
    if (!send(id)) this.#fail(id, new NotSent('the queue to the peer is full'));
    return answer;
  }

  /** An answer nobody waits for any more is dropped. */
  answered(id: number, answer: Buffer): void {
    this.#settle(id)?.resolve(answer);
  }

  refused(id: number, reason: string): void {
    this.#fail(id, new PeerRefused(reason));
  }

  /** Fails everything that waits. */
  lost(reason: string): void {
    for (const id of this.#pending.keys()) this.#fail(id, new LinkLost(reason));
  }

  #wait(id: number, within: Milliseconds): Promise<Buffer> {
    const late = (): void => this.#fail(id, new AskTimeout(`no answer within ${within} ms`));
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, cancel: this.#clock.after(within, late) });
    });
  }

  #fail(id: number, error: Error): void {
    this.#settle(id)?.reject(error);
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    pending?.cancel();
    this.#pending.delete(id);
    return pending;
  }
}
