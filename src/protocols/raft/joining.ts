/**
 * How a node with an empty store comes to take part: a new cluster is founded, or one that is there is
 * joined. A store that ever took part is never asked about; what its log says rules.
 *
 * ```
 *                 ┌ every voter is empty ──▶ found: the same members and cluster on all of them ─▶ voter
 *  empty ─ hello ─┼ one knows us as voter ─▶ found as it did ───────────────────────────────────▶ voter
 *                 └ founded without us ────▶ ask its leader: learner ─ caught up ─ ask again ───▶ voter
 * ```
 *
 * A node that is not among the voters of a new cluster founds none: it waits for it, and stays a learner.
 *
 * An empty store is not a new voter: where the cluster knows another store under our id, ours comes in
 * as a learner and takes the other's place only when it holds everything.
 */
import { createHash } from 'node:crypto';
import { isIn, type Member, type Members, NO_MEMBERS } from '../../log/members.ts';
import type { Clock, Milliseconds } from '../../log/time.ts';
import { Loop, type LoopStatus } from '../coordinator/loop.ts';
import { Admitting, JOIN_TOPIC, objectionToAlive } from './admitting.ts';
import { answerConfirm } from './confirming.ts';
import type { Exchange, NodeOrAddress } from './exchange.ts';
import type { Fields } from './fields.ts';
import type { RaftEngine } from './raft-engine.ts';

const ATTEMPT_MS: Milliseconds = 250;

export interface JoiningOptions {
  readonly self: Member;
  /** The voters of a new cluster, with where they are reached. Mostly this node is among them. */
  readonly voters: readonly Omit<Member, 'store'>[];
  /** Addresses of members of a cluster to join instead. */
  readonly join: readonly string[];
  readonly engine: RaftEngine;
  readonly exchange: Exchange;
  readonly clock: Clock;
  /** The cluster this store belongs to; empty while it belongs to none. */
  readonly clusterId: () => string;
  /** Makes the store belong to a cluster. Durable when it resolves. */
  readonly belong: (clusterId: string) => Promise<void>;
  /** Whether an earlier life of the node began to join and did not come to its end. */
  readonly isJoining: () => boolean;
  /** The node takes part as it wanted to. Durable when it resolves. */
  readonly arrived: () => Promise<void>;
  readonly onProgress: (what: string) => void;
}

/** What another node says of itself. */
type Hello =
  | { readonly kind: 'empty'; readonly store: string }
  | { readonly kind: 'member'; readonly clusterId: string; readonly members: Members };

type Goal = 'member' | 'reached';

export class Joining {
  readonly #options: JoiningOptions;
  readonly #loop: Loop;
  readonly #isToVote: boolean;
  #goal: Goal;
  #told = '';

  constructor(options: JoiningOptions) {
    this.#options = options;
    const { engine, exchange, clock, voters, self } = options;
    this.#isToVote = voters.some(({ id }) => id === self.id);
    // Only a store that came in empty asks for a vote, until it has it: one that was made a learner stays one.
    const isOnItsWay = engine.members() === NO_MEMBERS || options.isJoining();
    this.#goal = isOnItsWay ? 'member' : 'reached';
    exchange.answer('hello', () => Promise.resolve(this.#hello()));
    const objection = (candidate: Member): string | undefined =>
      objectionToAlive(engine, candidate);
    const admitting = new Admitting({ ...options, objection });
    exchange.answer(JOIN_TOPIC, (from, question) => admitting.answer(from, question));
    answerConfirm(exchange, options);
    this.#loop = new Loop({
      name: 'joining',
      clock,
      interval: ATTEMPT_MS,
      run: () => this.#attempt(),
    });
  }

  start(): void {
    if (this.#goal === 'reached') return;
    this.#loop.start();
    this.#loop.poke();
  }

  status(): LoopStatus {
    return this.#loop.status();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  async #attempt(): Promise<void> {
    const { engine, self, arrived } = this.#options;
    const { voters, learners } = engine.members();
    const wanted = this.#isToVote ? voters : [...voters, ...learners];
    // What is not committed the next leader may take back, who knows nothing of us and tells us nothing.
    if (!isIn(wanted, self) || !engine.areMembersCommitted()) return this.#approach();
    await arrived();
    this.#goal = 'reached';
    // From here on the log rules: this run is the last.
    void this.#loop.stop();
  }

  /** One step nearer to taking part. */
  #approach(): Promise<void> {
    const { engine, join } = this.#options;
    const isKnownSomewhere = engine.members() !== NO_MEMBERS || join.length > 0;
    return isKnownSomewhere ? this.#askToJoin() : this.#askAround();
  }

  /** What this node answers to `hello`. */
  #hello(): readonly unknown[] {
    const { engine, self, clusterId } = this.#options;
    const members = engine.members();
    return members === NO_MEMBERS ? ['empty', self.store] : ['member', clusterId(), members];
  }

  async #askAround(): Promise<void> {
    const { self, voters } = this.#options;
    const others = voters.filter(({ id }) => id !== self.id);
    const hellos = await Promise.all(others.map(({ id }) => this.#helloOf({ nodeId: id })));
    const founded = hellos.find((hello) => hello?.kind === 'member');
    if (founded?.kind === 'member') return this.#takePart(founded);
    const awaited = others.filter((_, place) => !this.#isToVote || hellos[place] === undefined);
    if (awaited.length > 0) return this.#tell(`waiting for ${names(awaited)} to found the cluster`);
    return this.#found(others.map((other, place) => ({ ...other, store: storeOf(hellos[place]) })));
  }

  async #helloOf(to: NodeOrAddress): Promise<Hello | undefined> {
    try {
      return helloIn(await this.#options.exchange.askNode(to, 'hello', []));
    } catch {
      // Not there yet, or not any more: the next attempt asks again.
      return undefined;
    }
  }

  /** Every voter works out the same members and the same cluster from the same answers. */
  async #found(others: readonly Member[]): Promise<void> {
    const { self, engine, belong } = this.#options;
    const voters = [self, ...others].sort((one, other) => (one.id < other.id ? -1 : 1));
    const clusterId = clusterIdOf(voters);
    this.#tell(`founding cluster ${clusterId} of ${names(voters)}`);
    await belong(clusterId);
    await engine.found({ voters, outgoing: [], learners: [] });
  }

  async #takePart({ clusterId, members }: Extract<Hello, { kind: 'member' }>): Promise<void> {
    const { self, engine, belong } = this.#options;
    await belong(clusterId);
    if (isIn(members.voters, self)) await engine.found(members);
    else await this.#askToJoin();
  }

  async #askToJoin(): Promise<void> {
    const { self, belong } = this.#options;
    const answer = await this.#asked(this.#doors());
    const [verdict, detail] = answer;
    if (verdict === 'learner' || verdict === 'voter') await belong(detail);
    this.#tell(`asked to join as ${self.id}: ${verdict} ${detail}`);
  }

  /** Whom to ask: members we know, the voters we were told of, the addresses we were given. */
  #doors(): readonly NodeOrAddress[] {
    const { self, voters, join, engine } = this.#options;
    const leader = engine.status().leader_id;
    const known = leader === undefined ? voters.map(({ id }) => id) : [leader];
    const nodes = known.filter((id) => id !== self.id).map((nodeId) => ({ nodeId }));
    return [...nodes, ...join.map((address) => ({ address }))];
  }

  /** The answer of the leader, where one of the doors is or knows it; else the last one. */
  async #asked(doors: readonly NodeOrAddress[]): Promise<Answer> {
    let last: Answer = ['nobody', 'answered: no address is known'];
    for (const door of doors) {
      last = await this.#askLeaderBy(door);
      if (isOfLeader(last)) return last;
    }
    return last;
  }

  /** A node that follows says where the leader is. */
  async #askLeaderBy(door: NodeOrAddress): Promise<Answer> {
    const answer = await this.#askDoor(door);
    const address = leaderIn(answer);
    return address === '' ? answer : this.#askDoor({ address });
  }

  async #askDoor(door: NodeOrAddress): Promise<Answer> {
    const { exchange, self } = this.#options;
    const members = { voters: [self], outgoing: [], learners: [] };
    try {
      const answer = await exchange.askNode(door, JOIN_TOPIC, [members]);
      return [answer.text(), answer.text()];
    } catch (error) {
      return ['nobody', `answered (${(error as Error).message})`];
    }
  }

  /** Says what is new, once. */
  #tell(what: string): void {
    if (what === this.#told) return;
    this.#told = what;
    this.#options.onProgress(what);
  }
}

type Answer = readonly [verdict: string, detail: string];

/** Who did not answer, or follows and knows no leader, has decided nothing: another may. */
function isOfLeader([verdict]: Answer): boolean {
  return verdict !== 'leader' && verdict !== 'nobody';
}

/** The address in the answer of a node that follows; empty where it knows none, or answered itself. */
function leaderIn([verdict, detail]: Answer): string {
  return verdict === 'leader' ? detail : '';
}

function names(members: readonly { readonly id: string }[]): string {
  return members.map(({ id }) => id).join(', ');
}

function helloIn(answer: Fields): Hello | undefined {
  const kind = answer.text();
  if (kind === 'empty') return { kind, store: answer.text() };
  if (kind === 'member') return { kind, clusterId: answer.text(), members: answer.members() };
  return undefined;
}

function storeOf(hello: Hello | undefined): string {
  return hello?.kind === 'empty' ? hello.store : '';
}

/** Written like a UUID, drawn from nothing but the stores that found the cluster. */
function clusterIdOf(voters: readonly Member[]): string {
  const stores = voters.map(({ id, store }) => `${id} ${store}`).join('\n');
  const hex = createHash('sha256').update(stores).digest('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20, 32),
  ].join('-');
}
