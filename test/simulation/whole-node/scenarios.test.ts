/** Stories of whole nodes that went wrong once, told step by step in virtual time, without chance. */
import { expect, test } from 'vitest';
import type { Command } from '../../../src/log/command.ts';
import type { Reply } from '../../linearizability/questions.ts';
import { GROUPS } from '../../../src/projections/groups/group-table.ts';
import { placeOf } from '../../../src/log/frame.ts';
import { MAIN, type Seams, type SimulatedNode } from './node.ts';
import { drawPlan } from './plan.ts';
import { deciding } from './planted.ts';
import { World } from './world.ts';

/** Three nodes, nobody who asks, nothing that goes wrong by itself. */
function quietWorld(spares = 0, seams: Seams = {}): World {
  const plan = drawPlan(1, { voters: 3, faults: [], milliseconds: 60_000 });
  return new World({ ...plan, clients: 0, spares }, seams, false);
}

async function until(world: World, what: string, look: () => boolean): Promise<void> {
  await world.runUntil(world.loop.now + 20_000, look);
  expect(world.laws.violations).toEqual([]);
  if (!look()) throw new Error(`waited in vain: ${what}`);
}

async function after<Value>(world: World, promise: Promise<Value>): Promise<Value> {
  let isDone = false;
  const done = promise.finally(() => {
    isDone = true;
  });
  await until(world, 'it is settled', () => isDone);
  return done;
}

async function led(world: World): Promise<SimulatedNode> {
  await until(world, 'somebody leads, and all have applied it', () => {
    const last = world.chronicles.of(MAIN).last;
    const positions = world.nodes.map(({ serving }) => serving?.main.machine.position.index);
    const isEqual = positions.every((index) => index === undefined || index === last);
    return world.leader?.serving?.main.status().leader_id !== undefined && last > 0 && isEqual;
  });
  return world.leader!;
}

function told(
  world: World,
  node: SimulatedNode,
  type: string,
  data: Command['data'],
  more: Partial<Command> = {},
): Promise<Reply | undefined> {
  return after(world, world.clients.command(node, { type, data, actor: 'somebody', ...more }));
}

test('I4: a node that begins again and is behind does not call an open session unknown', async () => {
  const world = quietWorld();
  const leader = await led(world);
  const opened = await told(world, leader, 'open_session', {});
  const session = Number(opened?.members.index);
  const follower = world.nodes.find((node) => node !== leader)!;
  follower.kill();
  follower.start();
  await until(world, 'it is open', () => follower.running !== undefined);
  expect(follower.running!.main.machine.position.index).toBe(0);
  const codes: unknown[] = [];
  for (let reply: Reply | undefined; reply?.status !== 200;) {
    const once = { session, seq: 1 };
    reply = await told(world, follower, 'add_work', { work_id: 'one' }, { once });
    codes.push(reply?.members.code);
  }
  expect(codes).not.toContain('idempotency-expired');
});

test('log time goes on from the last stamp in the log, whoever leads next and however wrong its clock is', async () => {
  const world = quietWorld();
  const ahead = world.nodes[0]!;
  ahead.parts.oscillator.skew = 600_000;
  const leader = await led(world);
  if (leader !== ahead) await after(world, leader.running!.main.transfer(ahead.id));
  await until(world, 'it leads', () => world.leader === ahead);
  await told(world, ahead, 'add_work', { work_id: 'one' });
  await led(world);
  for (const node of world.nodes) node.kill();
  for (const node of world.nodes) if (node !== ahead) node.start();
  await until(world, 'one of the others leads', () => world.leader !== undefined);
  await told(world, world.leader!, 'add_work', { work_id: 'two' });
  const stamps = world.chronicles
    .of(MAIN)
    .frames()
    .map((frame) => placeOf(frame).at);
  expect(stamps).toEqual([...stamps].sort((one, other) => one - other));
});

test('I3: a leader that decided an entry differently hands over, and holds in the end what the others hold', async () => {
  let wrong: SimulatedNode | undefined;
  const world = quietWorld(0, {
    projections: (node, projections) =>
      deciding(
        projections,
        'add_work',
        (rule) => (ruling, data) => (node === wrong ? undefined : rule.decide(ruling, data)),
      ),
  });
  const told: string[] = [];
  // Said by who finds out: what is a broken law elsewhere is what this story is about.
  world.complained = (node, _where, error) => told.push(`${node.id}: ${(error as Error).message}`);
  const leader = await led(world);
  // The law of equal outcomes looks at what is applied first, before anybody can have compared.
  world.laws.applied = () => undefined;
  wrong = leader;
  const began = world.loop.now;
  await after(
    world,
    world.clients.command(leader, {
      type: 'add_work',
      data: { work_id: 'one' },
      actor: 'somebody',
    }),
  );
  wrong = undefined;
  const words = /^n\d: entry \d+ was decided differently here$/;
  await until(world, 'it is named', () => told.some((line) => words.test(line)));
  expect(world.loop.now - began).toBeLessThan(5_000);
  expect(told.filter((line) => words.test(line)).every((line) => line.startsWith(leader.id))).toBe(
    true,
  );
  await until(world, 'another leads', () => ![undefined, leader].includes(world.leader));
  await until(world, 'all hold the same', () => {
    const digests = world.nodes.map(({ running }) => running!.main.machine.digest());
    return new Set(digests).size === 1;
  });
});

test('I9: a node stops though something it has proposed will never have a majority', async () => {
  const world = quietWorld();
  const leader = await led(world);
  await told(world, leader, 'acquire_lock', { name: 'door', owner: 'a', ttl_seconds: 1 });
  const [before] = [leader.running!.main.dutiesStatus.proposed];
  await world.runUntil(world.loop.now + 850);
  for (const node of world.nodes) if (node !== leader) node.kill();
  // It still leads when the lease is over, and proposes to say so.
  await until(world, 'it leads no more', () => !leader.running!.main.isLeader);
  expect(leader.running!.log.bounds(MAIN).last).toBeGreaterThan(
    leader.running!.main.machine.position.index,
  );
  expect(leader.running!.main.dutiesStatus.proposed).toBe(before);
  await after(world, leader.stop());
  expect(leader.life.timers).toBe(0);
});

test('a group that was destroyed is not begun again by nodes that start from what main was before', async () => {
  const world = quietWorld();
  const leader = await led(world);
  await told(world, leader, 'create_group', { id: 'job/1', kind: 'job' });
  const hosts = (): number =>
    world.nodes.filter(({ running }) => running!.log.groups().length > 1).length;
  await until(world, 'everybody has it', () => hosts() === 3);
  await until(world, 'everybody knows that it was founded', () =>
    world.nodes.every(({ running }) =>
      [...running!.main.machine.tables.of(GROUPS).rows()].every(({ state }) => state === 'founded'),
    ),
  );
  for (const { running } of world.nodes) await after(world, running!.main.snapshots.take());
  await told(world, leader, 'destroy_group', { id: 'job/1' });
  await until(world, 'nobody has it', () => hosts() === 0);
  for (const node of world.nodes) node.powerCut();
  const opened: string[] = [];
  const { opened: watch } = world;
  world.opened = (node, group) => {
    opened.push(group.id.id);
    watch.call(world, node, group);
  };
  for (const node of world.nodes) node.start();
  await led(world);
  await world.runUntil(world.loop.now + 5_000);
  expect(opened).toEqual(['main', 'main', 'main']);
});

test('I7: a node that was let in by a leader who could not decide it asks again', async () => {
  const world = quietWorld(1);
  const spare = world.nodes[3]!;
  const voters = world.nodes.slice(0, 3);
  await until(world, 'one of the voters leads', () => world.leader !== undefined);
  const leader = world.leader!;
  const others = voters.filter((node) => node !== leader);
  await until(world, 'the fourth is there', () => spare.running !== undefined);
  const mend = world.networks.cut(
    others.flatMap(({ id }) => [
      [leader.id, id],
      [id, leader.id],
    ]),
  );
  const isMember = (node: SimulatedNode): boolean =>
    node.running?.main.status().learners.includes(spare.id) === true;
  await until(world, 'it is told that it is let in', () => isMember(spare));
  await until(world, 'the others have a leader', () =>
    others.some(({ running }) => running!.main.isLeader),
  );
  mend();
  await until(world, 'everybody knows it', () => world.nodes.every(isMember));
});
