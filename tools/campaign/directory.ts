/**
 * The directory of a campaign: what it leaves behind, and what the next one in the same place goes on with.
 *
 * ```
 *  campaign.json                          the cluster: how many nodes, and where they are known to stand
 *  history.ndjson, history-2.ndjson, …    what clients of the first campaign, the second, … asked and heard
 *  faults.ndjson, series.ndjson           of all of them, one after another
 *  node-1.log, …, node-1/data, …          what nodes said, and what they keep
 * ```
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NetworkName } from './network.ts';

/** Members are known by their addresses, in the log: these have to be the same when they come back. */
export interface Foundation {
  readonly nodes: number;
  readonly network: NetworkName;
  readonly ports?: readonly number[];
  readonly subnet?: string;
}

const HISTORY = /^history(-\d+)?\.ndjson$/;
const FOUNDATION = 'campaign.json';

export class CampaignDirectory {
  readonly path: string;
  /** None: nobody was here. */
  readonly foundation: Foundation | undefined;
  /** Which campaign this is, from 1. */
  readonly round: number;

  private constructor(path: string, foundation: Foundation | undefined, round: number) {
    this.path = path;
    this.foundation = foundation;
    this.round = round;
  }

  static async open(path: string): Promise<CampaignDirectory> {
    const files = await readdir(path);
    const before = files.filter((name) => HISTORY.test(name)).length;
    if (!files.includes(FOUNDATION)) return new CampaignDirectory(path, undefined, before + 1);
    const foundation = JSON.parse(await readFile(join(path, FOUNDATION), 'utf8')) as Foundation;
    return new CampaignDirectory(path, foundation, before + 1);
  }

  async found(foundation: Foundation): Promise<void> {
    await writeFile(this.file(FOUNDATION), `${JSON.stringify(foundation)}\n`);
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** Of this campaign. */
  get history(): string {
    return this.#historyOf(this.round);
  }

  /** Of the campaigns before it, in their order. */
  get histories(): readonly string[] {
    return Array.from({ length: this.round - 1 }, (_, at) => this.#historyOf(at + 1));
  }

  #historyOf(round: number): string {
    return this.file(round === 1 ? 'history.ndjson' : `history-${round}.ndjson`);
  }
}
