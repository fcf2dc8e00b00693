import { describe, expect, test } from 'vitest';
import { isIn } from '../../../src/log/members.ts';
import { breathe } from '../../../src/real-clock.ts';
import { LOCKS } from '../../../src/projections/locks/lock-table.ts';
import { until } from '../../end-to-end/condition.ts';
import { type Hosting, hosting, LocalGroups } from './local-groups.ts';

const JOB = 'job/42';

function lock(name: string, ttl_seconds = 3_600): Parameters<LocalGroups['propose']>[2] {
  const data = { name, owner: 'ann', ttl_seconds, lock_delay_seconds: 0 };
  return { type: 'acquire_lock', data, actor: 'ann' };
}

function restsOne({ groups }: Hosting): boolean {
  const { awake, asleep } = groups.status();
  return awake === 1 && asleep === 1;
}

/** Which nodes know a lock in a group, woken or not. */
function knowing(groups: LocalGroups, name: string): number {
  return groups.nodes.filter(({ groups: host }) =>
    host.awake().some((group) => group.machine.tables.of(LOCKS).has(name)),
  ).length;
}

describe('a group of a cluster', () => {
  test('is created in main, led by one of the nodes, and applied by all', async () => {
    const groups = await LocalGroups.founded(3);
    const incarnation = await groups.create(JOB);
    await groups.untilLed(JOB);
    const [first] = groups.nodes;
    expect((await groups.propose(first!, JOB, lock('door'))).kind).toBe('answered');
    await until('all nodes have the lock', () => knowing(groups, 'door') === 3);
    expect(groups.rowAt(first!, JOB)).toMatchObject({
      incarnation,
      state: 'founded',
      voters: ['n1', 'n2', 'n3'],
    });
    expect(groups.nodes.flatMap(({ errors }) => errors)).toEqual([]);
  });

  test('rests when it is quiet: no timer is left of it, and a request wakes it at any node', async () => {
    const groups = await LocalGroups.founded(3);
    await groups.create(JOB);
    const [first, second] = groups.nodes;
    await groups.propose(first!, JOB, lock('door'));
    await groups.untilAsleep();
    // The round is the only one.
    for (const { clock } of groups.nodes)
      await until('the last timer is the round', () => clock.waiting <= 1);
    const answer = await groups.propose(second!, JOB, lock('gate'));
    expect(answer).toMatchObject({ kind: 'answered', outcome: { kind: 'applied' } });
    await until('all nodes have both locks', () => knowing(groups, 'gate') === 3);
    expect(knowing(groups, 'door')).toBe(3);
  });

  test('waits in memory for what is due soon, and is woken for what is due later', async () => {
    const groups = await LocalGroups.founded(3);
    await groups.create(JOB);
    await groups.create('job/later');
    const [first] = groups.nodes;
    await groups.propose(first!, JOB, lock('door', 59));
    await groups.propose(first!, 'job/later', lock('door', 3_600));
    await until('the other rests', () => groups.nodes.every(restsOne));
    for (const node of groups.nodes) {
      expect(node.groups.awake().map(({ id }) => id.id)).toEqual([JOB]);
      expect(node.clock.waiting).toBeGreaterThan(1);
    }
    // As if an hour went by for the one that keeps time for all who rest.
    const hour = first!.member.group.now() + 3_600_000;
    first!.groups.wakeDue(hour);
    await until('it is awake', () => first!.groups.status().awake === 2);
  });

  test('I7: whose leader died while it rested is led again by another', async () => {
    const groups = await LocalGroups.founded(3);
    await groups.create(JOB);
    const leader = await groups.untilLed(JOB);
    await groups.untilAsleep();
    groups.cluster.networks.isolate(leader.id);
    const others = groups.nodes.filter((node) => node !== leader);
    const next = await groups.untilLed(JOB, others);
    expect(next.id).not.toBe(leader.id);
    const answer = await groups.propose(next, JOB, lock('door'));
    expect(answer).toMatchObject({ outcome: { kind: 'applied' } });
  });

  test('that a stream listens to stays awake', async () => {
    const groups = await LocalGroups.founded(1);
    await groups.create(JOB);
    await groups.create('job/other');
    const [node] = groups.nodes;
    const group = await until('the group is there', () => node!.groups.group(JOB));
    const leave = group.onApplied(() => undefined);
    await until('the other rests', () => node!.groups.status().asleep === 1);
    expect(node!.groups.awake()).toEqual([group]);
    leave();
    await groups.untilAsleep();
  });
});

test('a node that starts again has its groups again, with what they held', async () => {
  const groups = await LocalGroups.founded(1);
  await groups.create(JOB);
  const [before] = groups.nodes;
  await groups.propose(before!, JOB, lock('door'));
  await before!.groups.stop();
  await before!.member.stop();
  const { directory } = before!.member;
  const after = hosting(await groups.cluster.start(before!.id, { directory }));
  const group = await until('it is there again', () => after.groups.group(JOB));
  await until('it has what it held', () => group.machine.tables.of(LOCKS).has('door'));
  expect(after.errors).toEqual([]);
});

test('I7: a node that lost its disk comes back into every group it belongs to, also those that rest', async () => {
  const groups = await LocalGroups.founded(3);
  const names = [JOB, 'job/43', 'job/44'];
  for (const name of names) await groups.create(name);
  const [first] = groups.nodes;
  for (const name of names) await groups.propose(first!, name, lock('door'));
  await groups.untilAsleep();
  const lost = groups.nodes.find(({ member }) => !member.group.isLeader)!;
  const others = groups.nodes.filter((node) => node !== lost);
  await lost.groups.stop();
  await lost.member.stop();

  const back = hosting(await groups.cluster.start(lost.id));
  await until('it has all of them again', () => back.groups.rows().length === names.length);
  const all = [...others, back];
  await until('all know that it votes', () => knowVoter(all, back, names));
  // It counts: with one of the others gone, the two that are left are a majority.
  groups.cluster.networks.isolate(others.find(({ member }) => !member.group.isLeader)!.id);
  for (const name of names) {
    const answer = await groups.propose(back, name, lock('gate'));
    expect(answer).toMatchObject({ outcome: { kind: 'applied' } });
    expect(await held(back, name)).toEqual(['door', 'gate']);
  }
  expect(back.groups.status().returning).toBe(0);
  expect(back.errors).toEqual([]);
});

/**
 * Whether all of these nodes know that one has a vote in each of these groups, woken for it, and that the change
 * which gave it one is over: until then, a majority of those who voted before is needed too.
 */
async function knowVoter(
  nodes: readonly Hosting[],
  { member }: Hosting,
  names: readonly string[],
): Promise<boolean> {
  const voter = { id: member.id, store: member.log.identity.storeId };
  const asked = nodes.flatMap(({ groups }) => names.map((name) => groups.group(name)));
  const known = (await Promise.all(asked)).map((group) => group?.members());
  return known.every((members) => members?.outgoing.length === 0 && isIn(members.voters, voter));
}

async function held({ groups }: Hosting, name: string): Promise<readonly string[]> {
  const group = await groups.group(name);
  return [...group!.machine.tables.of(LOCKS).select('by_name', [])].map((row) => row.name);
}

describe('the end of a group', () => {
  test('trap 24: after its seal is recorded in main nothing is left of it, on no node', async () => {
    const groups = await LocalGroups.founded(3);
    await groups.create(JOB);
    const [first] = groups.nodes;
    await groups.propose(first!, JOB, lock('door'));
    await groups.propose(first!, JOB, { type: 'seal', data: {}, actor: 'ann' });
    for (const node of groups.nodes) {
      await until('the row is over', () => groups.rowAt(node, JOB)?.state === 'sealed');
      await until('its log is gone', () => groups.remainsAt(node).length === 0);
      await until('its timers are gone', () => node.clock.waiting <= 1);
      // Its keys go first: what is left of it in memory only then.
      await until('it is hosted no more', () => node.groups.status().hosted === 0);
      expect(node.groups.status()).toEqual({
        hosted: 0,
        awake: 0,
        asleep: 0,
        waking: 0,
        returning: 0,
      });
      expect(node.member.exchange.participant({ id: JOB, incarnation: 2 })).toBeUndefined();
      expect(await node.groups.group(JOB)).toBeUndefined();
    }
    const roots = groups.nodes.map((node) => groups.rowAt(node, JOB)?.sealed_root);
    expect(new Set(roots).size).toBe(1);
    expect(roots[0]).toMatch(/^[0-9a-f]{64}$/);
  });

  test('trap 24: destroyed at once, awake or asleep, it leaves no timer, no key and nobody to talk to', async () => {
    const groups = await LocalGroups.founded(3);
    await groups.create(JOB);
    await groups.create('job/asleep');
    await groups.untilLed(JOB);
    await groups.untilAsleep();
    const [first] = groups.nodes;
    await groups.propose(first!, JOB, lock('door'));
    await groups.tell('destroy_group', { id: JOB });
    await groups.tell('destroy_job_raft', { job_id: 'asleep' });
    for (const node of groups.nodes) {
      await until('the logs are gone', () => groups.remainsAt(node).length === 0);
      await until('the timers are gone', () => node.clock.waiting <= 1);
    }
  });

  test('created again under its old name it begins empty, and never meets the old keys', async () => {
    const groups = await LocalGroups.founded(3);
    const before = await groups.create(JOB);
    const [first] = groups.nodes;
    await groups.propose(first!, JOB, lock('door'));
    await groups.tell('destroy_group', { id: JOB });
    const after = await groups.create(JOB);
    expect(after).toBeGreaterThan(before);
    await groups.propose(first!, JOB, lock('gate'));
    await until('all nodes have the new lock', () => knowing(groups, 'gate') === 3);
    expect(knowing(groups, 'door')).toBe(0);
    for (const node of groups.nodes)
      await until('only the new log is there', () => {
        const remains = groups.remainsAt(node);
        return remains.length === 1 && remains[0]?.incarnation === after;
      });
  });

  test('a node that was away when it ended finds out, and removes what it had', async () => {
    const groups = await LocalGroups.founded(3);
    await groups.create(JOB);
    await groups.untilLed(JOB);
    await groups.untilAsleep();
    const away = groups.nodes.find(({ member }) => !member.group.isLeader)!;
    groups.cluster.networks.isolate(away.id);
    await groups.tell('destroy_group', { id: JOB });
    expect(groups.remainsAt(away)).toHaveLength(1);
    groups.cluster.networks.mend(away.id);
    await until('its log is gone there too', () => groups.remainsAt(away).length === 0);
  });
});

test('two hundred groups that rest cost no timer, and each of them wakes', async () => {
  const groups = await LocalGroups.founded(3);
  const ids = Array.from({ length: 200 }, (_, place) => `job/${place}`);
  await Promise.all(ids.map((id) => groups.create(id)));
  await until('all of them rest', () =>
    groups.nodes.every(({ groups: host }) => host.status().asleep === 200),
  );
  for (const { clock } of groups.nodes)
    await until('the only timer is the round', () => clock.waiting <= 1);
  const [first] = groups.nodes;
  await groups.propose(first!, 'job/137', lock('door'));
  expect(first!.groups.status().asleep).toBeGreaterThan(150);
});

test('two hundred groups that are awake share one timer, which their node has anyway', async () => {
  const groups = await LocalGroups.founded(3, { rest: 600_000 });
  const ids = Array.from({ length: 200 }, (_, place) => `job/${place}`);
  await Promise.all(ids.map((id) => groups.create(id)));
  await until('all of them are awake and led', () =>
    groups.nodes.every(({ groups: host }) => {
      const led = host.awake().filter((group) => group.status().leader_id !== undefined);
      return led.length === ids.length;
    }),
  );
  for (const { clock, member } of groups.nodes) {
    expect(clock.waiting).toBeGreaterThan(ids.length);
    expect(member.timers.most).toBe(1);
  }
  const [first] = groups.nodes;
  const answer = await groups.propose(first!, 'job/137', lock('door'));
  expect(answer).toMatchObject({ outcome: { kind: 'applied' } });
});

test('a busy group does not starve main: every command of main is taken while it floods the log', async () => {
  const groups = await LocalGroups.founded(3);
  await groups.create(JOB);
  const busy = await groups.untilLed(JOB);
  const group = await until('the group is there', () => busy.groups.group(JOB));
  const over = new AbortController();
  const codes = new Set<string>();
  let flooded = 0;
  const flood = async (lane: number): Promise<void> => {
    while (!over.signal.aborted) {
      const answers = Array.from({ length: 200 }, (_, place) =>
        group.propose(lock(`lock-${lane}-${place}`), 'dispatch'),
      );
      for (const answer of await Promise.all(answers)) {
        codes.add(answer.kind === 'refused' ? answer.code : answer.kind);
        if (answer.kind === 'answered') flooded += 1;
      }
      await breathe();
    }
  };
  const lanes = Array.from({ length: 20 }, (_, lane) => flood(lane));
  /** What came before each command of main. */
  const before: number[] = [];
  for (let place = 0; place < 8; place++) {
    const began = flooded;
    const answer = await busy.member.group.propose(lock(`door-${place}`), 'dispatch', 120_000);
    before.push(flooded - began);
    expect(answer).toMatchObject({ kind: 'answered', outcome: { kind: 'applied' } });
  }
  await until('the flood met its bound', () => codes.has('backpressure'));
  over.abort();
  await Promise.all(lanes);
  // What waits in front of main is some batches of the busy group, not all it would like to write.
  console.log(`before each command of main: ${before.join(', ')} of the busy group`);
  expect(Math.max(...before)).toBeLessThan(10_000);
  expect([...codes]).toEqual(expect.arrayContaining(['answered', 'backpressure']));
});
