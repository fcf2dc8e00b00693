/**
 * Snapshots between nodes: offered by the leader, taken from where the last attempt ended, held until
 * the core installs them.
 *
 * ```
 *  leader                                            follower
 *    │── question: snapshot_offer, index, sha ──────────▶│  begin, or go on with the one under way
 *    │◀───────────────────── ["from", offset] ───────────│
 *    │── connection of its own: header, chunks ─────────▶│  written, sha compared, held
 *    │◀───────────────────── ["taken"] ──────────────────│──▶ core: install_snapshot
 * ```
 */
import type { GroupId } from '../../log/group.ts';
import type { Log } from '../../log/log.ts';
import type { SnapshotReader, SnapshotWriter } from '../../log/snapshot-file.ts';
import type { Milliseconds } from '../../log/time.ts';
import { readManifest } from '../../projections/snapshot.ts';
import type { PeerIdentity } from '../transport/network.ts';
import type { Input } from './core/input.ts';
import type { Exchange } from './exchange.ts';
import type { Fields } from './fields.ts';

const OFFER_MS: Milliseconds = 5_000;
/** Read from the file at once, and the most that lies unsent in memory. */
const CHUNK_BYTES = 256 * 1024;

export interface SnapshotExchangeOptions {
  readonly log: Log;
  readonly group: GroupId;
  readonly nodeId: string;
  readonly exchange: Exchange;
  readonly takeSnapshot: () => Promise<number>;
  readonly term: () => number;
  readonly step: (input: Input) => void;
  readonly onError: (error: unknown) => void;
}

/** What is coming in: one at a time, since a follower has one leader. */
interface Incoming {
  readonly index: number;
  readonly digest: Buffer;
  readonly writer: SnapshotWriter;
}

export class SnapshotExchange {
  readonly #options: SnapshotExchangeOptions;
  readonly #sending = new Map<string, Promise<void>>();
  #incoming: Incoming | undefined;
  #stopped = false;

  constructor(options: SnapshotExchangeOptions) {
    this.#options = options;
  }

  /** Sends a snapshot of this index or later; the core is told how it ended. One at a time to each peer. */
  send(peer: string, atLeast: number): void {
    if (this.#stopped || this.#sending.has(peer)) return;
    const sending = this.#send(peer, atLeast).then(
      (index) => this.#sent(peer, index),
      (error: unknown) => {
        this.#options.onError(error);
        this.#sent(peer, undefined);
      },
    );
    this.#sending.set(peer, sending);
  }

  /** Answers an offer: from which byte on the content is wanted. */
  async answer(_from: PeerIdentity, offer: Fields): Promise<readonly unknown[]> {
    const [index, digest] = [offer.whole(), Buffer.from(offer.bytes())];
    const known = this.#incoming;
    if (known?.index === index && known.digest.equals(digest)) return ['from', known.writer.bytes];
    await known?.writer.abandon();
    const { log, group } = this.#options;
    const writer = await log.snapshots(group).write(index);
    this.#incoming = { index, digest, writer };
    return ['from', 0];
  }

  /** Takes the content; when it is whole, asks the core to install it. */
  async receive(
    from: PeerIdentity,
    header: Fields,
    chunks: AsyncIterable<Buffer>,
  ): Promise<readonly unknown[]> {
    const [term, offset] = [header.whole(), header.whole()];
    const snapshot = {
      term: header.whole(),
      index: header.whole(),
      configuration: header.members(),
    };
    const incoming = this.#incoming;
    if (incoming?.index !== snapshot.index || incoming.writer.bytes !== offset)
      return ['begin again'];
    for await (const chunk of chunks) await incoming.writer.write(chunk);
    this.#incoming = undefined;
    if (!(await incoming.writer.hold(incoming.digest))) return ['begin again'];
    const { nodeId: to, step } = this.#options;
    const link = { from: from.nodeId, store: from.storeId, to, term };
    step({ kind: 'message', message: { ...link, kind: 'install_snapshot', snapshot } });
    return ['taken'];
  }

  /** What is being sent ends at its next chunk, or with its connection. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#incoming?.writer.abandon();
    this.#incoming = undefined;
  }

  #sent(peer: string, index: number | undefined): void {
    this.#sending.delete(peer);
    const ok = index !== undefined;
    this.#options.step({ kind: 'snapshot_sent', peer, index: index ?? 0, ok });
  }

  /** @returns its index; undefined where the follower did not take it */
  async #send(peer: string, atLeast: number): Promise<number | undefined> {
    const { log, group } = this.#options;
    const index = await this.#indexOf(atLeast);
    const reader = await log.snapshots(group).open(index);
    try {
      const offset = await this.#offer(peer, index, reader);
      return await this.#stream(peer, reader, { index, offset });
    } finally {
      await reader.close();
    }
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
    { index, offset }: { readonly index: number; readonly offset: number },
  ): Promise<number | undefined> {
    const { exchange, group, term } = this.#options;
    const manifest = await readManifest((from, length) => reader.readAt(from, length));
    const values = [term(), offset, manifest.position.term, index, manifest.configuration];
    const verdict = await exchange.stream(peer, { group, values }, this.#chunks(reader, offset));
    return verdict.text() === 'taken' ? index : undefined;
  }

  async *#chunks(reader: SnapshotReader, from: number): AsyncGenerator<Buffer> {
    for (let offset = from; offset < reader.bytes && !this.#stopped; offset += CHUNK_BYTES)
      yield await reader.readAt(offset, CHUNK_BYTES);
  }
}
