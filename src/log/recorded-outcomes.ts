/**
 * The outcomes recorded beside a group's entries, page by page as an audit goes forward: each page is
 * checked once, against its checksum, its number, its own digest and the page before it.
 */
import {
  decodeOutcomePage,
  firstOfPage,
  type OutcomePageRead,
  PAGE_ENTRIES,
  pageDigest,
  pageOf,
} from './outcome-page.ts';
import type { RecordedPages } from './recorded-pages.ts';
import type { BareSighting, SeenDamage, SeenEntry, Sighting } from './sighting.ts';

type Page = Extract<OutcomePageRead, { readonly kind: 'page' }>;

/** What is known of one page: its outcomes, none where it is missing or damaged. */
interface LookedAt {
  readonly page: number;
  readonly outcomes: readonly Uint8Array[];
  readonly digest: Buffer | undefined;
  readonly damage: readonly SeenDamage[];
}

const NOWHERE: LookedAt = { page: -1, outcomes: [], digest: undefined, damage: [] };

export class RecordedOutcomes {
  readonly #pages: RecordedPages;
  #current = NOWHERE;

  constructor(pages: RecordedPages) {
    this.#pages = pages;
  }

  /** Puts each entry beside its outcome; what is wrong with a page comes before its first entry. */
  async beside(seen: readonly BareSighting[]): Promise<readonly Sighting[]> {
    const sightings: Sighting[] = [];
    for (const sighting of seen) {
      const page = pageOf(sighting.index);
      if (page !== this.#current.page) sightings.push(...(await this.#turnTo(page)));
      sightings.push(sighting.kind === 'damage' ? sighting : this.#joined(sighting));
    }
    return sightings;
  }

  #joined({ index, frame, where, offset }: Extract<BareSighting, { kind: 'entry' }>): SeenEntry {
    const outcome = this.#current.outcomes[(index - 1) % PAGE_ENTRIES];
    return { kind: 'entry', index, frame, outcome, where, offset };
  }

  /** @returns what is wrong with the page */
  async #turnTo(page: number): Promise<readonly SeenDamage[]> {
    const bytes = await this.#pages.at(page);
    this.#current = bytes === undefined ? { ...NOWHERE, page } : this.#lookAt(page, bytes);
    return this.#current.damage;
  }

  #lookAt(page: number, bytes: Buffer): LookedAt {
    const read = decodeOutcomePage(bytes);
    if (read.kind === 'damaged') return { ...NOWHERE, page, damage: [damage(page, read.reason)] };
    const wrong = this.#wrongWith(page, read);
    // What hangs together in itself is still evidence of what was recorded, wherever it was put.
    return {
      page,
      outcomes: read.outcomes,
      digest: read.digest,
      damage: wrong.map((reason) => damage(page, reason)),
    };
  }

  #wrongWith(page: number, read: Page): readonly string[] {
    const { page: before, digest } = this.#current;
    const follows = before === page - 1 && digest !== undefined;
    const findings: readonly (readonly [wrong: boolean, reason: string])[] = [
      [read.page !== page, `it says that it is page ${read.page}`],
      [
        !pageDigest(read.previousDigest, read.outcomes).equals(read.digest),
        'its digest is not that of its outcomes',
      ],
      [follows && !digest.equals(read.previousDigest), 'it does not follow the page before it'],
    ];
    return findings.filter(([wrong]) => wrong).map(([, reason]) => reason);
  }
}

function damage(page: number, reason: string): SeenDamage {
  const where = `outcome page ${page}`;
  return { kind: 'damage', what: 'record', index: firstOfPage(page), where, offset: 0, reason };
}
