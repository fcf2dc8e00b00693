/** Every open connection of a node, from birth to close, so that stopping can wait until none is left. */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../log/time.ts';
import { type Frame, pack } from './frames.ts';

/** How long a last frame may take to be read before the connection is cut. */
export const FAREWELL_MS_MAX = 1_000;

export class Sockets {
  readonly #clock: Clock;
  readonly #open = new Set<Duplex>();
  readonly #leaving = new Set<Duplex>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get open(): number {
    return this.#open.size;
  }

  add(stream: Duplex): void {
    this.#open.add(stream);
    // What goes wrong on a stream ends in its close, which is where it is dealt with.
    stream.on('error', () => undefined);
    stream.once('close', () => {
      this.#open.delete(stream);
      this.#leaving.delete(stream);
    });
  }

  /** Sends a last frame and closes: read on until the other end closes too, or a last word would be lost to a reset. */
  readonly farewell = (stream: Duplex, frame: Frame): void => {
    if (stream.destroyed) return;
    this.#leaving.add(stream);
    const cancel = this.#clock.after(FAREWELL_MS_MAX, () => stream.destroy());
    stream.once('close', cancel);
    stream.resume();
    stream.end(Buffer.concat(pack([frame])));
  };

  /** Cuts what is not on its way out already. Resolves when nothing is open. */
  async stop(): Promise<void> {
    const closed = [...this.#open].map(closing);
    for (const stream of this.#open)
      if (!this.#leaving.has(stream)) stream.destroy(new Error('this node stops'));
    await Promise.all(closed);
  }
}

function closing(stream: Duplex): Promise<void> {
  return new Promise((resolve) => {
    stream.once('close', () => resolve());
  });
}
