/** A group with everything around it, on a disk that outlives it: lives that follow each other. */
import { onTestFinished } from 'vitest';
import { type Command, decodeEntry } from '../../../src/log/command.ts';
import type { Log } from '../../../src/log/log.ts';
import { openStore } from '../../../src/log/open-store.ts';
import type { StoreFactory } from '../../../src/log/store.ts';
import { Machine } from '../../../src/projections/machine.ts';
import type { Projection } from '../../../src/projections/projection.ts';
import { MAIN_PROJECTIONS } from '../../../src/projections/registry.ts';
import type { Answer } from '../../../src/protocols/coordinator/answer.ts';
import { Group, type GroupOptions } from '../../../src/protocols/coordinator/group.ts';
import { SoloEngine } from '../../../src/protocols/solo/solo-engine.ts';
import { breathe } from '../../../src/real-clock.ts';
import { until } from '../../end-to-end/condition.ts';
import { framesOf, MAIN, openedLog, temporaryDirectory } from '../../log/fixtures.ts';
import { type Contents, memoryStore } from '../../log/memory-store.ts';
import { Gate, GatedStore } from '../gated-store.ts';
import { tally, TALLIES } from '../../projections/tally.ts';
import { VirtualClock } from '../virtual-clock.ts';

export const PROJECTIONS: readonly Projection[] = [...MAIN_PROJECTIONS, tally];

export interface Disk {
  readonly directory: string;
  readonly contents: Contents;
  readonly store: StoreFactory;
}

export async function memoryDisk(): Promise<Disk> {
  const contents: Contents = new Map();
  return { directory: await temporaryDirectory(), contents, store: memoryStore(contents) };
}

/** For what only LevelDB knows, such as how many bytes lie where. */
export async function levelDisk(): Promise<Disk> {
  return {
    directory: await temporaryDirectory(),
    contents: new Map(),
    store: openStore,
  };
}

export interface Hosted {
  readonly disk: Disk;
  readonly clock: VirtualClock;
  readonly gate: Gate;
  readonly log: Log;
  readonly group: Group;
  readonly faults: readonly Error[];
  readonly loopErrors: readonly unknown[];
  /** A clean end; the disk may then host another life. */
  end(): Promise<void>;
}

type Changes = Partial<GroupOptions> & { readonly clock?: VirtualClock };

/** Opens the group `main` on a disk; whatever is left open is closed when the test is over. */
export async function hosted(disk: Disk, changes: Changes = {}): Promise<Hosted> {
  const { clock = new VirtualClock(), ...options } = changes;
  const gate = new Gate();
  const store: StoreFactory = async (directory) =>
    new GatedStore(await disk.store(directory), gate);
  const log = await openedLog(disk.directory, { store });
  const faults: Error[] = [];
  const loopErrors: unknown[] = [];
  const group = await Group.open({
    id: MAIN,
    log,
    clock,
    projections: PROJECTIONS,
    startEngine: (start) => SoloEngine.start({ log, nodeId: 'node-1', clock, ...start }),
    snapshotInterval: 60_000,
    retention: { kind: 'all' },
    historyBytes: 0,
    breathe,
    onFault: (fault) => faults.push(fault),
    onLoopError: (_loop, error) => loopErrors.push(error),
    ...options,
  });
  const end = async (): Promise<void> => {
    gate.release();
    await group.stop();
    await log.close();
  };
  onTestFinished(end);
  return { disk, clock, gate, log, group, faults, loopErrors, end };
}

export function add(name: string, extras: Partial<Command> & { by?: number } = {}): Command {
  const { by = 1, ...rest } = extras;
  return { type: 'add', data: { name, by }, ...rest };
}

export function sumOf({ machine }: Group, name: string): number | undefined {
  return machine.tables.of(TALLIES).get(name)?.sum;
}

/** Adds one to each of `count` names, one after another. */
export async function addMany(group: Group, count: number, patience = 0): Promise<void> {
  const names = Array.from({ length: count }, (_, place) => `name ${place}`);
  await Promise.all(names.map((name) => asked(group, add(name), patience)));
}

/** A machine that was told the first entries of a group's log, up to `index`, and nothing else. */
export async function replayedTo({ log }: Hosted, index: number): Promise<Machine> {
  const machine = new Machine({ projections: PROJECTIONS });
  for (const frame of await framesOf(log, MAIN, 1, { to: index }))
    machine.apply(decodeEntry(frame));
  return machine;
}

/**
 * Proposes a command as the API does: parsed by its schema first.
 * @param patience how long the next leader is waited for
 */
export function asked(group: Group, command: Command, patience = 0): Promise<Answer> {
  const rule = group.machine.command(command.type);
  const data = rule === undefined ? command.data : rule.schema.parse(command.data);
  return group.propose({ ...command, data }, 'data', patience);
}

/** Lets time go by in small steps until something is so: what needs the disk in between gets its turns. */
export async function untilIn(
  clock: VirtualClock,
  step: number,
  { what, look }: { readonly what: string; readonly look: () => boolean },
): Promise<void> {
  await until(what, async () => {
    if (look()) return true;
    await clock.advance(step);
    return look();
  });
}
