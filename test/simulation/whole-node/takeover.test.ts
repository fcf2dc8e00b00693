/** The death of a node that led many groups, all of them at rest: each of them is led again soon, and `main` is served. */
import { expect, test } from 'vitest';
import type { Group } from '../../../src/protocols/coordinator/group.ts';
import type { SimulatedNode } from './node.ts';
import { drawPlan } from './plan.ts';
import { World } from './world.ts';

const GROUPS = 300;
/** What is looked at seldom costs little. */
const LOOK_MS = 20;
/** A thousand are to be led again within ten seconds, so these within three; that a node is gone shows within two. */
const LED_MS_MAX = 5_000;
/** A command of `main` that is asked for every so often meanwhile. */
const ASKING_MS = 50;

/** Runs until something is so, and gives the virtual time that took. */
async function until(world: World, what: string, look: () => boolean): Promise<number> {
  const began = world.loop.now;
  let [next, isSo] = [began, false];
  await world.runUntil(began + 60_000, () => {
    if (world.loop.now < next) return false;
    next = world.loop.now + LOOK_MS;
    isSo = look();
    return isSo;
  });
  expect(world.laws.violations).toEqual([]);
  if (!isSo) throw new Error(`waited in vain: ${what}`);
  return world.loop.now - began;
}

function awakeAt({ serving }: SimulatedNode): readonly Group[] {
  return serving === undefined ? [] : serving.groups.awake();
}

/** The names of the groups that one of these nodes leads. */
function ledBy(nodes: readonly SimulatedNode[]): readonly string[] {
  const led = nodes.flatMap(awakeAt).filter((group) => group.isLeader);
  return led.map(({ id }) => id.id);
}

/** Three nodes, nobody who asks, nothing that goes wrong by itself. @returns who leads `main` */
async function quietWorld(): Promise<readonly [World, SimulatedNode]> {
  const plan = drawPlan(1, { voters: 3, faults: [], milliseconds: 60_000 });
  const world = new World({ ...plan, clients: 0, spares: 0 }, {}, false);
  await until(world, 'all know who leads', () => {
    const leaders = world.nodes.map(({ serving }) => serving?.main.status().leader_id);
    return leaders.every((leader) => leader !== undefined && leader === world.leader?.id);
  });
  return [world, world.leader!];
}

async function created(world: World, at: SimulatedNode): Promise<void> {
  let answered = 0;
  for (let place = 0; place < GROUPS; place += 1) {
    const data = { id: `job/${place}`, kind: 'job' };
    const command = { type: 'create_group', data, actor: 'somebody' };
    void world.clients.command(at, command).then((reply) => {
      answered += Number(reply?.status === 200);
    });
  }
  await until(world, 'all of them are created', () => answered === GROUPS);
}

/** Hands each group to one node while it is awake: it leads all of them when they rest. */
async function given(world: World, to: SimulatedNode): Promise<void> {
  const others = world.nodes.filter((node) => node !== to);
  const had = new Set<string>();
  await until(world, 'one leads all', () => {
    for (const name of ledBy([to])) had.add(name);
    for (const node of others)
      for (const group of awakeAt(node).filter(({ isLeader }) => isLeader)) {
        had.delete(group.id.id);
        node.life.run(() => void group.transfer(to.id));
      }
    return had.size === GROUPS;
  });
}

test('I7: a node that led hundreds of groups at rest is gone: all are led again within ten seconds, and main is served', async () => {
  const [world, doomed] = await quietWorld();
  const others = world.nodes.filter((node) => node !== doomed);
  await created(world, doomed);
  await given(world, doomed);
  await until(world, 'all of them rest', () =>
    world.nodes.every(({ serving }) => serving?.groups.status().asleep === GROUPS),
  );

  doomed.kill();
  await until(world, 'another leads main', () => others.includes(world.leader!));
  const waits: number[] = [];
  const statuses = new Set<number | undefined>();
  const over = new AbortController();
  const asking = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const began = world.loop.now;
      const command = { type: 'open_session', data: {}, actor: 'somebody' };
      const reply = await world.clients.command(world.leader!, command);
      statuses.add(reply?.status);
      waits.push(world.loop.now - began);
      await world.sleep(ASKING_MS);
    }
  };
  void asking();
  const led = new Set<string>();
  const took = await until(world, 'each of them is led', () => {
    for (const name of ledBy(others)) led.add(name);
    return led.size === GROUPS;
  });
  over.abort();
  expect(took).toBeLessThan(LED_MS_MAX);
  expect([...statuses]).toEqual([200]);
  // A way to a majority and back, to the disk of each, and never behind the others.
  expect(Math.max(...waits)).toBeLessThan(100);
});
