/**
 * What clients of a real node see, through kills and freezes, is what one object at a time would have shown
 * them: I4, I5 and linearizability, judged by a checker that knows nothing of the code.
 */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nodeFaults, NODE_FAULTS, type Operated } from '../faults/node-faults.ts';
import { planOf, unleash } from '../faults/nemesis.ts';
import { Clients, entryOf } from '../linearizability/clients.ts';
import { readHistory, Recorder } from '../linearizability/history.ts';
import { findInversion } from '../linearizability/log-order.ts';
import { modelOf } from '../linearizability/models/models.ts';
import { tellVerdict } from '../linearizability/picture.ts';
import { check } from '../linearizability/verdict.ts';
import { until } from './condition.ts';
import { temporaryFolder } from './folder.ts';
import { NodeProcess } from './node-process.ts';
import { buildWithout, type Removal } from './other-build.ts';

const MILLISECONDS = 30_000;
const LEASE_MS = 4_000;
const ANSWERS = 2_000;

/** One node whose process comes and goes. */
class RestartedNode implements Operated {
  readonly #directory: string;
  #node: NodeProcess | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** None while it is away. */
  get urls(): readonly string[] {
    return this.#node?.isRunning === true ? [this.#node.url] : [];
  }

  async start(): Promise<void> {
    if (this.#node?.isRunning === true) return;
    this.#node = await NodeProcess.start({ directory: this.#directory });
  }

  async kill(): Promise<void> {
    await this.#node?.kill();
    this.#node = undefined;
  }

  async freeze(): Promise<void> {
    await this.#node?.freeze();
  }

  thaw(): void {
    this.#node?.thaw();
  }
}

test('I4, I5: what twenty clients see of a node that is killed and frozen is linearizable, and in the order of its log', async () => {
  const folder = await temporaryFolder();
  const node = new RestartedNode(join(folder, 'data'));
  await node.start();
  const recorder = await Recorder.open(join(folder, 'history.ndjson'));
  const clients = Clients.start({
    seed: 1,
    clients: 20,
    objects: 60,
    leaseMs: LEASE_MS,
    recorder,
    urls: () => node.urls,
  });
  const plan = planOf({
    seed: 1,
    milliseconds: MILLISECONDS,
    nodes: ['node-1'],
    kinds: NODE_FAULTS,
    gapMs: [1_500, 4_000],
    lastsMs: [200, 2_500],
    troubledMax: 1,
  });
  const reports = await unleash(plan, { faults: nodeFaults(() => node) });
  await until(`${ANSWERS} answers`, () => clients.tally.answered >= ANSWERS, 300_000);
  await clients.stop();
  await recorder.close();
  await node.kill();

  const operations = await readHistory(join(folder, 'history.ndjson'));
  const verdict = check(operations, modelOf);
  expect(verdict.kind, tellVerdict(verdict)).toBe('linearizable');
  expect(findInversion(operations, entryOf)).toBeUndefined();
  // It was a real run.
  expect(reports.filter(({ failure }) => failure !== undefined)).toEqual([]);
  expect(reports.length).toBeGreaterThan(5);
  const { answered, open, nothing } = clients.tally;
  const turnedAway = [...nothing].map(([code, count]) => `${code} ${count}`).join(', ');
  console.log(`${reports.length} faults, ${answered} answers, ${open} open; ${turnedAway}`);
  console.log(tellVerdict(verdict));
});

/** A node that gives a lock to whoever asks. */
const HOLDER: Removal = {
  file: join('projections', 'locks', 'locks.js'),
  text: 'if (holder === owner)',
  instead: 'if (holder !== undefined)',
};

test('I5: a real node that grants a lock twice is found out by its clients alone', async () => {
  const folder = await temporaryFolder();
  const project = await buildWithout(HOLDER);
  const node = await NodeProcess.start({ directory: join(folder, 'data'), project });
  const recorder = await Recorder.open(join(folder, 'history.ndjson'));
  const clients = Clients.start({
    seed: 2,
    clients: 8,
    objects: 9,
    leaseMs: 60_000,
    recorder,
    urls: () => [node.url],
  });
  await until('many answers', () => clients.tally.answered >= 500);
  await clients.stop();
  await recorder.close();
  const verdict = check(await readHistory(join(folder, 'history.ndjson')), modelOf);
  expect(verdict.kind).toBe('violation');
  expect(tellVerdict(verdict)).toMatch(/^lock\/.*no order of these operations explains/);
  console.log(tellVerdict(verdict));
});
