/**
 * Starts and stops a whole node in this one process, again and again, and prints as JSON what is left of it.
 * Run by `clean-exit.test.ts` with `--expose-gc`.
 */
import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { loadConfig } from '../../src/config.ts';
import { Node } from '../../src/node.ts';
import { ask } from './ask.ts';
import { Ledger } from './ledger.ts';
import { Load } from './load.ts';

const [directory = '', rounds = '20'] = process.argv.slice(2);
/** Nothing that goes by itself takes so long. */
const REST_MS_MAX = 30_000;
/** The first rounds fill caches: compiled code, shapes, pools. */
const WARM_UP = 5;

export interface Remains {
  readonly heapBytes: readonly number[];
  readonly resourcesBefore: readonly string[];
  readonly resourcesAfter: readonly string[];
  /** Descriptors of files in the data directory that are still open. */
  readonly openFiles: readonly string[];
}

const loaded = loadConfig({
  env: { QUORATE_DATA_DIR: directory, QUORATE_P2P_PORT: '0', QUORATE_NODE_ID: 'node-1' },
  flags: {},
});
assert(loaded.kind === 'ok');
const { config } = loaded;

const heapBytes: number[] = [];
let resourcesBefore: readonly string[] = [];
for (let round = 0; round < WARM_UP + Number(rounds); round += 1) {
  if (round === WARM_UP) resourcesBefore = await resourcesAtRest();
  await live();
  if (round >= WARM_UP) heapBytes.push(heapAtRest());
}
const remains: Remains = {
  heapBytes,
  resourcesBefore,
  resourcesAfter: await resourcesAtRest(),
  openFiles: openFilesBelow(directory),
};
console.log(JSON.stringify(remains));
// Whatever was left behind would keep this process alive: it is told, not waited for.
process.exit();

/** One life, with a little of everything: commands, a stream, a long poll that is cut off. */
async function live(): Promise<void> {
  const node = await Node.start(config, pino({ level: 'silent' }));
  const load = await Load.start(node.url, { ledger: new Ledger(), http: 2, pipelined: 4 });
  await load.reaches(30);
  await load.stop();
  const head = node.main.machine.position.index;
  const parked = ask(`${node.url}/v1/log?after=${head}&wait=30`).catch(() => undefined);
  await ask(`${node.url}/status`);
  await node.stop();
  assert.deepEqual(await node.ended, { kind: 'clean' });
  await parked;
}

function heapAtRest(): number {
  assert(globalThis.gc !== undefined, 'run with --expose-gc');
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}

/** Sockets that were closed take a moment to be gone; what is still there then was left behind. */
async function resourcesAtRest(): Promise<readonly string[]> {
  const end = performance.now() + REST_MS_MAX;
  let resources = process.getActiveResourcesInfo();
  while (performance.now() < end && resources.some((name) => !isOwn(name))) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    resources = process.getActiveResourcesInfo();
  }
  return resources.filter((name) => !isOwn(name)).toSorted();
}

/** What this script itself keeps: its output, and the turn it waits for. */
function isOwn(name: string): boolean {
  return ['PipeWrap', 'TTYWrap', 'Immediate'].includes(name);
}

function openFilesBelow(path: string): readonly string[] {
  return readdirSync('/proc/self/fd')
    .map((descriptor) => targetOf(join('/proc/self/fd', descriptor)))
    .filter((target) => target.startsWith(path));
}

/** The descriptor that lists the descriptors is gone when its own turn comes. */
function targetOf(descriptor: string): string {
  try {
    return readlinkSync(descriptor);
  } catch {
    return '';
  }
}
