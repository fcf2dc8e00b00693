/**
 * A snapshot that comes in from the leader (`snapshot-sending.ts` draws how): written as it arrives,
 * compared with what was promised, held until the core installs it, removed where the core did not want it.
 * What breaks off goes on where it ended, as long as this process lives.
 */
import type { GroupId } from '../../log/group.ts';
import type { Log } from '../../log/log.ts';
import type { SnapshotWriter } from '../../log/snapshot-file.ts';
import type { PeerIdentity } from '../transport/network.ts';
import type { Input } from './core/input.ts';
import type { SnapshotPlace } from './core/messages.ts';
import type { CoreStatus } from './core/status.ts';
import type { Fields } from './fields.ts';

export interface SnapshotReceivingOptions {
  readonly log: Log;
  readonly group: GroupId;
  readonly nodeId: string;
  readonly step: (input: Input) => void;
  /** `floor`: its log begins after the snapshot it took last. `commit`: a snapshot of that tells it nothing. */
  readonly host: { status(): Pick<CoreStatus, 'floor' | 'commit'> };
}

/** What is coming in: one at a time, since a follower has one leader. */
interface Incoming {
  readonly index: number;
  readonly digest: Buffer;
  readonly writer: SnapshotWriter;
}

/** The sender is to offer it again. */
const AGAIN = ['begin again'] as const;

export class SnapshotReceiving {
  readonly #options: SnapshotReceivingOptions;
  #incoming: Incoming | undefined;
  #isBusy = false;

  constructor(options: SnapshotReceivingOptions) {
    this.#options = options;
  }

  /** Answers an offer: from which byte on the content is wanted. */
  offered(offer: Fields): Promise<readonly unknown[]> {
    return this.#alone(() => this.#begin(offer));
  }

  /** Takes the content; when it is whole, asks the core to install it. */
  receive(
    from: PeerIdentity,
    header: Fields,
    chunks: AsyncIterable<Buffer>,
  ): Promise<readonly unknown[]> {
    return this.#alone(() => this.#receive(from, header, chunks));
  }

  /** One offer or content at a time: there is one file. Whoever comes meanwhile tries again. */
  async #alone(work: () => Promise<readonly unknown[]>): Promise<readonly unknown[]> {
    if (this.#isBusy) return AGAIN;
    this.#isBusy = true;
    try {
      return await work();
    } finally {
      this.#isBusy = false;
    }
  }

  async #begin(offer: Fields): Promise<readonly unknown[]> {
    const [index, digest] = [offer.whole(), Buffer.from(offer.bytes())];
    const known = this.#incoming;
    if (known !== undefined && isSame(known, index, digest)) return ['from', known.writer.bytes];
    await this.stop();
    const { log, group } = this.#options;
    const writer = await log.snapshots(group).write(index);
    this.#incoming = { index, digest, writer };
    return ['from', 0];
  }

  async #receive(
    from: PeerIdentity,
    header: Fields,
    chunks: AsyncIterable<Buffer>,
  ): Promise<readonly unknown[]> {
    const [term, offset] = [header.whole(), header.whole()];
    const place = { term: header.whole(), index: header.whole() };
    const snapshot: SnapshotPlace = { ...place, configuration: header.members() };
    const incoming = this.#incoming;
    if (incoming === undefined || !fits(incoming, place.index, offset)) return AGAIN;
    if (!(await this.#take(incoming, chunks))) return AGAIN;
    const link = { from: from.nodeId, store: from.storeId, to: this.#options.nodeId, term };
    const message = { ...link, kind: 'install_snapshot', snapshot } as const;
    this.#options.step({ kind: 'message', message });
    await this.#dropUnlessInstalled(snapshot.index);
    return ['taken'];
  }

  /** What it holds already, or what a leader of an earlier term sent, the core does not install. */
  async #dropUnlessInstalled(index: number): Promise<void> {
    const { log, group, host } = this.#options;
    if (host.status().floor.index !== index) await log.snapshots(group).dropHeld(index);
  }

  /** Gives up what is coming in. */
  async stop(): Promise<void> {
    const incoming = this.#incoming;
    this.#incoming = undefined;
    await incoming?.writer.abandon();
  }

  /** @returns whether it is whole, and held where the core may want it */
  async #take(incoming: Incoming, chunks: AsyncIterable<Buffer>): Promise<boolean> {
    for await (const chunk of chunks) await this.#write(incoming, chunk);
    this.#incoming = undefined;
    if (incoming.index > this.#options.host.status().commit)
      return incoming.writer.hold(incoming.digest);
    await incoming.writer.abandon();
    return true;
  }

  /** After a failure of the disk nobody knows where the file ends: it begins again. */
  async #write({ writer }: Incoming, chunk: Buffer): Promise<void> {
    try {
      await writer.write(chunk);
    } catch (fault) {
      await this.stop();
      throw fault;
    }
  }
}

function isSame(incoming: Incoming, index: number, digest: Buffer): boolean {
  return incoming.index === index && incoming.digest.equals(digest);
}

function fits({ index, writer }: Incoming, place: number, offset: number): boolean {
  return index === place && writer.bytes === offset;
}
