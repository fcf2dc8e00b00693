/**
 * Somebody who follows the log of main, from its first entry, at one node after another, and says what he is
 * told; whether that is right, a law says (`laws/no-silent-gap.ts`).
 */
import { Compacted } from '../../../src/log/fault.ts';
import { placeOf } from '../../../src/log/frame.ts';
import type { RecordedEntry } from '../../../src/protocols/coordinator/history.ts';
import type { Chance } from '../raft-core/chance.ts';
import type { Running, SimulatedNode } from './node.ts';
import type { World } from './world.ts';

const LOOKS_EVERY_MS = 100;
/** He goes elsewhere now and then, for no reason. */
const WANDERS = 0.05;

interface Attached {
  readonly node: SimulatedNode;
  readonly life: unknown;
  leave: () => void;
}

export class Follower {
  readonly #world: World;
  readonly #chance: Chance;
  /** The last entry he has seen. */
  cursor = 0;
  #at: Attached | undefined;

  constructor(world: World) {
    this.#world = world;
    this.#chance = world.chance.named('follower');
    this.#look();
  }

  #look(): void {
    this.#world.loop.after(LOOKS_EVERY_MS, () => this.#look());
    const at = this.#at;
    if (at !== undefined && at.node.life === at.life && !this.#chance.happens(WANDERS)) return;
    at?.leave();
    this.#at = undefined;
    const node = this.#chance.pick(this.#world.nodes);
    const { serving } = node;
    if (serving !== undefined) this.#attach(node, serving);
  }

  #attach(node: SimulatedNode, running: Running): void {
    const attached: Attached = { node, life: node.life, leave: (): void => undefined };
    this.#at = attached;
    node.life.run(() => {
      void this.#follow(attached, running).catch((error: unknown) => {
        if (this.#at === attached) this.#refused(error);
      });
    });
  }

  /** What is there first, then what comes: as a subscription does. */
  async #follow(attached: Attached, running: Running): Promise<void> {
    const { main } = running;
    // A node that has just begun again comes to what he has seen before a second time.
    const seen = this.cursor;
    const isHere = (): boolean => this.#at === attached;
    while (this.cursor < main.machine.position.index) {
      const before = this.cursor;
      for await (const entries of main.history.read(this.cursor + 1, { bytes: 4_000 })) {
        if (!isHere()) return;
        for (const entry of entries) this.#see(entry);
      }
      // The log has not yet what is applied: a snapshot is being taken in. He looks again, here or elsewhere.
      if (this.cursor === before) this.#at = undefined;
      if (!isHere()) return;
    }
    const unlisten = main.onApplied(({ outcomeBytes }, frame) => {
      const { index } = placeOf(frame);
      if (!isHere() || index <= seen) return;
      // The node has leapt there by a snapshot: what lies between is read, here or elsewhere.
      if (index > this.cursor + 1) this.#at = undefined;
      else this.#see({ index, frame, outcome: outcomeBytes });
    });
    attached.leave = unlisten;
  }

  #see(entry: RecordedEntry): void {
    this.#world.laws.tell('followed', this.cursor, entry);
    this.cursor = entry.index;
    this.#world.story.figures.count('entries followed');
  }

  #refused(error: unknown): void {
    this.#at = undefined;
    if (!(error instanceof Compacted)) return;
    this.#world.story.figures.count('followers told that it is compacted');
    this.#world.laws.tell('compacted', this.cursor, error.oldest);
    this.cursor = error.oldest - 1;
  }
}
