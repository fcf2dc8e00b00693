/**
 * A network that loses, delays, repeats and reorders messages, and whose links can be cut one way.
 * A message needs its link both when it is sent and when it arrives, so a cut takes what is on its way.
 */
import type { Message } from '../../../src/protocols/raft/core/messages.ts';
import type { Chance } from './chance.ts';
import type { Scheduler } from './scheduler.ts';

/** How bad the links are. */
export interface Noise {
  readonly loss: number;
  readonly duplication: number;
  /** The share of messages that come once more much later, when much may have changed. */
  readonly replay: number;
  /** The share of messages that may overtake others. */
  readonly reordering: number;
  /** Milliseconds, drawn for each message from [least, most). */
  readonly delay: { readonly least: number; readonly most: number };
}

/** What comes once more comes so much later, at most. */
export const REPLAY_MS_MOST = 1_500;

export const QUIET: Noise = {
  loss: 0,
  duplication: 0,
  replay: 0,
  reordering: 0,
  delay: { least: 0.1, most: 1 },
};

export class SimulatedNetwork {
  noise: Noise;
  readonly #scheduler: Scheduler;
  readonly #chance: Chance;
  readonly #deliver: (message: Message) => void;
  /** How many faults cut a link at the moment. */
  readonly #cuts = new Map<string, number>();
  #healed = 0;
  readonly #newest = new Map<string, number>();

  constructor(parts: {
    readonly noise: Noise;
    readonly scheduler: Scheduler;
    readonly chance: Chance;
    readonly deliver: (message: Message) => void;
  }) {
    this.noise = parts.noise;
    this.#scheduler = parts.scheduler;
    this.#chance = parts.chance;
    this.#deliver = parts.deliver;
  }

  send(message: Message): void {
    const { loss, duplication, replay } = this.noise;
    if (!this.connects(message.from, message.to) || this.#chance.happens(loss)) return;
    this.#carry(message);
    if (this.#chance.happens(duplication)) this.#carry(message);
    if (this.#chance.happens(replay)) this.#replay(message);
  }

  /** Whether the link leads from one to the other at this moment. */
  connects(from: string, to: string): boolean {
    return this.#whole(link(from, to));
  }

  /** Cuts links, each in one direction. @returns what mends them; links may be cut more than once */
  cut(links: readonly (readonly [from: string, to: string])[]): () => void {
    const names = links.map(([from, to]) => link(from, to));
    const healed = this.#healed;
    for (const name of names) this.#count(name, 1);
    return () => {
      if (healed === this.#healed) for (const name of names) this.#count(name, -1);
    };
  }

  /** Mends everything. */
  heal(): void {
    this.#healed += 1;
    this.#cuts.clear();
  }

  /** A delay such as a message has, for what takes other ways. */
  delay(): number {
    return this.#chance.between(this.noise.delay.least, this.noise.delay.most);
  }

  #carry(message: Message): void {
    const way = link(message.from, message.to);
    let arrival = this.#scheduler.now + this.delay();
    if (!this.#chance.happens(this.noise.reordering))
      arrival = Math.max(arrival, this.#newest.get(way) ?? 0);
    this.#newest.set(way, arrival);
    this.#scheduler.at(arrival, () => {
      if (this.#whole(way)) this.#deliver(message);
    });
  }

  #count(way: string, by: number): void {
    this.#cuts.set(way, (this.#cuts.get(way) ?? 0) + by);
  }

  #replay(message: Message): void {
    this.#scheduler.after(this.#chance.between(0, REPLAY_MS_MOST), () => {
      if (this.connects(message.from, message.to)) this.#deliver(message);
    });
  }

  #whole(way: string): boolean {
    return (this.#cuts.get(way) ?? 0) === 0;
  }
}

function link(from: string, to: string): string {
  return `${from}>${to}`;
}
