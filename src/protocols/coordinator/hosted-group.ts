/**
 * One group of many on this node: in memory while somebody needs it, otherwise a stub that costs a few
 * hundred bytes and no timer.
 *
 * ```
 *            a message, a question, a request, something due, its leader died
 *   asleep ─────────────────────────────────────────────────────────────────▶ waking ─▶ awake
 *      ▲  ▲                                                                     │         │
 *      │  └──────────────────────── it could not be opened ─────────────────────┘         │
 *      └──────────────────────────── quiet for a while ───────────────────────────────────┘
 *
 *   any of them ── stop, or end (its log goes with it) ──▶ over
 * ```
 *
 * A message that meets the stub wakes the group and is handed on; what comes while it wakes is dropped, as
 * a network would drop it, and Raft sends it again.
 */
import type { GroupId } from '../../log/group.ts';
import type { Clock, Milliseconds } from '../../log/time.ts';
import { type Exchange, type Participant, UNKNOWN_GROUP } from '../raft/exchange.ts';
import type { Departure } from '../engine.ts';
import type { Group } from './group.ts';
import type { Turns, Urgency } from './turns.ts';

/** What could not be opened is not tried again before. */
const REOPEN_MS: Milliseconds = 5_000;

/** Where messages for a group come in. */
export type Door = Pick<Exchange, 'join' | 'participant'>;

/** For a node that no other reaches. */
export const NO_DOOR: Door = { join: () => () => undefined, participant: () => undefined };

export interface HostedGroupOptions {
  readonly id: GroupId;
  readonly clock: Clock;
  readonly exchange: Door;
  /** Groups are opened in turns, a few at once. */
  readonly turns: Turns;
  readonly open: () => Promise<Group>;
  readonly onError: (error: unknown) => void;
}

/** What a stub knows of its group. */
interface Remembered {
  /** Who led it last: its death is a reason to wake. */
  readonly leader: string | undefined;
  /** Log time at which something is due in it. */
  readonly dueAt: number;
  /** What it had applied. */
  readonly applied: number;
  /** On the monotonic clock: not to be woken before. */
  readonly notBefore: Milliseconds;
}

interface Asleep extends Remembered {
  readonly kind: 'asleep';
  /** Leaves the exchange. */
  readonly leave: () => void;
}

type State =
  | Asleep
  | { readonly kind: 'waking'; readonly woken: Promise<Group | undefined> }
  | { readonly kind: 'awake'; readonly group: Group }
  | { readonly kind: 'over' };

/**
 * What is due so soon is waited for in memory. Longer than the grace of a new term (`grants.ts`): waking takes
 * an election, and a group that rested through the grace would begin another one every time.
 */
const SOON_MS: Milliseconds = 60_000;

const NEVER = Number.POSITIVE_INFINITY;
const NOTHING: Remembered = { leader: undefined, dueAt: NEVER, applied: 0, notBefore: 0 };

export class HostedGroup {
  readonly id: GroupId;
  readonly #options: HostedGroupOptions;
  /** The last engine that ran here has let go of everything. */
  #closed: Promise<void> = Promise.resolve();
  #touchedAt: Milliseconds;
  #touchedIndex = 0;
  #state: State;

  constructor(options: HostedGroupOptions) {
    this.id = options.id;
    this.#options = options;
    this.#touchedAt = options.clock.monotonic();
    this.#state = this.#asleep(NOTHING);
  }

  get kind(): State['kind'] {
    return this.#state.kind;
  }

  /** The group, while it is in memory. */
  get group(): Group | undefined {
    return this.#state.kind === 'awake' ? this.#state.group : undefined;
  }

  /** How far its log is applied, as far as this node remembers. */
  get applied(): number {
    const { group } = this;
    if (group !== undefined) return group.machine.position.index;
    return this.#state.kind === 'asleep' ? this.#state.applied : 0;
  }

  /** The group in memory, from the disk if need be; undefined where it is over, or cannot be opened. */
  wake(urgency: Urgency): Promise<Group | undefined> {
    this.#touchedAt = this.#options.clock.monotonic();
    const state = this.#state;
    if (state.kind === 'waking') return state.woken;
    return state.kind === 'asleep' ? this.#wake(state, urgency) : Promise.resolve(this.group);
  }

  /** Somebody has waited for this moment in log time, or the round before saw it fail. */
  wakeIfDue(now: Milliseconds): void {
    if (this.#state.kind === 'asleep' && this.#state.dueAt <= now) void this.wake('patient');
  }

  /** Leaves memory where nothing happened in it for so long. */
  restAfter(idle: Milliseconds): void {
    const { group } = this;
    if (group === undefined || this.#wasTouched(group)) return;
    if (this.#options.clock.monotonic() - this.#touchedAt >= idle) this.#rest(group, dueIn(group));
  }

  /** Lets go of it for good; another life of the node finds it on the disk. Idempotent. */
  async stop(): Promise<void> {
    const { group } = this;
    await this.#end(group?.isQuiet === false ? 'leaving' : 'resting');
  }

  /** It is over: nobody is told, since all others end it as well. */
  end(): Promise<void> {
    return this.#end('resting');
  }

  #wasTouched(group: Group): boolean {
    const { index } = group.machine.position;
    const isTouched = index !== this.#touchedIndex || !group.isQuiet;
    this.#touchedIndex = index;
    if (isTouched) this.#touchedAt = this.#options.clock.monotonic();
    return isTouched;
  }

  #wake(asleep: Asleep, urgency: Urgency): Promise<Group | undefined> {
    if (this.#options.clock.monotonic() < asleep.notBefore) return Promise.resolve(undefined);
    const woken = this.#open(asleep, urgency);
    this.#state = { kind: 'waking', woken };
    return woken;
  }

  async #open(asleep: Asleep, urgency: Urgency): Promise<Group | undefined> {
    await this.#closed;
    try {
      return await this.#options.turns.take(urgency, () => this.#openNow());
    } catch (error) {
      this.#options.onError(error);
      this.#fellAsleep(asleep);
      return undefined;
    } finally {
      asleep.leave();
    }
  }

  /** It may be told to go while it waits for its turn, or while it is opened. */
  async #openNow(): Promise<Group | undefined> {
    if (this.#isOver()) return undefined;
    const group = await this.#options.open();
    if (this.#isOver()) return this.#dismissed(group);
    this.#state = { kind: 'awake', group };
    return group;
  }

  #isOver(): boolean {
    return this.#state.kind === 'over';
  }

  async #dismissed(group: Group): Promise<undefined> {
    await group.stop('resting');
    return undefined;
  }

  #fellAsleep({ applied, leader }: Asleep): void {
    if (this.#isOver()) return;
    const notBefore = this.#options.clock.monotonic() + REOPEN_MS;
    this.#state = this.#asleep({ applied, leader, notBefore, dueAt: 0 });
  }

  #rest(group: Group, dueAt: Milliseconds): void {
    if (dueAt - group.now() < SOON_MS) return;
    const leader = group.status().leader_id;
    // The stub takes the engine's place before the engine goes, so that nothing falls between them.
    const applied = group.machine.position.index;
    this.#state = this.#asleep({ ...NOTHING, leader, dueAt, applied });
    this.#closed = group.stop('resting').catch(this.#options.onError);
  }

  async #end(why: Departure): Promise<void> {
    const state = this.#state;
    this.#state = { kind: 'over' };
    if (state.kind === 'asleep') state.leave();
    if (state.kind === 'waking') await state.woken;
    if (state.kind === 'awake') this.#closed = state.group.stop(why).catch(this.#options.onError);
    await this.#closed;
  }

  #asleep(remembered: Remembered): Asleep {
    const leave = this.#options.exchange.join(this.id, this.#stub(remembered.leader));
    return { kind: 'asleep', leave, ...remembered };
  }

  /** Takes part in place of the engine. */
  #stub(leader: string | undefined): Participant {
    const stub: Participant = {
      receive: (message) => {
        if (this.kind === 'asleep')
          void this.#wokenFrom(stub).then((woken) => woken?.receive(message));
      },
      asked: async (from, topic, question) => {
        const woken = await this.#wokenFrom(stub);
        return woken === undefined ? [UNKNOWN_GROUP] : woken.asked(from, topic, question);
      },
      streamed: async (from, header, chunks) => {
        const woken = await this.#wokenFrom(stub);
        return woken === undefined ? [UNKNOWN_GROUP] : woken.streamed(from, header, chunks);
      },
      linkUp: () => undefined,
      linkDown: (peer) => {
        if (peer === leader) void this.wake('patient');
      },
    };
    return stub;
  }

  /** Who takes part now that the group is awake; the stub itself cannot answer. */
  async #wokenFrom(stub: Participant): Promise<Participant | undefined> {
    await this.wake('urgent');
    const participant = this.#options.exchange.participant(this.id);
    return participant === stub ? undefined : participant;
  }
}

/** When something is due in a group, in log time. */
function dueIn(group: Group): Milliseconds {
  const now = group.now();
  const { duties, next_at } = group.machine.due(now);
  return duties.length > 0 ? now : (next_at ?? NEVER);
}
