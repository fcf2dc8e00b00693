/**
 * Tables made anew from what lies on the disk: the newest snapshot below an index, and the log above it.
 * Outcome pages that come of it take the place of those that were recorded.
 */
import { decodeEntry } from '../../log/command.ts';
import type { GroupId } from '../../log/group.ts';
import type { Log } from '../../log/log.ts';
import { splitFrames } from '../../log/split-frames.ts';
import type { Machine } from '../../projections/machine.ts';
import type { FinishedPage } from '../../projections/outcome-chain.ts';
import type { Restoring } from './restoring.ts';

export interface RebuildingOptions {
  readonly log: Log;
  readonly group: GroupId;
  readonly restoring: Restoring;
  /** The one that serves. */
  readonly machine: Machine;
  /** An empty one. */
  readonly fresh: () => Machine;
  readonly storePage: (page: FinishedPage) => void;
  readonly breathe: () => Promise<void>;
}

const always = (): boolean => true;

export class Rebuilding {
  readonly #options: RebuildingOptions;

  constructor(options: RebuildingOptions) {
    this.#options = options;
  }

  /**
   * Decides again what lies at `below` or above; while this goes on nothing may be applied.
   * @throws Compacted where neither a snapshot nor the log reaches so far back
   */
  async rebuild(below: number): Promise<void> {
    const { machine } = this.#options;
    machine.adopt(await this.decidedAgain(below, machine.position.index));
  }

  /** A machine beside ours that decided everything again, up to `to` or until nobody wants it. @throws Compacted */
  async decidedAgain(below: number, to: number, isWanted = always): Promise<Machine> {
    const { restoring, fresh } = this.#options;
    const machine = await restoring.below(below, fresh);
    await this.#decide(machine, to, isWanted);
    return machine;
  }

  /** Takes it for ours, once it has decided the rest; while this goes on nothing may be applied. @throws Compacted */
  async replace(machine: Machine): Promise<void> {
    const { machine: ours } = this.#options;
    await this.#decide(machine, ours.position.index, always);
    ours.adopt(machine);
  }

  async #decide(machine: Machine, to: number, isWanted: () => boolean): Promise<void> {
    const { log, group, breathe } = this.#options;
    for await (const { frames } of log.read(group, machine.position.index + 1, { to })) {
      if (!isWanted()) return;
      for (const frame of splitFrames(frames)) this.#decideOne(machine, frame);
      await breathe();
    }
  }

  #decideOne(machine: Machine, frame: Buffer): void {
    const { page } = machine.apply(decodeEntry(frame));
    if (page !== undefined) this.#options.storePage(page);
  }
}
