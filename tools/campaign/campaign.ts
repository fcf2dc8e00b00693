/**
 * Real clusters under faults, judged by what their clients saw.
 *
 *     npm run campaign
 *     npm run campaign -- --nodes 5 --seed 7 --minutes 10 --clients 40 --faults kill,isolate --dir /var/tmp/c
 *     npm run campaign -- --network namespaces
 *     npm run campaign -- --directory /var/tmp/c --seed 8      again and again, on the same cluster
 *     npm run campaign -- --judge /var/tmp/c                   what was kept, once more, without a cluster
 *
 * Ends with 1 where anything is not as promised, and keeps the directory then: the history, what nodes
 * said, and their data. `docs/campaign.md` says how to read them.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { figure, plainTable } from '../table.ts';
import { faultsIn } from './faults.ts';
import { judgeAgain } from './judging.ts';
import { type NetworkName, NETWORKS } from './network.ts';
import { progressOn } from './progress.ts';
import { campaign, type CampaignResult } from './run.ts';

interface Options {
  readonly nodes: number;
  readonly network: NetworkName;
  readonly seed: number;
  readonly minutes: number;
  readonly clients: number;
  readonly pace: number;
  readonly faults: string;
  readonly dir: string;
  readonly directory?: string;
  readonly judge?: string;
  readonly program: string;
  readonly keep?: true;
}

function positive(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('a positive number is wanted');
}

/** What is kept has no disks in memory. @throws naming all there are */
function faultsOf({ faults, network, directory }: Options): readonly string[] {
  const known = faultsIn(network)
    .map(({ name }) => name)
    .filter((name) => name !== 'fill' || directory === undefined);
  if (faults === 'all') return known;
  const names = faults.split(',');
  if (names.every((name) => known.includes(name))) return names;
  return command.error(`--faults: known are all, or some of ${known.join(',')}`);
}

async function directoryFor({ directory, dir, seed }: Options): Promise<string> {
  await mkdir(directory ?? dir, { recursive: true });
  return directory ?? mkdtemp(join(dir, `quorate-campaign-${seed}-`));
}

const command = new Command('campaign')
  .description('Runs a real cluster under faults and judges it by what its clients saw.')
  .option('--nodes <n>', 'voters, from 3 on', positive, 3)
  .addOption(
    new Option('--network <kind>', 'what nodes stand in; namespaces need root')
      .choices(NETWORKS)
      .default('proxy'),
  )
  .option('--seed <n>', 'of the plan and of what clients want', Number, 1)
  .option('--minutes <m>', 'how long there is trouble', positive, 2)
  .option('--clients <n>', 'clients, one operation at a time each', positive, 24)
  .option('--pace <ms>', 'what a client rests between two operations', Number, 0)
  .option('--faults <list>', 'all, or some of them, such as kill,isolate', 'all')
  .option('--keep', 'keep the folder even if all is well')
  .option('--dir <path>', 'where everything is kept in folders of their own', tmpdir())
  .option(
    '--directory <path>',
    'this very directory, which is kept; where a campaign was before, this one goes on with its cluster',
  )
  .option('--judge <path>', 'only judge the histories kept there, once more')
  .option(
    '--program <path>',
    'the built quorate',
    resolve(import.meta.dirname, '../../dist/cli/main.js'),
  )
  .showHelpAfterError('(--help shows what there is)')
  .parse();
const options = command.opts<Options>();
if (options.judge !== undefined) process.exit(await judge(options.judge));

const faults = faultsOf(options);
const milliseconds = options.minutes * 60_000;
const directory = await directoryFor(options);

// What it started ends with it.
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));
const progress = progressOn(process.stderr, milliseconds);

const result = await campaign({
  ...options,
  faults,
  milliseconds,
  directory,
  onProgress: (phase, tally) => progress.update(phase, tally),
  onFault: () => progress.noteFault(),
}).catch((error: Error) => command.error(error.message));
progress.stop();
console.log(tableOf(result));
const isKept = options.keep === true || options.directory !== undefined;
if (result.breaches.length === 0 && !isKept) await rm(directory, { recursive: true });
if (result.breaches.length > 0) {
  console.log(`\n${result.breaches.length} breaches; everything is kept in ${directory}`);
  for (const breach of result.breaches) console.log(`\n${breach}`);
}
// Everything is ended; but Node 20 may look for ever for the end of what sockets were asked (nodejs/node, 47748).
process.exit(result.breaches.length > 0 ? 1 : 0);

/** @returns how the process ends */
async function judge(path: string): Promise<number> {
  const judgements = await judgeAgain(path).catch((error: Error) => command.error(error.message));
  for (const { operations, verdict, breaches } of judgements) {
    console.log(`${figure(operations)} operations: ${verdict}`);
    for (const breach of breaches) if (breach !== verdict) console.log(`\n${breach}`);
  }
  return judgements.some(({ breaches }) => breaches.length > 0) ? 1 : 0;
}

function tableOf({
  operations,
  tally,
  reports,
  failovers,
  entries,
  verdict,
}: CampaignResult): string {
  const kinds = new Map<string, number>();
  for (const { kind } of reports) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  const times = failovers.map(({ milliseconds: ms }) => ms).sort((one, other) => one - other);
  const at = (share: number): string =>
    `${figure(Math.round(times[Math.floor(share * (times.length - 1))] ?? 0))} ms`;
  const rows = [
    ['operations that may have had an effect', figure(operations)],
    ['answered', figure(tally.answered)],
    ['nobody heard (open)', figure(tally.open)],
    ...[...tally.nothing].map(([code, count]) => [`nothing happened: ${code}`, figure(count)]),
    ['entries in the log', figure(entries)],
    ['faults', figure(reports.length)],
    ...[...kinds]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([kind, count]) => [`  ${kind}`, figure(count)]),
    ['failovers seen by clients', figure(times.length)],
    ['  half within', at(0.5)],
    ['  nine of ten within', at(0.9)],
    ['  all within', at(1)],
  ];
  const table = plainTable({
    columns: [
      { title: `${options.nodes} nodes, ${options.network}, seed ${options.seed}`, align: 'left' },
      { title: '', align: 'right' },
    ],
    rows: rows.map(([what = '', count = '']) => [what, count]),
  });
  return `${table}\n\n${verdict}`;
}
