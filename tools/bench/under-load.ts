/**
 * One round against a real node: start, load from another process, measure, kill -9 while it writes,
 * start again, and look up everything that was acknowledged.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NodeProcess } from '../node-process.ts';
import { cpuSeconds, diskFlushes, memoryOf } from '../process-figures.ts';
import { entriesOf, openLog } from '../read-log.ts';
import { type Settings, withDirectory } from './benchmark.ts';
import { compiled } from './compiled.ts';
import type { LoadNews, Orders } from './load.ts';
import { OthersLoad, quiet } from './quiet.ts';
import { type Counters, type Rates, ratesOf } from './rates.ts';
import { OPENING, workload } from './workload.ts';

/** A node that has run for a while: what it does most is compiled by then. */
const WARM_UP_MS = 10_000;

export interface LoadRound extends Rates {
  readonly rss: number;
  readonly others: number;
  readonly acknowledged: number;
  readonly refused: number;
  readonly restartMs: number;
  readonly failures: readonly string[];
}

export type LoadProgram = 'stream-load' | 'http-load' | 'grpc-load' | 'failover-load';

type News<Kind extends LoadNews['kind']> = Extract<LoadNews, { readonly kind: Kind }>;

/** The next news of one kind from a load process; rejects when the process ends before. */
export function hear<Kind extends LoadNews['kind']>(
  load: ChildProcess,
  kind: Kind,
): Promise<News<Kind>> {
  return new Promise((resolve, reject) => {
    const listen = (news: unknown): void => {
      if ((news as LoadNews).kind !== kind) return;
      load.off('message', listen).off('exit', end);
      resolve(news as News<Kind>);
    };
    const end = (code: number | null): void =>
      reject(new Error(`the load ended (${code}) before it was ${kind}`));
    load.on('message', listen).once('exit', end);
  });
}

export function startLoad(program: LoadProgram): ChildProcess {
  return fork(compiled(program), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

export async function fsyncsOf(node: NodeProcess): Promise<number> {
  const status = (await (await fetch(`${node.url}/status`)).json()) as {
    readonly log: { readonly totals: { readonly fsyncs: number } };
  };
  return status.log.totals.fsyncs;
}

async function sample(node: NodeProcess): Promise<Counters> {
  const [cpu, syncs] = await Promise.all([cpuSeconds(node.pid), fsyncsOf(node)]);
  return { cpu, syncs, flushes: diskFlushes() };
}

export async function proposeOpening(node: NodeProcess): Promise<void> {
  const response = await fetch(`${node.url}/v1/commands`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(OPENING),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`the load cannot begin: ${text}`);
}

export function nodeOn(directory: string, settings: Settings): NodeProcess {
  return new NodeProcess({
    directory: join(directory, 'data'),
    outputFile: join(directory, 'node.log'),
    program: settings.program,
    execArguments:
      settings.profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', settings.profile],
  });
}

export function underLoad(
  program: LoadProgram,
  { inFlight, command }: Pick<Orders, 'inFlight'> & { readonly command: string },
  settings: Settings,
): Promise<LoadRound> {
  return withDirectory(settings, async (directory) => {
    const node = nodeOn(directory, settings);
    const load = startLoad(program);
    try {
      await hear(load, 'ready');
      await quiet(settings.force);
      await node.start();
      await proposeOpening(node);
      return await measured({ node, load, inFlight, command, directory, settings });
    } finally {
      load.kill('SIGKILL');
      await node.kill();
    }
  });
}

interface Running {
  readonly node: NodeProcess;
  readonly load: ChildProcess;
  readonly inFlight: number;
  readonly command: string;
  readonly directory: string;
  readonly settings: Settings;
}

async function measured(running: Running): Promise<LoadRound> {
  const { node, load, inFlight, command, directory, settings } = running;
  const orders: Orders = {
    urls: [node.url],
    workload: command,
    inFlight,
    rate: null,
    warmUpMs: WARM_UP_MS,
    measuredMs: settings.seconds * 1000,
    from: 0,
    commands: null,
    acknowledgements: join(directory, 'acknowledged'),
  };
  load.send(orders);
  await hear(load, 'measuring');
  const own = [node.pid, load.pid!];
  const [before, others] = [await sample(node), await OthersLoad.start(own)];
  const measurement = await hear(load, 'measured');
  const [after, share, { rss }] = [
    await sample(node),
    await others.share(own),
    await memoryOf(node.pid),
  ];
  const ended = hear(load, 'ended');
  // A profile is only written by a process that may end by itself; otherwise the node dies as it writes.
  await (settings.profile === undefined ? node.kill() : node.terminate());
  const { acknowledged, refused, firstRefusal } = await ended;
  const restartMs = await node.start();
  await node.terminate();
  const failures = await lostOf(orders, join(directory, 'data'));
  if (refused > 0) failures.push(`${refused} commands were refused, the first: ${firstRefusal}`);
  return {
    ...ratesOf(before, after, measurement),
    rss,
    others: share,
    acknowledged,
    refused,
    restartMs,
    failures,
  };
}

/** Looks every acknowledged command up in the log on disk: at its index, that very command. */
export async function lostOf(
  orders: Orders,
  directory: string,
  nodeId?: string,
): Promise<string[]> {
  const bytes = await readFile(orders.acknowledgements);
  const indices = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8);
  const numbers = new Map<number, number>();
  for (const [ref, index] of indices.entries()) if (index > 0) numbers.set(index, ref);
  const commandAt = workload(orders.workload, (number) => indices[number - orders.from] ?? 0);
  const log = await openLog(directory, nodeId);
  for await (const { index, type, data } of entriesOf(log)) {
    const ref = numbers.get(index);
    if (ref === undefined) continue;
    const expected = commandAt(orders.from + ref);
    if (expected.type === type && contains(data, expected.data)) numbers.delete(index);
  }
  await log.close();
  if (numbers.size === 0) return [];
  const [first] = numbers.keys();
  return [`${numbers.size} acknowledged commands are not in the log, the first at index ${first}`];
}

/** What the node recorded has the fields that were sent, and defaults for the rest. */
function contains(
  recorded: Readonly<Record<string, unknown>>,
  sent: Readonly<Record<string, unknown>>,
): boolean {
  return Object.entries(sent).every(
    ([name, value]) => JSON.stringify(recorded[name]) === JSON.stringify(value),
  );
}
