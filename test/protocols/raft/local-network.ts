/** Nodes of one process that talk to each other: a `Network` for each, links that can be cut. */
import { setImmediate as turn } from 'node:timers/promises';
import {
  AskTimeout,
  LinkLost,
  type LinkStatus,
  type Network,
  type NetworkEvents,
  NotSent,
  type PeerIdentity,
} from '../../../src/protocols/transport/network.ts';
import { realClock } from '../../../src/real-clock.ts';

interface Place {
  readonly identity: PeerIdentity;
  readonly events: NetworkEvents;
}

export class LocalNetworks {
  readonly #places = new Map<string, Place>();
  readonly #cut = new Set<string>();
  readonly #askers = new Set<() => void>();
  /** Messages that were carried, for who wants to know how many it takes. */
  carried = 0;

  join(identity: PeerIdentity, events: NetworkEvents): Network {
    const here = { identity, events };
    this.#places.set(identity.nodeId, here);
    for (const other of this.#places.values()) this.#greet(here, other);
    return new LocalNetwork(this, here, () => this.#leave(identity.nodeId));
  }

  /** Nothing passes between a node and the others, either way. */
  isolate(nodeId: string): void {
    this.#cut.add(nodeId);
    this.#failAskers();
    for (const other of this.#places.keys()) this.#lose(nodeId, other);
  }

  mend(nodeId: string): void {
    this.#cut.delete(nodeId);
    const here = this.#places.get(nodeId);
    if (here === undefined) return;
    for (const other of this.#places.values()) this.#greet(here, other);
  }

  /** Fails when nothing passes between the two any more. */
  untilCut(one: string, other: string): { readonly lost: Promise<never>; leave(): void } {
    let look: () => void = () => undefined;
    const lost = new Promise<never>((_, reject) => {
      look = () => {
        if (this.reach(one, other) === undefined) reject(new LinkLost(`cut from ${other}`));
      };
    });
    this.#askers.add(look);
    return { lost, leave: () => this.#askers.delete(look) };
  }

  reach(from: string, to: string): Place | undefined {
    return this.#cut.has(from) || this.#cut.has(to) ? undefined : this.#places.get(to);
  }

  others(nodeId: string): readonly string[] {
    return [...this.#places.keys()].filter(
      (id) => this.reach(nodeId, id) !== undefined && id !== nodeId,
    );
  }

  #greet(here: Place, other: Place): void {
    if (here === other || this.reach(here.identity.nodeId, other.identity.nodeId) === undefined)
      return;
    here.events.up(other.identity);
    other.events.up(here.identity);
  }

  #failAskers(): void {
    for (const look of this.#askers) look();
  }

  #lose(one: string, other: string): void {
    if (one === other) return;
    this.#places.get(one)?.events.down(other, 'cut');
    this.#places.get(other)?.events.down(one, 'cut');
  }

  #leave(nodeId: string): void {
    this.#places.delete(nodeId);
    this.#failAskers();
    for (const { events } of this.#places.values()) events.down(nodeId, 'gone');
  }
}

/** Whoever is asked may stop, or wait for what never comes: nobody waits for an answer for ever. */
function untilLate(to: string, within: number): { readonly late: Promise<never>; leave(): void } {
  let leave: () => void = () => undefined;
  const late = new Promise<never>((_, reject) => {
    leave = realClock.after(within, () => reject(new AskTimeout(`no answer from ${to}`)));
  });
  return { late, leave };
}

class LocalNetwork implements Network {
  readonly #networks: LocalNetworks;
  readonly #here: Place;
  readonly #leave: () => void;

  constructor(networks: LocalNetworks, here: Place, leave: () => void) {
    this.#networks = networks;
    this.#here = here;
    this.#leave = leave;
  }

  connect(): void {
    // Everybody is connected to everybody.
  }

  send(to: string, message: Uint8Array): void {
    const bytes = Buffer.from(message);
    void turn().then(() => {
      this.#networks.carried += 1;
      this.#networks.reach(this.#id, to)?.events.message(this.#here.identity, bytes);
    });
  }

  flush(): void {
    // What is sent leaves at once.
  }

  async ask(to: string, question: Uint8Array, within: number): Promise<Uint8Array> {
    const place = this.#networks.reach(this.#id, to);
    if (place === undefined) throw new NotSent(`no link to ${to}`);
    const link = this.#networks.untilCut(this.#id, to);
    const time = untilLate(to, within);
    try {
      const answer = place.events.question(this.#here.identity, Buffer.from(question));
      return await Promise.race([answer, link.lost, time.late]);
    } finally {
      link.leave();
      time.leave();
    }
  }

  askAddress(address: string, question: Uint8Array, within: number): Promise<Uint8Array> {
    return this.ask(address, question, within);
  }

  async transfer(
    to: string,
    header: Uint8Array,
    chunks: AsyncIterable<Uint8Array>,
  ): Promise<Uint8Array> {
    const pieces = async function* (): AsyncGenerator<Buffer> {
      for await (const chunk of chunks) yield Buffer.from(chunk);
    };
    return this.#place(to).events.transfer(this.#here.identity, Buffer.from(header), pieces());
  }

  links(): readonly LinkStatus[] {
    return [];
  }

  stop(): Promise<void> {
    this.#leave();
    return Promise.resolve();
  }

  get #id(): string {
    return this.#here.identity.nodeId;
  }

  #place(to: string): Place {
    const place = this.#networks.reach(this.#id, to);
    if (place === undefined) throw new LinkLost(`no link to ${to}`);
    return place;
  }
}
