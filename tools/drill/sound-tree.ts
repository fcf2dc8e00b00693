/**
 * The tree as it is, in a copy of its own. What fails there, too, has noticed nothing.
 *
 * ```
 *   before a drill    what is known to notice one, and where searches begin ── fails ──▶ no drill
 *   a catch           of something that passed here already ──────────────────────────▶ believed
 *                     of anything else, or for want of time ──▶ tried here ── passes ─▶ believed
 *                                                                        └── fails ──▶ no catch
 * ```
 *
 * What was too late is tried here anew each time: that it came in time once says nothing of how busy the machine is now.
 */
import type { Catcher, Catchers } from './catchers.ts';
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
import { firstSeeds } from './tries.ts';

/** So many seeds say that what is as it is keeps every law. */
const SOUND_SEEDS = { cores: 100, wholeNodes: 5 } as const;
/** All scenarios are below it. */
const SCENARIOS = 'scenarios/';

/** What noticed a mutation, and passes without it. */
export interface Caught {
  readonly kind: 'caught';
  /** In words. */
  readonly by: string;
  /** How many seeds it took; undefined: no seed noticed it, or it was not counted. */
  readonly seeds: number | undefined;
  /** What is enough to notice it again. */
  readonly catcher: Catcher;
}

export class SoundTree {
  readonly root: string;
  readonly #onFailing: (what: string) => void;
  /** Like `test/a.test.ts/its name/`: with each path, all below it passed here. */
  readonly #passed = new Set<string>();

  /** @param onFailing told what does not count, since it fails here, too */
  constructor(root: string, onFailing: (what: string) => void) {
    this.root = root;
    this.#onFailing = onFailing;
  }

  /** What is as it is must pass, or everything would be noticed. @throws when it does not */
  async expectSound(mutations: readonly Mutation[], known: Catchers): Promise<void> {
    const searched = mutations.filter(({ name }) => !known.has(name));
    const beyond = searched.filter((mutation) => !isOfCore(mutation));
    if (beyond.length < searched.length) await this.#expectCore();
    if (beyond.length > 0) await this.#expectWhole(beyond);
    await this.#expectKnown(mutations, known);
  }

  /** @returns what counts of what was noticed, if anything does */
  async believed(noticed: Noticed, file: AttemptFile): Promise<Caught | undefined> {
    const { by, seeds, catchers, isByTime } = noticed;
    for (const [place, catcher] of catchers.entries()) {
      if (await this.#passes(catcher, file, isByTime)) {
        const words = place === 0 ? { by, seeds } : { by: wordsOf(catcher), seeds: undefined };
        return { kind: 'caught', ...words, catcher };
      }
      this.#onFailing(wordsOf(catcher));
    }
    return undefined;
  }

  async #passes(catcher: Catcher, file: AttemptFile, isByTime: boolean): Promise<boolean> {
    if (!isByTime && this.#hasPassed(catcher, file)) return true;
    if ((await tried(this.root, catcher, file)) !== undefined) return false;
    this.#note(file, [catcher]);
    return true;
  }

  #hasPassed(catcher: Catcher, file: AttemptFile): boolean {
    const path = pathOf(file, catcher);
    return [...this.#passed].some((above) => path.startsWith(above));
  }

  #note(file: AttemptFile, passed: readonly Catcher[]): void {
    for (const catcher of passed) this.#passed.add(pathOf(file, catcher));
  }

  async #expectCore(): Promise<void> {
    const seeds = firstSeeds(SOUND_SEEDS.cores);
    expectNothing('the core', await attempted(this.root, CORES, { scenarios: 'all', seeds }));
    expectNothing('the core', await failing(this.root, [CORE_TESTS]));
    this.#passed.add(SCENARIOS);
    this.#note(CORES, [...seeds.map((seed) => ({ seed })), { test: CORE_TESTS }]);
  }

  async #expectWhole(mutations: readonly Mutation[]): Promise<void> {
    const files = [...new Set(mutations.flatMap(({ tests = [] }) => tests))];
    expectNothing('the tree', await failing(this.root, files));
    const seeds = firstSeeds(SOUND_SEEDS.wholeNodes);
    expectNothing('the tree', await attempted(this.root, WHOLE_NODES, { scenarios: [], seeds }));
    const passed = [...seeds.map((seed) => ({ seed })), ...files.map((test) => ({ test }))];
    this.#note(WHOLE_NODES, passed);
  }

  /** Everything that is known to notice one of them passes where nothing is taken away. */
  async #expectKnown(mutations: readonly Mutation[], known: Catchers): Promise<void> {
    const catchers = (isCore: boolean): readonly Catcher[] =>
      mutations
        .filter((mutation) => isOfCore(mutation) === isCore)
        .flatMap(({ name }) => known.get(name) ?? []);
    const [cores, wholeNodes] = [catchers(true), catchers(false)];
    const scenarios = unique(cores, (one) => ('scenario' in one ? one.scenario : undefined));
    const within = { scenarios, seeds: seedsOf(cores) };
    const beyond = { scenarios: [], seeds: seedsOf(wholeNodes) };
    expectNothing('the core', await attempted(this.root, CORES, within));
    expectNothing('the tree', await attempted(this.root, WHOLE_NODES, beyond));
    const tests = [...cores, ...wholeNodes].filter((one) => 'test' in one);
    const files = unique(tests, ({ test }) => test);
    const names = unique(tests, ({ name }) => name);
    // Where one of them is a whole file, all are run whole.
    const areNamed = tests.every(({ name }) => name !== undefined);
    expectNothing('the tree', await failing(this.root, files, areNamed ? names : undefined));
    this.#note(CORES, cores);
    this.#note(WHOLE_NODES, wholeNodes);
  }
}

/** Each ends with a stroke, so that no other begins with it but those below. */
function pathOf(file: AttemptFile, catcher: Catcher): string {
  if ('scenario' in catcher) return `${SCENARIOS}${catcher.scenario}/`;
  if ('seed' in catcher) return `${file}/${catcher.seed}/`;
  return catcher.name === undefined ? `${catcher.test}/` : `${catcher.test}/${catcher.name}/`;
}

function seedsOf(catchers: readonly Catcher[]): readonly number[] {
  return unique(catchers, (one) => ('seed' in one ? one.seed : undefined));
}

function unique<Of, Found>(
  all: readonly Of[],
  find: (one: Of) => Found | undefined,
): readonly Found[] {
  return [...new Set(all.map(find))].filter((found) => found !== undefined);
}

function expectNothing(what: string, noticed: Noticed | undefined): void {
  if (noticed !== undefined) throw new Error(`${what} fails as it is: ${noticed.by}`);
}
