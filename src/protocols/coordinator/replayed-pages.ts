/**
 * The outcome pages that are decided again while a group is opened, held against what was recorded when
 * they were decided first.
 *
 * ```
 *                      ┌ the same ────────────────────────────▶ nothing to do
 *  decided again ─────▶┼ not there, unfinished or spoilt ─────▶ recorded now
 *                      └ another ─────────────────────────────▶ OutcomeDivergence: the group does not open
 * ```
 */
import { decodeOutcomePage, PAGE_ENTRIES } from '../../log/outcome-page.ts';
import type { RecordedPages } from '../../log/recorded-pages.ts';
import type { FinishedPage } from '../../projections/outcome-chain.ts';

/** What was recorded is not what this build decides: the log and the rules do not fit. */
export class OutcomeDivergence extends Error {
  constructor(page: number) {
    super(
      `the outcomes recorded for entries ${page * PAGE_ENTRIES + 1}–${(page + 1) * PAGE_ENTRIES} differ from ` +
        'what this build decides; `quorate log replay --redecide` names the first such entry',
    );
  }
}

export class ReplayedPages {
  readonly #recorded: RecordedPages;
  readonly #store: (page: FinishedPage) => void;
  /** As many as one chunk of the log fills: it is settled before the next one is applied. */
  readonly #decided: FinishedPage[] = [];

  constructor(recorded: RecordedPages, store: (page: FinishedPage) => void) {
    this.#recorded = recorded;
    this.#store = store;
  }

  push(page: FinishedPage): void {
    this.#decided.push(page);
  }

  /** @throws OutcomeDivergence */
  async settle(): Promise<void> {
    const pages = this.#decided;
    for (let decided = pages.shift(); decided !== undefined; decided = pages.shift())
      this.#compare(decided, await this.#recorded.at(decided.page));
  }

  close(): Promise<void> {
    return this.#recorded.close();
  }

  #compare(decided: FinishedPage, recorded: Buffer | undefined): void {
    if (recorded === undefined) return this.#store(decided);
    if (recorded.equals(decided.encoded)) return;
    if (isWhole(recorded)) throw new OutcomeDivergence(decided.page);
    this.#store(decided);
  }
}

/** An unfinished page of a clean exit, or one the disk spoilt, is no evidence. */
function isWhole(recorded: Buffer): boolean {
  const read = decodeOutcomePage(recorded);
  return read.kind === 'page' && read.outcomes.length === PAGE_ENTRIES;
}
