/**
 * Agreement of one: the engine of a group with a single voter.
 *
 * ```
 *  start ─▶ term + 1 made durable ─▶ what the disk holds is committed ─▶ leader ─▶ stopped
 * ```
 *
 * An entry is committed when the disk of the only voter has it (Raft, Ongaro & Ousterhout 2014, §5.3
 * with a majority of one): append, wait for the fsync, commit. What shares an fsync is committed
 * together. Each start is a new term, durable before anything is accepted, so entries of two lives of a
 * node are told apart.
 */
import type { Clock, Milliseconds } from '../../log/time.ts';
import { encodeCommand } from '../../log/command.ts';
import { COMMAND_BYTES_MAX, FRAME_HEADER_BYTES, sealFrame, stampOf } from '../../log/frame.ts';
import type { GroupId } from '../../log/group.ts';
import type { Log } from '../../log/log.ts';
import type { Members } from '../../log/members.ts';
import type { Traffic } from '../../log/traffic.ts';
import { splitFrames } from '../../log/split-frames.ts';
import type {
  ConfigurationChange,
  Engine,
  EngineRefusal,
  EngineReport,
  EngineSink,
  EngineStatus,
  Proposed,
  ReadPoint,
} from '../engine.ts';
import { LogTime } from '../log-time.ts';

export interface SoloOptions {
  readonly log: Log;
  readonly group: GroupId;
  readonly nodeId: string;
  readonly clock: Clock;
  readonly sink: EngineSink;
  /** The index the sink has already, from a snapshot; what the log holds above it is delivered first. */
  readonly applied: number;
  /** `at` of the entry at `applied`: stamps never run backwards. */
  readonly appliedAt: number;
  /** Lets other work run between chunks of a long delivery. */
  readonly breathe: () => Promise<void>;
}

/** What one fsync carries: committed together, then answered one by one. Bounded by the log's batches. */
interface Round {
  readonly durable: Promise<void>;
  readonly frames: Buffer[];
  readonly answers: ((proposed: Proposed) => void)[];
  last: number;
}

type State = { readonly kind: 'leading' } | { readonly kind: 'stopped' };

const MEMBERSHIP_FIXED: ConfigurationChange = {
  kind: 'refused',
  code: 'fixed',
  reason: 'a solo group has one voter for ever; start a cluster to have more',
};

export class SoloEngine implements Engine {
  readonly #options: SoloOptions;
  readonly #term: number;
  #state: State = { kind: 'leading' };
  #last: number;
  #committed: number;
  /** The newest one, until it is durable. */
  #round: Round | undefined;
  readonly #time: LogTime;

  private constructor(options: SoloOptions, term: number) {
    this.#options = options;
    this.#term = term;
    this.#last = options.log.bounds(options.group).last;
    this.#committed = options.applied;
    this.#time = new LogTime(options.clock);
    this.#time.resume(options.appliedAt);
  }

  /**
   * @returns the engine once everything durable has been delivered to the sink.
   * @throws when the disk does not take the term and its first entry
   */
  static async start(options: SoloOptions): Promise<SoloEngine> {
    const { log, group, nodeId } = options;
    const before = log.hardState(group);
    const term = Math.max(before?.term ?? 0, log.bounds(group).lastTerm) + 1;
    const members = [{ index: 0, configuration: membersOf(options) }];
    await log.saveHardState(group, { term, vote: nodeId, commit: 0, members });
    const engine = new SoloEngine(options, term);
    await engine.#deliverDurable();
    // The term's first entry: everything before it is committed, and log time goes on from here.
    const noOp = encodeCommand({ type: 'no_op', data: { leader_id: nodeId } });
    const first = await engine.propose(noOp, 'control');
    if (first.kind !== 'committed')
      throw new Error(`the first entry of term ${term} was not written`);
    return engine;
  }

  propose(frame: Buffer, traffic: Traffic): Promise<Proposed> {
    const refusal = this.#refusal(frame, traffic);
    if (refusal !== undefined) return Promise.resolve({ kind: 'refused', code: refusal });
    const index = this.#place(frame);
    const { log, group } = this.#options;
    const round = this.#roundOf(log.append(group, frame, traffic));
    round.frames.push(frame);
    round.last = index;
    return new Promise((resolve) => {
      round.answers.push(resolve);
    });
  }

  read(): Promise<ReadPoint> {
    const read: ReadPoint =
      this.#state.kind === 'stopped'
        ? { kind: 'refused', code: 'shutting-down' }
        : { kind: 'at', index: this.#committed };
    return Promise.resolve(read);
  }

  change(): Promise<ConfigurationChange> {
    return Promise.resolve(MEMBERSHIP_FIXED);
  }

  transfer(): Promise<ConfigurationChange> {
    return Promise.resolve(MEMBERSHIP_FIXED);
  }

  digestOf(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  /** Nobody compares a group of one with anybody, so nothing has to be rebuilt while it runs. */
  whilePaused(work: () => Promise<void>): Promise<void> {
    return work();
  }

  report(): EngineReport {
    return { peers: [] };
  }

  status(): EngineStatus {
    const { nodeId, log, group } = this.#options;
    const missing = log.floor(group).index;
    return {
      engine: 'solo',
      role: this.#state.kind === 'stopped' ? 'stopped' : 'leader',
      term: this.#term,
      leader_id: nodeId,
      commit_index: this.#committed,
      last_index: this.#last,
      voters: [nodeId],
      learners: [],
      age_ms: 0,
      // Nobody else could have what is not here.
      history: { state: missing === 0 ? 'whole' : 'trimmed', missing },
    };
  }

  get isLeader(): boolean {
    return this.#state.kind !== 'stopped';
  }

  members(): Members {
    return membersOf(this.#options);
  }

  now(): Milliseconds {
    return this.#time.now();
  }

  /** Everything it takes is committed in the turns that follow: whoever waits for it has just asked. */
  isQuiet(): boolean {
    return this.#committed === this.#last;
  }

  async stop(): Promise<void> {
    this.#state = { kind: 'stopped' };
    await this.#options.log.flush().catch(() => undefined);
  }

  #refusal(frame: Buffer, traffic: Traffic): EngineRefusal | undefined {
    if (this.#state.kind === 'stopped') return 'shutting-down';
    if (frame.length - FRAME_HEADER_BYTES > COMMAND_BYTES_MAX) return 'too-large';
    return this.#options.log.admits(this.#options.group, traffic, frame.length)
      ? undefined
      : 'backpressure';
  }

  /** Gives the frame its place: the next index, this term, and a stamp that never runs backwards. */
  #place(frame: Buffer): number {
    this.#last += 1;
    sealFrame(frame, { term: this.#term, index: this.#last, at: this.#time.now() });
    return this.#last;
  }

  /** What shares an fsync shares its promise, and so a round. */
  #roundOf(durable: Promise<void>): Round {
    if (this.#round?.durable === durable) return this.#round;
    const round: Round = { durable, frames: [], answers: [], last: this.#last };
    this.#round = round;
    void durable.then(
      () => this.#commit(round),
      // The log is poisoned and the node is about to end: it may be on disk, or not.
      () => round.answers.forEach((answer) => answer({ kind: 'unknown' })),
    );
    return round;
  }

  #commit({ frames, answers, last, durable }: Round): void {
    this.#committed = last;
    this.#options.log.setCommitted(this.#options.group, last);
    this.#options.sink.committed(frames);
    const first = last - frames.length + 1;
    for (const [place, answer] of answers.entries())
      answer({ kind: 'committed', index: first + place, term: this.#term });
    if (this.#round?.durable === durable) this.#round = undefined;
  }

  /** A majority of one: what this disk holds is committed. */
  async #deliverDurable(): Promise<void> {
    const { log, group, sink, breathe } = this.#options;
    log.setCommitted(group, this.#last);
    if (this.#last === this.#committed) return;
    for await (const chunk of log.read(group, this.#committed + 1)) {
      const frames = splitFrames(chunk.frames);
      sink.committed(frames);
      this.#committed = chunk.last;
      this.#time.resume(stampOf(frames.at(-1) as Buffer));
      await breathe();
    }
  }
}

function membersOf({ log, nodeId: id }: SoloOptions): Members {
  const itself = { id, store: log.identity.storeId, addresses: [] };
  return { voters: [itself], outgoing: [], learners: [] };
}
