/** A log in memory, as a machine recorded it: evidence without a disk. */
import { NO_MEMBERS } from '../../../src/log/members.ts';
import { type Command, encodeCommand } from '../../../src/log/command.ts';
import { type Place, sealFrame } from '../../../src/log/frame.ts';
import type { SeenEntry, Sighting } from '../../../src/log/sighting.ts';
import { decodeEntry } from '../../../src/log/command.ts';
import type { Evidence, SnapshotEvidence } from '../../../src/projections/history/evidence.ts';
import { Machine } from '../../../src/projections/machine.ts';
import { MAIN_PROJECTIONS } from '../../../src/projections/registry.ts';
import {
  cutSnapshot,
  encodeSnapshot,
  type SnapshotRoots,
} from '../../../src/projections/snapshot.ts';

export function seen(command: Command, place: Place, outcome?: Uint8Array): SeenEntry {
  const frame = encodeCommand(command);
  sealFrame(frame, place);
  return {
    kind: 'entry',
    index: place.index,
    frame,
    outcome,
    where: 'memory',
    offset: place.index,
  };
}

/** Records what a machine makes of commands. */
export class Recorded {
  readonly machine = new Machine({ projections: MAIN_PROJECTIONS });
  readonly sightings: Sighting[] = [];
  readonly snapshots: SnapshotEvidence[] = [];

  propose(type: string, data: Record<string, unknown>, { term = 1, stamp = 1_000 } = {}): number {
    const index = this.machine.position.index + 1;
    const entry = seen({ type, data }, { term, index, at: index * stamp });
    const { outcomeBytes: outcome } = this.machine.apply(decodeEntry(entry.frame));
    this.sightings.push({ ...entry, outcome });
    return index;
  }

  /** Takes and gives back locks. */
  work(rounds: number): void {
    for (let round = 0; round < rounds; round += 1) {
      const lock = { name: `lock-${round % 7}`, owner: `owner-${round % 3}` };
      this.propose('acquire_lock', { ...lock, ttl_seconds: 300, lock_delay_seconds: 0 });
      if (round % 2 === 0) this.propose('release_lock', { ...lock, token: null });
    }
  }

  /** Takes a snapshot. @returns what it is sealed with, to be agreed */
  snapshot(): SnapshotRoots & { readonly at_index: number } {
    const { index } = this.machine.position;
    const nobody = { group: 'main', incarnation: 0, configuration: NO_MEMBERS };
    const encoding = encodeSnapshot(cutSnapshot(this.machine), nobody);
    const slices: Buffer[] = [];
    let step = encoding.next();
    for (; step.done !== true; step = encoding.next()) slices.push(step.value);
    const where = `snapshot ${index}`;
    this.snapshots.push({ index, where, content: () => given(slices) });
    return { ...step.value, at_index: index };
  }

  agree(root: SnapshotRoots & { readonly at_index: number }): number {
    return this.propose('state_root', { ...root, rules: 1 });
  }

  /** Everything, or what `change` leaves of it. */
  evidence(
    change: (sightings: readonly Sighting[]) => readonly Sighting[] = (all) => all,
  ): Evidence {
    const sightings = change(this.sightings);
    return {
      group: { id: 'main', incarnation: 0 },
      projections: MAIN_PROJECTIONS,
      first: sightings[0]?.index ?? 1,
      last: this.machine.position.index,
      read: (from) => pages(sightings.filter(({ index }) => index >= from)),
      snapshots: this.snapshots,
    };
  }
}

async function* given(slices: readonly Buffer[]): AsyncGenerator<Buffer> {
  for (const slice of slices) yield await Promise.resolve(slice);
}

/** Pages of an odd size, so that nothing depends on where one ends. */
async function* pages(sightings: readonly Sighting[]): AsyncGenerator<readonly Sighting[]> {
  for (let from = 0; from < sightings.length; from += 7)
    yield await Promise.resolve(sightings.slice(from, from + 7));
}

/** The same evidence with one sighting replaced. */
export function replaced(index: number, by: (entry: SeenEntry) => readonly Sighting[]) {
  return (sightings: readonly Sighting[]): readonly Sighting[] =>
    sightings.flatMap((it) => (it.kind === 'entry' && it.index === index ? by(it) : [it]));
}
