/**
 * Agreement by Raft, behind the port of all engines.
 *
 * ```
 *  propose ─ we lead ──▶ core ─▶ committed and applied here ──────────────▶ {index, term}
 *     │                                                                        ▲
 *     └── another leads ─▶ asked over the link ─▶ committed there ─▶ applied here
 * ```
 *
 * A follower forwards what its own clients propose and never what another node forwarded, so nothing
 * circles. When the link to the leader drops, the answer is `unknown` at once: it may have been appended.
 */
import { COMMAND_BYTES_MAX, FRAME_HEADER_BYTES } from '../../log/frame.ts';
import type { GroupId } from '../../log/group.ts';
import type { Log } from '../../log/log.ts';
import type { Member, Members } from '../../log/members.ts';
import type { Clock, Milliseconds } from '../../log/time.ts';
import type { Traffic } from '../../log/traffic.ts';
import type {
  Configuration,
  ConfigurationChange,
  Departure,
  Engine,
  EngineRefusal,
  EngineReport,
  EngineRole,
  EngineSink,
  EngineStatus,
  Proposed,
  ReadPoint,
} from '../engine.ts';
import { LogTime } from '../log-time.ts';
import { RaftCore } from './core/core.ts';
import { CoreHost } from './core-host.ts';
import type { Bounds, Input, Role, Timing, Trace } from './core/input.ts';
import type { Message } from './core/messages.ts';
import type { CoreStatus } from './core/status.ts';
import type { Exchange, NodeQuestion } from './exchange.ts';
import type { Fields } from './fields.ts';
import { Forwarding } from './forwarding.ts';
import { frameMaker } from './frames.ts';
import { Governing } from './governing.ts';
import type { PeerIdentity } from '../transport/network.ts';
import { PeerHistory } from './peer-history.ts';
import { progressFor } from './peer-report.ts';
import { lastStamp, NEW_MEMBER, restoredFrom } from './restoring.ts';
import { proposedOf, readPointOf, refusing, Settling } from './settling.ts';
import { SnapshotReceiving } from './snapshot-receiving.ts';
import { SnapshotSending } from './snapshot-sending.ts';
import { leadershipAge, Tenure } from './tenure.ts';

export interface RaftOptions {
  readonly log: Log;
  readonly group: GroupId;
  readonly nodeId: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly timing: Timing;
  readonly bounds: Bounds;
  readonly exchange: Exchange;
  readonly sink: EngineSink;
  /** The index the sink has already, from a snapshot. */
  readonly applied: number;
  readonly appliedAt: Milliseconds;
  /** Sees to it that the shelf holds a recent snapshot. @returns its index */
  readonly takeSnapshot: () => Promise<number>;
  readonly breathe: () => Promise<void>;
  /** Our digest of all outcomes up to an applied index, as hex. */
  readonly digestAt: (index: number) => Promise<string>;
  /** The digest an outcome page begins with; undefined where it is not known here. */
  readonly digestBefore: (page: number) => Promise<Buffer | undefined>;
  /** Whether this node keeps its whole log, and so fetches what a snapshot jumped over. */
  readonly keepsHistory: boolean;
  readonly onTrace: (trace: Trace) => void;
  /** Something went wrong that will be tried again. */
  readonly onError: (error: unknown) => void;
  /** The disk or the sink failed: this node must not go on. */
  readonly onFault: (fault: Error) => void;
}

const ROLES: Readonly<Record<Role, EngineRole>> = {
  follower: 'follower',
  pre_candidate: 'candidate',
  candidate: 'candidate',
  leader: 'leader',
};

export class RaftEngine implements Engine {
  readonly #options: RaftOptions;
  readonly #host: CoreHost;
  readonly #settling: Settling;
  readonly #forwarding: Forwarding;
  readonly #governing: Governing;
  readonly #sending: SnapshotSending;
  readonly #receiving: SnapshotReceiving;
  readonly #history: PeerHistory;
  readonly #time: LogTime;
  readonly #tenure: Tenure;
  readonly #leave: () => void;
  readonly #topics = new Map<string, NodeQuestion>();
  #stopped = false;

  private constructor(options: RaftOptions, core: RaftCore) {
    this.#options = options;
    this.#settling = new Settling(options.applied);
    this.#time = new LogTime(options.clock);
    this.#time.resume(options.appliedAt);
    this.#tenure = new Tenure(options.clock, options.timing.quorum_patience);
    this.#host = new CoreHost({
      ...options,
      core,
      time: this.#time,
      onSettled: (settled) => this.#settling.settle(settled),
      onApplied: (index) => this.#settling.applied(index),
      onSnapshotNeeded: (peer, atLeast) => this.#sending.send(peer, atLeast),
      onTrace: (trace) => this.#note(trace),
      onInstalled: () => this.#history.look(),
    });
    this.#governing = new Governing({
      ...options,
      host: this.#host,
      settling: this.#settling,
      forwarding: () => this.#forwarding,
      members: () => this.members(),
      objectionTo: (leaving, staying) => this.#history.objectionTo(leaving, staying),
    });
    const step = (input: Input): void => this.#host.step(input);
    this.#receiving = new SnapshotReceiving({ ...options, step, host: this.#host });
    this.#sending = new SnapshotSending({ ...options, step, host: this.#host });
    this.#history = new PeerHistory({ ...options, host: this.#host, peers: () => this.#others() });
    this.#forwarding = new Forwarding({
      ...options,
      propose: (frame, traffic) => this.#proposeHere(frame, traffic),
      change: (wanted) => this.#governing.changeHere(wanted),
      transfer: (to) => this.#governing.transferHere(to),
      digestAt: (index) => this.#digestHere(index),
    });
    this.#leave = options.exchange.join(options.group, {
      receive: (message) => this.#receive(message),
      asked: (from, topic, question) => this.#asked(from, topic, question),
      streamed: (from, header, chunks) => this.#receiving.receive(from, header, chunks),
      linkUp: (peer) => this.#host.step({ kind: 'suspect', peer, dead: false }),
      linkDown: (peer) => this.#lost(peer),
    });
  }

  /** Takes part in the group from what the disk holds. */
  static async start(options: RaftOptions): Promise<RaftEngine> {
    const { log, group, nodeId: id, clock, applied } = options;
    const restored = await restoredFrom(log, group, applied);
    const store = log.identity.storeId;
    const core = new RaftCore(
      { ...options, id, store, frames: frameMaker(id), restored },
      clock.monotonic(),
    );
    // A log that is not applied yet has been stamped all the same: who leads next goes on from there.
    const appliedAt = Math.max(options.appliedAt, await lastStamp(log, group));
    const engine = new RaftEngine({ ...options, appliedAt }, core);
    engine.#host.step({ kind: 'wake' });
    engine.#history.look();
    return engine;
  }

  propose(frame: Buffer, traffic: Traffic): Promise<Proposed> {
    const refused = this.#refusal(frame);
    if (refused !== undefined) return refusing(refused);
    const { leader } = this.#host;
    if (leader === undefined) return refusing('no-leader');
    return leader === this.#options.nodeId
      ? this.#proposeHere(frame, traffic)
      : this.#proposeThere(leader, frame, traffic);
  }

  read(): Promise<ReadPoint> {
    if (this.#stopped) return refusing('shutting-down');
    const { id, settled } = this.#settling.enter(readPointOf);
    this.#host.step({ kind: 'read', id });
    return settled;
  }

  change(configuration: Configuration): Promise<ConfigurationChange> {
    return this.#governing.change(configuration);
  }

  /** Takes a store in as a learner; another store under its id has lost its disk and is replaced. */
  admit(member: Member): Promise<ConfigurationChange> {
    return this.#governing.admit(member);
  }

  /** Lets a learner that has caught up vote. */
  promote(id: string): Promise<ConfigurationChange> {
    return this.#governing.promote(id);
  }

  /** The members a new cluster begins with. Every voter is told the same. */
  async found(configuration: Members): Promise<void> {
    const { log, group } = this.#options;
    const members = [{ index: 0, configuration }];
    await log.saveHardState(group, { ...NEW_MEMBER, members });
    this.#host.found(configuration);
  }

  /** Answers a question that others ask of this group. */
  answer(topic: string, answer: NodeQuestion): void {
    this.#topics.set(topic, answer);
  }

  transfer(to: string | undefined): Promise<ConfigurationChange> {
    return this.#governing.transfer(to);
  }

  status(): EngineStatus {
    const core = this.#host.status();
    const { role, term, leader, commit, last } = core;
    const { voters, learners } = this.members();
    return {
      engine: 'raft',
      role: this.#stopped ? 'stopped' : this.#roleOf(role, learners),
      term,
      leader_id: leader,
      commit_index: commit,
      last_index: last.index,
      voters: voters.map(({ id }) => id),
      learners: learners.map(({ id }) => id),
      age_ms: this.#age(core),
      history: this.#history.status(),
    };
  }

  get isLeader(): boolean {
    return !this.#stopped && this.#host.leader === this.#options.nodeId;
  }

  members(at = Number.POSITIVE_INFINITY): Members {
    return this.#host.membersAt(at);
  }

  /** Whether who takes part is settled: else another leader may still take it back. */
  areMembersCommitted(): boolean {
    const { commit } = this.#host.status();
    return this.#host.members.every(({ index }) => index <= commit);
  }

  /** Everything a person wants to know who asks why. */
  report(): EngineReport {
    const { asked_at, ...tenure } = this.#tenure.report();
    const { election, peers, ...core } = this.#host.status();
    const last_election = election === undefined ? null : { ...election, at: asked_at };
    const { ticks } = this.#host;
    return { ...core, ...tenure, last_election, ticks, peers: peers.map(progressFor(core)) };
  }

  /** How long ago a peer answered this leader; undefined where it does not know. */
  silenceOf(id: string): Milliseconds | undefined {
    return this.#host.status().peers.find((peer) => peer.id === id)?.last_contact;
  }

  digestOf(id: string, index: number): Promise<string | undefined> {
    return this.#forwarding.digestOf(id, index);
  }

  whilePaused(work: () => Promise<void>): Promise<void> {
    return this.#host.whilePaused(work);
  }

  now(): Milliseconds {
    return this.#time.now();
  }

  isQuiet(): boolean {
    const isCopying = this.#history.status().state === 'copying';
    return this.#host.status().quiesced && this.#settling.isEmpty && !isCopying;
  }

  async stop(why: Departure = 'leaving'): Promise<void> {
    if (this.#stopped) return;
    if (why === 'leaving') await this.#governing.handOver();
    this.#stopped = true;
    this.#leave();
    this.#sending.stop();
    await this.#history.stop();
    await this.#receiving.stop();
    await this.#host.stop();
    this.#settling.end();
    await this.#options.log.flush().catch(() => undefined);
  }

  /** Everybody else who takes part: the leader first, since it is most likely to answer. */
  #others(): readonly string[] {
    const { voters, learners } = this.status();
    const leader = this.#governing.otherLeader;
    const ids = [...(leader === undefined ? [] : [leader]), ...voters, ...learners];
    return [...new Set(ids)].filter((id) => id !== this.#options.nodeId);
  }

  #asked(from: PeerIdentity, topic: string, question: Fields): Promise<readonly unknown[]> {
    const added = this.#topics.get(topic);
    if (added !== undefined) return added(from, question);
    const answer = this.#forwarding.topics[topic] ?? this.#history.topics[topic];
    return answer === undefined ? this.#receiving.offered(question) : answer(question);
  }

  /** Empty where it cannot be told: not applied yet, or compacted. */
  async #digestHere(index: number): Promise<string> {
    return index <= this.#host.applied ? this.#options.digestAt(index).catch(() => '') : '';
  }

  #proposeHere(frame: Buffer, traffic: Traffic): Promise<Proposed> {
    if (!this.#options.log.admits(this.#options.group, traffic, frame.length))
      return refusing('backpressure');
    const { id, settled } = this.#settling.enter(proposedOf);
    this.#host.step({ kind: 'propose', proposals: [{ id, frame }] });
    return settled;
  }

  async #proposeThere(leader: string, frame: Buffer, traffic: Traffic): Promise<Proposed> {
    return this.#applied(await this.#forwarding.forward(leader, frame, traffic));
  }

  #refusal(frame: Buffer): EngineRefusal | undefined {
    if (this.#stopped) return 'shutting-down';
    return frame.length - FRAME_HEADER_BYTES > COMMAND_BYTES_MAX ? 'too-large' : undefined;
  }

  /** What the leader committed is answered when it is applied here too, where its outcome is read. */
  async #applied(proposed: Proposed): Promise<Proposed> {
    if (proposed.kind !== 'committed' || proposed.index <= this.#host.applied) return proposed;
    this.#host.step({ kind: 'told_committed', place: proposed });
    return proposedOf(await this.#settling.whenApplied(proposed.index, proposed.term));
  }

  #roleOf(role: Role, learners: Members['learners']): EngineRole {
    const isLearner = learners.some(({ id }) => id === this.#options.nodeId);
    return isLearner ? 'learner' : ROLES[role];
  }

  #receive(message: Message): void {
    this.#host.step({ kind: 'message', message });
    if (message.from === this.#host.leader) this.#tenure.heard();
  }

  #age({ role, peers, configuration }: CoreStatus): Milliseconds {
    return role === 'leader' ? leadershipAge(peers, configuration.voters) : this.#tenure.silence;
  }

  #lost(peer: string): void {
    this.#host.step({ kind: 'unreachable', peer });
    // A reset connection: the process is gone, or the way to it. A quorum has to see it too.
    this.#host.step({ kind: 'suspect', peer, dead: true });
  }

  #note(trace: Trace): void {
    this.#options.onTrace(trace);
    if (trace.kind !== 'became') return;
    this.#tenure.became(trace);
    this.#options.sink.led();
  }
}
