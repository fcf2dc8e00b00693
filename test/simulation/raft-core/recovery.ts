/**
 * I7: when faults end and a majority lives, everything gets well again within a bound: one leader, the
 * members that were wanted, fresh writes and reads answered through every member, equal logs and machines,
 * and nothing that was ever asked of a living process left without an answer.
 */
import type { Asked } from './asked.ts';
import type { Host } from './host.ts';
import type { World } from './world.ts';

/** Everything must be well after so many of the longest election timeouts. */
const TIMEOUTS = 30;
const LOOKS_EVERY_MS = 25;
const FRESH_WRITES = 3;

export class Recovery {
  readonly #world: World;
  readonly #fresh: Asked[] = [];
  readonly #served = new Set<Host>();

  constructor(world: World) {
    this.#world = world;
  }

  /** @returns what is still wrong at the end of the bound */
  run(): readonly string[] {
    const { trouble, clients, scheduler, plan } = this.#world;
    this.#world.note(() => '══ faults end');
    trouble.end();
    clients.stop();
    const end = scheduler.now + TIMEOUTS * plan.timing.election.most;
    let well = false;
    const look = (): void => {
      well = this.#missing().length === 0;
      if (!well) scheduler.after(LOOKS_EVERY_MS, look);
    };
    scheduler.after(0, look);
    this.#world.runUntil(end, () => well);
    return well || this.#world.broken ? [] : this.#missing();
  }

  /** What is missing yet, asking for what nobody has asked for. */
  #missing(): readonly string[] {
    const { leader, hosts, administrator } = this.#world;
    const leaders = hosts.filter((host) => host.leads);
    if (leader === undefined) return ['nobody leads'];
    if (!administrator.content(leader.status.configuration))
      return [`the members are not those wanted: ${membersOf(leader)}`];
    const members = this.#members(leader);
    const missing = [
      ...(leaders.length > 1 ? [`${leaders.length} lead`] : []),
      ...this.#freshMissing(leader, members),
      ...members.flatMap((host) => differences(host, leader)),
      ...this.#unanswered(members),
    ];
    return missing;
  }

  #freshMissing(leader: Host, members: readonly Host[]): readonly string[] {
    const answered = this.#fresh.filter(({ outcome }) => outcome === 'committed').length;
    const open = this.#fresh.some(({ outcome }) => outcome === undefined);
    if (answered < FRESH_WRITES && !open) this.#fresh.push(...this.#world.write(leader, 1, 0));
    for (const host of members) this.#read(host);
    return [
      ...(answered < FRESH_WRITES ? [`${answered} fresh writes of ${FRESH_WRITES}`] : []),
      ...members.filter((host) => !this.#served.has(host)).map(({ id }) => `no read at ${id}`),
    ];
  }

  readonly #reading = new Map<Host, Asked>();

  #read(host: Host): void {
    const before = this.#reading.get(host);
    if (!host.up || this.#served.has(host)) return;
    if (before !== undefined && before.outcome === undefined) return;
    const asked = this.#world.clients.read(host, (served) => {
      if (served) this.#served.add(host);
    });
    this.#reading.set(host, asked);
  }

  #members(leader: Host): readonly Host[] {
    const { voters, learners } = leader.status.configuration;
    const stores = new Set([...voters, ...learners].map(({ store }) => store));
    return this.#world.hosts.filter(({ store }) => stores.has(store));
  }

  #unanswered(members: readonly Host[]): readonly string[] {
    return [...this.#world.asked.values()]
      .filter(({ outcome, host, life }) => outcome === undefined && host.life === life)
      .filter(({ host }) => mayKnow(host, members))
      .map(({ kind, id, host }) => `${kind} ${id} at ${host.id} has no answer`);
  }
}

/** A member does; one that was removed is told by those it knows, if any of them is a member still. */
function mayKnow(host: Host, members: readonly Host[]): boolean {
  const { voters, outgoing } = host.status.configuration;
  const known = new Set([...voters, ...outgoing].map(({ store }) => store));
  return members.some((member) => member === host || known.has(member.store));
}

function differences(host: Host, leader: Host): readonly string[] {
  const log = host.disk.durable.last;
  const end = leader.disk.durable.last;
  const parts: readonly (readonly [string, number, number])[] = [
    ['has a log up to', log.index, end.index],
    ['has a last term', log.term, end.term],
    ['has applied', host.applied, leader.applied],
    ['has a machine', host.digest, leader.digest],
    ['is in term', host.status.term, leader.status.term],
  ];
  return parts
    .filter(([, own, other]) => own !== other)
    .map(([what, own, other]) => `${host.id} ${what} ${own}, ${leader.id} ${other}`);
}

function membersOf(host: Host): string {
  const { voters, outgoing, learners } = host.status.configuration;
  const names = (members: readonly { readonly store: string }[]): string =>
    members.map(({ store }) => store).join(' ');
  return `${names(voters)} | ${names(outgoing)} | ${names(learners)}`;
}
