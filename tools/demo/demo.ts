/**
 * The demo: a cluster trace through the work queue of three real nodes, of which the leader is killed
 * half-way, and at the end an audit of everything that was promised.
 *
 *     npm run demo
 *     npm run demo -- --trace tasks.csv --nodes nodes.csv --seconds 60
 *     npm run demo -- --single
 *
 * ```
 *  trace ─▶ feeder ─┐           ┌─▶ node-1 ◀─┐            ┌─▶ subscriber (every entry, once; loses its node, goes on
 *                   ├─ HTTP, in ┼─▶ node-2 ◀─┼─ one, ws ──┘                at the next)
 *  fleet ─▶ crew ───┘   turn    └─▶ node-3 ◀─┘
 *                                   ╳ the one that leads: SIGKILL, again on the same directory
 *                                   ▼ SIGTERM to all
 *                                 audit of each: replay, decide again, verify, look up every acknowledgement
 * ```
 */
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { type Audit, audit } from './audit.ts';
import { Crew } from './crew.ts';
import { feed } from './feeder.ts';
import { Fleet } from './fleet.ts';
import type { Standing } from './nodes.ts';
import { arrivals, runningTimes } from './pace.ts';
import { shareOfNames } from './share.ts';
import { type Kill, POLLS, Stage } from './stage.ts';
import { claimsOf, type RunFigures, summary } from './summary.ts';
import { QOS, readNodes, readTasks, type Task, TraceFault } from './trace.ts';

const SAMPLE = join(import.meta.dirname, 'sample');
/** The whole of a real trace takes a minute, the sample a few seconds. */
const SECONDS = { sample: 6, trace: 60 };
const NODES = 3;
/** A tenth of the run, so that what vanished is done again before its end. */
const leaseFor = (durationMs: number): number =>
  Math.min(30, Math.max(2, Math.round(durationMs / 10_000)));
/** The part of the tasks whose first holder vanishes. */
const VANISHING = 0.02;
/** So many times its length, and so long at least, and the demo gives up and says what is missing. */
const PATIENCE = 6;
const PATIENCE_MS_MIN = 180_000;

interface Options {
  readonly trace?: string;
  readonly nodes?: string;
  readonly seconds?: number;
  readonly keep?: true;
  readonly single?: true;
}

function positive(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('a positive number is wanted');
}

const program = new Command('demo')
  .description(
    'Runs a cluster trace through the work queue of three nodes, kills their leader half-way, audits.',
  )
  .option('--single', 'one node instead of three')
  .option('--trace <file>', 'tasks: CSV with the columns of the public 2023 GPU trace')
  .option('--nodes <file>', 'machines: CSV, sn,cpu_milli,memory_mib,gpu,model')
  .option('--seconds <s>', 'how long the whole should take', positive)
  .option('--keep', 'keep the data directories and say where they are')
  .showHelpAfterError('(--help shows what there is)');

/** What is to be run, and how fast. */
interface Play {
  readonly tasks: readonly Task[];
  readonly fleet: Fleet;
  /** What no machine of the fleet could run. */
  readonly impossible: readonly Task[];
  readonly durationMs: number;
}

async function playOf({ trace, nodes, seconds }: Options): Promise<Play> {
  if ((trace === undefined) !== (nodes === undefined))
    throw new TraceFault('--trace and --nodes belong together: name both files, or neither');
  const tasks = await readTasks(trace ?? join(SAMPLE, 'tasks.csv'));
  const fleet = new Fleet(await readNodes(nodes ?? join(SAMPLE, 'nodes.csv')), QOS);
  const impossible = tasks.filter((task) => !fleet.couldRun(task));
  const usual = trace === undefined ? SECONDS.sample : SECONDS.trace;
  return { tasks, fleet, impossible, durationMs: (seconds ?? usual) * 1000 };
}

interface Course {
  readonly crew: Crew;
  readonly kill: Kill;
  readonly elapsedMs: number;
}

async function run(stage: Stage, options: Options): Promise<boolean> {
  const { screen, nodes, subscriber } = stage;
  const play = await playOf(options);
  const { tasks, fleet, durationMs } = play;
  screen.say(
    `${tasks.length} tasks for ${fleet.workers.length} machines, in about ${durationMs / 1000} s` +
      (options.trace === undefined
        ? ' (the bundled sample; --trace and --nodes take a real one)'
        : ''),
  );
  const startMs = await nodes.start();
  for (const { id, process } of nodes.all)
    screen.say(`${id}, process ${process.pid}, listens on ${process.url}`);
  const leader = await nodes.leader();
  screen.say(`ready after ${Math.round(startMs)} ms; ${leader.id} leads`);
  // At the one that is to be killed.
  subscriber.start(nodes.all.indexOf(leader));
  const course = await runThrough(stage, play);
  screen.end();

  const standings = await nodes.settled();
  await subscriber.reaches(Math.max(...standings.map(({ index }) => index)));
  await subscriber.close();
  const exitCodes = await nodes.stop();
  screen.say(
    nodes.isCluster
      ? 'the nodes are stopped; auditing their directories'
      : 'the node is stopped; auditing its directory',
  );
  const figures = figuresOf(stage, play, { ...course, standings, exitCodes });
  const audits: Audit[] = [];
  for (const [place, { directory }] of nodes.all.entries())
    audits.push(await audit(directory, standings[place]!.index, stage.ledger));
  screen.say(summary(screen, figures, audits));
  return claimsOf(figures, audits).every(({ holds }) => holds);
}

/** From the first task to the last, with a death in the middle. */
async function runThrough(stage: Stage, play: Play): Promise<Course> {
  const { tasks, fleet, impossible, durationMs } = play;
  const { screen, door, subscriber, nodes } = stage;
  const { signal } = stage.stopping;
  const possible = tasks.length - impossible.length;
  const crew = new Crew({
    door,
    fleet,
    tasks: new Map(tasks.map((task) => [task.name, task])),
    polls: POLLS,
    leaseSeconds: leaseFor(durationMs),
    runs: runningTimes(tasks, durationMs),
    vanishing: shareOfNames(VANISHING),
    signal,
  });
  const started = performance.now();
  screen.begin(tasks.length);
  const feeding = feed(door, arrivals(tasks, durationMs), signal);
  crew.start();
  const broken = Promise.race([feeding.then(() => new Promise<never>(() => {})), crew.loops]);
  const deadline = started + Math.max(PATIENCE_MS_MIN, durationMs * PATIENCE);
  const until = async (ended: number, phase: string): Promise<void> => {
    await Promise.race([stage.reached({ ended: Math.floor(ended), phase, deadline }), broken]);
  };

  await until(possible / 2, 'first half');
  const [kill] = await Promise.all([
    stage.killLeader(),
    until((possible * 3) / 4, 'third quarter'),
  ]);
  if (nodes.isCluster) subscriber.loseNode();
  await until(possible, 'last quarter');
  await feeding;
  await cancelAll(stage, impossible);
  await until(tasks.length, 'cancelled what nobody could run');
  await crew.leave();
  return { crew, kill, elapsedMs: performance.now() - started };
}

interface Ending extends Course {
  readonly standings: readonly Standing[];
  readonly exitCodes: readonly (number | null)[];
}

function figuresOf(stage: Stage, play: Play, ending: Ending): RunFigures {
  const { tally, door, subscriber, ledger } = stage;
  const { crew, kill, elapsedMs, standings, exitCodes } = ending;
  return {
    tasks: play.tasks.length,
    machines: play.fleet.workers.length,
    elapsedMs,
    added: tally.added,
    completed: tally.countOf('completed'),
    failed: tally.countOf('failed'),
    dead: tally.countOf('dead'),
    timedOut: tally.countOf('timeout'),
    cancelled: tally.countOf('cancelled'),
    doubled: tally.doubled,
    impossible: play.impossible.length,
    claims: tally.claims,
    extensions: tally.extensions,
    vanished: crew.vanished,
    expired: tally.expired,
    entries: tally.entries,
    retries: door.retries,
    refused: ledger.refused,
    leaders: tally.leaders,
    killed: kill.killed.id,
    successor: kill.successor?.id,
    failoverMs: kill.failoverMs,
    outageMs: kill.outageMs,
    connections: subscriber.connections,
    heardFrom: subscriber.heardFrom.size,
    gaps: subscriber.gaps,
    repeats: subscriber.repeats,
    brokenChains: subscriber.brokenChains,
    exitCodes,
    standings,
  };
}

async function cancelAll({ door }: Stage, tasks: readonly Task[]): Promise<void> {
  for (const { name } of tasks) {
    const reason = 'no machine of this fleet has what it requires';
    const path = `/v1/work/${name}/cancel`;
    const { status, body } = await door.command({ path, type: 'cancel_work', body: { reason } });
    if (status >= 400) throw new Error(`cancel ${name}: ${JSON.stringify(body)}`);
  }
}

async function main(): Promise<void> {
  program.parse();
  const options = program.opts<Options>();
  const stage = await Stage.open(options.single === true ? 1 : NODES);
  const interrupted = once(process, 'SIGINT').then(() => 'interrupted' as const);
  try {
    const ended = await Promise.race([run(stage, options), interrupted]);
    if (ended === 'interrupted') {
      process.exitCode = 130;
      stage.screen.say('stopped');
    } else if (!ended) {
      process.exitCode = 1;
    }
  } catch (fault) {
    process.exitCode = 1;
    stage.screen.say(stage.screen.paint('red', (fault as Error).message));
    if (fault instanceof TraceFault) process.exitCode = 2;
    else
      for (const { id, output } of stage.nodes.all) stage.screen.say(`what ${id} said: ${output}`);
  }
  await stage.close();
  const isKept = options.keep === true || process.exitCode === 1;
  if (isKept) console.log(`kept: ${stage.directory}`);
  else await rm(stage.directory, { recursive: true, force: true });
  // An interrupted run may still have requests that wait for their turn.
  if (process.exitCode === 130) process.exit();
}

await main();
