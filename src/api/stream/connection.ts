/**
 * One websocket: a subscription to a group, unless it wants none, and a door for proposals.
 *
 * ```
 *  open ─▶ leaving: proposals under way are answered ─▶ closed
 *    └──── bad frame 4400 · no progress 4408 · compacted 4410 · the client ────▲
 * ```
 *
 * While the client takes nothing, nothing more is read from it either, so answers cannot pile up.
 */
import { WebSocket } from 'ws';
import type { Clock } from '../../log/time.ts';
import type { Group } from '../../protocols/coordinator/group.ts';
import { invalid, problem, type Problem, type RequestFault } from '../wire/problem.ts';
import { readFrameText } from './messages.ts';
import { Outlet, STALL_MS_MAX } from './outlet.ts';
import { type Answers, Proposals } from './proposals.ts';
import { Subscription, type SubscriptionEnd, type SubscriptionOptions } from './subscription.ts';
import { type Following, Unsubscribed } from './unsubscribed.ts';

/** Why this side closes; clients tell by the number what to do next. */
export const CLOSE = {
  internal: 1011,
  badFrame: 4400,
  noProgress: 4408,
  compacted: 4410,
  diverged: 4412,
  stopping: 4503,
} as const;

/** After this a connection that does not close is cut. */
const CLOSE_MS_MAX = 1000;

interface ConnectionOptions extends Pick<SubscriptionOptions, 'hub' | 'filter' | 'oldest'> {
  /** The index to go on behind; none: there is no subscription. */
  readonly after: number | 'none';
  readonly answers: Answers;
  readonly group: Group;
  /** Whether this is still the group of its name here: it may have ended, or left memory. */
  readonly isServed: () => boolean;
  readonly clock: Clock;
  /** How long the first proposal of a frame took; one stands for all of them. */
  readonly onCommitted: (milliseconds: number) => void;
  /** A fault of this side, for the log. */
  readonly onFault: (error: unknown) => void;
  readonly onClose: (connection: Connection) => void;
}

export class Connection {
  readonly #socket: WebSocket;
  readonly #options: ConnectionOptions;
  readonly #outlet: Outlet;
  readonly #subscription: Following;
  readonly #proposals: Proposals;
  readonly #closed: Promise<void>;
  #cancelCut: () => void = () => undefined;

  constructor(socket: WebSocket, options: ConnectionOptions) {
    const { clock } = options;
    this.#socket = socket;
    this.#options = options;
    this.#outlet = new Outlet(socket, clock, () => this.#hasRoom());
    this.#proposals = new Proposals({ ...options, outlet: this.#outlet });
    this.#subscription = this.#following(options);
    this.#closed = new Promise((resolve) => {
      socket.once('close', () => resolve(this.#gone()));
    });
    socket.on('message', (data, isBinary) => this.#heard(data as Buffer, isBinary));
    // What goes wrong on a socket ends in its close, which is where it is dealt with.
    socket.on('error', () => undefined);
  }

  start(): void {
    const { group, after } = this.#options;
    const head = group.machine.position.index;
    if (after !== 'none' && after > head) this.#diverged(after, head);
    else this.#subscription.start();
  }

  /** The heartbeat: says how far the client is, or gives up on one that takes nothing, or whose group is gone. */
  beat(): void {
    if (!this.#options.isServed()) void this.leave();
    else if (this.#outlet.isStalled) this.#sendAway();
    else if (this.#outlet.hasRoom) this.#subscription.progress();
  }

  /** Answers what is under way, says goodbye, and is gone after CLOSE_MS_MAX at the latest. */
  async leave(): Promise<void> {
    this.#cutSoon();
    await Promise.race([this.#proposals.idle(), this.#closed]);
    this.#outlet.message({ kind: 'goaway', reason: 'shutdown', retry_after_seconds: 1, nodes: [] });
    this.#socket.close(CLOSE.stopping, 'this node is stopping');
    await this.#closed;
  }

  #following({ after, ...options }: ConnectionOptions): Following {
    if (after === 'none') return new Unsubscribed(options.group);
    const outlet = this.#outlet;
    return new Subscription({ ...options, after, outlet, onEnd: (end) => this.#ended(end) });
  }

  #cutSoon(): void {
    this.#cancelCut();
    this.#cancelCut = this.#options.clock.after(CLOSE_MS_MAX, () => this.#socket.terminate());
  }

  async #gone(): Promise<void> {
    this.#cancelCut();
    this.#proposals.stop();
    await this.#subscription.stop();
    this.#options.onClose(this);
  }

  #hasRoom(): void {
    if (this.#socket.isPaused) this.#socket.resume();
    this.#subscription.pump();
  }

  #heard(data: Buffer, isBinary: boolean): void {
    if (isBinary) return this.#bad([{ pointer: '', code: 'binary', detail: 'frames are text' }]);
    const read = readFrameText(data.toString());
    if (read.kind === 'bad') return this.#bad(read.faults);
    this.#proposals.take(read.messages, read.isArray);
    if (!this.#outlet.hasRoom) this.#socket.pause();
  }

  #bad(faults: readonly RequestFault[]): void {
    this.#fail(invalid(faults), CLOSE.badFrame);
  }

  #diverged(requested: number, head: number): void {
    this.#outlet.message({ kind: 'diverged', id: 1, requested, head });
    this.#socket.close(CLOSE.diverged, `the newest entry here is ${head}`);
  }

  #ended(end: SubscriptionEnd): void {
    if (end.kind === 'compacted') {
      this.#outlet.message({ id: 1, ...end });
      this.#socket.close(CLOSE.compacted, `the oldest entry here is ${end.oldest}`);
      return;
    }
    this.#options.onFault(end.error);
    this.#fail(problem('internal', 'see the log of this node'), CLOSE.internal);
  }

  #fail(found: Problem, code: number): void {
    this.#outlet.message({ kind: 'error', problem: found });
    this.#socket.close(code, found.detail.slice(0, 100));
  }

  #sendAway(): void {
    const { covered } = this.#subscription;
    this.#outlet.message({ kind: 'goaway', reason: 'no_progress', resume_after: covered });
    this.#socket.close(
      CLOSE.noProgress,
      `took nothing for ${STALL_MS_MAX} ms; resume after ${covered}`,
    );
    // The farewell waits behind everything else that was not taken.
    this.#cutSoon();
  }
}
