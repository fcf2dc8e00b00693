/** Real engines; only what they take for each other's clocks is said by the test. */
import { expect, test } from 'vitest';
import { SteppingAside } from '../../../src/protocols/raft/stepping-aside.ts';
import { until } from '../../end-to-end/condition.ts';
import { VirtualClock } from '../virtual-clock.ts';
import { LocalCluster, type Member } from './local-cluster.ts';

interface Looking {
  readonly aside: SteppingAside;
  readonly clock: VirtualClock;
  readonly told: readonly string[];
}

/** @param right whose clocks are */
function looking({ id, engine }: Member, right: readonly string[]): Looking {
  const told: string[] = [];
  const clock = new VirtualClock();
  const aside = new SteppingAside({
    engine: () => engine,
    clocks: { isOff: !right.includes(id), isRight: (peer) => right.includes(peer) },
    clock,
    onHandOver: (to) => told.push(to),
  });
  return { aside, clock, told };
}

test('a leader whose clock is wrong hands over to a voter whose clock is right, and to no other', async () => {
  const cluster = await LocalCluster.founded(3);
  const leader = await cluster.untilLed();
  const [wrong, right] = cluster.followers as [Member, Member];
  const { aside, clock, told } = looking(leader, [right.id]);
  // Who is told to lead may lose the office to another at once, where it had to wait for its turn.
  await until('the right one leads', async () => {
    await aside.look();
    await clock.advance(30_000);
    return right.group.isLeader || !leader.group.isLeader;
  });
  expect(new Set(told)).toEqual(new Set([right.id]));
  expect(told).not.toContain(wrong.id);
  expect(leader.group.isLeader).toBe(false);
});

test('who follows, who is right, and who finds nobody better leads on', async () => {
  const cluster = await LocalCluster.founded(3);
  const leader = await cluster.untilLed();
  const [follower, other] = cluster.followers as [Member, Member];
  const all = [leader.id, follower.id, other.id];
  for (const { aside, told } of [
    looking(leader, all),
    looking(leader, []),
    looking(follower, [leader.id, other.id]),
  ]) {
    await aside.look();
    expect(told).toEqual([]);
  }
  // It cannot be handed to somebody who does not answer.
  cluster.networks.isolate(other.id);
  await until('it is silent', () => (leader.engine.silenceOf(other.id) ?? 0) > 1_000);
  const { aside, told } = looking(leader, [other.id]);
  await aside.look();
  expect(told).toEqual([]);
  expect(leader.group.isLeader).toBe(true);
});

test('a transfer that came to nothing is not tried again at once', async () => {
  const told: string[] = [];
  const clock = new VirtualClock();
  const cluster = await LocalCluster.founded(1);
  const { engine } = await cluster.untilLed();
  const aside = new SteppingAside({
    // A group of one refuses; what is asked of it is real.
    engine: () => ({
      status: () => engine.status(),
      silenceOf: () => 0,
      transfer: () => engine.transfer('nobody'),
    }),
    clocks: { isOff: true, isRight: () => true },
    clock,
    onHandOver: (to) => told.push(to),
  });
  await aside.look();
  await aside.look();
  await clock.advance(29_000);
  await aside.look();
  expect(told).toEqual(['n1']);
  await clock.advance(1_000);
  await aside.look();
  expect(told).toEqual(['n1', 'n1']);
});
