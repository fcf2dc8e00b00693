/**
 * The link to one peer: one connection for messages, whoever dialled it, kept up while it is wanted.
 *
 * ```
 *              ┌───────────── lost: at once the first time ─────────────┐
 *   resting ─▶ waiting ── due ─▶ connecting ── met ─▶ up ───────────────┤
 *                 ▲                  │                ▲                 │ not wanted
 *                 └─ nobody there ───┘     the peer dialled             ▼
 *                                                                    resting
 * ```
 *
 * Both may dial. Where both did and two connections are there, the one dialled by the smaller node id goes
 * on, on both sides, and nothing is told of it; a peer that began anew, or that dials again because it lost
 * what this side still holds, comes in the place of its old self: `down`, then `up`.
 */
import type { Clock, Milliseconds } from '../../log/time.ts';
import type { Approach } from './approach.ts';
import { backoff } from './backoff.ts';
import type { Ending } from './channel.ts';
import { Conversation, type ConversationOptions } from './conversation.ts';
import { type Met, MEETING_MS_MAX } from './meeting.ts';
import { type LinkStatus, NotSent, type PeerIdentity } from './network.ts';

/** The greater of two ids lets the smaller one dial first, so that two connections are rare. */
const HEAD_START_MS: Milliseconds = 50;
/** A link that was up for so long is dialled at once when it is lost; below, failures add up. */
const STEADY_MS: Milliseconds = 1_000;

export interface LinkOptions {
  readonly own: string;
  readonly peerId: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly approach: (addresses: readonly string[]) => Approach;
  readonly conversation: Omit<ConversationOptions, 'over'>;
  readonly up: (peer: PeerIdentity) => void;
  readonly down: (reason: string) => void;
  readonly complain: (line: string) => void;
}

interface Up {
  readonly kind: 'up';
  readonly conversation: Conversation;
  readonly met: Met;
  readonly since: Milliseconds;
}

/** What there is to say of a connection. */
interface Presence {
  readonly address: string | undefined;
  readonly queued: number;
  readonly dropped: number;
}

const NOBODY: Presence = { address: undefined, queued: 0, dropped: 0 };

type State =
  | { readonly kind: 'resting' }
  | { readonly kind: 'waiting'; readonly cancel: () => void }
  | { readonly kind: 'connecting'; readonly approach: Approach }
  | Up;

export class Link {
  readonly #options: LinkOptions;
  #state: State = { kind: 'resting' };
  /** Best first; undefined: not wanted, and there only while the peer keeps it. */
  #addresses: readonly string[] | undefined;
  /** The address that worked last. */
  #proven: string | undefined;
  #failures = 0;
  #dropped = 0;
  #lastError: string | undefined;
  /** The process that `up` was told of, and not yet `down`. */
  #announced: Buffer | undefined;
  #cancelPatience: () => void = () => undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Nothing is left of it: nobody wants it, and nobody is there. */
  get isIdle(): boolean {
    if (this.#addresses !== undefined) return false;
    return this.#state.kind === 'resting' && this.#announced === undefined;
  }

  /** Addresses of the peer, what worked last first. Empty: only the peer can dial. */
  get addresses(): readonly string[] {
    const known = this.#addresses ?? [];
    const proven = known.filter((address) => address === this.#proven);
    return [...proven, ...known.filter((address) => address !== this.#proven)];
  }

  /**
   * Where the peer may be found; none: it is wanted, and must dial. Undefined: it is no longer wanted,
   * and ends here if this side dialled it, else when the peer lets go of it.
   */
  want(addresses: readonly string[] | undefined): void {
    this.#addresses = addresses;
    if (addresses === undefined) this.#release('it is no longer wanted here');
    else this.#dialAgain();
  }

  #release(reason: string): void {
    const state = this.#state;
    if (state.kind !== 'up') return this.#rest();
    if (state.met.dialledBy === this.#options.own) this.close(reason);
  }

  /** Tells the peer why, and ends it. */
  close(reason: string): void {
    this.#addresses = undefined;
    const state = this.#state;
    this.#rest();
    if (state.kind === 'up') state.conversation.close(reason);
    this.#announceDown(reason);
  }

  send(message: Uint8Array): void {
    if (this.#state.kind === 'up') this.#state.conversation.send(message);
    else this.#dropped += 1;
  }

  flush(): void {
    if (this.#state.kind === 'up') this.#state.conversation.flush();
  }

  async ask(question: Uint8Array, within: Milliseconds): Promise<Buffer> {
    if (this.#state.kind === 'up') return await this.#state.conversation.ask(question, within);
    throw new NotSent(`there is no link to node ${this.#options.peerId}`);
  }

  beat(): void {
    if (this.#state.kind === 'up') this.#state.conversation.beat();
  }

  /** Takes in a connection that either side has dialled. */
  join(met: Met): void {
    const state = this.#state;
    if (state.kind !== 'up') return this.#adopt(met);
    if (!this.#isCrossing(state.met, met)) return this.#succeed(state, met);
    if (met.dialledBy === this.#smaller()) this.#replace(state, met);
    else this.#decline(state, met);
  }

  status(): LinkStatus {
    const state = this.#state;
    const { address, queued, dropped } = state.kind === 'up' ? presenceOf(state) : NOBODY;
    return {
      node_id: this.#options.peerId,
      address,
      state: state.kind === 'resting' ? 'waiting' : state.kind,
      queued_bytes: queued,
      dropped: this.#dropped + dropped,
      last_error: this.#lastError,
    };
  }

  // Dialling.

  #headStart(): Milliseconds {
    const { own } = this.#options;
    return own === this.#smaller() ? 0 : HEAD_START_MS;
  }

  #smaller(): string {
    const { own, peerId } = this.#options;
    return own < peerId ? own : peerId;
  }

  #dialSoon(least: Milliseconds): void {
    const { clock, random } = this.#options;
    const delay = Math.max(least, backoff(this.#failures, random()));
    if (delay === 0) return this.#dial();
    this.#state = { kind: 'waiting', cancel: clock.after(delay, () => this.#dial()) };
  }

  #dial(): void {
    const approach = this.#options.approach(this.addresses);
    this.#state = { kind: 'connecting', approach };
    approach.met.then(
      (met) => this.#reached(approach, met),
      (error: Error) => this.#unreached(approach, error),
    );
  }

  #reached(approach: Approach, met: Met): void {
    if (this.#isBy(approach)) this.join(met);
    else met.stream.destroy();
  }

  /** Whether it is still wanted. */
  #isBy(approach: Approach): boolean {
    return this.#state.kind === 'connecting' && this.#state.approach === approach;
  }

  #unreached(approach: Approach, error: Error): void {
    if (!this.#isBy(approach)) return;
    this.#failures += 1;
    this.#lastError = error.message;
    this.#options.complain(`no link to node ${this.#options.peerId}: ${error.message}`);
    this.#dialSoon(0);
  }

  /** Stops dialling. */
  #rest(): void {
    if (this.#state.kind === 'waiting') this.#state.cancel();
    if (this.#state.kind === 'connecting')
      this.#state.approach.abort(new Error('no longer needed'));
    this.#state = { kind: 'resting' };
  }

  // Joining.

  /** Both dialled at once, and both are who they were. */
  #isCrossing(one: Met, other: Met): boolean {
    return one.dialledBy !== other.dialledBy && one.peer.instance.equals(other.peer.instance);
  }

  #adopt(met: Met): void {
    this.#rest();
    this.#cancelPatience();
    const { instance, identity } = met.peer;
    if (this.#announced?.equals(instance) === false)
      this.#announceDown(`node ${identity.nodeId} began anew`);
    if (met.dialledBy === this.#options.own) this.#proven = met.origin.address;
    const conversation = this.#converse(met);
    this.#state = { kind: 'up', conversation, met, since: this.#options.clock.monotonic() };
    this.#announceUp(met);
    conversation.open();
  }

  #succeed(state: Up, met: Met): void {
    this.#leave(state);
    this.#announceDown('the peer dialled again');
    this.#adopt(met);
  }

  #replace(state: Up, met: Met): void {
    this.#leave(state);
    this.#adopt(met);
  }

  #leave(state: Up): void {
    this.#dropped += state.conversation.dropped;
    this.#state = { kind: 'resting' };
    state.conversation.replaced();
  }

  /** The other side prefers the same one, if it still has it: a byte on a lost connection comes back as a reset. */
  #decline(state: Up, met: Met): void {
    state.conversation.ping();
    const { conversation } = this.#options;
    new Conversation(met, { ...conversation, over: () => undefined }).replaced();
  }

  #converse(met: Met): Conversation {
    const conversation: Conversation = new Conversation(met, {
      ...this.#options.conversation,
      over: (ending) => this.#over(conversation, ending),
    });
    return conversation;
  }

  #announceUp({ peer }: Met): void {
    if (this.#announced !== undefined) return;
    this.#announced = peer.instance;
    this.#options.up(peer.identity);
  }

  #announceDown(reason: string): void {
    this.#cancelPatience();
    if (this.#announced === undefined) return;
    this.#announced = undefined;
    this.#options.down(reason);
  }

  // Losing.

  #over(conversation: Conversation, ending: Ending): void {
    const state = this.#state;
    if (state.kind !== 'up' || state.conversation !== conversation) return;
    this.#dropped += conversation.dropped;
    this.#state = { kind: 'resting' };
    if (ending.kind === 'replaced') this.#awaitOther();
    else this.#lost(state, ending.reason);
  }

  /** The connection that goes on may be known to the peer a little earlier than here. */
  #awaitOther(): void {
    const reason = 'the connection in its place never came';
    this.#cancelPatience = this.#options.clock.after(MEETING_MS_MAX, () => {
      this.#announceDown(reason);
      this.#dialAgain();
    });
  }

  #lost(state: Up, reason: string): void {
    const lasted = this.#options.clock.monotonic() - state.since;
    this.#failures = lasted < STEADY_MS ? this.#failures + 1 : 0;
    this.#lastError = reason;
    this.#announceDown(reason);
    this.#dialAgain();
  }

  #dialAgain(): void {
    if (this.#state.kind === 'resting' && this.addresses.length > 0)
      this.#dialSoon(this.#headStart());
  }
}

function presenceOf({ conversation, met }: Up): Presence {
  const { queuedBytes: queued, dropped } = conversation;
  return { address: met.origin.address, queued, dropped };
}
