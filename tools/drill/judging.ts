/**
 * Judges one mutation: makes it in a copy of the tree in a folder of its own, and looks what notices.
 *
 * ```
 *   in the core   scenarios and seeds of cores ── nothing ──▶ unit tests of the core ── nothing ──▶ survived
 *   beyond it     the test files it names ────── nothing ──▶ seeds of whole nodes ─── nothing ──▶ survived
 * ```
 *
 * Where it is known what noticed it before, only that is tried, and the above where that does not any more.
 */
import type { Catcher, Catchers } from './catchers.ts';
import { drop, mutated } from './copies.ts';
import { isOfCore, type Mutation } from './mutation.ts';
import { attempted, type Caught, CORES, failing, WHOLE_NODES, wordsOf } from './noticing.ts';
import { firstSeeds } from './tries.ts';

const CORE_TESTS = 'test/protocols/raft/core';
/** So many seeds say that what is as it is keeps every law. */
const SOUND_SEEDS = { cores: 100, wholeNodes: 5 } as const;

/** The most seeds that are tried on a mutation. */
export interface Seeds {
  readonly cores: number;
  readonly wholeNodes: number;
}

export type Verdict =
  Caught | { readonly kind: 'excused'; readonly why: string } | { readonly kind: 'survived' };

/** What is as it is must pass, or everything would be noticed. @throws when it does not */
export async function expectSound(
  root: string,
  mutations: readonly Mutation[],
  known: Catchers,
): Promise<void> {
  const searched = mutations.filter(({ name }) => !known.has(name));
  const beyond = searched.filter((mutation) => !isOfCore(mutation));
  if (beyond.length < searched.length) await expectSoundCore(root);
  if (beyond.length > 0) await expectSoundWhole(root, beyond);
  await expectKnownSound(root, mutations, known);
}

async function expectSoundCore(root: string): Promise<void> {
  const seeds = firstSeeds(SOUND_SEEDS.cores);
  expectNothing('the core', await attempted(root, CORES, { scenarios: 'all', seeds }));
  expectNothing('the core', await failing(root, [CORE_TESTS]));
}

async function expectSoundWhole(root: string, mutations: readonly Mutation[]): Promise<void> {
  const files = new Set(mutations.flatMap(({ tests = [] }) => tests));
  expectNothing('the tree', await failing(root, [...files]));
  const seeds = firstSeeds(SOUND_SEEDS.wholeNodes);
  expectNothing('the tree', await attempted(root, WHOLE_NODES, { scenarios: [], seeds }));
}

/** Everything that is known to notice one of them passes where nothing is taken away. */
async function expectKnownSound(
  root: string,
  mutations: readonly Mutation[],
  known: Catchers,
): Promise<void> {
  const catchers = (isCore: boolean): readonly Catcher[] =>
    mutations
      .filter((mutation) => isOfCore(mutation) === isCore)
      .flatMap(({ name }) => known.get(name) ?? []);
  const [cores, wholeNodes] = [catchers(true), catchers(false)];
  const scenarios = unique(cores, (one) => ('scenario' in one ? one.scenario : undefined));
  const beyond = { scenarios: [], seeds: seedsOf(wholeNodes) };
  expectNothing('the core', await attempted(root, CORES, { scenarios, seeds: seedsOf(cores) }));
  expectNothing('the tree', await attempted(root, WHOLE_NODES, beyond));
  const tests = [...cores, ...wholeNodes].filter((one) => 'test' in one);
  const files = unique(tests, ({ test }) => test);
  const names = unique(tests, ({ name }) => name);
  // Where one of them is a whole file, all are run whole.
  const areNamed = tests.every(({ name }) => name !== undefined);
  expectNothing('the tree', await failing(root, files, areNamed ? names : undefined));
}

function seedsOf(catchers: readonly Catcher[]): readonly number[] {
  return unique(catchers, (one) => ('seed' in one ? one.seed : undefined));
}

function unique<Of, Found>(
  catchers: readonly Of[],
  find: (catcher: Of) => Found | undefined,
): readonly Found[] {
  return [...new Set(catchers.map(find))].filter((found) => found !== undefined);
}

function expectNothing(what: string, caught: Caught | undefined): void {
  if (caught !== undefined) throw new Error(`${what} fails as it is: ${caught.by}`);
}

/** @param known what noticed it before */
export async function judged(
  root: string,
  mutation: Mutation,
  seeds: Seeds,
  known?: Catcher,
): Promise<Verdict> {
  const folder = mutated(root, mutation);
  try {
    const again = known === undefined ? undefined : await noticedAgain(folder, mutation, known);
    return again ?? (await noticed(folder, mutation, seeds)) ?? unnoticed(mutation);
  } finally {
    drop(folder);
  }
}

async function noticedAgain(
  folder: string,
  mutation: Mutation,
  known: Catcher,
): Promise<Caught | undefined> {
  const caught = await triedAgain(folder, mutation, known);
  // How long a search would take is not known from this.
  return caught === undefined
    ? undefined
    : { ...caught, by: `again ${wordsOf(known)}`, seeds: undefined };
}

function triedAgain(
  folder: string,
  mutation: Mutation,
  known: Catcher,
): Promise<Caught | undefined> {
  if ('test' in known)
    return failing(folder, [known.test], known.name === undefined ? undefined : [known.name]);
  const file = isOfCore(mutation) ? CORES : WHOLE_NODES;
  const scenarios = 'scenario' in known ? [known.scenario] : [];
  return attempted(folder, file, { scenarios, seeds: seedsOf([known]) });
}

async function noticed(
  folder: string,
  mutation: Mutation,
  seeds: Seeds,
): Promise<Caught | undefined> {
  if (isOfCore(mutation)) {
    const tries = { scenarios: 'all', seeds: firstSeeds(seeds.cores) } as const;
    return (await attempted(folder, CORES, tries)) ?? failing(folder, [CORE_TESTS]);
  }
  const caught = await failing(folder, mutation.tests ?? []);
  const tries = { scenarios: [], seeds: firstSeeds(seeds.wholeNodes) };
  return caught ?? attempted(folder, WHOLE_NODES, tries);
}

/** What nothing notices, as far as is known without looking. */
export function unnoticed({ excused }: Mutation): Exclude<Verdict, Caught> {
  return excused === undefined ? { kind: 'survived' } : { kind: 'excused', why: excused };
}
