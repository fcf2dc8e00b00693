/**
 * One simulated node: a core, a disk, a machine, and between them the loop every host of a core runs:
 *
 * ```
 *  input ─▶ step ─▶ take ─┬─▶ writes ──▶ disk ──persisted──▶ step, then what the write proves leaves
 *                         ├─▶ send ────▶ network
 *                         ├─▶ commit ──▶ machine ──applied──▶ step
 *                         ├─▶ settled ─▶ clients
 *                         ├─▶ fetch, need_snapshot ──▶ disk, other nodes
 *                         └─▶ next_wake
 * ```
 *
 * A process that dies takes its core, its machine and its unwritten writes with it; a paused one hears
 * everything late, messages first.
 */
import type { Entry } from '../../../src/protocols/raft/core/entry.ts';
import { NOBODY as NO_MEMBERS } from '../../../src/protocols/raft/core/configuration.ts';
import type {
  Bounds,
  Effects,
  Fetch,
  Input,
  Settled,
  Write,
} from '../../../src/protocols/raft/core/input.ts';
import type { Message } from '../../../src/protocols/raft/core/messages.ts';
import type { CoreStatus } from '../../../src/protocols/raft/core/status.ts';
import type { Chance } from './chance.ts';
import { digestAfter } from './chronicle.ts';
import type { Core } from './core-under-test.ts';
import { type DiskState, SimulatedDisk } from './disk.ts';
import type { LogImage, Snapshot } from './log-image.ts';
import type { World } from './world.ts';

/** Hosts round what they are to be woken at up to this. */
const TICK_MS = 10;
/** The machine tells what it has applied so much later, at most. */
const APPLYING_MS = 3;
/** Snapshots of others are kept until so many newer ones came. */
const RECEIVED_MOST = 4;
/** A snapshot leaves so many entries below it in the log, at most. */
const TRAILING_MOST = 10;

/** Of a process that does not run. */
const DOWN: CoreStatus = {
  id: '',
  role: 'follower',
  term: 0,
  vote: '',
  leader: undefined,
  configuration: NO_MEMBERS,
  commit: 0,
  applied: 0,
  last: { term: 0, index: 0 },
  floor: { term: 0, index: 0 },
  persisted: 0,
  peers: [],
  election: undefined,
  transfer: undefined,
  quiesced: false,
  disk: 'working',
};

interface Clock {
  readonly offset: number;
  readonly rate: number;
}

export class Host {
  readonly id: string;
  store = '';
  disk: SimulatedDisk;
  /** How often it was started: what belongs to an earlier life is void. */
  life = 0;
  applied = 0;
  digest = 0;
  commit = 0;
  status: CoreStatus;
  /** Before the turn that is being taken. */
  previous: CoreStatus;
  previousLife = 0;
  diskFailed = false;
  readonly #world: World;
  readonly #chance: Chance;
  readonly #clock: Clock;
  #core: Core | undefined;
  #paused = false;
  #inbox: (() => void)[] = [];
  #wakeAt: number | undefined;
  #received: Snapshot[] = [];
  #telling = false;
  #statusLife = 0;

  constructor(world: World, id: string, image: LogImage) {
    this.id = id;
    this.#world = world;
    this.#chance = world.chance.named(`host ${id}`);
    const { clocks } = world.plan;
    this.#clock = {
      offset: clocks ? this.#chance.whole(0, 1_000_000) : 0,
      rate: clocks ? this.#chance.between(0.95, 1.05) : 1,
    };
    this.disk = this.#diskWith(image, 0);
    this.status = DOWN;
    this.previous = DOWN;
  }

  get bounds(): Bounds {
    return this.#world.plan.bounds;
  }

  get up(): boolean {
    return this.#core !== undefined;
  }

  get running(): boolean {
    return this.up && !this.#paused;
  }

  get leads(): boolean {
    return this.up && this.status.role === 'leader';
  }

  /** Starts a process on what a disk holds. */
  start(store: string, image: LogImage): void {
    this.life += 1;
    this.store = store;
    this.disk = this.#diskWith(image, this.life);
    this.diskFailed = false;
    this.applied = image.snapshot?.place.index ?? 0;
    this.digest = image.snapshot?.digest ?? 0;
    this.commit = this.applied;
    this.#paused = false;
    this.#inbox = [];
    this.#wakeAt = undefined;
    this.#received = [];
    this.#telling = false;
    const { plan, numbering, make } = this.#world;
    this.#core = make(
      {
        id: this.id,
        store,
        timing: plan.timing,
        bounds: plan.bounds,
        random: this.#chance.named(`life ${this.life}`).unit,
        frames: numbering,
        restored: image.restored(),
      },
      this.#now(),
    );
    this.status = this.#core.status();
    this.#statusLife = this.life;
    this.#world.note(() => `${this.id} starts as ${store}, log ${spanOf(image)}`);
    this.#world.laws.started(this);
    this.#turn(this.#core);
  }

  /** @returns what is left on the disk */
  die(): LogImage {
    this.life += 1;
    this.#core = undefined;
    this.status = DOWN;
    const image = this.disk.cutPower();
    this.#world.note(() => `${this.id} dies, its disk keeps ${spanOf(image)}`);
    this.#world.forget(this);
    return image;
  }

  pause(): void {
    this.#paused = true;
  }

  /** Whatever came in the meantime is seen first, as a process that was stopped finds its sockets full. */
  resume(): void {
    this.#paused = false;
    for (const task of this.#inbox.splice(0)) this.#whenRunning(task);
  }

  tell(input: Input): void {
    this.#whenRunning(() => this.#step(input));
  }

  /** Runs `task` once the machine has applied up to an index; false: it has already. */
  hasApplied(index: number): boolean {
    return this.applied >= index;
  }

  /** A snapshot came over from another node, whole. */
  receive(
    snapshot: Snapshot,
    from: { readonly id: string; readonly store: string; readonly term: number },
  ): void {
    this.#whenRunning(() => {
      this.#received = [...this.#received.slice(1 - RECEIVED_MOST), snapshot];
      this.#step({
        kind: 'message',
        message: {
          kind: 'install_snapshot',
          from: from.id,
          store: from.store,
          to: this.id,
          term: from.term,
          snapshot: snapshot.place,
        },
      });
    });
  }

  #whenRunning(task: () => void): void {
    if (this.#core === undefined) return;
    if (this.#paused) this.#inbox.push(task);
    else task();
  }

  #step(input: Input): void {
    const core = this.#core;
    if (core === undefined) return;
    this.#world.stepped(this, input);
    core.step(input, this.#now());
    this.#turn(core);
  }

  #turn(core: Core): void {
    const effects = core.take();
    const { laws } = this.#world;
    this.previous = this.status;
    this.previousLife = this.#statusLife;
    this.status = core.status();
    this.#statusLife = this.life;
    this.#tellTrace(effects);
    for (const write of effects.writes) this.#write(write);
    for (const message of effects.send) this.#send(message);
    this.#learn(this.status.commit);
    this.#apply(core, effects.commit);
    for (const settled of effects.settled) this.#settle(settled);
    for (const fetch of effects.fetch) this.#fetch(fetch);
    for (const { peer, at_least } of effects.need_snapshot) this.#sendSnapshot(peer, at_least);
    this.#wake(effects.next_wake);
    laws.turned(this, effects);
  }

  #tellTrace({ trace }: Effects): void {
    for (const event of trace) {
      if (event.kind === 'commit') continue;
      this.#world.note(() => `${this.id} ${JSON.stringify(event)}`);
      if (event.kind === 'became') this.#world.laws.became(this, event.role, event.term);
    }
  }

  #write(write: Write): void {
    const { laws } = this.#world;
    laws.wrote(this, write);
    const { snapshot: place } = write;
    const snapshot = this.#received.find(
      (candidate) => candidate.place.index === place?.index && candidate.place.term === place.term,
    );
    if (place !== undefined && snapshot === undefined)
      throw new Error(`${this.id} wants a snapshot at ${place.index} that never came`);
    this.disk.append(write, snapshot);
    if (snapshot !== undefined) this.#install(snapshot);
  }

  #install(snapshot: Snapshot): void {
    if (snapshot.place.index <= this.applied) return;
    this.applied = snapshot.place.index;
    this.digest = snapshot.digest;
    this.#world.note(() => `${this.id} takes the snapshot at ${snapshot.place.index}`);
    this.#world.laws.installed(this, snapshot);
    this.#tellApplied();
  }

  #send(message: Message): void {
    this.#world.laws.sent(this, message);
    this.#world.network.send(message);
  }

  #learn(commit: number): void {
    if (commit <= this.commit) return;
    const from = this.commit;
    this.commit = commit;
    this.#world.chronicle.extend(this, commit);
    this.#world.laws.committed(this, from, commit);
  }

  #apply(core: Core, commit: number): void {
    if (this.applied >= commit) return;
    while (this.applied < commit) {
      const entry = core.entry(this.applied + 1) ?? this.disk.issued.entry(this.applied + 1);
      if (entry === undefined)
        throw new Error(`${this.id} cannot find the committed entry ${this.applied + 1}`);
      this.applied += 1;
      this.digest = digestAfter(this.digest, entry);
      this.#world.laws.applied(this, entry);
    }
    this.#tellApplied();
    this.#world.clients.applied(this);
  }

  #tellApplied(): void {
    if (this.#telling) return;
    this.#telling = true;
    this.#later(this.#chance.between(0, APPLYING_MS), () => {
      this.#telling = false;
      this.#step({ kind: 'applied', index: this.applied });
      this.#snapshotWhenDue();
    });
  }

  #snapshotWhenDue(): void {
    const since = this.applied - (this.disk.issued.snapshot?.place.index ?? 0);
    if (!this.up || since < this.#world.plan.snapshot_every) return;
    const snapshot = this.#takeSnapshot();
    if (snapshot === undefined) return;
    const { index } = snapshot.place;
    const floor = index - this.#chance.below(1 + TRAILING_MOST);
    const { durable } = this.disk;
    const term = durable.termOf(floor);
    if (term === undefined || floor <= durable.floor.index) return;
    this.disk.compact({ term, index: floor });
    this.#step({ kind: 'compacted', floor: { term, index: floor } });
  }

  /** Of what is applied now; undefined while that is not durable here. */
  #takeSnapshot(): Snapshot | undefined {
    const { durable, issued } = this.disk;
    const index = this.applied;
    const term = durable.termOf(index);
    const configuration = durable.configurationAt(index);
    if (term === undefined || issued.termOf(index) !== term || configuration === undefined)
      return undefined;
    const snapshot = { place: { term, index, configuration }, digest: this.digest };
    this.disk.keep(snapshot);
    return snapshot;
  }

  #settle(settled: Settled): void {
    this.#world.settled(this, settled);
  }

  #fetch({ peer, from, bytes }: Fetch): void {
    this.#later(this.#chance.between(0.1, 3), () => {
      const entries: Entry[] = [];
      let size = 0;
      for (let index = from; ; index += 1) {
        const entry = this.disk.issued.entry(index);
        size += entry?.frame.length ?? Infinity;
        if (entry === undefined || (size > bytes && entries.length > 0)) break;
        entries.push(entry);
      }
      this.#step({ kind: 'fetched', peer, from, entries });
    });
  }

  #sendSnapshot(peer: string, atLeast: number): void {
    const kept = this.disk.issued.snapshot;
    const snapshot =
      kept !== undefined && kept.place.index >= atLeast ? kept : this.#takeSnapshot();
    const from = { id: this.id, store: this.store, term: this.status.term };
    this.#later(this.#chance.between(1, 60), () => {
      const { network } = this.#world;
      const to = this.#world.hosts.find(({ id }) => id === peer);
      const arrives = snapshot !== undefined && to?.up === true && network.connects(this.id, peer);
      if (arrives) to.receive(snapshot, from);
      const index = snapshot?.place.index ?? atLeast;
      this.#later(network.delay(), () =>
        this.#step({ kind: 'snapshot_sent', peer, index, ok: arrives }),
      );
    });
  }

  #wake(at: number | undefined): void {
    if (at === undefined) {
      this.#wakeAt = undefined;
      return;
    }
    const ticked = Math.ceil(at / TICK_MS) * TICK_MS;
    if (this.#wakeAt === ticked) return;
    this.#wakeAt = ticked;
    const delay = Math.max(1, (ticked - this.#now()) / this.#clock.rate);
    this.#later(delay, () => {
      if (this.#wakeAt !== ticked) return;
      this.#wakeAt = undefined;
      this.#step({ kind: 'wake' });
    });
  }

  /** For this life only, and not while the process is stopped. */
  #later(delay: number, task: () => void): void {
    const { life } = this;
    this.#world.scheduler.after(delay, () => {
      if (this.life === life) this.#whenRunning(task);
    });
  }

  #now(): number {
    return Math.floor(this.#world.scheduler.now * this.#clock.rate + this.#clock.offset);
  }

  #diskWith(image: LogImage, life: number): SimulatedDisk {
    const { scheduler, plan } = this.#world;
    const state: DiskState = { kind: 'sound', latency: plan.disk };
    const inThisLife = (task: () => void): void => {
      if (this.life === life) this.#whenRunning(task);
    };
    return new SimulatedDisk({
      image,
      state,
      scheduler,
      chance: this.#chance.named(`disk ${life}`),
      answers: {
        persisted: (writes) => inThisLife(() => this.#persisted(writes)),
        failed: () =>
          inThisLife(() => {
            this.diskFailed = true;
            this.#step({ kind: 'persist_failed' });
          }),
      },
    });
  }

  #persisted(writes: readonly Write[]): void {
    this.#step({ kind: 'persisted', seq: writes.at(-1)?.seq ?? 0 });
    for (const { then } of writes) for (const message of then) this.#send(message);
  }
}

function spanOf({ floor, last, hard }: LogImage): string {
  return `${floor.index + 1}–${last.term}.${last.index} of term ${hard.term}, vote ${hard.vote || '–'}`;
}
