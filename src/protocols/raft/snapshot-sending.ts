/**
 * A snapshot for a follower that is further behind than the log reaches: offered by the leader, sent from
 * where the last attempt ended. One that was not taken is read here, too: where the disk has damaged it, another
 * is taken, it is discarded, and the next attempt sends the other.
 *
 * ```
 *  leader                                            follower
 *    │── question: snapshot_offer, index, sha ──────────▶│  begins, or goes on with the one under way
 *    │◀───────────────────── ["from", offset] ───────────│
 *    │── connection of its own: header, chunks ─────────▶│  written, sha compared, held
 *    │◀───────────────────── ["taken"] ──────────────────│──▶ its core: install_snapshot
 *
 *  header  [group, incarnation, leader's term, offset, term, index, members]
 * ```
 */
import type { GroupId } from '../../log/group.ts';
import type { Log } from '../../log/log.ts';
import { isDamage, type LogFault } from '../../log/fault.ts';
import type { SnapshotReader, SnapshotShelf } from '../../log/snapshot-file.ts';
import type { Clock, Milliseconds } from '../../log/time.ts';
import { readManifest, type SnapshotManifest } from '../../projections/snapshot.ts';
import type { Input } from './core/input.ts';
import type { Exchange } from './exchange.ts';

const OFFER_MS: Milliseconds = 5_000;
/** After a failure: a peer that cannot be reached, or refuses, is not asked with every heartbeat. */
const REST_MS: Milliseconds = 1_000;
/** Read from the file at once, and the most that lies unsent in memory. */
const CHUNK_BYTES = 256 * 1024;

export interface SnapshotSendingOptions {
  readonly log: Log;
  readonly group: GroupId;
  readonly exchange: Exchange;
  readonly clock: Clock;
  readonly takeSnapshot: () => Promise<number>;
  readonly host: { status(): { readonly term: number } };
  readonly step: (input: Input) => void;
  readonly onError: (error: unknown) => void;
}

interface Wanted {
  readonly atLeast: number;
  /** Of the leader that was asked. */
  readonly term: number;
}

interface Sent {
  readonly index: number;
  readonly offset: number;
  readonly term: number;
}

export class SnapshotSending {
  readonly #options: SnapshotSendingOptions;
  /** One at a time to each peer: as many as a group has members. */
  readonly #peers = new Set<string>();
  /** Ends the rest of a peer, by peer. */
  readonly #resting = new Map<string, () => void>();
  #stopped = false;

  constructor(options: SnapshotSendingOptions) {
    this.#options = options;
  }

  /** Sends a snapshot of this index or later; the core is told how it ended, and asks again if it must. */
  send(peer: string, atLeast: number): void {
    if (this.#stopped || this.#peers.has(peer)) return;
    this.#peers.add(peer);
    // Sent as the leader of this term, whoever leads when it arrives.
    const { term } = this.#options.host.status();
    void this.#send(peer, { atLeast, term })
      .catch((error: unknown) => this.#failed(error))
      .then((index) => (index === undefined ? this.#rest(peer) : this.#sent(peer, index)));
  }

  /** What is being sent ends at its next chunk, or with its connection. */
  stop(): void {
    this.#stopped = true;
    for (const cancel of this.#resting.values()) cancel();
    this.#resting.clear();
  }

  #failed(error: unknown): undefined {
    if (!this.#stopped) this.#options.onError(error);
    return undefined;
  }

  #sent(peer: string, index: number): void {
    this.#peers.delete(peer);
    this.#options.step({ kind: 'snapshot_sent', peer, index, ok: true });
  }

  #rest(peer: string): void {
    if (this.#stopped) return;
    const again = (): void => {
      this.#resting.delete(peer);
      this.#peers.delete(peer);
      this.#options.step({ kind: 'snapshot_sent', peer, index: 0, ok: false });
    };
    this.#resting.set(peer, this.#options.clock.after(REST_MS, again));
  }

  /** @returns its index; undefined where the follower did not take it */
  async #send(peer: string, { atLeast, term }: Wanted): Promise<number | undefined> {
    const index = await this.#indexOf(atLeast);
    if (await this.#isTaken(peer, index, term)) return index;
    if (!this.#stopped) await this.#examine(index);
    return undefined;
  }

  async #isTaken(peer: string, index: number, term: number): Promise<boolean> {
    const { log, group } = this.#options;
    const reader = await opened(log.snapshots(group), index);
    if (reader === undefined) return false;
    try {
      const offset = await this.#offer(peer, index, reader);
      return await this.#stream(peer, reader, { index, offset, term });
    } finally {
      await reader.close();
    }
  }

  /** Damaged, it would be refused for ever. */
  async #examine(index: number): Promise<void> {
    const { log, group, onError } = this.#options;
    const damage = await damageOf(log.snapshots(group), index);
    if (damage === undefined) return;
    const path = await this.#replace(index);
    onError(new Error(`${damage.message}: it is kept as ${path}, and another is sent`));
  }

  /** Another is there before it goes, as the log may not reach down to an older one. @returns where it is kept */
  async #replace(index: number): Promise<string> {
    const { log, group, takeSnapshot } = this.#options;
    const another = await takeSnapshot();
    const path = await log.snapshots(group).discard(index);
    // Nothing was applied since: it was still there, so no other was taken.
    if (another === index) await takeSnapshot();
    return path;
  }

  async #indexOf(atLeast: number): Promise<number> {
    const { log, group, takeSnapshot } = this.#options;
    const [newest] = await log.snapshots(group).list();
    return newest !== undefined && newest.index >= atLeast ? newest.index : takeSnapshot();
  }

  async #offer(peer: string, index: number, reader: SnapshotReader): Promise<number> {
    const { exchange, group } = this.#options;
    const question = { group, topic: 'snapshot_offer', values: [index, reader.digest] };
    const answer = await exchange.ask(peer, question, OFFER_MS);
    return answer.text() === 'from' ? answer.whole() : 0;
  }

  async #stream(
    peer: string,
    reader: SnapshotReader,
    { index, offset, term }: Sent,
  ): Promise<boolean> {
    const { exchange, group } = this.#options;
    const manifest = await manifestOf(reader);
    if (manifest === undefined) return false;
    const values = [term, offset, manifest.position.term, index, manifest.configuration];
    const verdict = await exchange.stream(peer, { group, values }, this.#chunks(reader, offset));
    return verdict.text() === 'taken';
  }

  async *#chunks(reader: SnapshotReader, from: number): AsyncGenerator<Buffer> {
    for (let offset = from; offset < reader.bytes && !this.#stopped; offset += CHUNK_BYTES)
      yield await reader.readAt(offset, CHUNK_BYTES);
  }
}

/** Undefined where it does not end as it should. */
async function opened(shelf: SnapshotShelf, index: number): Promise<SnapshotReader | undefined> {
  return shelf.open(index).catch((error: unknown) => {
    if (isDamage(error)) return undefined;
    throw error;
  });
}

/** Undefined where it cannot be read: of a damaged file anything may be the first bytes. */
function manifestOf(reader: SnapshotReader): Promise<SnapshotManifest | undefined> {
  const manifest = readManifest((from, length) => reader.readAt(from, length));
  return manifest.catch(() => undefined);
}

/** Reads it to its end. @returns what the disk has done to it */
async function damageOf(shelf: SnapshotShelf, index: number): Promise<LogFault | undefined> {
  try {
    for await (const slice of await shelf.open(index)) void slice;
    return undefined;
  } catch (error) {
    if (isDamage(error)) return error;
    throw error;
  }
}
