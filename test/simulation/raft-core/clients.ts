/**
 * Clients that write and read in a closed loop, each mostly at the node it asked before: that may have led
 * then, and not know yet that it does not lead any more. One that hears nothing for a while gives up
 * waiting and asks elsewhere; what it asked may still be settled later.
 */
import type { Settled } from '../../../src/protocols/raft/core/input.ts';
import type { Asked } from './asked.ts';
import type { Chance } from './chance.ts';
import type { Host } from './host.ts';
import type { World } from './world.ts';

const PATIENCE_MS = 700;
const THINKING_MS = 25;
/** So often a client stays with the node that answered it. */
const FAITHFUL = 0.9;
const WRITES_MOST = 4;
const PADDING_MOST = 60;
/** Now and then one large frame. */
const LARGE_BYTES = 600;

export class Clients {
  readonly #world: World;
  readonly #chance: Chance;
  /** Whom an answer sets free, by the id it waits for. */
  readonly #waiting = new Map<number, (served: boolean) => void>();
  /** Reads that may be served once their machine has applied far enough. */
  readonly #reading: { readonly asked: Asked; readonly index: number }[] = [];
  #stopped = false;

  constructor(world: World) {
    this.#world = world;
    this.#chance = world.chance.named('clients');
    for (let client = 0; client < world.plan.clients; client += 1)
      world.scheduler.after(this.#chance.between(0, 200), () => this.#act(this.#somebody()));
  }

  /** Nobody asks anything from here on. */
  stop(): void {
    this.#stopped = true;
  }

  /** Reads on a host; `answered` is told whether it was served or refused. */
  read(host: Host, answered: (served: boolean) => void): Asked {
    const asked = this.#world.ask(host, 'read', 0);
    this.#waiting.set(asked.id, answered);
    host.tell({ kind: 'read', id: asked.id });
    return asked;
  }

  settled(asked: Asked, settled: Settled): void {
    if (settled.kind !== 'readable') {
      this.#free(asked, false);
      return;
    }
    this.#reading.push({ asked, index: settled.index });
    this.applied(asked.host);
  }

  /** The machine of a host has moved on: reads that waited for it are served. */
  applied(host: Host): void {
    for (let at = this.#reading.length - 1; at >= 0; at -= 1) {
      const { asked, index } = this.#reading[at]!;
      if (asked.host !== host || host.applied < index) continue;
      this.#reading.splice(at, 1);
      this.#world.story.figures.count('read served');
      this.#world.laws.served(asked, host.applied);
      this.#free(asked, true);
    }
  }

  lost(host: Host): void {
    for (let at = this.#reading.length - 1; at >= 0; at -= 1)
      if (this.#reading[at]!.asked.host === host) this.#reading.splice(at, 1);
  }

  #free(asked: Asked, served: boolean): void {
    const next = this.#waiting.get(asked.id);
    this.#waiting.delete(asked.id);
    next?.(served);
  }

  #act(host: Host): void {
    if (this.#stopped) return;
    let free = true;
    const next = (served = true): void => {
      if (!free) return;
      free = false;
      const then = served && this.#chance.happens(FAITHFUL) ? host : this.#somebody();
      this.#world.scheduler.after(this.#chance.between(0, THINKING_MS), () => this.#act(then));
    };
    this.#world.scheduler.after(PATIENCE_MS, () => next(false));
    if (!host.up) return;
    if (this.#chance.happens(0.3)) this.read(host, next);
    else this.#write(host, next);
  }

  #write(host: Host, next: (served?: boolean) => void): void {
    const count = this.#chance.happens(0.3) ? this.#chance.whole(2, WRITES_MOST) : 1;
    const padding = this.#chance.happens(0.05) ? LARGE_BYTES : this.#chance.below(PADDING_MOST);
    // A batch is answered at once where it is refused, so its last one is waited for before it is sent.
    const asked = this.#world.write(host, count, padding);
    const last = asked.at(-1)!;
    if (last.outcome === undefined) this.#waiting.set(last.id, () => next());
    else next(last.outcome === 'committed');
  }

  #somebody(): Host {
    const { leader, hosts } = this.#world;
    return leader !== undefined && this.#chance.happens(0.8) ? leader : this.#chance.pick(hosts);
  }
}
