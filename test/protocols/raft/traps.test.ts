/**
 * Defects of the first version's Raft, and traps of both first systems, that show in whole nodes. Where each
 * is held, by the words its tests begin with:
 *
 * ```
 *  first version 1, 2, 4   core/traps.test.ts
 *  first version 3         core/traps.test.ts: the pre-vote, and the entry that begins a term
 *  first version 5         core/traps.test.ts
 *  first version 6         core/traps.test.ts, test/config.test.ts (who is told of others counts itself)
 *  first version 7         here (from its own disk), raft-engine.test.ts (from another node)
 *  first version 8, 9, 10  here; drawn commands: test/projections/same-prefix.test.ts
 *  first version 11        core/traps.test.ts (what waits), here (bad bytes), ../transport/links.test.ts (slow peers)
 *  first version 12        here
 *  trap 1                  raft-engine.test.ts, ../engine-contract.ts
 *  trap 3                  core/traps.test.ts; the disk under it: test/conformance, `npm run drill`
 *  trap 4                  core/traps.test.ts, here, raft-engine.test.ts
 *  trap 23                 test/end-to-end/idle.test.ts
 *  trap 24                 ../coordinator/groups.test.ts
 * ```
 */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeEntry, encodeCommand, packr } from '../../../src/log/command.ts';
import { ENVELOPE_BYTES, FRAME_HEADER_BYTES } from '../../../src/log/frame.ts';
import type { Clock } from '../../../src/log/time.ts';
import { Machine } from '../../../src/projections/machine.ts';
import { realClock } from '../../../src/real-clock.ts';
import { until } from '../../end-to-end/condition.ts';
import { framesOf, MAIN } from '../../log/fixtures.ts';
import { knowledgeOf } from '../../projections/chronicle.ts';
import { anyIntent, type Intent, proposed } from '../../projections/command-table.ts';
import { add, addMany, asked, PROJECTIONS, sumOf } from '../coordinator/hosted-group.ts';
import { type Life, LocalCluster, type Member } from './local-cluster.ts';

/** Longer than any change of leaders on a machine that is busy with other things. */
const PATIENCE = 120_000;
const DAY = 86_400_000;

test('trap 4: a leader that is cut off cannot make itself the whole cluster', async () => {
  const cluster = await LocalCluster.founded(3);
  const leader = cluster.leader!;
  cluster.networks.isolate(leader.id);
  const change = leader.engine.change({ voters: [leader.id], learners: [] });
  cluster.members.delete(leader.id);
  const next = await cluster.untilLed();
  await asked(next.group, add('meanwhile'), PATIENCE);
  expect(leader.group.status().commit_index).toBeLessThan(next.group.status().commit_index);
  cluster.networks.mend(leader.id);
  await until('it follows', () => leader.group.status().leader_id === next.id);
  expect(await change).toMatchObject({ kind: 'refused' });
  await cluster.untilEqual([leader, next]);
  expect([...leader.group.status().voters].sort()).toEqual(['n1', 'n2', 'n3']);
  expect(sumOf(leader.group, 'meanwhile')).toBe(1);
});

test('first version 7: log, snapshot and members are wired: three nodes that were stopped have all of it from their own disks', async () => {
  const retention = { kind: 'entries', entries: 10 } as const;
  const life: Life = { group: { retention } };
  const cluster = await LocalCluster.founded(3, { n1: life, n2: life, n3: life });
  const before = [...cluster.members.values()];
  for (let round = 0; round < 3; round++)
    await addMany((await cluster.untilLed()).group, 300, PATIENCE);
  for (const { group, log } of before) {
    await group.snapshots.take();
    await until('the log was trimmed', () => log.bounds(group.id).first > 300);
  }
  await addMany((await cluster.untilLed()).group, 20, PATIENCE);
  await cluster.untilEqual();
  for (const { stop } of before) await stop();
  cluster.members.clear();
  for (const { id, directory } of before) await cluster.start(id, { ...life, directory });
  const after = before.map(({ id }) => cluster.at(id));
  await cluster.untilLed();
  await cluster.untilEqual();
  for (const { group, log } of after) {
    expect(log.bounds(group.id).first).toBeGreaterThan(300);
    expect([sumOf(group, 'name 7'), sumOf(group, 'name 77')]).toEqual([4, 3]);
    expect([...group.status().voters].sort()).toEqual(['n1', 'n2', 'n3']);
  }
});

test('first version 8: whatever is asked of any node goes through the log, which alone gives what each of them holds', async () => {
  const cluster = await LocalCluster.founded(3);
  expect(await askedOfAll(cluster, drawn(150))).toBeGreaterThan(50);
  await cluster.untilEqual();
  await expectSameAsLog(cluster);
});

test('first version 9: all replicas hold the same one for the leader, and none of them itself', async () => {
  const cluster = await LocalCluster.founded(3);
  const { id } = await cluster.untilLed();
  await until('all follow it', () => followAll(cluster, id));
  const first = cluster.leader!;
  const [follower] = cluster.followers;
  await follower!.engine.transfer(follower!.id);
  await until('all follow the other', () => followAll(cluster, follower!.id));
  expect([first.group.isLeader, follower!.group.isLeader]).toEqual([false, true]);
  expect(await askedOfAll(cluster, drawn(60))).toBeGreaterThan(15);
  await cluster.untilEqual();
  await expectSameAsLog(cluster);
});

test('first version 10: replicas whose clocks are a day apart decide every lease alike', async () => {
  const cluster = await LocalCluster.founded(3, {
    n2: { clock: setBy(DAY) },
    n3: { clock: setBy(-DAY) },
  });
  const leases = drawn(300).filter(({ type }) => LEASES.has(type));
  expect(await askedOfAll(cluster, leases)).toBeGreaterThan(50);
  await cluster.untilEqual();
  await expectSameAsLog(cluster);
});

test('first version 11: bytes that mean nothing are told to the operator, and end neither a link nor the group', async () => {
  const cluster = await LocalCluster.founded(3);
  const [one, other] = cluster.followers;
  const noise = new Uint8Array([0xc1, 0xff, 0x00, 0x93]);
  for (const to of [cluster.leader!.id, other!.id]) one!.exchange.network.send(to, noise);
  await until('it was told', () =>
    [cluster.leader!, other!].every(({ loopErrors }) => loopErrors.length > 0),
  );
  await expect(one!.exchange.network.ask(other!.id, noise, PATIENCE)).resolves.toBeDefined();
  await addMany((await cluster.untilLed()).group, 20, PATIENCE);
  await cluster.untilEqual();
  for (const { faults } of cluster.members.values()) expect(faults).toEqual([]);
});

test('first version 12: what is written is standard MessagePack without extensions, that any language reads', () => {
  const command = { type: 'add', data: { name: 'é', by: 7, of: [1, null, true] }, actor: 'ann' };
  const body = encodeCommand(command).subarray(FRAME_HEADER_BYTES + ENVELOPE_BYTES);
  expect(extensionsIn(body)).toBe(0);
  expect(packr.unpack(body)).toMatchObject(command);
});

/** What grants something for a while, or looks whether it is over. */
const LEASES = new Set([
  'acquire_lock',
  'renew_lock',
  'expire_lock',
  'add_work',
  'claim_work',
  'start_work',
  'extend_work',
  'expire_work',
]);

/** Commands of every type that this build goes on after, the same every time. */
function drawn(count: number): readonly Intent[] {
  const kept = anyIntent.filter(({ type }) => type !== 'raise_rules_version');
  return fc.sample(kept, { seed: 8, numRuns: count });
}

/** Each of another node than the one before, aimed at what that one holds. @returns how many did something */
async function askedOfAll(cluster: LocalCluster, intents: readonly Intent[]): Promise<number> {
  let applied = 0;
  const places = [...cluster.members.values()];
  for (const [place, intent] of intents.entries()) {
    const { group } = places[place % places.length]!;
    const data = proposed(group.machine, intent);
    const answer = await group.propose({ type: intent.type, data }, 'data', PATIENCE);
    if (answer.kind === 'answered' && answer.outcome.kind === 'applied') applied += 1;
  }
  return applied;
}

function followAll(cluster: LocalCluster, leader: string): boolean {
  return [...cluster.members.values()].every(({ group }) => group.status().leader_id === leader);
}

/** A machine that was told the log and nothing else, now and not then, knows what every replica knows. */
async function expectSameAsLog(cluster: LocalCluster): Promise<void> {
  const [first, ...others] = [...cluster.members.values()];
  const machine = await replayed(first!);
  const known = knowledgeOf(machine);
  for (const { group } of [first!, ...others]) {
    expect(knowledgeOf(group.machine)).toEqual(known);
    // Who had decided otherwise would have decided again by now, and be right.
    expect(group.comparing.divergences.last).toBeNull();
  }
}

async function replayed({ log, group }: Member): Promise<Machine> {
  const machine = new Machine({ projections: PROJECTIONS });
  const { index } = group.machine.position;
  for (const frame of await framesOf(log, MAIN, 1, { to: index }))
    machine.apply(decodeEntry(frame));
  return machine;
}

/** A clock that goes as it should, and was set wrong. */
function setBy(ahead: number): Clock {
  return { ...realClock, now: () => realClock.now() + ahead };
}

/** First bytes of MessagePack's extensions: what only the language that wrote them understands. */
function extensionsIn(body: Uint8Array): number {
  return body.filter((byte) => (byte >= 0xc7 && byte <= 0xc9) || (byte >= 0xd4 && byte <= 0xd8))
    .length;
}
