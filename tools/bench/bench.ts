/**
 * The benchmarks, by name or all of them:
 *
 *     npm run bench -- stream --rounds 5
 *     npm run bench                        all, and writes docs/benchmarks.md
 *
 * Ours and the peer run in alternating rounds on the same disk; load comes from processes of its own; a
 * node that served durable commands is killed and everything it acknowledged looked up.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { machineFacts } from '../process-figures.ts';
import { PROGRAM } from '../node-process.ts';
import { AGAINST_ETCD } from './against-etcd.ts';
import { append } from './append.ts';
import { WORKLOAD_NAMES } from './workload.ts';
import { type Benchmark, DEFAULT_DIRECTORY, type Settings } from './benchmark.ts';
import { core } from './core.ts';
import { elections } from './elections.ts';
import { FAILOVER } from './failover.ts';
import { idle } from './idle.ts';
import { memory } from './memory.ts';
import { Busy } from './quiet.ts';
import { replay } from './replay.ts';
import { restart } from './restart.ts';
import { snapshot } from './snapshot.ts';
import { http, stream } from './throughput.ts';
import { machineLine, markdownReport, plainReport, type Report } from './report.ts';

const BENCHMARKS: readonly Benchmark[] = [
  append,
  stream,
  http,
  replay,
  idle,
  memory,
  restart,
  snapshot,
  ...AGAINST_ETCD,
  ...FAILOVER,
  elections,
  core,
];
const DOCUMENT = join(import.meta.dirname, '../../docs/benchmarks.md');

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly inFlight?: number;
  readonly command?: string;
  readonly entries: number;
  readonly millions: number;
  readonly times: number;
  readonly minutes: number;
  readonly against?: string;
  readonly program: string;
  readonly directory: string;
  readonly profile?: string;
  readonly json?: string;
  readonly force?: true;
}

function positive(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('a positive number is wanted');
}

const program = new Command('bench')
  .description('Measures one node, and three, against the goals and against peers on this machine.')
  .argument(
    '[names...]',
    `which: ${BENCHMARKS.map(({ name, number }) => `${name} (${number})`).join(', ')}`,
  )
  .option('--rounds <n>', 'rounds of each', positive, 5)
  .option('--seconds <s>', 'how long a round measures', positive, 4)
  .option('--in-flight <n>', 'operations in flight, where that can be chosen', positive)
  .option('--command <load>', `what is proposed: ${WORKLOAD_NAMES.join(', ')}`)
  .option('--entries <n>', 'entries of prepared logs', positive, 1_000_000)
  .option(
    '--millions <n>',
    'millions of add–claim–complete for the memory figures, three million commands each',
    positive,
    1,
  )
  .option('--times <n>', 'how often a leader is lost or handed over', positive, 30)
  .option('--minutes <m>', 'how long elections are waited for', positive, 30)
  .option('--against <peer>', 'only peers with this in their name; none: ours alone')
  .option('--program <file>', 'the built command to measure, of this checkout or another', PROGRAM)
  .option('--directory <path>', 'where data directories are made', DEFAULT_DIRECTORY)
  .option('--profile <path>', 'leave CPU profiles of the nodes in this directory')
  .option('--json <file>', 'also write the figures as JSON')
  .option('--force', 'measure although others use the machine')
  .showHelpAfterError('(--help shows what there is)');

function chosen(names: readonly string[]): readonly Benchmark[] {
  if (names.length === 0) return BENCHMARKS;
  return names.flatMap((name) => {
    const found = BENCHMARKS.filter(
      (one) => one.name === name || one.number === name.toUpperCase(),
    );
    return found.length > 0 ? found : program.error(`there is no benchmark ${name}`);
  });
}

function settingsOf(options: Options): Settings {
  return {
    rounds: options.rounds,
    seconds: options.seconds,
    inFlight: options.inFlight,
    command: options.command,
    entries: options.entries,
    millions: options.millions,
    times: options.times,
    minutes: options.minutes,
    against: options.against,
    program: options.program,
    directory: options.directory,
    profile: options.profile,
    force: options.force === true,
    say: (line) => console.error(line),
  };
}

const HOW = [
  'How to repeat it: `npm run bench` runs everything and writes this page, `npm run bench -- <name>` one of',
  'them. Absolute figures vary from machine to machine and hour to hour; what counts is the ratio in one run.',
  'After every durable round the node is killed with SIGKILL and all it had acknowledged is looked up.',
].join('\n');

async function writeDocument(reports: readonly Report[], machine: string): Promise<void> {
  const parts = ['# Benchmarks', '', machine, '', HOW, '', ...reports.map(markdownReport)];
  await mkdir(join(DOCUMENT, '..'), { recursive: true });
  await writeFile(DOCUMENT, parts.join('\n'));
  console.log(`written: ${DOCUMENT}`);
}

/** A benchmark that breaks off says so, and the next one begins. @throws Busy */
async function reportOf(benchmark: Benchmark, settings: Settings): Promise<Report> {
  const { number, name, title } = benchmark;
  try {
    return await benchmark.run(settings);
  } catch (fault) {
    if (fault instanceof Busy) throw fault;
    console.error(fault);
    const failures = [`it broke off: ${(fault as Error).message}`];
    return { number, name, title, figures: [], notes: [], failures };
  }
}

async function main(): Promise<void> {
  program.parse();
  const options = program.opts<Options>();
  const settings = settingsOf(options);
  const facts = await machineFacts();
  console.log(machineLine(facts));
  const reports: Report[] = [];
  for (const benchmark of chosen(program.args)) {
    console.error(`${benchmark.number} ${benchmark.title}`);
    const report = await reportOf(benchmark, settings);
    console.log(plainReport(report));
    reports.push(report);
    // Written after each: what comes later may take an hour, or break off.
    if (options.json !== undefined)
      await writeFile(options.json, `${JSON.stringify({ machine: facts, reports }, null, 2)}\n`);
  }
  if (program.args.length === 0) await writeDocument(reports, machineLine(facts));
  if (reports.some(({ failures }) => failures.length > 0)) process.exitCode = 1;
}

try {
  await main();
} catch (fault) {
  if (!(fault instanceof Busy)) throw fault;
  console.error(fault.message);
  process.exitCode = 3;
}
