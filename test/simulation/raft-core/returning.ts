/**
 * A node that was cut off, heard no leader and comes back disturbs nobody: whoever led still leads, in the
 * same term (dissertation §9.6, §4.2.3).
 */
import type { Host } from './host.ts';
import { REPLAY_MS_MOST } from './network.ts';
import type { World } from './world.ts';

/** In the longest election timeouts: long enough to ask for votes more than once, and to be heard after. */
const AWAY = 4;
const BACK = 2;

/** @returns what was disturbed */
export function returning(world: World): readonly string[] {
  const { scheduler, trouble, plan } = world;
  // What comes once more from the time of the faults is no news of now.
  if (plan.noise.replay > 0) world.runUntil(scheduler.now + REPLAY_MS_MOST);
  const { leader } = world;
  const traveller = leader && otherVoter(world, leader);
  if (leader === undefined || traveller === undefined) return [];
  const { term } = leader.status;
  const { most } = plan.timing.election;
  const bringBack = trouble.cutOff(traveller);
  world.runUntil(scheduler.now + AWAY * most);
  bringBack();
  world.note(() => `${traveller.id} is back`);
  world.runUntil(scheduler.now + BACK * most);
  const leads = leader.leads && leader.status.term === term;
  return leads || world.broken ? [] : [`${traveller.id} came back, and ${leader.id} was deposed`];
}

/** One whom the others can do without. */
function otherVoter({ hosts }: World, leader: Host): Host | undefined {
  const { voters } = leader.status.configuration;
  if (voters.length < 3) return undefined;
  return hosts.find(
    (host) => host !== leader && host.up && voters.some(({ store }) => store === host.store),
  );
}
