/**
 * Named cores on a stage where nothing happens by itself: messages lie in a queue until they are
 * delivered, writes are finished unless a disk waits, and time passes when a scenario says so.
 */
import type { Configuration, Member } from '../../../src/protocols/raft/core/configuration.ts';
import type { Entry } from '../../../src/protocols/raft/core/entry.ts';
import type {
  Bounds,
  Effects,
  Input,
  Settled,
  Timing,
  Write,
} from '../../../src/protocols/raft/core/input.ts';
import type { Message } from '../../../src/protocols/raft/core/messages.ts';
import type { Core, CoreMaker } from '../../simulation/raft-core/core-under-test.ts';
import { digestAfter } from '../../simulation/raft-core/chronicle.ts';
import { frameOf, Numbering } from '../../simulation/raft-core/frames.ts';
import { LogImage, type Snapshot } from '../../simulation/raft-core/log-image.ts';

export interface Rules {
  readonly timing: Timing;
  readonly bounds: Bounds;
}

export const RULES: Rules = {
  timing: {
    heartbeat: 50,
    election: { least: 150, most: 300 },
    disk_patience: 1_000,
    quorum_patience: 300,
    news: 0,
    // Scenarios wake who they like; nobody was stopped.
    stall: 1_000_000,
    quiesce_after: Infinity,
    ease_after: Number.POSITIVE_INFINITY,
  },
  bounds: {
    in_flight_messages: 64,
    in_flight_bytes: 1_000_000,
    eager_messages: 64,
    message_bytes: 65_536,
    message_entries: 64,
    uncommitted_bytes: 1_000_000,
    cache_bytes: 1_000_000,
    reads: 100,
    promotion_lag: 16,
  },
};

/** A scenario that goes on for so many deliveries never comes to rest. */
const DELIVERIES_MOST = 5_000;
const TICK_MS = 10;

export class Actor {
  readonly id: string;
  store: string;
  image: LogImage;
  durable: LogImage;
  core: Core | undefined;
  pending: Write[] = [];
  waits = false;
  /** Answers of the disk to `fetch`. */
  reads: Input[] = [];
  readsWait = false;
  applied = 0;
  digest = 0;
  /** Asked of its host, and not yet answered. */
  wantsSnapshot: { peer: string; at_least: number }[] = [];
  received: Snapshot[] = [];
  nextWake: number | undefined;
  /** What the core draws, in [0, 1). */
  draw = (): number => 0.5;
  readonly settled = new Map<number, Settled>();

  constructor(id: string, image: LogImage) {
    this.id = id;
    this.store = `${id}/1`;
    this.image = image;
    this.durable = image.copy();
  }
}

export class Stage {
  readonly rules: { timing: Timing; bounds: Bounds };
  readonly actors = new Map<string, Actor>();
  readonly queue: Message[] = [];
  readonly cut = new Set<string>();
  readonly numbering = new Numbering();
  readonly ids = new Map<string, { readonly id: number; readonly actor: Actor }>();
  now = 0;
  #lastId = 0;
  readonly #make: CoreMaker;

  constructor(make: CoreMaker) {
    this.#make = make;
    this.rules = { timing: RULES.timing, bounds: RULES.bounds };
  }

  actor(id: string): Actor {
    const actor = this.actors.get(id);
    if (actor === undefined) throw new Error(`there is no ${id}`);
    return actor;
  }

  /** The voters of a new group; nobody runs yet. */
  found(ids: readonly string[]): void {
    const voters: Member[] = ids.map((id) => ({ id, store: `${id}/1`, addresses: [] }));
    const configuration: Configuration = { voters, outgoing: [], learners: [] };
    for (const id of ids) this.add(id, LogImage.bootstrapped(configuration));
  }

  add(id: string, image: LogImage): Actor {
    const actor = new Actor(id, image);
    this.actors.set(id, actor);
    return actor;
  }

  /** Fills a log before the start: one entry per term given. */
  fill(
    actor: Actor,
    terms: readonly number[],
    { term, commit }: { readonly term: number; readonly commit: number },
  ): void {
    for (const entryTerm of terms) {
      const index = actor.image.last.index + 1;
      const entry: Entry = { term: entryTerm, index, frame: this.#oldFrame(entryTerm, index) };
      actor.image.put(writeOf({ entries: [entry] }), undefined);
    }
    actor.image.hard = { term, vote: '', commit };
    actor.durable = actor.image.copy();
  }

  start(actor: Actor): void {
    actor.image = actor.durable.copy();
    actor.pending = [];
    actor.applied = actor.image.snapshot?.place.index ?? 0;
    actor.digest = actor.image.snapshot?.digest ?? 0;
    actor.wantsSnapshot = [];
    const { timing, bounds } = this.rules;
    actor.core = this.#make(
      {
        id: actor.id,
        store: actor.store,
        timing,
        bounds,
        random: () => actor.draw(),
        frames: this.numbering,
        restored: actor.image.restored(),
      },
      this.now,
    );
    this.#turn(actor);
  }

  step(actor: Actor, input: Input): void {
    if (actor.core === undefined) throw new Error(`${actor.id} does not run`);
    actor.core.step(input, this.now);
    this.#turn(actor);
  }

  /** A number for something that is asked under a name. */
  named(name: string, actor: Actor): number {
    this.#lastId += 1;
    this.ids.set(name, { id: this.#lastId, actor });
    return this.#lastId;
  }

  /** Delivers until nothing moves among these, messages in the order in which they were sent. */
  deliver(among: ReadonlySet<string>): void {
    for (let count = 0; count < DELIVERIES_MOST; count += 1) if (!this.#deliverOne(among)) return;
    throw new Error('it never comes to rest');
  }

  /** Delivers what is in the queue from one to another, and nothing that follows from it. */
  deliverFrom(from: string, to: string, count: number): void {
    let left = count;
    for (const message of this.queue.filter((one) => one.from === from && one.to === to)) {
      if (left <= 0) return;
      left -= 1;
      this.queue.splice(this.queue.indexOf(message), 1);
      this.step(this.actor(to), { kind: 'message', message });
    }
  }

  persist(actor: Actor, count: number): void {
    const writes = actor.pending.splice(0, count);
    const last = writes.at(-1);
    if (last === undefined) return;
    for (const write of writes) actor.durable.put(write, this.#snapshotOf(actor, write));
    this.step(actor, { kind: 'persisted', seq: last.seq });
    for (const { then } of writes) for (const message of then) this.#post(message);
  }

  /** Time passes for everybody; those named are woken when they want to be. */
  pass(milliseconds: number, woken: ReadonlySet<string>, until: () => boolean): void {
    const end = this.now + milliseconds;
    while (this.now < end && !until()) this.#tick(woken);
  }

  /** Time passes, and what these say to one another in a tick has arrived, and been answered, at its end. */
  live(milliseconds: number, among: ReadonlySet<string>): void {
    const end = this.now + milliseconds;
    while (this.now < end) {
      this.#tick(among);
      this.deliver(among);
    }
  }

  #tick(woken: ReadonlySet<string>): void {
    this.now += TICK_MS;
    for (const actor of this.actors.values())
      if (
        woken.has(actor.id) &&
        actor.core !== undefined &&
        this.now >= (actor.nextWake ?? Infinity)
      )
        this.step(actor, { kind: 'wake' });
  }

  snapshot(actor: Actor): Snapshot {
    const index = actor.applied;
    const term = actor.image.termOf(index);
    const configuration = actor.image.configurationAt(index);
    if (term === undefined || configuration === undefined)
      throw new Error(`${actor.id} cannot take a snapshot at ${index}`);
    const snapshot = { place: { term, index, configuration }, digest: actor.digest };
    actor.image.snapshot = snapshot;
    actor.durable.snapshot = snapshot;
    return snapshot;
  }

  #turn(actor: Actor): void {
    const core = actor.core;
    if (core === undefined) return;
    const effects = core.take();
    for (const write of effects.writes) this.#write(actor, write);
    for (const message of effects.send) this.#post(message);
    for (const settled of effects.settled) this.#settle(actor, settled);
    actor.wantsSnapshot.push(...effects.need_snapshot);
    actor.nextWake = effects.next_wake;
    this.#apply(actor, core, effects);
    for (const { peer, from } of effects.fetch) actor.reads.push(readOf(actor, peer, from));
    while (!actor.readsWait && actor.reads.length > 0) this.finishRead(actor);
  }

  /** What was read from the disk when it was asked for comes back. */
  finishRead(actor: Actor): void {
    const read = actor.reads.shift();
    if (read === undefined) throw new Error(`${actor.id} reads nothing`);
    this.step(actor, read);
  }

  #write(actor: Actor, write: Write): void {
    const snapshot = this.#snapshotOf(actor, write);
    actor.image.put(write, snapshot);
    actor.pending.push(write);
    if (snapshot !== undefined && snapshot.place.index > actor.applied) {
      actor.applied = snapshot.place.index;
      actor.digest = snapshot.digest;
    }
  }

  #apply(actor: Actor, core: Core, { commit }: Effects): void {
    if (actor.applied >= commit) return;
    while (actor.applied < commit) {
      const entry = core.entry(actor.applied + 1) ?? actor.image.entry(actor.applied + 1);
      if (entry === undefined) throw new Error(`${actor.id} lacks entry ${actor.applied + 1}`);
      actor.applied += 1;
      actor.digest = digestAfter(actor.digest, entry);
    }
    this.step(actor, { kind: 'applied', index: actor.applied });
  }

  #settle(actor: Actor, settled: Settled): void {
    if (actor.settled.has(settled.id)) throw new Error(`${actor.id} settles ${settled.id} twice`);
    actor.settled.set(settled.id, settled);
  }

  #snapshotOf(actor: Actor, { snapshot }: Write): Snapshot | undefined {
    if (snapshot === undefined) return undefined;
    const received = actor.received.find(({ place }) => place.index === snapshot.index);
    if (received === undefined) throw new Error(`${actor.id} never got the snapshot it writes`);
    return received;
  }

  #post(message: Message): void {
    if (!this.cut.has(`${message.from}>${message.to}`)) this.queue.push(message);
  }

  #deliverOne(among: ReadonlySet<string>): boolean {
    for (const actor of this.actors.values())
      if (among.has(actor.id) && !actor.waits && actor.pending.length > 0) {
        this.persist(actor, actor.pending.length);
        return true;
      }
    const at = this.queue.findIndex(({ from, to }) => among.has(from) && among.has(to));
    if (at < 0) return false;
    const [message] = this.queue.splice(at, 1);
    const to = this.actors.get(message!.to);
    if (to?.core !== undefined) this.step(to, { kind: 'message', message: message! });
    return true;
  }

  /** Equal places of logs that were filled before the start hold equal frames. */
  #oldFrame(term: number, index: number): Uint8Array {
    return frameOf('command', 1_000_000 + term * 1_000 + index);
  }
}

function readOf(actor: Actor, peer: string, from: number): Input {
  const { entries, floor } = actor.image;
  const above = entries.filter(({ index }) => index >= from);
  return { kind: 'fetched', peer, from, entries: from > floor.index ? above : [] };
}

function writeOf(parts: Partial<Write>): Write {
  return {
    seq: 0,
    hard: undefined,
    snapshot: undefined,
    truncate_from: undefined,
    entries: [],
    then: [],
    ...parts,
  };
}
