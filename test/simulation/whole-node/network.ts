/**
 * The network between simulated machines, behind the same port as the real one. Messages are lost, late,
 * repeated and overtaken; questions are answered once, late, or never; links can be cut one way.
 *
 * ```
 *        both are there, nothing cuts them                   cut for longer than anybody waits,
 *  down ───────────────────────────────────▶ up              or one of them is gone
 *    ▲                                        └───────────────────────────────────┐
 *    └────────────────── both are told, what was asked fails ◀────────────────────┘
 * ```
 */
import {
  AskTimeout,
  LinkLost,
  type LinkStatus,
  type Network,
  type NetworkEvents,
  type PeerIdentity,
} from '../../../src/protocols/transport/network.ts';
import type { Chance } from '../raft-core/chance.ts';
import { type Noise, REPLAY_MS_MOST } from '../raft-core/network.ts';
import type { EventLoop } from './event-loop.ts';
import type { Life } from './life.ts';

/** A process that is on the network. */
interface Place {
  readonly identity: PeerIdentity;
  readonly life: Life;
  readonly events: NetworkEvents;
}

/** Something a process waits for from another. */
interface Waiting {
  readonly way: string;
  readonly by: Life;
  readonly fail: (error: Error) => void;
}

export type Way = readonly [from: string, to: string];

/** Who is gone mostly resets its connections; otherwise it takes the others a while to notice. */
const TELLS_OF_DEATH = 0.7;

export interface NetworkParts {
  readonly loop: EventLoop;
  readonly chance: Chance;
  readonly noise: Noise;
  /** At the moment a message leaves. */
  readonly onSent: (from: string, to: string, message: Buffer) => void;
}

const wayOf = (from: string, to: string): string => `${from}>${to}`;
const pairOf = (one: string, other: string): string =>
  one < other ? wayOf(one, other) : wayOf(other, one);

export class SimulatedNetworks {
  noise: Noise;
  readonly #parts: NetworkParts;
  readonly #places = new Map<string, Place>();
  readonly #up = new Set<string>();
  /** How many faults cut a way at the moment. */
  readonly #cuts = new Map<string, number>();
  readonly #newest = new Map<string, number>();
  readonly #waiting = new Set<Waiting>();
  #healed = 0;

  constructor(parts: NetworkParts) {
    this.#parts = parts;
    this.noise = parts.noise;
  }

  join(identity: PeerIdentity, life: Life, events: NetworkEvents): Network {
    const here = { identity, life, events };
    const { nodeId } = identity;
    for (const other of this.#places.keys()) this.#lose(nodeId, other);
    this.#places.set(nodeId, here);
    for (const other of this.#places.keys()) this.#dialSoon(nodeId, other);
    return new SimulatedNetwork(this, here);
  }

  /** A process is gone. */
  leave(life: Life): void {
    const gone = [...this.#places].find(([, place]) => place.life === life);
    if (gone === undefined) return;
    const [nodeId] = gone;
    this.#places.delete(nodeId);
    for (const { by, fail } of this.#waiting)
      if (by === life) fail(new LinkLost('the network is stopped'));
    const { chance, loop } = this.#parts;
    for (const other of this.#places.keys()) {
      const notices = chance.happens(TELLS_OF_DEATH)
        ? chance.between(1, 30)
        : chance.between(500, 2_000);
      loop.after(notices, () => {
        if (!this.#places.has(nodeId)) this.#lose(nodeId, other);
      });
    }
  }

  /** Cuts ways. @returns what mends them; a way may be cut more than once */
  cut(ways: readonly Way[]): () => void {
    const healed = this.#healed;
    for (const way of ways) this.#count(way, 1);
    const { chance, loop } = this.#parts;
    loop.after(chance.between(200, 1_200), () => {
      for (const [from, to] of ways) if (!this.#isOpen(from, to)) this.#lose(from, to);
    });
    return () => {
      if (healed !== this.#healed) return;
      for (const way of ways) this.#count(way, -1);
      for (const [from, to] of ways) this.#dialSoon(from, to);
    };
  }

  /** Mends everything. */
  heal(): void {
    this.#healed += 1;
    this.#cuts.clear();
    const ids = [...this.#places.keys()];
    for (const from of ids) for (const to of ids) if (from < to) this.#dialSoon(from, to);
  }

  /** Loses the connections of a node, which are made again at once. */
  reset(nodeId: string): void {
    for (const other of this.#places.keys()) {
      this.#lose(nodeId, other);
      this.#dialSoon(nodeId, other);
    }
  }

  send({ identity: { nodeId: from }, identity }: Place, to: string, message: Buffer): void {
    const { chance, onSent } = this.#parts;
    onSent(from, to, message);
    if (!this.reaches(from, to) || chance.happens(this.noise.loss)) return;
    const carry = (delay: number): void => {
      this.#parts.loop.after(delay, () => {
        const place = this.#places.get(to);
        if (place === undefined || !this.reaches(from, to)) return;
        place.life.run(() => place.events.message(identity, message));
      });
    };
    carry(this.#inOrder(from, to));
    if (chance.happens(this.noise.duplication)) carry(this.delay());
    if (chance.happens(this.noise.replay)) carry(chance.between(0, REPLAY_MS_MOST));
  }

  async ask(here: Place, to: string, question: Buffer, within: number): Promise<Uint8Array> {
    const from = here.identity.nodeId;
    const there = this.place(from, to);
    return this.#answer(here, to, within, (resolve) => {
      this.carry(from, to, there.life, () => {
        void there.events.question(here.identity, question).then((answer) => {
          const bytes = Buffer.from(answer);
          this.carry(to, from, here.life, () => resolve(bytes));
        });
      });
    });
  }

  async transfer(
    here: Place,
    to: string,
    header: Buffer,
    chunks: AsyncIterable<Uint8Array>,
  ): Promise<Uint8Array> {
    const from = here.identity.nodeId;
    const there = this.place(from, to);
    const pipe = new Pipe(there.life);
    return this.#answer(here, to, undefined, (resolve, reject) => {
      this.carry(from, to, there.life, () => {
        void there.events.transfer(here.identity, header, pipe.received()).then((verdict) => {
          const bytes = Buffer.from(verdict);
          this.carry(to, from, here.life, () => resolve(bytes));
        });
      });
      this.#feed(here, there, pipe, chunks).catch((error: unknown) => {
        pipe.break();
        reject(error as Error);
      });
    });
  }

  /** A process this one has a link to. @throws LinkLost */
  place(from: string, to: string): Place {
    const place = this.#places.get(to);
    if (place === undefined || !this.#up.has(pairOf(from, to)))
      throw new LinkLost(`no link to ${to}`);
    return place;
  }

  /** Whether what one sends arrives at the other at this moment. */
  reaches(from: string, to: string): boolean {
    return this.#up.has(pairOf(from, to)) && this.#isOpen(from, to);
  }

  delay(): number {
    const { least, most } = this.noise.delay;
    return this.#parts.chance.between(least, most);
  }

  /** Brings something to a process, unless the way is cut or the process another one then. */
  carry(from: string, to: string, life: Life, deliver: () => void): void {
    this.#parts.loop.after(this.delay(), () => {
      if (this.reaches(from, to) && this.#places.get(to)?.life === life) life.run(deliver);
    });
  }

  /** Waits for what `begin` brings about, but not longer than the link lives. */
  #answer(
    { identity, life }: Place,
    to: string,
    within: number | undefined,
    begin: (resolve: (answer: Buffer) => void, reject: (error: Error) => void) => void,
  ): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        end();
        life.run(() => reject(error));
      };
      const waiting = { way: pairOf(identity.nodeId, to), by: life, fail };
      const late = (): void => fail(new AskTimeout(`no answer within ${within} ms`));
      const cancel = within === undefined ? () => undefined : life.after(within, late);
      const end = (): void => {
        this.#waiting.delete(waiting);
        cancel();
      };
      this.#waiting.add(waiting);
      begin((answer) => {
        end();
        resolve(answer);
      }, fail);
    });
  }

  async #feed(
    here: Place,
    there: Place,
    pipe: Pipe,
    chunks: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const [from, to] = [here.identity.nodeId, there.identity.nodeId];
    for await (const chunk of chunks) {
      const bytes = Buffer.from(chunk);
      await new Promise<void>((resolve) => {
        here.life.later(this.delay(), resolve);
      });
      if (this.place(from, to) !== there || !this.#isOpen(from, to))
        throw new LinkLost(`the way to ${to} is cut`);
      pipe.push(bytes);
    }
    pipe.end();
  }

  #inOrder(from: string, to: string): number {
    const { chance, loop } = this.#parts;
    const way = wayOf(from, to);
    let arrival = loop.now + this.delay();
    if (!chance.happens(this.noise.reordering))
      arrival = Math.max(arrival, this.#newest.get(way) ?? 0);
    this.#newest.set(way, arrival);
    return arrival - loop.now;
  }

  #isOpen(from: string, to: string): boolean {
    return (this.#cuts.get(wayOf(from, to)) ?? 0) === 0;
  }

  #count([from, to]: Way, by: number): void {
    const way = wayOf(from, to);
    this.#cuts.set(way, (this.#cuts.get(way) ?? 0) + by);
  }

  #dialSoon(one: string, other: string): void {
    if (one === other) return;
    const { loop, chance } = this.#parts;
    loop.after(chance.between(1, 60), () => this.#connect(one, other));
  }

  #connect(one: string, other: string): void {
    const [here, there] = [this.#places.get(one), this.#places.get(other)];
    const pair = pairOf(one, other);
    if (here === undefined || there === undefined || this.#up.has(pair)) return;
    if (!this.#isOpen(one, other) || !this.#isOpen(other, one)) return;
    this.#up.add(pair);
    here.life.run(() => here.events.up(there.identity));
    there.life.run(() => there.events.up(here.identity));
  }

  #lose(one: string, other: string): void {
    const pair = pairOf(one, other);
    if (!this.#up.delete(pair)) return;
    for (const { way, fail } of this.#waiting)
      if (way === pair) fail(new LinkLost(`the link ${pair} is lost`));
    const [here, there] = [this.#places.get(one), this.#places.get(other)];
    here?.life.run(() => here.events.down(other, 'lost'));
    there?.life.run(() => there.events.down(one, 'lost'));
  }
}

class SimulatedNetwork implements Network {
  readonly #networks: SimulatedNetworks;
  readonly #here: Place;

  constructor(networks: SimulatedNetworks, here: Place) {
    this.#networks = networks;
    this.#here = here;
  }

  connect(): void {
    // Everybody is connected to everybody.
  }

  send(to: string, message: Uint8Array): void {
    this.#networks.send(this.#here, to, Buffer.from(message));
  }

  flush(): void {
    // What is sent leaves at once.
  }

  ask(to: string, question: Uint8Array, within: number): Promise<Uint8Array> {
    return this.#networks.ask(this.#here, to, Buffer.from(question), within);
  }

  askAddress(address: string, question: Uint8Array, within: number): Promise<Uint8Array> {
    return this.ask(address, question, within);
  }

  transfer(to: string, header: Uint8Array, chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
    return this.#networks.transfer(this.#here, to, Buffer.from(header), chunks);
  }

  links(): readonly LinkStatus[] {
    return [];
  }

  stop(): Promise<void> {
    this.#networks.leave(this.#here.life);
    return Promise.resolve();
  }
}

/** What one process sends and another reads, chunk by chunk. */
class Pipe {
  readonly #life: Life;
  readonly #chunks: Buffer[] = [];
  #state: 'open' | 'ended' | 'broken' = 'open';
  #wake: () => void = () => undefined;

  constructor(life: Life) {
    this.#life = life;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#life.run(() => this.#wake());
  }

  end(): void {
    this.#state = 'ended';
    this.#life.run(() => this.#wake());
  }

  break(): void {
    this.#state = 'broken';
    this.#life.run(() => this.#wake());
  }

  async *received(): AsyncGenerator<Buffer> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) yield chunk;
      else if (this.#state === 'ended') return;
      else if (this.#state === 'broken') throw new LinkLost('the sender is gone');
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }
}
