/**
 * The past of a group among its nodes: what is missing here is fetched (`back-filling.ts`), what others miss is
 * served (`history-serving.ts`), and whoever alone holds some of it is not let go (`history-holders.ts`).
 */
import type { HistoryStatus } from '../engine.ts';
import { BackFilling, type BackFillingOptions } from './back-filling.ts';
import type { CoreHost } from './core-host.ts';
import type { Fields } from './fields.ts';
import { HELD_TOPIC, HistoryHolders } from './history-holders.ts';
import { HISTORY_TOPIC, historyTo } from './history-serving.ts';
import { PAGE_TOPIC, sliceOfPage } from './long-page.ts';

export interface PeerHistoryOptions extends BackFillingOptions {
  readonly nodeId: string;
  readonly host: Pick<CoreHost, 'isInstalling' | 'status'>;
}

export class PeerHistory {
  readonly #options: PeerHistoryOptions;
  readonly #backFilling: BackFilling;
  readonly #holders: HistoryHolders;

  constructor(options: PeerHistoryOptions) {
    this.#options = options;
    this.#backFilling = new BackFilling(options);
    this.#holders = new HistoryHolders({
      ...options,
      status: () => this.status(),
      last: () => options.log.bounds(options.group).last,
      newestSnapshot: () => this.#newestSnapshot(),
      silenceOf: (id) => options.host.status().peers.find((peer) => peer.id === id)?.last_contact,
    });
  }

  /** Looks whether anything is missing, and fetches it. */
  look(): void {
    this.#backFilling.look();
  }

  status(): HistoryStatus {
    return this.#backFilling.status();
  }

  /** @returns why these should not leave now, for people; undefined where nothing goes with them */
  objectionTo(leaving: readonly string[], staying: readonly string[]): Promise<string | undefined> {
    return this.#holders.objectionTo(leaving, staying);
  }

  stop(): Promise<void> {
    return this.#backFilling.stop();
  }

  async #newestSnapshot(): Promise<number> {
    const { log, group } = this.#options;
    const [newest] = await log.snapshots(group).list();
    return newest?.index ?? 0;
  }

  /** How questions of these topics are answered here. */
  readonly topics: Readonly<Record<string, (question: Fields) => Promise<readonly unknown[]>>> = {
    [HISTORY_TOPIC]: (question) =>
      historyTo(this.#options.log, this.#options.group, question.whole()),
    [PAGE_TOPIC]: (question) => sliceOfPage(this.#options.log, this.#options.group, question),
    [HELD_TOPIC]: () => Promise.resolve(this.#holders.answer()),
  };
}
