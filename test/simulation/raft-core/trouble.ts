/**
 * What goes wrong, one small rule per kind of fault. Nothing here breaks what Raft is promised: disks keep
 * what they said they keep, and never so many are lost that no majority is left of those who voted.
 */
import type { Configuration } from '../../../src/protocols/raft/core/configuration.ts';
import type { Message } from '../../../src/protocols/raft/core/messages.ts';
import { Chance } from './chance.ts';
import type { Host } from './host.ts';
import { LogImage } from './log-image.ts';
import { QUIET } from './network.ts';
import type { Happening } from '../plan-in-common.ts';
import type { Plan, TimedFault } from './plan.ts';
import type { World } from './world.ts';

interface Affliction {
  readonly target: Host;
  readonly lasts: number;
  readonly chance: Chance;
}

type Link = readonly [from: string, to: string];

/** A peer's process that is gone resets connections, mostly. */
const TELLS_OF_DEATH = 0.7;
const RESTART_LATEST_MS = 400;

export class Trouble {
  readonly #world: World;
  readonly #chance: Chance;
  readonly #afflictions: { readonly [F in TimedFault]: (affliction: Affliction) => void } = {
    partition: (affliction) => this.#cutFor(affliction, this.#sides(affliction)),
    one_way: (affliction) => this.#cutFor(affliction, this.#oneWay(affliction)),
    bridge: (affliction) => this.#cutFor(affliction, this.#aroundBridge(affliction)),
    flapping: (affliction) => this.#flap(affliction),
    crash: ({ target, lasts }) => this.#crash(target, lasts),
    power_cut: (affliction) => this.#powerCut(affliction),
    pause: ({ target, lasts }) => this.#pause(target, lasts),
    slow_disk: ({ target, lasts, chance }) => this.#slow(target, lasts, chance),
    hung_disk: ({ target, lasts }) => this.#hang(target, lasts),
    failing_disk: ({ target, lasts }) => this.#fail(target, lasts),
    wiped_disk: ({ target, lasts }) => this.#wipe(target, lasts),
    membership: ({ chance }) => this.#world.administrator.wish(chance.below(2 ** 31)),
    transfer: ({ target, chance }) => this.#transfer(target, chance),
    suspicion: ({ target, lasts, chance }) => this.#suspect(target, lasts, chance),
    disconnect: ({ target }) => this.#disconnect(target),
  };
  #wipes = 0;
  #over = false;

  constructor(world: World) {
    this.#world = world;
    this.#chance = world.chance.named('trouble');
    const { happenings } = world.plan;
    for (const happening of happenings)
      world.scheduler.at(happening.at, () => this.#happen(happening));
  }

  /** Nothing goes wrong from here on, and who is down comes back. */
  end(): void {
    const { network, hosts, plan } = this.#world;
    this.#over = true;
    network.heal();
    network.noise = QUIET;
    for (const host of hosts) {
      if (!host.up) this.#restart(host);
      else if (host.disk.failing) this.#crash(host, 1);
      else host.disk.become({ kind: 'sound', latency: plan.disk });
      host.resume();
    }
    for (const host of hosts) this.#trustEverybody(host);
  }

  /** Cuts a node off from everybody. @returns what brings it back */
  cutOff(target: Host): () => void {
    this.#world.note(() => `── ${target.id} is cut off`);
    return this.#world.network.cut(this.#links().filter((link) => link.includes(target.id)));
  }

  /** A message came to a process that does not run; the sender may hear of it. */
  nobodyThere({ from, to }: Message): void {
    const sender = this.#world.hosts.find(({ id }) => id === from);
    if (this.#chance.happens(0.2)) sender?.tell({ kind: 'unreachable', peer: to });
  }

  #happen({ fault, target, lasts, draw }: Happening<TimedFault>): void {
    if (this.#over) return;
    const { hosts, leader } = this.#world;
    const host = target === 'leader' ? leader : hosts[target % hosts.length];
    if (host === undefined) return;
    this.#world.story.figures.count(`fault ${fault}`);
    this.#world.note(() => `── ${fault} at ${host.id} for ${lasts} ms`);
    this.#afflictions[fault]({ target: host, lasts, chance: new Chance(draw) });
  }

  #cutFor({ lasts }: Affliction, links: readonly Link[]): void {
    if (this.#over) return;
    this.#world.note(() => `cut: ${links.map(([from, to]) => `${from}>${to}`).join(' ')}`);
    const mend = this.#world.network.cut(links);
    this.#world.scheduler.after(lasts, () => {
      this.#world.note(() => 'mended');
      mend();
    });
  }

  /** The target alone, or two sides drawn by chance. */
  #sides({ target, chance }: Affliction): readonly Link[] {
    const alone = chance.happens(0.5);
    const side = new Set(
      this.#world.hosts
        .filter((host) => (alone ? host === target : chance.happens(0.5)))
        .map(({ id }) => id),
    );
    return this.#links().filter(([from, to]) => side.has(from) !== side.has(to));
  }

  #oneWay({ target, chance }: Affliction): readonly Link[] {
    const end = chance.pick([0, 1]);
    const share = chance.pick([0.5, 1]);
    return this.#links().filter((link) => link[end] === target.id && chance.happens(share));
  }

  /** Two sides that only the target can reach both. */
  #aroundBridge({ target, chance }: Affliction): readonly Link[] {
    const { id } = target;
    const side = new Set(
      this.#world.hosts.filter(() => chance.happens(0.5)).map((host) => host.id),
    );
    return this.#links().filter(
      ([from, to]) => from !== id && to !== id && side.has(from) !== side.has(to),
    );
  }

  #flap(affliction: Affliction): void {
    const { chance, target } = affliction;
    const links = this.#links().filter((link) => link.includes(target.id) && chance.happens(0.6));
    for (let begin = 0; begin < affliction.lasts; begin += chance.whole(30, 200))
      this.#world.scheduler.after(begin, () =>
        this.#cutFor({ ...affliction, lasts: chance.whole(10, 100) }, links),
      );
  }

  #links(): readonly Link[] {
    const ids = this.#world.hosts.map(({ id }) => id);
    return ids.flatMap((from) => ids.filter((to) => to !== from).map((to): Link => [from, to]));
  }

  #crash(target: Host, lasts: number): void {
    if (!target.up) return;
    const { store } = target;
    const image = target.die();
    this.#tellOfDeath(target);
    this.#comeBack(target, store, image, lasts);
  }

  #powerCut({ lasts, chance }: Affliction): void {
    for (const host of this.#world.hosts)
      this.#crash(host, lasts + chance.below(RESTART_LATEST_MS));
  }

  #comeBack(target: Host, store: string, image: LogImage, lasts: number): void {
    const { life } = target;
    this.#waiting.set(target, { store, image });
    this.#world.scheduler.after(lasts, () => {
      if (target.life === life) this.#restart(target);
    });
  }

  /** Disks of processes that are down. */
  readonly #waiting = new Map<Host, { readonly store: string; readonly image: LogImage }>();

  #restart(target: Host): void {
    const found = this.#waiting.get(target);
    if (found === undefined) return;
    this.#waiting.delete(target);
    this.#world.start(target, found.store, found.image);
    for (const host of this.#others(target))
      host.tell({ kind: 'suspect', peer: target.id, dead: false });
  }

  #tellOfDeath(target: Host): void {
    for (const host of this.#others(target)) {
      if (!this.#chance.happens(TELLS_OF_DEATH)) continue;
      this.#world.scheduler.after(this.#chance.between(1, 30), () => {
        if (target.up) return;
        host.tell({ kind: 'unreachable', peer: target.id });
        host.tell({ kind: 'suspect', peer: target.id, dead: true });
      });
    }
  }

  #pause(target: Host, lasts: number): void {
    const { life } = target;
    target.pause();
    this.#world.scheduler.after(lasts, () => {
      if (target.life === life) target.resume();
    });
  }

  #slow(target: Host, lasts: number, chance: Chance): void {
    const least = chance.between(5, 100);
    target.disk.become({ kind: 'sound', latency: { least, most: least * 3 } });
    this.#recover(target, lasts);
  }

  #hang(target: Host, lasts: number): void {
    target.disk.become({ kind: 'hung' });
    this.#recover(target, lasts);
  }

  #recover(target: Host, lasts: number): void {
    const { disk } = target;
    this.#world.scheduler.after(lasts, () => {
      if (target.disk === disk && !target.diskFailed)
        disk.become({ kind: 'sound', latency: this.#world.plan.disk });
    });
  }

  /** The process goes on for a while without its disk, then it is started on another machine with it. */
  #fail(target: Host, lasts: number): void {
    const { life } = target;
    target.disk.become({ kind: 'failing' });
    this.#world.scheduler.after(lasts, () => {
      if (target.life === life && !this.#over) this.#crash(target, lasts);
    });
  }

  #wipe(target: Host, lasts: number): void {
    if (!target.up || !this.#maySpare(target)) return;
    target.die();
    this.#tellOfDeath(target);
    this.#wipes += 1;
    this.#world.story.figures.count('disk lost');
    target.store = `${target.id}/${this.#wipes + 1}`;
    this.#comeBack(target, target.store, new LogImage(), lasts);
  }

  /** Whether every group of members that any log holds keeps a majority without this store. */
  #maySpare(target: Host): boolean {
    const { hosts, administrator } = this.#world;
    if (administrator.waiting) return false;
    const images = hosts.flatMap(({ disk: { durable, issued } }) => [durable, issued]);
    return images.every((image) =>
      image.configurations.every(({ configuration }) => this.#survives(configuration, target)),
    );
  }

  #survives({ voters, outgoing }: Configuration, target: Host): boolean {
    const { hosts } = this.#world;
    return [voters, outgoing].every((members) => {
      const left = members.filter(({ store }) =>
        hosts.some((host) => host !== target && host.store === store),
      );
      return members.length === 0 || left.length * 2 > members.length;
    });
  }

  #transfer(target: Host, chance: Chance): void {
    const { leader, hosts } = this.#world;
    const to = chance.happens(0.3) ? undefined : chance.pick(hosts).id;
    const asked = chance.happens(0.9) ? (leader ?? target) : target;
    if (!asked.up) return;
    const { id } = this.#world.ask(asked, 'transfer', 0);
    asked.tell({ kind: 'transfer', id, to });
  }

  /** Some believe wrongly that the target is dead. */
  #suspect(target: Host, lasts: number, chance: Chance): void {
    for (const host of this.#others(target)) {
      if (!chance.happens(0.6)) continue;
      host.tell({ kind: 'suspect', peer: target.id, dead: true });
      this.#world.scheduler.after(lasts, () =>
        host.tell({ kind: 'suspect', peer: target.id, dead: false }),
      );
    }
  }

  #trustEverybody(host: Host): void {
    for (const { id } of this.#others(host)) host.tell({ kind: 'suspect', peer: id, dead: false });
  }

  #disconnect(target: Host): void {
    for (const host of this.#others(target)) {
      host.tell({ kind: 'unreachable', peer: target.id });
      target.tell({ kind: 'unreachable', peer: host.id });
    }
  }

  #others(target: Host): readonly Host[] {
    return this.#world.hosts.filter((host) => host !== target);
  }
}

/** What a plan means, in words, for a story. */
export function told({ seed, voters, spares, milliseconds, noise, happenings }: Plan): string {
  const links = `loss ${noise.loss.toFixed(2)}, repeated ${noise.duplication.toFixed(2)} (late ${noise.replay.toFixed(2)}), delay up to ${noise.delay.most.toFixed(0)} ms`;
  const events = happenings.map(
    ({ at, fault, target, lasts }) => `  ${at} ms: ${fault}, ${target}, ${lasts} ms`,
  );
  return [
    `seed ${seed}: ${voters} voters, ${spares} others, ${milliseconds} ms; ${links}`,
    ...events,
  ].join('\n');
}
