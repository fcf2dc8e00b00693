/**
 * A snapshot for a follower that is further behind than the log reaches: offered by the leader, sent from
 * where the last attempt ended. One that was not taken, or could not be read, is examined: where the disk has
 * damaged it, another is taken, it is discarded, and the next attempt sends the other.
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
import { isAbsence } from '../../log/directory.ts';
import type { GroupId } from '../../log/group.ts';
import type { Log } from '../../log/log.ts';
import { isDamage, type LogFault } from '../../log/fault.ts';
import type { SnapshotReader, SnapshotShelf } from '../../log/snapshot-file.ts';
import type { Clock, Milliseconds } from '../../log/time.ts';
import { readManifest, type SnapshotManifest } from '../../projections/snapshot.ts';
import type { Input } from './core/input.ts';
import type { Exchange } from './exchange.ts';
import { isMembers, isWhole } from './fields.ts';

const OFFER_MS: Milliseconds = 5_000;
/** After a failure: a peer that cannot be reached, or refuses, is not asked with every heartbeat. */
const REST_MS: Milliseconds = 1_000;
/** So long one that was found to be whole is not read again, whatever a peer says of it. */
const EXAMINED_MS: Milliseconds = 10 * 60_000;
/** Read from the file at once, and the most that lies unsent in memory. */
const CHUNK_BYTES = 256 * 1024;

const NOTHING = { index: 0, at: 0 };

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
  /** What was found to be whole last, and when. */
  #whole = NOTHING;
  /** One examination at a time, whoever asks for it. */
  #examining: Promise<void> | undefined;
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

  /** @returns its index; undefined where the follower did not take it, or it could not be read */
  async #send(peer: string, { atLeast, term }: Wanted): Promise<number | undefined> {
    const index = await this.#indexOf(atLeast);
    const sent = this.#isTaken(peer, index, term).catch((error: unknown) => this.#unread(error));
    if (await sent) return index;
    if (!this.#stopped) await this.#examined(index);
    return undefined;
  }

  /** What cannot be read is examined, whatever was found before. @throws what is no damage */
  #unread(error: unknown): false {
    if (!isDamage(error)) throw error;
    this.#whole = NOTHING;
    return false;
  }

  async #isTaken(peer: string, index: number, term: number): Promise<boolean> {
    const { log, group } = this.#options;
    const reader = await log.snapshots(group).open(index);
    try {
      const offset = await this.#offer(peer, index, reader);
      return await this.#stream(peer, reader, { index, offset, term });
    } finally {
      await reader.close();
    }
  }

  /** Not again and again: a peer may have other reasons, and it is read and hashed to its end. */
  #examined(index: number): Promise<void> {
    const { index: whole, at } = this.#whole;
    if (index === whole && this.#options.clock.monotonic() - at < EXAMINED_MS)
      return Promise.resolve();
    this.#examining ??= this.#examine(index).finally(() => {
      this.#examining = undefined;
    });
    return this.#examining;
  }

  /** Damaged, it would be refused for ever. */
  async #examine(index: number): Promise<void> {
    const { log, group, clock, onError } = this.#options;
    const damage = await damageOf(log.snapshots(group), index);
    if (damage === undefined) {
      this.#whole = { index, at: clock.monotonic() };
      return;
    }
    const path = await this.#replace(index);
    onError(new Error(`${damage.message}: it is kept as ${path}, and another is sent`));
  }

  /** Another is there before it goes, as the log may not reach down to an older one. @returns where it is kept */
  async #replace(index: number): Promise<string> {
    const { log, group, takeSnapshot } = this.#options;
    const another = await takeSnapshot();
    const path = await log.snapshots(group).discard(index, 'damaged');
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

/** Undefined where it says something else than a manifest: of a damaged file anything may be the first bytes. */
async function manifestOf(reader: SnapshotReader): Promise<SnapshotManifest | undefined> {
  const read = readManifest((from, length) => reader.readAt(from, length));
  const manifest = await read.catch((error: unknown) => {
    if (isDamage(error)) throw error;
    return undefined;
  });
  return isUsable(manifest) ? manifest : undefined;
}

/** Whether it says what a follower has to know. */
function isUsable(manifest: SnapshotManifest | undefined): manifest is SnapshotManifest {
  const { position, configuration } = Object(manifest) as Partial<SnapshotManifest>;
  const { term } = Object(position) as Partial<SnapshotManifest['position']>;
  return isWhole(term) && isMembers(configuration);
}

/** Reads it to its end. @returns what the disk has done to it */
async function damageOf(shelf: SnapshotShelf, index: number): Promise<LogFault | undefined> {
  try {
    for await (const slice of await shelf.open(index)) void slice;
    return undefined;
  } catch (error) {
    return damageIn(error);
  }
}

/** Nothing where it is gone already. @throws anything else */
function damageIn(error: unknown): LogFault | undefined {
  if (isDamage(error)) return error;
  if (isAbsence(error)) return undefined;
  throw error;
}
