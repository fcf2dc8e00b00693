/**
 * The host of many groups on one node. It follows the table of groups in `main`, and has exactly those
 * that live and have this node among their voters.
 *
 * ```
 *  main applied ─▶ which groups are there? ─┬─ a new one ───────▶ hosted: woken, rests when it is quiet
 *                                           ├─ over, and sealed here too ─▶ ended: its log goes with it
 *                                           └─ created, we lead main ─────▶ found_group
 *
 *  every ROUND_MS: what is quiet rests, what is due wakes, where we lead a sealed group: job_sealed,
 *                  what this store has no vote in, since its predecessor was lost: asks to come back
 * ```
 *
 * The round is the only timer of all groups that rest. Groups are opened a few at a time, those that
 * somebody waits for first, so that neither a start nor the death of a node with thousands of groups
 * keeps `main` waiting.
 */
import type { GroupId } from '../../log/group.ts';
import type { Log } from '../../log/log.ts';
import { isIn } from '../../log/members.ts';
import type { Clock, Milliseconds } from '../../log/time.ts';
import { type GroupRow, GROUPS, isOver, liveGroup } from '../../projections/groups/group-table.ts';
import { sealOf } from '../../projections/groups/seal.ts';
import type { AppliedEntry } from '../../projections/machine.ts';
import type { ReadonlyTables } from '../../projections/projection.ts';
import type { Group } from './group.ts';
import { type Door, HostedGroup } from './hosted-group.ts';
import { Loop, type LoopStatus } from './loop.ts';
import { TellingMain } from './telling-main.ts';
import { Turns } from './turns.ts';

/** Groups that are opened at once: each reads its log, and then asks for votes. */
const OPENINGS_MAX = 4;
/** Groups asked at once to take this node back; the others come in later rounds, as these come through. */
const RETURNS_MAX = 100;

export interface HostingTimes {
  /** How often it is looked what may rest, and what is due. */
  readonly round: Milliseconds;
  /** A group that was quiet for so long leaves memory. */
  readonly rest: Milliseconds;
  /**
   * How long a node that has not come to the seal of a group waits for it, once `main` has recorded it. The
   * others end the group meanwhile, so that nobody may be left to ask.
   */
  readonly sealPatience: Milliseconds;
  /** How long a request that wakes a group waits for its leader. */
  readonly led: Milliseconds;
}

export const HOSTING_TIMES: HostingTimes = {
  round: 1_000,
  rest: 30_000,
  sealPatience: 30_000,
  led: 3_000,
};

export interface GroupsOptions {
  readonly nodeId: string;
  readonly main: Group;
  readonly log: Log;
  readonly clock: Clock;
  readonly times?: HostingTimes;
  readonly exchange: Door;
  /** Opens a group, and founds it with its members where its log is empty. */
  readonly open: (id: GroupId, row: GroupRow) => Promise<Group>;
  /** Asks the other nodes of a group to let this node's new store take the place of its lost one. */
  readonly askToReturn: (id: GroupId, others: readonly string[]) => Promise<unknown>;
  readonly onError: (group: string, error: unknown) => void;
}

export interface HostingStatus {
  readonly hosted: number;
  readonly awake: number;
  readonly asleep: number;
  /** Being opened, or waiting for their turn. */
  readonly waking: number;
  /** In which this node has no vote yet, because its disk was lost and it came back with another store. */
  readonly returning: number;
}

interface Hosted {
  readonly group: HostedGroup;
  /** Who takes part in it besides this node. */
  readonly others: readonly string[];
  /** On the monotonic clock: when `main` was seen to have recorded its seal. */
  sealSeenAt: Milliseconds | undefined;
}

/** How often it is looked whether a group that was woken has a leader. */
const LOOK_MS: Milliseconds = 10;

export class Groups {
  readonly #options: GroupsOptions;
  readonly #times: HostingTimes;
  readonly #hosted = new Map<string, Hosted>();
  readonly #turns = new Turns(OPENINGS_MAX);
  readonly #telling: TellingMain;
  /** Whether the tables of `main` are those of now: at a start they are as old as its newest snapshot. */
  #main: 'old' | 'asked' | 'current' = 'old';
  readonly #round: Loop;
  readonly #unlisten: () => void;
  /** The tables that were looked at; others take their place when a snapshot is installed. */
  #seen: ReadonlyTables | undefined;
  /** Where the next round begins to ask, among the groups that are to take this node back. */
  #returnsFrom = 0;
  #stopped = false;

  constructor(options: GroupsOptions) {
    const { main, clock, times = HOSTING_TIMES, onError } = options;
    this.#options = options;
    this.#times = times;
    this.#telling = new TellingMain(main);
    this.#round = new Loop({
      name: 'groups',
      clock,
      interval: times.round,
      run: () => this.#goRound(),
      onError: (error) => onError('main', error),
    });
    this.#unlisten = main.onApplied((applied) => this.#note(applied));
  }

  /** Begins to have the groups that `main` says this node has. */
  start(): void {
    this.#round.start();
    this.#round.poke();
  }

  /** The groups in memory. */
  awake(): readonly Group[] {
    return [...this.#hosted.values()].flatMap(({ group }) => group.group ?? []);
  }

  /** A group that is in memory. */
  inMemory(name: string): Group | undefined {
    const row = liveGroup(this.#tables, name);
    return row === undefined ? undefined : this.#hosted.get(keyOf(idOf(row)))?.group.group;
  }

  /** The groups this node has, in memory or not, oldest first. */
  rows(): readonly GroupRow[] {
    const founded = this.#tables.of(GROUPS).select('by_state', ['founded']);
    return [...founded].filter((row) => this.#isOurs(row));
  }

  /** A group by its name, woken if need be; undefined where this node has no such group. */
  async group(name: string): Promise<Group | undefined> {
    const row = liveGroup(this.#tables, name);
    const hosted = row === undefined ? undefined : this.#hosted.get(keyOf(idOf(row)));
    if (hosted === undefined) return undefined;
    const group = hosted.group.group;
    return group ?? this.#ledAgain(await hosted.group.wake('urgent'));
  }

  status(): HostingStatus {
    const counts = { awake: 0, asleep: 0, waking: 0, over: 0 };
    for (const { group } of this.#hosted.values()) counts[group.kind] += 1;
    const { awake, asleep, waking } = counts;
    const returning = this.#returning().length;
    return { hosted: this.#hosted.size, awake, asleep, waking, returning };
  }

  loops(): readonly LoopStatus[] {
    return [this.#round.status(), ...this.awake().flatMap((group) => group.loops())];
  }

  /** Wakes what rests and is due at a moment of log time. */
  wakeDue(now: Milliseconds): void {
    for (const { group } of this.#hosted.values()) group.wakeIfDue(now);
  }

  /** Stops all groups; their logs stay. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#telling.stop();
    this.#unlisten();
    await this.#round.stop();
    await Promise.all([...this.#hosted.values()].map(({ group }) => group.stop()));
    this.#hosted.clear();
  }

  get #tables(): ReadonlyTables {
    return this.#options.main.machine.tables;
  }

  /** A group that has just been woken has no leader yet: whoever woke it would be refused. */
  async #ledAgain(group: Group | undefined): Promise<Group | undefined> {
    const { clock } = this.#options;
    const until = clock.monotonic() + this.#times.led;
    while (!this.#stopped && !isLed(group) && clock.monotonic() < until)
      await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve));
    return group;
  }

  #note({ changes }: AppliedEntry): void {
    if (!changes.some(({ table }) => table.definition.name === GROUPS.name)) return;
    this.#seen = undefined;
    this.#round.poke();
  }

  async #goRound(): Promise<void> {
    this.#askMain();
    if (this.#seen !== this.#tables) await this.#followAgain();
    this.wakeDue(this.#options.main.now());
    for (const hosted of this.#hosted.values()) this.#visit(hosted);
    await this.#telling.tell(this.awake());
    await this.#askToReturn();
  }

  /** Until it has applied what was agreed before this node began. */
  #askMain(): void {
    if (this.#main !== 'old') return;
    this.#main = 'asked';
    void this.#options.main.read().then(({ kind }) => {
      this.#main = kind === 'at' ? 'current' : 'old';
      this.#seen = undefined;
      if (kind === 'at') this.#round.poke();
    });
  }

  #visit(hosted: Hosted): void {
    const { group } = hosted.group;
    if (group === undefined || this.#isReturning(hosted)) return;
    // Until its seal is recorded in `main`, somebody has to remember it.
    if (sealOf(group.machine.tables) === undefined) hosted.group.restAfter(this.#times.rest);
  }

  async #askToReturn(): Promise<void> {
    const all = this.#returning();
    const some = [...all.slice(this.#returnsFrom), ...all].slice(
      0,
      Math.min(all.length, RETURNS_MAX),
    );
    // Where one of them has nobody to lead it, the others do not wait behind it for ever.
    this.#returnsFrom = (this.#returnsFrom + some.length) % Math.max(all.length, 1);
    await Promise.all(some.map(({ group, others }) => this.#options.askToReturn(group.id, others)));
  }

  #returning(): readonly Hosted[] {
    return [...this.#hosted.values()].filter((hosted) => this.#isReturning(hosted));
  }

  /** In memory, and this node belongs to it with a store that has no vote in it. */
  #isReturning({ group: { group }, others }: Hosted): boolean {
    if (group === undefined || others.length === 0) return false;
    const { nodeId: id, log } = this.#options;
    return !isIn(group.members().voters, { id, store: log.identity.storeId });
  }

  /** What went wrong is tried again in the next round. */
  async #followAgain(): Promise<void> {
    try {
      await this.#follow();
    } catch (error) {
      this.#seen = undefined;
      throw error;
    }
  }

  /** Has what `main` says, and ends what it says is over. */
  async #follow(): Promise<void> {
    this.#seen = this.#tables;
    for (const row of this.rows()) this.#host(row);
    const gone = this.#known().filter((id) => this.#isGone(id));
    for (const id of gone) await this.#end(id);
  }

  #isOurs({ voters }: GroupRow): boolean {
    return voters.includes(this.#options.nodeId);
  }

  #host(row: GroupRow): void {
    const { clock, exchange, open, onError } = this.#options;
    const id = idOf(row);
    if (this.#stopped || this.#hosted.has(keyOf(id)) || !this.#isAlive(id)) return;
    const group = new HostedGroup({
      id,
      clock,
      exchange,
      turns: this.#turns,
      open: () => open(id, row),
      onError: (error) => onError(row.id, error),
    });
    const others = row.voters.filter((voter) => voter !== this.#options.nodeId);
    this.#hosted.set(keyOf(id), { group, others, sealSeenAt: undefined });
    void group.wake('patient');
  }

  /**
   * A group without a log here was never begun, or its log was removed, with the votes this store had given
   * in it. Which of them, only a `main` of now can tell: beginning again would be another log under one name.
   */
  #isAlive(id: GroupId): boolean {
    return this.#main === 'current' || this.#options.log.hardState(id) !== undefined;
  }

  /** The groups of this node by its memory, and by its disk. */
  #known(): readonly GroupId[] {
    const hosted = [...this.#hosted.values()].map(({ group }) => group.id);
    const stored = this.#options.log.groups().filter(({ incarnation }) => incarnation > 0);
    return [...hosted, ...stored.filter((id) => !this.#hosted.has(keyOf(id)))];
  }

  /** What `main` has not come to yet is not over. */
  #isGone(id: GroupId): boolean {
    const { tables, position } = this.#options.main.machine;
    const row = tables.of(GROUPS).get(id.id);
    if (row?.incarnation === id.incarnation) return isOver(row) && this.#isDone(row);
    return position.index >= id.incarnation;
  }

  /** Whether what the group itself had to say has come here, or will not come any more. */
  #isDone(row: GroupRow): boolean {
    const hosted = this.#hosted.get(keyOf(idOf(row)));
    if (hosted === undefined || hosted.group.applied >= Number(row.sealed_index)) return true;
    const now = this.#options.clock.monotonic();
    hosted.sealSeenAt ??= now;
    // It is looked at again in the next round.
    this.#seen = undefined;
    return now - hosted.sealSeenAt >= this.#times.sealPatience;
  }

  /** Nothing is left of it: no timer, no memory, no key. */
  async #end(id: GroupId): Promise<void> {
    const hosted = this.#hosted.get(keyOf(id));
    await hosted?.group.end();
    await this.#options.log.remove(id);
    this.#hosted.delete(keyOf(id));
  }
}

function idOf({ id, incarnation }: GroupRow): GroupId {
  return { id, incarnation };
}

function keyOf({ id, incarnation }: GroupId): string {
  return `${id}@${incarnation}`;
}

/** There is nobody to wait for in a group that could not be woken. */
function isLed(group: Group | undefined): boolean {
  return group === undefined || group.status().leader_id !== undefined;
}
