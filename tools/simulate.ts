/**
 * Runs clusters under seeded faults in virtual time and says whether every law held. One seed decides
 * everything; a seed that fails is shrunk and told as a story.
 *
 *     npm run simulate                                     whole nodes, a few hundred seeds
 *     npm run simulate -- --tier night                     as many as a night holds
 *     npm run simulate -- --from 42 --seeds 1 --story 500
 *     npm run simulate -- --nodes core --voters 5 --minutes 0.1 --faults crash,partition
 *
 * `--nodes whole` simulates disks, network, clocks and clients around the real code of a node; `core` only the
 * cores of one Raft group, many more of them a second.
 */
import { performance } from 'node:perf_hooks';
import { Presets, SingleBar } from 'cli-progress';
import { Command, InvalidArgumentError, Option } from 'commander';
import { VOTERS_MAX } from '../src/protocols/raft/core/configuration.ts';
import { Figures } from '../test/simulation/story.ts';
import { figure, plainTable, seconds } from './table.ts';
import { CORES, type Simulated, WHOLE_NODES } from './simulate/kinds.ts';

interface Options {
  readonly nodes: keyof typeof KINDS;
  readonly tier: keyof typeof TIERS;
  readonly from: number;
  readonly seeds?: number;
  readonly voters?: number;
  readonly minutes?: number;
  readonly faults?: readonly string[];
  readonly story: number;
}

const KINDS = { whole: WHOLE_NODES, core: CORES } as const satisfies Record<string, Simulated>;

/** Seeds of whole nodes and of cores: of a moment, of a build, of a night. */
const TIERS = {
  quick: { whole: 100, core: 500 },
  build: { whole: 1_000, core: 5_000 },
  night: { whole: 50_000, core: 500_000 },
} as const;

/** The bar moves so often. */
const SHOWN_EVERY_MS = 100;

function whole(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError('a whole number is wanted');
}

function voters(text: string): number {
  const value = whole(text);
  if (value > 0 && value <= VOTERS_MAX) return value;
  throw new InvalidArgumentError(`1 to ${VOTERS_MAX}`);
}

function positive(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('a positive number is wanted');
}

const options = new Command('simulate')
  .description('Simulates clusters under seeded faults in virtual time.')
  .addOption(
    new Option('--nodes <kind>', 'whole nodes, or only the cores of a Raft group')
      .choices(Object.keys(KINDS))
      .default('whole'),
  )
  .addOption(
    new Option('--tier <name>', 'how many seeds').choices(Object.keys(TIERS)).default('quick'),
  )
  .option('--from <seed>', 'the first seed', whole, 1)
  .option('--seeds <n>', 'how many seeds, whatever the tier says', whole)
  .option('--voters <n>', 'voters at the beginning (drawn per seed)', voters)
  .option('--minutes <m>', 'length of the phase with faults', positive)
  .option('--faults <list>', 'all, or names separated by commas', (text) => text.split(','))
  .option('--story <lines>', 'lines of the story of a failing seed', whole, 200)
  .showHelpAfterError('(--help shows what there is)')
  .parse()
  .opts<Options>();

const { nodes, tier, from, story } = options;
const simulated = KINDS[nodes];
const unknown = (options.faults ?? []).filter((fault) => !isKnown(fault));
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(', ')}; known are all, ${simulated.faults.join(', ')}`);
  process.exit(1);
}
const wanted = {
  voters: options.voters,
  milliseconds: options.minutes === undefined ? undefined : Math.round(options.minutes * 60_000),
  faults: options.faults?.includes('all') === true ? undefined : options.faults,
};
const seeds = options.seeds ?? TIERS[tier][nodes];

function isKnown(fault: string): boolean {
  return fault === 'all' || simulated.faults.includes(fault);
}

async function fail(seed: number): Promise<never> {
  console.error(`seed ${seed} breaks a law; shrinking`);
  console.error(await simulated.story(seed, wanted, story));
  console.error(`again: npm run simulate -- --nodes ${nodes} --from ${seed} --seeds 1`);
  process.exit(1);
}

const bar = new SingleBar(
  {
    format: 'simulating {bar} {value} of {total} seeds  {rate}/s  {eta_formatted} left',
    hideCursor: true,
    clearOnComplete: true,
  },
  Presets.shades_classic,
);
const total = new Figures();
const started = performance.now();
let shownAt = started;
let seed = from;
// What no promise of a node waits for is a fault of the node; the seed is said with it.
process.on('unhandledRejection', (error) => {
  console.error(`seed ${seed}: nobody waits for`, error);
  process.exit(1);
});
if (process.stderr.isTTY) bar.start(seeds, 0, { rate: '–' });
for (; seed < from + seeds; seed += 1) {
  const { isBroken, figures, fingerprint } = await simulated.run(seed, wanted);
  if (isBroken) {
    bar.stop();
    await fail(seed);
  }
  if (seeds === 1) console.log(`trace ${fingerprint.toString(16).padStart(8, '0')}`);
  for (const [what, count] of figures) total.count(what, count);
  const now = performance.now();
  if (now - shownAt < SHOWN_EVERY_MS) continue;
  shownAt = now;
  const done = seed - from + 1;
  bar.update(done, { rate: figure((done / (now - started)) * 1000) });
}
bar.stop();
const took = performance.now() - started;
const rows = total.entries().map(([what, count]) => [what, figure(count)]);
console.log(
  plainTable({
    columns: [
      { title: 'what happened', align: 'left' },
      { title: 'times', align: 'right' },
    ],
    rows,
  }),
);
console.log(
  `\n${seeds} seeds from ${from} on kept every law in ${seconds(took)}, ${figure((seeds / took) * 1000)} a second`,
);
