/**
 * What people ask about who leads: since when this node is what it is and why, when it last asked for
 * votes, and how long ago a leader was certainly in office. Dates are of the wall clock, ages of the
 * monotonic one.
 */
import type { Clock, Milliseconds } from '../../log/time.ts';
import type { PeerStatus } from './core/status.ts';
import type { Role, Trace } from './core/input.ts';

export interface TenureReport {
  /** Wall clock; of the start, while nothing has happened. */
  readonly role_since: Milliseconds;
  /** Why it is what it is; empty while nothing has happened. */
  readonly role_why: string;
  /** Wall clock: when it last asked for votes. */
  readonly asked_at: Milliseconds | null;
}

type Became = Extract<Trace, { readonly kind: 'became' }>;

const ASKS_FOR_VOTES: Readonly<Record<Role, boolean>> = {
  follower: false,
  pre_candidate: true,
  candidate: true,
  leader: false,
};

export class Tenure {
  readonly #clock: Clock;
  readonly #unheard: Milliseconds;
  #since: Milliseconds;
  #why = '';
  #asked: Milliseconds | null = null;
  #heard = Number.NEGATIVE_INFINITY;
  #leads = false;

  /** @param unheard how long a leader may go on without hearing from a majority, at most */
  constructor(clock: Clock, unheard: Milliseconds) {
    this.#clock = clock;
    this.#unheard = unheard;
    this.#since = clock.now();
  }

  became({ role, why }: Became): void {
    const at = this.#clock.now();
    this.#since = at;
    this.#why = why;
    if (ASKS_FOR_VOTES[role]) this.#asked = at;
    // It led until a majority was heard for the last time, whenever it noticed.
    if (this.#leads) this.#heard = this.#clock.monotonic() - this.#unheard;
    this.#leads = role === 'leader';
  }

  /** The leader spoke. */
  heard(): void {
    this.#heard = this.#clock.monotonic();
  }

  /** Since a leader was heard; infinite: never. */
  get silence(): Milliseconds {
    return this.#clock.monotonic() - this.#heard;
  }

  report(): TenureReport {
    return { role_since: this.#since, role_why: this.#why, asked_at: this.#asked };
  }
}

interface Identified {
  readonly id: string;
}

/** How long ago a leader was certainly one: when the last of a majority that answered did so. */
export function leadershipAge(
  peers: readonly PeerStatus[],
  voters: readonly Identified[],
): Milliseconds {
  const silences = peers
    .filter(({ id }) => voters.some((voter) => voter.id === id))
    .map(({ last_contact }) => last_contact)
    .sort((one, other) => one - other);
  // The leader itself is one of the majority.
  const others = Math.floor(voters.length / 2);
  return others === 0 ? 0 : (silences[others - 1] ?? Number.POSITIVE_INFINITY);
}
