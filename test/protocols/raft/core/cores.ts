/**
 * Some cores on a table: messages wait in the middle until a test delivers them, disks take a write at
 * once or when told to, and time moves when the test says so. Nothing here is drawn at random: who comes
 * first in the alphabet times out first.
 */
import type { Configuration, Member } from '../../../../src/protocols/raft/core/configuration.ts';
import { RaftCore } from '../../../../src/protocols/raft/core/core.ts';
import type { Entry } from '../../../../src/protocols/raft/core/entry.ts';
import type {
  Bounds,
  Effects,
  Fetch,
  Input,
  Restored,
  Settled,
  Timing,
  Write,
} from '../../../../src/protocols/raft/core/input.ts';
import type { Message } from '../../../../src/protocols/raft/core/messages.ts';
import type { CoreStatus } from '../../../../src/protocols/raft/core/status.ts';

export const TIMING: Timing = {
  heartbeat: 50,
  election: { least: 150, most: 300 },
  disk_patience: 500,
  quorum_patience: 300,
  news: 0,
  stall: 1_000,
  quiesce_after: Number.POSITIVE_INFINITY,
  ease_after: Number.POSITIVE_INFINITY,
};

export const BOUNDS: Bounds = {
  in_flight_messages: 8,
  in_flight_bytes: 1_000_000,
  eager_messages: 8,
  message_bytes: 100_000,
  message_entries: 100,
  uncommitted_bytes: 1_000_000,
  cache_bytes: 1_000_000,
  reads: 100,
  promotion_lag: 10,
};

export const ORIGIN = { term: 0, index: 0 };

export const EMPTY: Restored = {
  hard: { term: 0, vote: '', commit: 0 },
  floor: ORIGIN,
  terms: [],
  last: ORIGIN,
  applied: 0,
  configurations: [],
};

export interface Setting {
  readonly voters?: readonly string[];
  readonly learners?: readonly string[];
  /** Running, but not members of the first configuration. */
  readonly strangers?: readonly string[];
  readonly timing?: Partial<Timing>;
  readonly bounds?: Partial<Bounds>;
  readonly restored?: (id: string, configuration: Configuration) => Restored;
}

export function member(id: string, store = `${id}1`): Member {
  return { id, store, addresses: [] };
}

export function members(
  voters: readonly string[],
  learners: readonly string[] = [],
): Configuration {
  return {
    voters: voters.map((id) => member(id)),
    outgoing: [],
    learners: learners.map((id) => member(id)),
  };
}

export function frame(bytes = 10): Uint8Array {
  return new Uint8Array(bytes);
}

export function entries(terms: readonly number[], from = 1): Entry[] {
  return terms.map((term, at) => ({ term, index: from + at, frame: frame() }));
}

/** What a disk with these terms, one per entry, holds. */
export function holding(
  terms: readonly number[],
  configuration: Configuration,
  term = terms.at(-1) ?? 0,
): Restored {
  const begins = entries(terms).filter(({ index }) => terms[index - 1] !== terms[index - 2]);
  return {
    ...EMPTY,
    hard: { term, vote: '', commit: 0 },
    terms: begins.map(({ term: its, index }) => ({ term: its, index })),
    last: { term: terms.at(-1) ?? 0, index: terms.length },
    configurations: [{ index: 0, configuration }],
  };
}

type Filter = (message: Message) => boolean;
const all: Filter = () => true;

export class Cores {
  now = 0;
  readonly ids: readonly string[];
  /** On their way. */
  messages: Message[] = [];
  readonly settled = new Map<string, Settled[]>();
  readonly writes = new Map<string, Write[]>();
  readonly effects = new Map<string, Effects>();
  readonly traces: string[] = [];
  /** Whose process is stopped, with what was sent to them. */
  readonly #frozen = new Map<string, Message[]>();
  /** What was asked of hosts so far. */
  readonly fetches: Fetch[] = [];
  readonly snapshotsNeeded: Effects['need_snapshot'][number][] = [];
  /** Disks that take nothing until `persist`. */
  readonly slow = new Set<string>();
  readonly #cores = new Map<string, RaftCore>();
  #id = 0;

  constructor(setting: Setting = {}) {
    const { voters = ['a', 'b', 'c'], learners = [], strangers = [] } = setting;
    const configuration = members(voters, learners);
    this.ids = [...voters, ...learners, ...strangers];
    for (const [place, id] of this.ids.entries()) {
      const founded = { ...EMPTY, configurations: [{ index: 0, configuration }] };
      const restored = strangers.includes(id) ? EMPTY : founded;
      this.start(id, `${id}1`, {
        timing: { ...TIMING, ...setting.timing },
        bounds: { ...BOUNDS, ...setting.bounds },
        random: () => place / this.ids.length,
        restored: setting.restored?.(id, configuration) ?? restored,
      });
    }
  }

  start(
    id: string,
    store: string,
    options: {
      readonly restored: Restored;
      readonly timing?: Timing;
      readonly bounds?: Bounds;
      readonly random?: () => number;
    },
  ): void {
    const core = new RaftCore(
      {
        id,
        store,
        timing: TIMING,
        bounds: BOUNDS,
        random: () => 0.5,
        frames: { noOp: () => frame(1), configuration: () => frame(5) },
        ...options,
      },
      this.now,
    );
    this.#cores.set(id, core);
    this.settled.set(id, []);
    this.writes.set(id, []);
    this.take(id);
  }

  status(id: string): CoreStatus {
    return this.#core(id).status();
  }

  entry(id: string, index: number): Entry | undefined {
    return this.#core(id).entry(index);
  }

  /** The core of a node that died. */
  stop(id: string): void {
    this.#cores.delete(id);
  }

  step(id: string, input: Input): void {
    this.#core(id).step(input, this.now);
  }

  /** Steps, and does what follows. */
  tell(id: string, input: Input): void {
    this.step(id, input);
    this.take(id);
  }

  take(id: string): Effects {
    const effects = this.#core(id).take();
    this.effects.set(id, effects);
    this.messages.push(...effects.send);
    this.settled.get(id)?.push(...effects.settled);
    this.fetches.push(...effects.fetch);
    this.snapshotsNeeded.push(...effects.need_snapshot);
    this.writes.get(id)?.push(...effects.writes);
    for (const trace of effects.trace)
      if (trace.kind === 'became') this.traces.push(`${id} became ${trace.role}: ${trace.why}`);
    if (!this.slow.has(id)) this.persist(id);
    return effects;
  }

  /** The disk takes the oldest writes: all, or so many. */
  persist(id: string, count = Number.POSITIVE_INFINITY): void {
    const writes = this.writes.get(id)?.splice(0, count) ?? [];
    for (const { seq, then } of writes) {
      this.messages.push(...then);
      this.step(id, { kind: 'persisted', seq });
    }
    if (writes.length > 0) this.take(id);
  }

  /** Its process is stopped: it is not woken, and what is sent to it lies in its sockets. */
  freeze(id: string): void {
    this.#frozen.set(id, []);
  }

  /** @returns what was sent to it meanwhile; it has heard nothing of it yet */
  thaw(id: string): readonly Message[] {
    const missed = this.#frozen.get(id) ?? [];
    this.#frozen.delete(id);
    return missed;
  }

  /** Until nothing that passes is on its way. What does not pass is lost. */
  deliver(passes: Filter = all): void {
    for (let message = this.messages.shift(); message; message = this.messages.shift())
      if (passes(message) && this.#cores.has(message.to)) this.#hand(message);
  }

  #hand(message: Message): void {
    const held = this.#frozen.get(message.to);
    if (held === undefined) this.tell(message.to, { kind: 'message', message });
    else held.push(message);
  }

  /** Time moves; whoever wants to be woken is. */
  advance(milliseconds: number, passes: Filter = all): void {
    const end = this.now + milliseconds;
    this.deliver(passes);
    for (let due = this.#nextDue(); due.at <= end; due = this.#nextDue()) {
      this.now = Math.max(due.at, this.now);
      this.tell(due.id, { kind: 'wake' });
      this.deliver(passes);
    }
    this.now = end;
  }

  /** Becomes leader, with everybody's help. */
  elect(id: string): void {
    this.now += 300;
    this.tell(id, { kind: 'wake' });
    this.deliver();
  }

  /** A candidate of the first term is told what a voter says. */
  vote(id: string, from: string, granted: boolean): void {
    const message: Message = {
      kind: 'request_vote_response',
      asker: `${id}1`,
      from,
      store: `${from}1`,
      to: id,
      term: 1,
      question: 0,
      pre: false,
      granted,
      stale_member: false,
    };
    this.tell(id, { kind: 'message', message });
  }

  propose(id: string, count = 1, bytes = 10): number[] {
    const proposals = Array.from({ length: count }, () => ({
      id: this.nextId(),
      frame: frame(bytes),
    }));
    this.tell(id, { kind: 'propose', proposals });
    return proposals.map((proposal) => proposal.id);
  }

  nextId(): number {
    this.#id += 1;
    return this.#id;
  }

  /** What became of an id; undefined: nothing yet. */
  outcome(id: string, asked: number): Settled | undefined {
    return this.settled.get(id)?.find((settled) => settled.id === asked);
  }

  sent<Kind extends Message['kind']>(kind: Kind): Extract<Message, { kind: Kind }>[] {
    return this.messages.filter(
      (message): message is Extract<Message, { kind: Kind }> => message.kind === kind,
    );
  }

  #nextDue(): { readonly id: string; readonly at: number } {
    const running = [...this.#cores.keys()].filter((id) => !this.#frozen.has(id));
    const waits = running.map((id) => ({
      id,
      at: this.effects.get(id)?.next_wake ?? Number.POSITIVE_INFINITY,
    }));
    return waits.reduce((first, next) => (next.at < first.at ? next : first));
  }

  #core(id: string): RaftCore {
    const core = this.#cores.get(id);
    if (core === undefined) throw new Error(`${id} does not run`);
    return core;
  }
}

/** Passes what is between these nodes only. */
export function among(...ids: readonly string[]): Filter {
  return ({ from, to }) => ids.includes(from) && ids.includes(to);
}

export function without(...kinds: readonly Message['kind'][]): Filter {
  return ({ kind }) => !kinds.includes(kind);
}
