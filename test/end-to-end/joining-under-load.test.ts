/** A node that joins a busy cluster with a long log: what it is given, and that nobody waits for it. */
import { expect, test } from 'vitest';
import { ask, fetched } from './ask.ts';
import { ClusterProcesses } from './cluster-processes.ts';
import { until } from './condition.ts';
import { Ledger } from './ledger.ts';
import { Load } from './load.ts';

/** So many that copying what lies below the snapshot takes several rounds. */
const ENTRIES = 20_000;
const BATCH = 1_000;
/** Generous: an acknowledgement takes some milliseconds, and a copy of everything seconds. */
const PAUSE_MS_MAX = 2_000;

/** Entries that leave little behind: one lock, asked for again and again. */
async function fill(url: string): Promise<void> {
  const data = { name: 'one', owner: 'ann', ttl_seconds: 3_600, lock_delay_seconds: 0 };
  const commands = Array.from({ length: BATCH }, () => ({ type: 'acquire_lock', data }));
  for (let done = 0; done < ENTRIES; done += BATCH)
    await until('a batch is written', async () => {
      const { status } = await ask(`${url}/v1/commands/batch?timeout=60s`, { body: { commands } });
      return status === 200;
    });
}

/** The longest time in which nothing was acknowledged, as long as it is looked at. */
class Pauses {
  readonly #load: Load;
  #seen = 0;
  #since = performance.now();
  longest = 0;

  constructor(load: Load) {
    this.#load = load;
  }

  look(): void {
    const now = performance.now();
    this.longest = Math.max(this.longest, now - this.#since);
    if (this.#load.acknowledged === this.#seen) return;
    this.#seen = this.#load.acknowledged;
    this.#since = now;
  }
}

interface HistoryShown {
  readonly state: string;
  readonly missing: number;
}

test('a new node is given a snapshot under load, then all that lies below it, and nobody waits meanwhile', async () => {
  const cluster = await ClusterProcesses.found('a', 'b');
  const leader = await cluster.leader();
  const { url } = cluster.node(leader);
  await fill(url);
  const taken = await ask(`${url}/v1/raft/snapshot`, { method: 'POST', body: {} });
  const { index } = JSON.parse(taken.text) as { readonly index: number };
  expect(index).toBeGreaterThan(ENTRIES);

  const load = await Load.start(url, { ledger: new Ledger(), http: 2, pipelined: 2 });
  await load.reaches(20);
  const pauses = new Pauses(load);
  const looking = setInterval(() => pauses.look(), 10);
  try {
    await cluster.start('c', { JOIN: cluster.node(leader).url });
    const states = new Map<string, number>();
    await until('c votes and holds the whole log', async () => {
      const raft = await fetched(`${cluster.node('c').url}/raft/status`);
      const { state, missing } = raft['history'] as HistoryShown;
      if (!states.has(state)) states.set(state, missing);
      const isVoter = (await cluster.members('c')).voters.includes('c');
      return isVoter && state === 'whole' && states.has('copying');
    });
    // Entries alone leave nothing to be copied: it began with the snapshot, and lacked what is below it.
    expect(states.get('copying')).toBeGreaterThan(0);
    expect(states.get('copying')).toBeLessThanOrEqual(index);
  } finally {
    clearInterval(looking);
    await load.stop();
  }
  expect(pauses.longest).toBeLessThan(PAUSE_MS_MAX);
  await cluster.agreed();
  const log = await fetched(`${cluster.node('c').url}/v1/log?limit=1`);
  expect(log['items']).toMatchObject([{ index: 1 }]);
});
