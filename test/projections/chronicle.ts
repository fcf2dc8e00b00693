/**
 * A group's history as it is stored, sealed frames and encoded outcomes, made by a machine that lives
 * through it: what other machines must make the same of.
 */
import {
  type Command,
  decodeEntry,
  encodeCommand,
  type Entry,
  packr,
} from '../../src/log/command.ts';
import { sealFrame } from '../../src/log/frame.ts';
import { Machine, type MachineOptions } from '../../src/projections/machine.ts';
import type { Outcome } from '../../src/projections/outcome.ts';
import {
  cutSnapshot,
  encodeSnapshot,
  restoreSnapshot,
  type SnapshotCut,
  type SnapshotRoots,
} from '../../src/projections/snapshot.ts';
import { type Intent, proposed } from './command-table.ts';
import { START } from './timeline.ts';

type Extras = Partial<Pick<Command, 'once' | 'actor' | 'if_index'>>;

export class Chronicle {
  readonly machine: Machine;
  readonly frames: Buffer[] = [];
  readonly outcomeBytes: Uint8Array[] = [];
  at = START;
  term = 1;

  constructor(options: MachineOptions) {
    this.machine = new Machine(options);
  }

  /** Proposes what an intent comes to now. */
  live(intent: Intent, extras: Extras = {}): Outcome {
    return this.write({ type: intent.type, data: proposed(this.machine, intent), ...extras });
  }

  /** Seals the command as the next entry and applies it, read back from its bytes as a node does. */
  write(command: Command): Outcome {
    const frame = encodeCommand(command);
    const index = this.machine.position.index + 1;
    sealFrame(frame, { index, term: this.term, at: this.at });
    const { outcome, outcomeBytes } = this.machine.apply(decodeEntry(frame));
    this.frames.push(frame);
    this.outcomeBytes.push(outcomeBytes);
    return outcome;
  }

  /** Writes what time asks for now, as the duties of a leader do: one round. */
  meetDuties(): void {
    for (const { type, data } of this.machine.due(this.at).duties)
      this.write({ type, data, actor: 'duty' });
  }

  /** What was written, and what each of it led to. */
  *told(): Generator<{ readonly type: string; readonly outcome: Outcome }> {
    for (const [place, bytes] of this.outcomeBytes.entries())
      yield { type: this.entry(place + 1).type, outcome: packr.unpack(bytes) as Outcome };
  }

  entry(index: number): Entry {
    return decodeEntry(this.frames[index - 1]!);
  }
}

const IDENTITY = {
  group: 'main',
  incarnation: 0,
  configuration: { voters: [{ id: 'n1', store: 's1', addresses: [] }], outgoing: [], learners: [] },
};

export interface Encoded {
  readonly bytes: Buffer;
  readonly roots: SnapshotRoots;
}

export function encoded(cut: SnapshotCut): Encoded {
  const pieces: Buffer[] = [];
  const slices = encodeSnapshot(cut, IDENTITY);
  let step = slices.next();
  for (; step.done !== true; step = slices.next()) pieces.push(step.value);
  return { bytes: Buffer.concat(pieces), roots: step.value };
}

/** Bytes as a file gives them, in pieces that care for no message. */
export async function* inPieces(bytes: Buffer, size = 1_000): AsyncGenerator<Buffer> {
  for (let offset = 0; offset < bytes.length; offset += size)
    yield bytes.subarray(offset, offset + size);
}

export async function restoredFrom(bytes: Buffer, options: MachineOptions): Promise<Machine> {
  const machine = new Machine(options);
  await restoreSnapshot(machine, inPieces(bytes));
  return machine;
}

/**
 * All that a machine knows: its whole state as bytes, and what is derived from the rows: indexes in their
 * order, counters by label. Equal for equal machines, whatever way they came there.
 */
export function knowledgeOf(machine: Machine): unknown {
  const { bytes, roots } = encoded(cutSnapshot(machine));
  const derived = machine.allTables().map((table) => {
    const { name, indexes = {}, counters = {} } = table.definition;
    const orders = Object.keys(indexes).map((index) => [...table.index(index).scan([])]);
    const counts = Object.keys(counters).map((counter) => new Map(table.counts(counter)));
    return { name, size: table.size, orders, counts };
  });
  const { position } = machine;
  return { position, digest: machine.digest(), roots, derived, bytes: bytes.toString('latin1') };
}
