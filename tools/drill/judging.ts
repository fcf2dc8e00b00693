/**
 * Judges one mutation: makes it in a copy of the tree in a folder of its own, and looks what notices.
 *
 * ```
 *   in the core   scenarios and seeds of cores ── nothing ──▶ unit tests of the core ── nothing ──▶ survived
 *   beyond it     the test files it names ────── nothing ──▶ seeds of whole nodes ─── nothing ──▶ survived
 * ```
 *
 * Where it is known what noticed it before, only that is tried, and the above where that does not any more. What
 * fails where nothing is taken away, too, is nothing (`sound-tree.ts`).
 */
import type { Catcher } from './catchers.ts';
import { drop, mutated } from './copies.ts';
import { isOfCore, type Mutation } from './mutation.ts';
import {
  attempted,
  type AttemptFile,
  CORE_TESTS,
  CORES,
  failing,
  type Noticed,
  tried,
  WHOLE_NODES,
  wordsOf,
} from './noticing.ts';
import type { Caught, SoundTree } from './sound-tree.ts';
import { firstSeeds } from './tries.ts';

/** The most seeds that are tried on a mutation. */
export interface Seeds {
  readonly cores: number;
  readonly wholeNodes: number;
}

export type Verdict =
  Caught | { readonly kind: 'excused'; readonly why: string } | { readonly kind: 'survived' };

type Search = () => Promise<Noticed | undefined>;

/** @param known what noticed it before */
export async function judged(
  tree: SoundTree,
  mutation: Mutation,
  seeds: Seeds,
  known?: Catcher,
): Promise<Verdict> {
  const folder = mutated(tree.root, mutation);
  const file = isOfCore(mutation) ? CORES : WHOLE_NODES;
  const again: Search[] = known === undefined ? [] : [() => noticedAgain(folder, known, file)];
  try {
    for (const search of [...again, ...searches(folder, mutation, seeds)]) {
      const noticed = await search();
      const caught = noticed === undefined ? undefined : await tree.believed(noticed, file);
      if (caught !== undefined) return caught;
    }
    return unnoticed(mutation);
  } finally {
    drop(folder);
  }
}

async function noticedAgain(
  folder: string,
  known: Catcher,
  file: AttemptFile,
): Promise<Noticed | undefined> {
  const noticed = await tried(folder, known, file);
  // How long a search would take is not known from this.
  return noticed === undefined
    ? undefined
    : { ...noticed, by: `again ${wordsOf(known)}`, seeds: undefined };
}

/** One after the other, until something notices. */
function searches(folder: string, mutation: Mutation, most: Seeds): readonly Search[] {
  if (isOfCore(mutation)) {
    const tries = { scenarios: 'all', seeds: firstSeeds(most.cores) } as const;
    return [() => attempted(folder, CORES, tries), () => failing(folder, [CORE_TESTS])];
  }
  const tries = { scenarios: [], seeds: firstSeeds(most.wholeNodes) };
  return [() => failing(folder, mutation.tests ?? []), () => attempted(folder, WHOLE_NODES, tries)];
}

/** What nothing notices, as far as is known without looking. */
export function unnoticed({ excused }: Mutation): Exclude<Verdict, Caught> {
  return excused === undefined ? { kind: 'survived' } : { kind: 'excused', why: excused };
}
