/**
 * Runs clusters under seeded faults in virtual time and says whether every law held. One seed decides
 * everything; a seed that fails is shrunk and told as a story.
 *
 *     npm run simulate                                     whole nodes, a hundred seeds
 *     npm run simulate -- --seed 42 --nodes 3 --minutes 2 --faults all
 *     npm run simulate -- --tier build                     a thousand seeds, and some that are fresh
 *     npm run simulate -- --nodes core --voters 5 --minutes 0.1 --faults crash,partition
 *
 * Whole nodes have simulated disks, networks, clocks and clients around their real code; `--nodes core`
 * simulates only the cores of one Raft group, many more of them a second.
 */
import { randomInt } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { CommanderError } from 'commander';
import { Figures } from '../test/simulation/story.ts';
import { type Failed, runSeeds } from './simulate/crew.ts';
import type { Ran } from './simulate/kinds.ts';
import { again, type Asked, KINDS, read } from './simulate/options.ts';
import { Progress } from './simulate/progress.ts';
import { figure, plainTable, seconds } from './table.ts';

/** Fresh seeds are drawn between these: above those that anybody counts to, below what a seed may be. */
const FRESH_LEAST = 1_000_000;
const FRESH_MOST = 2 ** 31 - 1_000_000;

function showFigures(figures: Figures): void {
  console.log(
    plainTable({
      columns: [
        { title: 'what happened', align: 'left' },
        { title: 'times', align: 'right' },
      ],
      rows: figures.entries().map(([what, count]) => [what, figure(count)]),
    }),
  );
}

function add(total: Figures, { figures }: Ran): void {
  for (const [what, count] of figures) total.count(what, count);
}

async function shrunk({ kind, wanted, story }: Asked, seed: number): Promise<void> {
  console.error('shrinking');
  console.error(await KINDS[kind].shrunk(seed, wanted, story));
}

/** One seed, with its story. @returns whether every law held */
async function one(asked: Asked, seed: number): Promise<boolean> {
  const { kind, wanted, story } = asked;
  const { told, lines, ...ran } = await KINDS[kind].told(seed, wanted);
  const last = lines.slice(Math.max(0, lines.length - story));
  console.log(told);
  if (last.length < lines.length) console.log(`… ${figure(lines.length - last.length)} lines`);
  if (last.length > 0) console.log(last.join('\n'));
  const total = new Figures();
  add(total, ran);
  console.log('');
  showFigures(total);
  console.log(`\ntrace ${ran.fingerprint.toString(16).padStart(8, '0')}`);
  console.log(`seed ${seed} ${ran.isBroken ? 'breaks a law' : 'kept every law'}`);
  if (ran.isBroken) await shrunk(asked, seed);
  return !ran.isBroken;
}

function* numbered(from: number, count: number): Generator<number, void> {
  for (let seed = from; seed < from + count; seed += 1) yield seed;
}

async function told(asked: Asked, { seed, how }: Failed): Promise<void> {
  console.error(`seed ${seed} ${how === undefined ? 'breaks a law' : `fails: ${how}`}`);
  console.error(`again: ${again(asked, seed)}`);
  // What does not come to rest would not do so now.
  if (how === undefined) await shrunk(asked, seed);
}

/** Seeds in a row. @returns whether every law held in all of them */
async function many(asked: Asked, from: number, seeds: number): Promise<boolean> {
  const { kind, wanted, processes } = asked;
  const total = new Figures();
  const started = performance.now();
  const progress = new Progress(seeds);
  const onRan = (ran: Ran): void => {
    add(total, ran);
    progress.step();
  };
  const failed = await runSeeds({
    kind,
    wanted,
    seeds: numbered(from, seeds),
    processes: Math.min(processes, seeds),
    onRan,
  });
  progress.stop();
  if (failed !== undefined) {
    await told(asked, failed);
    return false;
  }
  const took = performance.now() - started;
  showFigures(total);
  console.log(
    `\n${seeds} seeds from ${from} on kept every law in ${seconds(took)}, ${figure((seeds / took) * 1000)} a second`,
  );
  return true;
}

/** Seeds that are others every time; where they begin is said, so that anybody can repeat them. */
async function fresh(asked: Asked): Promise<boolean> {
  if (asked.fresh === 0) return true;
  const from = randomInt(FRESH_LEAST, FRESH_MOST);
  console.log(`\n${asked.fresh} fresh seeds, from ${from} on`);
  return many(asked, from, asked.fresh);
}

async function simulate(asked: Asked): Promise<boolean> {
  if (asked.seed !== undefined) return one(asked, asked.seed);
  return (await many(asked, asked.from, asked.seeds)) && (await fresh(asked));
}

/** Undefined where the words ask for help, or mean nothing: that has been said. */
function asked(): Asked | undefined {
  try {
    return read(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode;
    return undefined;
  }
}

const wanted = asked();
if (wanted !== undefined && !(await simulate(wanted))) process.exitCode = 1;
