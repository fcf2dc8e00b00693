/**
 * The demo: a cluster trace through the work queue of a real node that is killed half-way, and at the end
 * an audit of everything that was promised.
 *
 *     npm run demo
 *     npm run demo -- --trace tasks.csv --nodes nodes.csv --seconds 60
 *
 * ```
 *  trace ─▶ feeder ─┐                       ┌─▶ subscriber (every entry, once)
 *                   ├─ HTTP ─▶ node ─ ws ───┘
 *  fleet ─▶ crew ───┘           ╳ SIGKILL, again on the same directory
 *                               ▼ SIGTERM
 *                             audit: replay, decide again, verify, look up every acknowledgement
 * ```
 */
import { once, setMaxListeners } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { NodeProcess } from '../node-process.ts';
import { audit } from './audit.ts';
import { Crew } from './crew.ts';
import { Door } from './door.ts';
import { feed } from './feeder.ts';
import { Fleet } from './fleet.ts';
import { Ledger } from './ledger.ts';
import { arrivals, runningTimes } from './pace.ts';
import { Screen } from './screen.ts';
import { shareOfNames } from './share.ts';
import { Subscriber } from './subscriber.ts';
import { claimsOf, type RunFigures, summary } from './summary.ts';
import { Tally } from './tally.ts';
import { QOS, readNodes, readTasks, type Task, TraceFault } from './trace.ts';

const SAMPLE = join(import.meta.dirname, 'sample');
/** The whole of a real trace takes a minute, the sample a few seconds. */
const SECONDS = { sample: 6, trace: 60 };
/** A tenth of the run, so that what vanished is done again before its end. */
const leaseFor = (durationMs: number): number =>
  Math.min(30, Math.max(2, Math.round(durationMs / 10_000)));
/** Polls parked at the node, and connections for everything else. */
const POLLS = 64;
const OTHER_CONNECTIONS = 64;
/** The part of the tasks whose first holder vanishes. */
const VANISHING = 0.02;
const LOOK_MS = 50;
/** So many times its length, and the demo gives up and says what is missing. */
const PATIENCE = 6;

interface Options {
  readonly trace?: string;
  readonly nodes?: string;
  readonly seconds?: number;
  readonly keep?: true;
}

function positive(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('a positive number is wanted');
}

const program = new Command('demo')
  .description(
    'Runs a cluster trace through the work queue of one node, kills it half-way, audits.',
  )
  .option('--trace <file>', 'tasks: CSV with the columns of the public 2023 GPU trace')
  .option('--nodes <file>', 'machines: CSV, sn,cpu_milli,memory_mib,gpu,model')
  .option('--seconds <s>', 'how long the whole should take', positive)
  .option('--keep', 'keep the data directory and say where it is')
  .showHelpAfterError('(--help shows what there is)');

/** Everything of one run that must be stopped again, and the directory it leaves. */
class Stage {
  readonly screen = new Screen();
  readonly ledger = new Ledger();
  readonly tally = new Tally();
  readonly stopping = new AbortController();
  readonly node: NodeProcess;
  readonly directory: string;
  readonly subscriber: Subscriber;
  readonly door: Door;

  private constructor(directory: string) {
    this.directory = directory;
    // Every request and every pause of a thousand workers listens to it.
    setMaxListeners(0, this.stopping.signal);
    this.node = new NodeProcess({
      directory: this.data,
      outputFile: this.output,
      env: { QUORATE_RAFT_SNAPSHOT_INTERVAL: '2s' },
    });
    this.subscriber = new Subscriber(() => this.node.url, this.tally);
    this.door = new Door({
      url: () => this.node.url,
      connections: POLLS + OTHER_CONNECTIONS,
      ledger: this.ledger,
      signal: this.stopping.signal,
    });
  }

  static async open(): Promise<Stage> {
    return new Stage(await mkdtemp(join(tmpdir(), 'quorate-demo-')));
  }

  get data(): string {
    return join(this.directory, 'data');
  }

  get output(): string {
    return join(this.directory, 'node.log');
  }

  /** Stops whatever still runs. Idempotent. */
  async close(): Promise<void> {
    this.screen.end();
    this.stopping.abort();
    this.door.close();
    await this.subscriber.close();
    await this.node.terminate();
  }
}

async function run(stage: Stage, options: Options): Promise<boolean> {
  const { screen, tally, node, subscriber, door } = stage;
  const { signal } = stage.stopping;
  if ((options.trace === undefined) !== (options.nodes === undefined))
    throw new TraceFault('--trace and --nodes belong together: name both files, or neither');
  const tasks = await readTasks(options.trace ?? join(SAMPLE, 'tasks.csv'));
  const fleet = new Fleet(await readNodes(options.nodes ?? join(SAMPLE, 'nodes.csv')), QOS);
  const isSample = options.trace === undefined;
  const durationMs = (options.seconds ?? (isSample ? SECONDS.sample : SECONDS.trace)) * 1000;
  const impossible = tasks.filter((task) => !fleet.couldRun(task));
  const possible = tasks.length - impossible.length;
  screen.say(
    `${tasks.length} tasks for ${fleet.workers.length} machines, in about ${durationMs / 1000} s` +
      (isSample ? ' (the bundled sample; --trace and --nodes take a real one)' : ''),
  );

  const startMs = await node.start();
  screen.say(`node ${node.pid} listens on ${node.url}, ready after ${Math.round(startMs)} ms`);
  subscriber.start();
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

  const until = (ended: number, phase: string): Promise<void> =>
    reached(stage, { ended, phase, deadline: started + durationMs * PATIENCE });
  await Promise.race([until(Math.floor(possible / 2), 'first half'), broken]);
  const outageMs = await killAndRestart(stage);
  await Promise.race([until(possible, 'second half'), broken]);
  await feeding;
  await cancelAll(stage, impossible);
  await Promise.race([until(tasks.length, 'cancelled what nobody could run'), broken]);
  await crew.leave();
  const elapsedMs = performance.now() - started;
  screen.end();

  const { index, digest } = await settled(stage);
  await subscriber.reaches(index);
  await subscriber.close();
  const exitCode = await node.terminate();
  screen.say('the node is stopped; auditing its directory');
  const figures: RunFigures = {
    tasks: tasks.length,
    machines: fleet.workers.length,
    elapsedMs,
    added: tally.added,
    completed: tally.countOf('completed'),
    failed: tally.countOf('failed'),
    dead: tally.countOf('dead'),
    timedOut: tally.countOf('timeout'),
    cancelled: tally.countOf('cancelled'),
    impossible: impossible.length,
    claims: tally.claims,
    extensions: tally.extensions,
    vanished: crew.vanished,
    expired: tally.expired,
    entries: tally.entries,
    retries: door.retries,
    refused: stage.ledger.refused,
    outageMs,
    connections: subscriber.connections,
    gaps: subscriber.gaps,
    repeats: subscriber.repeats,
    brokenChains: subscriber.brokenChains,
    exitCode,
    index,
    digest,
  };
  const found = await audit(stage.data, stage.ledger);
  screen.say(summary(screen, figures, found));
  return claimsOf(figures, found).every(({ holds }) => holds);
}

/** Waits until so many tasks have ended, and shows how it goes. */
async function reached(
  { tally, screen, stopping: { signal } }: Stage,
  goal: { readonly ended: number; readonly phase: string; readonly deadline: number },
): Promise<void> {
  while (tally.ended < goal.ended) {
    if (performance.now() > goal.deadline)
      throw new Error(`${goal.ended - tally.ended} tasks did not end in time (${goal.phase})`);
    await pause(LOOK_MS, undefined, { signal });
    screen.progress(tally.ended, { entries: tally.entries, phase: goal.phase });
  }
}

/** @returns how long nobody was there, ms */
async function killAndRestart({ node, screen }: Stage): Promise<number> {
  const { pid } = node;
  const killed = performance.now();
  await node.kill();
  await node.start();
  const outage = performance.now() - killed;
  screen.say(
    screen.paint('red', `killed ${pid} (SIGKILL)`) +
      `; ${node.pid} is ready on the same directory after ${Math.round(outage)} ms`,
  );
  return outage;
}

async function cancelAll({ door }: Stage, tasks: readonly Task[]): Promise<void> {
  for (const { name } of tasks) {
    const reason = 'no machine of this fleet has what it requires';
    const path = `/v1/work/${name}/cancel`;
    const { status, body } = await door.command({ path, type: 'cancel_work', body: { reason } });
    if (status >= 400) throw new Error(`cancel ${name}: ${JSON.stringify(body)}`);
  }
}

/** What the node says of itself once nothing is under way: no entry within a while, no snapshot. */
async function settled({
  door,
}: Stage): Promise<{ readonly index: number; readonly digest: string }> {
  let before = -1;
  for (;;) {
    const { body } = await door.get('/status');
    const { index } = body['position'] as { readonly index: number };
    const { in_progress: isTaken } = body['snapshots'] as { readonly in_progress: boolean };
    if (index === before && !isTaken) return { index, digest: String(body['digest']) };
    before = index;
    await pause(LOOK_MS * 10);
  }
}

async function main(): Promise<void> {
  program.parse();
  const options = program.opts<Options>();
  const stage = await Stage.open();
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
    if (!(fault instanceof TraceFault)) stage.screen.say(`what the node said: ${stage.output}`);
    else process.exitCode = 2;
  }
  await stage.close();
  const isKept = options.keep === true || process.exitCode === 1;
  if (isKept) console.log(`kept: ${stage.directory}`);
  else await rm(stage.directory, { recursive: true, force: true });
  // An interrupted run may still have requests that wait for their turn.
  if (process.exitCode === 130) process.exit();
}

await main();
