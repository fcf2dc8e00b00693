/**
 * One node of three runs a build with another rule: it decides one entry differently than the others. That is
 * noticed and named by its index, the process ends, and with the sound build the node begins a new store
 * and comes to hold what the others hold.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DAMAGE_FILE, damageIn } from '../../src/log/set-aside.ts';
import { ask, fetched } from './ask.ts';
import { ClusterProcesses } from './cluster-processes.ts';
import { until } from './condition.ts';
import { expectOneClearLine } from './one-clear-line.ts';
import { buildWithout, type Removal } from './other-build.ts';

const INTERNAL = 70;
/** How soon a difference is named. */
const NAMED_MS = 5_000;

/** Of all items this one alone is scheduled where it should be pending. */
const ODD = 'odd';
const OTHER_RULE: Removal = {
  file: join('projections', 'work-queue', 'adding.js'),
  text: 'const status = waitingStatus({ ...item, waiting_on }, ruling);',
  instead:
    `const status = item.work_id === '${ODD}' ? 'scheduled' : ` +
    'waitingStatus({ ...item, waiting_on }, ruling);',
};

interface Line {
  readonly time: number;
  readonly loop?: string;
  readonly err?: { readonly message: string };
}

/** The lines in which a node names an entry that was decided differently on it. */
function named(output: string): readonly { readonly time: number; readonly index: number }[] {
  const whole = output.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'));
  return whole
    .map((line) => JSON.parse(line) as Line)
    .flatMap(({ time, err }) => {
      const index = /^entry (\d+) was decided differently here$/.exec(err?.message ?? '')?.[1];
      return index === undefined ? [] : [{ time, index: Number(index) }];
    });
}

/** A cluster of which one node, by then, runs the build with the other rule. */
async function clusterWithOther(who: 'leader' | 'follower'): Promise<{
  readonly cluster: ClusterProcesses;
  readonly victim: string;
  readonly others: readonly string[];
}> {
  const project = await buildWithout(OTHER_RULE);
  const cluster = await ClusterProcesses.found('a', 'b', 'c');
  const first = await cluster.leader();
  const victim = cluster.ids.find((id) => id !== first)!;
  await cluster.node(victim).stop();
  await cluster.start(victim, undefined, { project });
  await cluster.isReady(victim);
  if (who === 'leader') await cluster.change(first, '/v1/raft/transfer', { to: victim });
  await until(`the ${who} is ${victim}`, async () => {
    const leader = await cluster.leader();
    return (leader === victim) === (who === 'leader');
  });
  return { cluster, victim, others: cluster.ids.filter((id) => id !== victim) };
}

/** Adds the item that is decided differently. @returns its index */
async function addOdd(cluster: ClusterProcesses, at: string): Promise<number> {
  const { status, text } = await ask(`${cluster.node(at).url}/v1/work`, {
    body: { work_id: ODD },
  });
  expect(status, text).toBe(200);
  return (JSON.parse(text) as { readonly index: number }).index;
}

/** The process ends, its mark says by which entry, and the sound build begins anew. */
async function expectReinstalled(
  cluster: ClusterProcesses,
  victim: string,
  index: number,
): Promise<void> {
  const node = cluster.node(victim);
  expect((await node.ended()).code).toBe(INTERNAL);
  const words = new RegExp(`this node decides entry ${index} differently from a majority`);
  expectOneClearLine(node.output, words);
  expect(await damageIn(cluster.directory(victim))).toMatchObject({
    reason: expect.stringMatching(words),
    certain: true,
  });
  const { stores } = await cluster.members(await cluster.leader());
  await cluster.start(victim);
  expect(cluster.node(victim).output).toMatch(/"msg":"store_set_aside"/);
  await until(`the new store of ${victim} votes`, async () => {
    const { stores: now } = await cluster.members(await cluster.leader());
    return now[victim] !== undefined && now[victim] !== stores[victim];
  });
  await cluster.write(victim);
  await cluster.agreed();
  const { set_aside } = await fetched(`${cluster.node(victim).url}/status`);
  const [aside, ...more] = set_aside as readonly { readonly directory: string }[];
  expect(more).toEqual([]);
  expect(await readFile(join(aside!.directory, DAMAGE_FILE), 'utf8')).toMatch(words);
}

test('I3: a follower that decides otherwise names the entry, ends, and comes back with another store', async () => {
  const { cluster, victim, others } = await clusterWithOther('follower');
  await cluster.write(others[0]!);
  const index = await addOdd(cluster, others[0]!);
  const answered = Date.now();
  // What follows differs, too, in the digest: it is the first that is named.
  for (let more = 0; more < 5; more += 1) await cluster.write(others[1]!);
  await cluster.node(victim).ended();
  const [first] = named(cluster.node(victim).output);
  expect(first?.index).toBe(index);
  expect(first!.time - answered).toBeLessThan(NAMED_MS);
  await expectReinstalled(cluster, victim, index);
  for (const id of others) expect(named(cluster.node(id).output), id).toEqual([]);
});

test('I3: of two nodes that differ nobody ends before a third can tell which; then a leader that is wrong does', async () => {
  const { cluster, victim, others } = await clusterWithOther('leader');
  const [beside = '', absent = ''] = others;
  await cluster.node(absent).stop();
  const index = await addOdd(cluster, victim);
  for (const [id, other] of [
    [victim, beside],
    [beside, victim],
  ] as const) {
    const shown = await until(`${id} shows it`, async () => {
      const { divergences } = await fetched(`${cluster.node(id).url}/status`);
      const { last } = divergences as { readonly last: object | null };
      return last !== null && last;
    });
    expect(shown, id).toMatchObject({ index, verdict: 'unknown', other });
    expect(cluster.node(id).isRunning, id).toBe(true);
  }
  await cluster.start(absent);
  await expectReinstalled(cluster, victim, index);
});
