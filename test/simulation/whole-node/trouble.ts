/**
 * What goes wrong, one small rule per kind of fault. Nothing here breaks what a cluster is promised: disks
 * keep what they said they keep, and never so many are lost that no majority is left of those who voted, nor
 * that nobody is left who holds the whole log.
 */
import { KIND } from '../../../src/log/keys.ts';
import type { Members } from '../../../src/log/members.ts';
import { Chance } from '../raft-core/chance.ts';
import { QUIET } from '../raft-core/network.ts';
import { durableBounds, durableHardState, groupsOn } from './durable.ts';
import type { Way } from './network.ts';
import { MAIN, type SimulatedNode } from './node.ts';
import type { Happening } from '../plan-in-common.ts';
import type { TimedFault } from './plan.ts';
import { told } from './told.ts';
import type { World } from './world.ts';

interface Affliction {
  readonly target: SimulatedNode;
  readonly lasts: number;
  readonly chance: Chance;
}

const ERRORS = ['EIO: i/o error, write', 'ENOSPC: no space left on device, write'];
/** How long a clean stop may take; a hung disk of five seconds is in it. */
const STOP_MS_MAX = 60_000;
/** A request that was under way may look once more before it ends. */
export const LINGERS_MS = 50;
/** Every so often a supervisor starts what has ended. */
const RESTART_MS = 300;
/** A write that failed for want of room may be heard of so much later. */
const FULL_LINGERS_MS = 10_000;
const CLOCK_STEPS = [-3_600_000, -20_000, -500, 500, 20_000, 3_600_000];
/** What a bit is flipped in, or a value lost from. */
const ROT = ['e/', 'h/', 'b/', 'f/'];

export class Trouble {
  readonly #world: World;
  readonly #afflictions: { readonly [F in TimedFault]: (affliction: Affliction) => void } = {
    partition: (affliction) => this.#cutFor(affliction, this.#sides(affliction)),
    one_way: (affliction) => this.#cutFor(affliction, this.#oneWay(affliction)),
    bridge: (affliction) => this.#cutFor(affliction, this.#aroundBridge(affliction)),
    flapping: (affliction) => this.#flap(affliction),
    crash: ({ target, lasts }) => this.#down(target, lasts, () => target.kill()),
    power_cut: ({ target, lasts }) => this.#down(target, lasts, () => target.powerCut()),
    blackout: ({ lasts, chance }) => {
      for (const node of this.#world.nodes)
        this.#down(node, lasts + chance.below(400), () => node.powerCut());
    },
    restart: ({ target, lasts }) => this.#restart(target, lasts),
    pause: ({ target, lasts }) => this.#pause(target, lasts),
    slow_disk: ({ target, lasts, chance }) => {
      const least = chance.between(5, 80);
      target.parts.disk.become({ kind: 'sound', latency: { least, most: least * 3 } });
      this.#healDisk(target, lasts);
    },
    hung_disk: ({ target, lasts }) => {
      target.parts.disk.become({ kind: 'hung' });
      this.#healDisk(target, lasts);
    },
    failing_disk: ({ target, lasts, chance }) => {
      if (!target.isUp) return;
      target.parts.disk.become({ kind: 'failing', error: chance.pick(ERRORS) });
      this.#excused.add(target);
      this.#healDisk(target, lasts);
    },
    full_disk: ({ target, lasts }) => {
      target.parts.disk.become({ kind: 'full', latency: this.#world.plan.disk });
      // It ends when it cannot write, is started again and ends again, until there is room.
      this.#excuseFor(target, lasts + FULL_LINGERS_MS);
      this.#healDisk(target, lasts);
    },
    wiped_disk: ({ target, lasts }) => {
      if (this.#maySpare(target)) this.#down(target, lasts, () => this.#wipe(target));
    },
    rotten_disk: ({ target, lasts, chance }) => {
      if (this.#maySpare(target)) this.#down(target, lasts, () => this.#rot(target, chance));
    },
    rotten_derived: ({ target, lasts, chance }) => {
      const rot = (): void => this.#rotDerived(target, chance);
      if (chance.happens(0.5)) rot();
      else this.#down(target, lasts, rot);
    },
    clock_jump: ({ target, lasts, chance }) => {
      const { oscillator } = target.parts;
      const step = chance.pick(CLOCK_STEPS);
      oscillator.skew += step;
      this.#world.loop.after(lasts, () => {
        oscillator.skew -= step;
      });
    },
    transfer: ({ target, chance }) => this.#transfer(target, chance),
    reset: ({ target }) => this.#world.networks.reset(target.id),
    snapshot: ({ target }) => this.#snapshot(target),
    membership: ({ chance }) => this.#world.administrator.wish(chance.below(2 ** 31)),
  };
  /** Nodes whose process may end by itself. */
  readonly #excused = new Set<SimulatedNode>();
  readonly #rotten = new Set<SimulatedNode>();
  /** Until when the end of a process may come of a disk that had no room. */
  readonly #fullUntil = new Map<SimulatedNode, number>();
  readonly #clocks: readonly number[];
  #over = false;

  constructor(world: World) {
    this.#world = world;
    this.#clocks = world.nodes.map(({ parts }) => parts.oscillator.skew);
    for (const happening of world.plan.happenings)
      world.loop.after(happening.at, () => this.#happen(happening));
  }

  /** Nothing goes wrong from here on, and who is down comes back. */
  end(): void {
    const { networks, nodes, plan } = this.#world;
    this.#over = true;
    networks.heal();
    networks.noise = QUIET;
    for (const [place, node] of nodes.entries()) {
      node.parts.disk.become({ kind: 'sound', latency: plan.disk });
      node.parts.oscillator.skew = this.#clocks[place]!;
      node.life.continue();
      if (!node.isUp) this.#comeBack(node, RESTART_MS);
    }
  }

  /** Whether the end of a process is what its machine deserves. */
  excuses(node: SimulatedNode, isDamage: boolean): boolean {
    if (isDamage) return this.#rotten.has(node);
    return this.#excused.has(node) || this.#wasFull(node);
  }

  #wasFull(node: SimulatedNode): boolean {
    return this.#world.loop.now < (this.#fullUntil.get(node) ?? 0);
  }

  #excuseFor(target: SimulatedNode, lasts: number): void {
    const until = Math.max(this.#fullUntil.get(target) ?? 0, this.#world.loop.now + lasts);
    this.#fullUntil.set(target, until);
  }

  /** A process has ended by itself: somebody looks after it. A damaged disk is emptied, as the log says. */
  ended(node: SimulatedNode, isDamage: boolean): void {
    node.kill();
    if (isDamage) this.#wipe(node);
    this.#comeBack(node, RESTART_MS);
  }

  /** Whether one of these has lost its disk, or is about to. */
  hasLost(members: Members['voters']): boolean {
    const { lostStores } = this.#world;
    return this.#rotten.size > 0 || members.some(({ store }) => lostStores.has(store));
  }

  #happen({ fault, target, lasts, draw }: Happening<TimedFault>): void {
    if (this.#over) return;
    const { nodes, leader, story } = this.#world;
    const node = target === 'leader' ? leader : nodes[target % nodes.length];
    if (node === undefined) return;
    story.figures.count(`fault ${fault}`);
    this.#world.note(() => `── ${fault} at ${node.id} for ${lasts} ms`);
    this.#afflictions[fault]({ target: node, lasts, chance: new Chance(draw) });
  }

  #cutFor({ lasts }: Pick<Affliction, 'lasts'>, ways: readonly Way[]): void {
    if (this.#over) return;
    this.#world.note(() => `cut: ${ways.map(([from, to]) => `${from}>${to}`).join(' ')}`);
    const mend = this.#world.networks.cut(ways);
    this.#world.loop.after(lasts, () => {
      this.#world.note(() => 'mended');
      mend();
    });
  }

  /** The target alone, or two sides drawn by chance. */
  #sides({ target, chance }: Affliction): readonly Way[] {
    const alone = chance.happens(0.5);
    const side = new Set(
      this.#world.nodes
        .filter((node) => (alone ? node === target : chance.happens(0.5)))
        .map(({ id }) => id),
    );
    return this.#ways().filter(([from, to]) => side.has(from) !== side.has(to));
  }

  #oneWay({ target, chance }: Affliction): readonly Way[] {
    const end = chance.pick([0, 1]);
    const share = chance.pick([0.5, 1]);
    return this.#ways().filter((way) => way[end] === target.id && chance.happens(share));
  }

  /** Two sides that only the target can reach both. */
  #aroundBridge({ target: { id }, chance }: Affliction): readonly Way[] {
    const side = new Set(
      this.#world.nodes.filter(() => chance.happens(0.5)).map((node) => node.id),
    );
    return this.#ways().filter(
      ([from, to]) => from !== id && to !== id && side.has(from) !== side.has(to),
    );
  }

  #flap({ target, chance, lasts }: Affliction): void {
    const ways = this.#ways().filter((way) => way.includes(target.id) && chance.happens(0.6));
    for (let begin = 0; begin < lasts; begin += chance.whole(100, 500)) {
      const short = chance.whole(20, 300);
      this.#world.loop.after(begin, () => this.#cutFor({ lasts: short }, ways));
    }
  }

  #ways(): readonly Way[] {
    const ids = this.#world.nodes.map(({ id }) => id);
    return ids.flatMap((from) => ids.filter((to) => to !== from).map((to): Way => [from, to]));
  }

  #down(target: SimulatedNode, lasts: number, how: () => void): void {
    if (!target.isUp) return;
    target.kill();
    how();
    this.#comeBack(target, lasts);
  }

  #comeBack(target: SimulatedNode, after: number): void {
    const { lives } = target;
    this.#world.loop.after(Math.max(1, after), () => {
      if (target.isUp || target.lives !== lives) return;
      const { disk } = target.parts;
      // A supervisor goes on trying; a disk that fails lets nothing start.
      if (disk.isFailing) return this.#comeBack(target, RESTART_MS);
      this.#excused.delete(target);
      target.start();
    });
  }

  #restart(target: SimulatedNode, lasts: number): void {
    const { life, running } = target;
    if (running === undefined || target.isStopping || !life.isRunning) return;
    const began = this.#world.loop.now;
    this.#world.loop.after(STOP_MS_MAX, () => {
      if (target.life === life && !life.isOver) this.#world.laws.tell('stopsNever', target, began);
    });
    life.run(() => {
      target.stop().then(
        () => this.#stopped(target, lasts),
        (error: unknown) => this.#stopFailed(target, error),
      );
    });
  }

  #stopped(target: SimulatedNode, lasts: number): void {
    const { life } = target;
    this.#world.note(() => `${target.id} has stopped`);
    this.#world.loop.after(LINGERS_MS, () => {
      if (target.life !== life || life.isOver) return;
      this.#world.laws.tell('stopped', target, life);
      target.kill();
      this.#comeBack(target, lasts);
    });
  }

  #stopFailed(target: SimulatedNode, error: unknown): void {
    // Its disk failed while it stopped: the process ends all the same.
    if (this.excuses(target, false)) this.ended(target, false);
    else this.#world.laws.tell('stopFailed', target, told(error));
  }

  #pause(target: SimulatedNode, lasts: number): void {
    const { life } = target;
    life.pause();
    this.#world.loop.after(lasts, () => life.continue());
  }

  #healDisk({ parts }: SimulatedNode, lasts: number): void {
    this.#world.loop.after(lasts, () =>
      parts.disk.become({ kind: 'sound', latency: this.#world.plan.disk }),
    );
  }

  #wipe(target: SimulatedNode): void {
    this.#world.story.figures.count('disk lost');
    this.#world.lostStores.add(target.storeId);
    this.#rotten.delete(target);
    target.parts.disk.wipe();
    // Who began alone would begin alone again: whoever starts it now names the others, as the manual says.
    const beganAlone = target.voters.length === 1 && target.voters.includes(target.id);
    if (beganAlone) target.voters = this.#world.nodes.map(({ id }) => id);
  }

  #rot(target: SimulatedNode, chance: Chance): void {
    const { disk } = target.parts;
    const prefix = chance.pick(ROT);
    const isDone = chance.happens(0.6) ? disk.flip(prefix) : disk.lose(prefix);
    if (!isDone) return;
    this.#distrust(target);
  }

  /** Whether or not it is noticed, this store's word is no longer worth anything. */
  #distrust(target: SimulatedNode): void {
    this.#world.lostStores.add(target.storeId);
    this.#rotten.add(target);
    this.#excused.add(target);
  }

  /** What the log says as well: a snapshot, or a page of outcomes. Its loss costs nothing that it reaches down to. */
  #rotDerived(target: SimulatedNode, chance: Chance): void {
    const { disk } = target.parts;
    if (chance.happens(0.5)) this.#rotSnapshot(target);
    else if (chance.happens(0.6) ? disk.flip(KIND.page) : disk.lose(KIND.page))
      this.#world.story.figures.count('outcomes rotten');
  }

  /** Where the log begins above it, nothing can take its place, and the store goes with it. */
  #rotSnapshot(target: SimulatedNode): void {
    const { disk } = target.parts;
    const floors = groupsOn(disk).map((group) => durableBounds(disk, group).floor);
    const isNeeded = floors.some((floor) => floor > 0);
    if (isNeeded && !this.#maySpare(target)) return;
    if (!disk.flipInFile('.snapshot')) return;
    this.#world.story.figures.count('snapshot rotten');
    if (isNeeded) this.#distrust(target);
  }

  /** Whether what other disks begin above is still on one of them, as a whole, without this store. */
  #sparesHistory(target: SimulatedNode): boolean {
    const { nodes, lostStores, plan } = this.#world;
    if (plan.retention.kind !== 'all') return true;
    const bounds = nodes
      .filter((node) => node !== target && !lostStores.has(node.storeId))
      .map(({ parts: { disk } }) => durableBounds(disk, MAIN));
    const most = Math.max(...bounds.map(({ floor }) => floor));
    return bounds.some(({ floor, last }) => floor === 0 && last >= most);
  }

  /** Whether every group of members that any disk holds keeps a majority without this store. */
  #maySpare(target: SimulatedNode): boolean {
    const { nodes, administrator, plan } = this.#world;
    if (administrator.isWaiting || !this.#sparesHistory(target)) return false;
    // A group besides main is given a lost voter back by and by; it has no other to spare meanwhile.
    if (plan.jobs && this.#world.lostStores.size > 0) return false;
    return nodes.every(({ parts: { disk } }) => {
      const hasBegun = durableHardState(disk, MAIN) !== undefined;
      return (
        hasBegun &&
        groupsOn(disk)
          .flatMap((group) => durableHardState(disk, group)?.members ?? [])
          .every(({ configuration }) => this.#survives(configuration, target))
      );
    });
  }

  #survives({ voters, outgoing }: Members, target: SimulatedNode): boolean {
    const { nodes, lostStores } = this.#world;
    return [voters, outgoing].every((members) => {
      const left = members.filter(
        ({ store }) =>
          !lostStores.has(store) && nodes.some((node) => node !== target && node.storeId === store),
      );
      return members.length === 0 || left.length * 2 > members.length;
    });
  }

  #transfer(target: SimulatedNode, chance: Chance): void {
    const { leader, nodes } = this.#world;
    const asked = chance.happens(0.8) ? (leader ?? target) : target;
    const serving = asked.serving;
    if (serving === undefined) return;
    const to = chance.happens(0.3) ? undefined : chance.pick(nodes).id;
    asked.life.run(() => {
      void serving.main
        .transfer(to)
        .then(({ kind }) => this.#world.story.figures.count(`transfer ${kind}`));
    });
  }

  #snapshot(target: SimulatedNode): void {
    const { serving } = target;
    if (serving === undefined) return;
    target.life.run(() => {
      serving.main.snapshots.take().then(
        () => this.#world.story.figures.count('snapshot taken'),
        () => this.#world.story.figures.count('snapshot given up'),
      );
    });
  }
}
