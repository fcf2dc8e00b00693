/** What can be asked of the simulator: its options, their meaning, and how a run is asked for once more. */
import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { VOTERS_MAX } from '../../src/protocols/raft/core/configuration.ts';
import { CORES, type Simulated, type Wanted, WHOLE_NODES } from './kinds.ts';

export const KINDS = { whole: WHOLE_NODES, core: CORES } as const satisfies Record<
  string,
  Simulated
>;

export type Kind = keyof typeof KINDS;

interface Tier {
  readonly whole: number;
  readonly core: number;
  /** So many more, others every time. */
  readonly fresh: number;
  /** Length of a run, where that is not left to the plan. */
  readonly minutes?: number;
}

/** Seeds of whole nodes and of cores: of a moment, of a build, of a night. */
const TIERS = {
  quick: { whole: 100, core: 500, fresh: 0 },
  // Shorter runs: what a build may take is some minutes, and more seeds find more than longer ones.
  build: { whole: 1_000, core: 5_000, fresh: 250, minutes: 0.2 },
  night: { whole: 50_000, core: 500_000, fresh: 0 },
} as const satisfies Record<string, Tier>;

/** What shall be simulated. */
export interface Asked {
  readonly kind: Kind;
  readonly wanted: Wanted;
  /** One seed, told as a story, instead of many. */
  readonly seed: number | undefined;
  readonly from: number;
  readonly seeds: number;
  /** So many more, from a number that is drawn. */
  readonly fresh: number;
  readonly processes: number;
  readonly story: number;
}

interface Options {
  readonly nodes: Kind | number;
  readonly tier: keyof typeof TIERS;
  readonly seed?: number;
  readonly from: number;
  readonly seeds?: number;
  readonly fresh?: number;
  readonly processes?: number;
  readonly voters?: number;
  readonly minutes?: number;
  readonly faults?: readonly string[];
  readonly story: number;
}

const EXAMPLES = `
Examples:
  npm run simulate -- --seed 42 --nodes 3 --minutes 2 --faults all
  npm run simulate -- --seed 7 --nodes 5 --faults crash,partition --story 500
  npm run simulate -- --tier build
  npm run simulate -- --nodes core --seeds 2000

Faults of whole nodes:
${listed(WHOLE_NODES.faults)}
Faults of cores:
${listed(CORES.faults)}`;

/** @throws CommanderError where the words mean nothing, or ask for help; what is to be said has been said */
export function read(words: readonly string[], say?: (text: string) => void): Asked {
  const command = program().exitOverride();
  if (say !== undefined) command.configureOutput({ writeOut: say, writeErr: say });
  const options = command.parse(words, { from: 'user' }).opts<Options>();
  const kind = typeof options.nodes === 'number' ? 'whole' : options.nodes;
  const tier: Tier = TIERS[options.tier];
  const isTier = options.seeds === undefined;
  const wanted = wantedOf(options, kind === 'whole' ? tier.minutes : undefined);
  const unknown = (options.faults ?? []).filter((name) => !isKnown(kind, name));
  if (unknown.length > 0)
    command.error(
      `error: no such fault of ${kind === 'core' ? 'cores' : 'whole nodes'}: ${unknown.join(', ')}; there are all, ${KINDS[kind].faults.join(', ')}`,
    );
  const { seed, from, story } = options;
  const seeds = options.seeds ?? tier[kind];
  const fresh = options.fresh ?? (isTier ? tier.fresh : 0);
  const processes = options.processes ?? Math.min(availableParallelism(), seeds + fresh);
  return { kind, wanted, seed, from, seeds, fresh, processes, story };
}

/** The command that runs this seed again, as it was run. */
export function again({ kind, wanted }: Pick<Asked, 'kind' | 'wanted'>, seed: number): string {
  const { nodes, voters, milliseconds, faults } = wanted;
  const said: readonly (readonly [option: string, value: string | number | undefined])[] = [
    ['seed', seed],
    ['nodes', kind === 'core' ? kind : nodes],
    ['voters', voters],
    ['minutes', milliseconds === undefined ? undefined : milliseconds / 60_000],
    ['faults', faults?.join(',')],
  ];
  const options = said.filter(([, value]) => value !== undefined);
  return ['npm run simulate --', ...options.map(([name, value]) => `--${name} ${value}`)].join(' ');
}

function program(): Command {
  return new Command('simulate')
    .description(
      'Simulates clusters under seeded faults in virtual time, and says whether every law held.',
    )
    .addOption(
      new Option('--seed <s>', 'one seed, told as a story')
        .argParser(whole)
        .conflicts(['from', 'seeds', 'fresh', 'tier', 'processes']),
    )
    .option(
      '--nodes <n>',
      `so many whole nodes, 1 to ${VOTERS_MAX}; or whole: as drawn; or core: only the cores of a Raft group`,
      nodes,
      'whole',
    )
    .option('--voters <n>', 'voters at the beginning (drawn per seed)', upToVotersMax)
    .option('--minutes <m>', 'simulated minutes with faults, before all must get well', positive)
    .option(
      '--faults <list>',
      'all: of every kind, drawn per seed; or names separated by commas, which all take part',
      names,
    )
    .addOption(
      new Option('--tier <name>', 'how many seeds').choices(Object.keys(TIERS)).default('quick'),
    )
    .option('--from <seed>', 'the first seed', whole, 1)
    .option('--seeds <n>', 'how many seeds, whatever the tier says', positiveWhole)
    .option('--fresh <n>', 'so many more seeds that nobody ran before', whole)
    .option('--processes <n>', 'so many at once (one for each processor)', positiveWhole)
    .option('--story <lines>', 'lines of the story at most', whole, 200)
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError('(--help shows what there is)');
}

function wantedOf(options: Options, usual: number | undefined): Wanted {
  const { nodes: size, voters, minutes = usual, faults } = options;
  return {
    nodes: typeof size === 'number' ? size : undefined,
    voters,
    milliseconds: minutes === undefined ? undefined : Math.round(minutes * 60_000),
    faults: faults?.includes('all') === true ? undefined : faults,
  };
}

function isKnown(kind: Kind, fault: string): boolean {
  return fault === 'all' || KINDS[kind].faults.includes(fault);
}

function whole(text: string): number {
  const value = Number(text);
  if (text !== '' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError('A whole number is wanted.');
}

function positiveWhole(text: string): number {
  const value = whole(text);
  if (value > 0) return value;
  throw new InvalidArgumentError('At least 1.');
}

function upToVotersMax(text: string): number {
  const value = whole(text);
  if (value > 0 && value <= VOTERS_MAX) return value;
  throw new InvalidArgumentError(`1 to ${VOTERS_MAX}.`);
}

function nodes(text: string): Kind | number {
  return text === 'whole' || text === 'core' ? text : upToVotersMax(text);
}

function positive(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('A positive number is wanted.');
}

function names(text: string): readonly string[] {
  const found = text.split(',').map((name) => name.trim());
  if (found.every((name) => name !== '')) return found;
  throw new InvalidArgumentError('Names separated by commas are wanted, or all.');
}

/** Names, as many to a line as fit. */
function listed(words: readonly string[]): string {
  return words
    .reduce<readonly string[]>((lines, word) => {
      const last = lines.at(-1);
      return last !== undefined && last.length + word.length < 78
        ? [...lines.slice(0, -1), `${last} ${word}`]
        : [...lines, `  ${word}`];
    }, [])
    .join('\n');
}
