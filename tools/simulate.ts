/**
 * Runs a group of Raft cores under seeded faults in virtual time and says whether every law held. One seed
 * decides everything; a seed that fails is shrunk and told as a story.
 *
 *     npm run simulate
 *     npm run simulate -- --seed 42 --seeds 1000 --nodes 5 --minutes 0.1 --faults crash,partition
 *
 * It simulates the cores with disks, network, machines and clients; whole nodes come later.
 */
import { performance } from 'node:perf_hooks';
import { Presets, SingleBar } from 'cli-progress';
import { Command, InvalidArgumentError } from 'commander';
import { VOTERS_MAX } from '../src/protocols/raft/core/configuration.ts';
import { RaftCore } from '../src/protocols/raft/core/core.ts';
import type { CoreMaker } from '../test/simulation/raft-core/core-under-test.ts';
import { drawPlan, type Fault, FAULTS, type Plan } from '../test/simulation/raft-core/plan.ts';
import { run } from '../test/simulation/raft-core/run.ts';
import { shrink, toldStory } from '../test/simulation/raft-core/shrink.ts';
import { Figures } from '../test/simulation/raft-core/story.ts';
import { told } from '../test/simulation/raft-core/trouble.ts';
import { figure, plainTable, seconds } from './table.ts';

interface Options {
  readonly seed: number;
  readonly seeds: number;
  readonly nodes?: number;
  readonly minutes?: number;
  readonly faults?: readonly Fault[];
  readonly story: number;
}

const make: CoreMaker = (options, now) => new RaftCore(options, now);
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

function faultsOf(text: string): readonly Fault[] {
  if (text === 'all') return FAULTS;
  const names = text.split(',');
  const faults = FAULTS.filter((fault) => names.includes(fault));
  if (faults.length === names.length) return faults;
  throw new InvalidArgumentError(`known are all, or some of ${FAULTS.join(',')}`);
}

const { seed, seeds, nodes, minutes, faults, story } = new Command('simulate')
  .description('Simulates a group of Raft cores (cores only, not whole nodes) under seeded faults.')
  .option('--seed <n>', 'the first seed', whole, 1)
  .option('--seeds <n>', 'how many seeds', whole, 500)
  .option('--nodes <n>', 'voters at the beginning (drawn per seed)', voters)
  .option('--minutes <m>', 'length of the phase with faults (3 seconds)', positive)
  .option('--faults <list>', 'all, or names separated by commas', faultsOf)
  .option('--story <lines>', 'lines of the story of a failing seed', whole, 200)
  .showHelpAfterError('(--help shows what there is)')
  .parse()
  .opts<Options>();

function planOf(number: number): Plan {
  const milliseconds = minutes === undefined ? undefined : Math.round(minutes * 60_000);
  return drawPlan(number, { voters: nodes, milliseconds, faults });
}

function fail(plan: Plan): never {
  console.error(`seed ${plan.seed} breaks a law; shrinking`);
  console.error(toldStory(shrink(plan, make), told, story));
  console.error(`again: npm run simulate -- --seed ${plan.seed} --seeds 1`);
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
if (process.stderr.isTTY) bar.start(seeds, 0, { rate: '–' });
for (let done = 0; done < seeds; done += 1) {
  const plan = planOf(seed + done);
  const { violations, steps, committed, figures } = run(plan, make);
  if (violations.length > 0) {
    bar.stop();
    fail(plan);
  }
  total.count('steps of cores', steps);
  total.count('entries committed', committed);
  for (const [what, count] of figures.entries()) total.count(what, count);
  const now = performance.now();
  if (now - shownAt < SHOWN_EVERY_MS) continue;
  shownAt = now;
  bar.update(done + 1, { rate: figure(((done + 1) / (now - started)) * 1000) });
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
  `\n${seeds} seeds from ${seed} on kept every law in ${seconds(took)}, ${figure((seeds / took) * 1000)} a second`,
);
