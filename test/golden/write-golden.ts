/**
 * Writes a golden log: a history as this build stores it, and what follows from it, so that every later
 * build can prove that it still reads the one and arrives at the other.
 *
 * ```
 *  frames.bin     the sealed frames of all entries, one behind the other
 *  outcomes.bin   their outcomes: [4: length][MessagePack], in the order of the entries
 *  snapshot.bin   the content of a snapshot taken on the way
 *  store/         the data directory of the node that wrote them
 *  expected.json  digest, roots and row counts at the end; index, digest and roots of the snapshot
 * ```
 *
 * One seed and a clock that stands still unless it is moved decide everything.
 */
import { NO_MEMBERS } from '../../src/log/members.ts';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { type Command, decodeEntry } from '../../src/log/command.ts';
import { Log } from '../../src/log/log.ts';
import { splitFrames } from '../../src/log/split-frames.ts';
import type { Clock } from '../../src/log/time.ts';
import { Machine } from '../../src/projections/machine.ts';
import type { Outcome } from '../../src/projections/outcome.ts';
import { MAIN_PROJECTIONS } from '../../src/projections/registry.ts';
import { RULES_VERSION } from '../../src/projections/rules.ts';
import {
  cutSnapshot,
  encodeSnapshot,
  restoreSnapshot,
  type SnapshotRoots,
} from '../../src/projections/snapshot.ts';
import { Group } from '../../src/protocols/coordinator/group.ts';
import { SoloEngine } from '../../src/protocols/solo/solo-engine.ts';
import { breathe } from '../../src/real-clock.ts';
import { anyStep, type Step } from '../projections/any-history.ts';
import { proposed } from '../projections/command-table.ts';

export const GOLDEN_GROUP = { id: 'main', incarnation: 0 } as const;
export const GOLDEN_NODE = 'golden-node';
export const GOLDEN_CLUSTER = 'golden-cluster';

export interface Expected {
  readonly rules_version: number;
  readonly last_index: number;
  readonly digest: string;
  readonly roots: Readonly<Record<string, string>>;
  /** Rows per table. */
  readonly rows: Readonly<Record<string, number>>;
  /** Entries per command type: applied with facts, and all. */
  readonly entries: Readonly<Record<string, { readonly all: number; readonly applied: number }>>;
  readonly snapshot: SnapshotRoots & { readonly index: number };
}

const SEED = 50;
/** Each life of the node is a term of its own. */
const LIVES = 3;
const STEPS_PER_LIFE = 260;
/** The longest pause between two commands, life by life: at first leases last, in the end all run out. */
const PAUSE_MS_MAX = [500, 5_000, Number.POSITIVE_INFINITY];
/** Proposed together, so that some blocks hold several entries. */
const TOGETHER = 4;

class StandingClock implements Clock {
  #passed = 0;

  now(): number {
    return 1_700_000_000_000 + this.#passed;
  }

  monotonic(): number {
    return this.#passed;
  }

  /** Nothing happens by itself. */
  after(): () => void {
    return () => undefined;
  }

  pass(milliseconds: number): void {
    this.#passed += milliseconds;
  }
}

interface Writing {
  readonly clock: StandingClock;
  readonly log: Log;
  readonly group: Group;
}

/** Writes into `directory`, which must not be there yet. */
export async function writeGolden(directory: string): Promise<Expected> {
  await mkdir(directory);
  const clock = new StandingClock();
  const histories = fc.array(anyStep, { minLength: STEPS_PER_LIFE, maxLength: STEPS_PER_LIFE });
  const lives = fc.sample(histories, { seed: SEED, numRuns: LIVES });
  for (const [place, steps] of lives.entries())
    await live(join(directory, 'store'), clock, hurried(steps, PAUSE_MS_MAX[place]!));
  const expected = await writeFindings(directory, clock);
  // What LevelDB says to people, and its lock, are no part of the format.
  for (const name of ['LOG', 'LOG.old', 'LOCK'])
    await rm(join(directory, 'store', 'log', name), { force: true });
  return expected;
}

function hurried(steps: readonly Step[], most: number): readonly Step[] {
  return steps.map((step) => ({ ...step, pause: Math.min(step.pause, most) }));
}

function openLog(directory: string, clock: Clock): Promise<Log> {
  return Log.open({
    directory,
    nodeId: GOLDEN_NODE,
    clusterId: GOLDEN_CLUSTER,
    drawId: () => 'golden-store',
    clock,
    diskGauge: () => Promise.resolve(0.5),
    onPoison: (cause) => {
      throw cause;
    },
  });
}

async function live(
  directory: string,
  clock: StandingClock,
  steps: readonly Step[],
): Promise<void> {
  await mkdir(directory, { recursive: true });
  const log = await openLog(directory, clock);
  const group = await Group.open({
    id: GOLDEN_GROUP,
    log,
    clock,
    projections: MAIN_PROJECTIONS,
    startEngine: (start) => SoloEngine.start({ log, nodeId: GOLDEN_NODE, clock, ...start }),
    snapshotInterval: 60_000,
    retention: { kind: 'all' },
    historyBytes: 0,
    breathe,
    onFault: (fault) => {
      throw fault;
    },
    onLoopError: () => undefined,
  });
  const writing = { clock, log, group };
  for (let from = 0; from < steps.length; from += TOGETHER)
    await writeTogether(writing, steps.slice(from, from + TOGETHER));
  // The last life starts from a snapshot.
  if (group.machine.position.term === LIVES - 1) await group.snapshots.take();
  await group.stop();
  await log.close();
}

async function writeTogether({ clock, group }: Writing, steps: readonly Step[]): Promise<void> {
  const commands = steps.flatMap(({ pause, intent, extras, before }) => {
    clock.pass(pause);
    const data = readable(intent.type, proposed(group.machine, intent));
    return [...first[before](group), { type: intent.type, data, ...extras }];
  });
  await Promise.all(commands.map((command) => group.propose(command, 'control')));
}

const first: Readonly<Record<Step['before'], (group: Group) => readonly Command[]>> = {
  nothing: () => [],
  election: () => [],
  'unknown type': () => [{ type: 'of_the_future', data: { any: 'thing' } }],
  duties: (group) =>
    group.machine.due(group.now()).duties.map((duty) => ({ ...duty, actor: 'duty' })),
};

/** The version of the rules stays what it is: a log that raises it can be read by no build of this version. */
function readable(type: string, data: Command['data']): Command['data'] {
  if (type !== 'raise_rules_version') return data;
  return { version: RULES_VERSION + 10 };
}

/** Reads the whole history back from the disk, and writes down what follows from it. */
async function writeFindings(directory: string, clock: Clock): Promise<Expected> {
  const log = await openLog(join(directory, 'store'), clock);
  const frames: Buffer[] = [];
  log.setCommitted(GOLDEN_GROUP, log.bounds(GOLDEN_GROUP).last);
  for await (const chunk of log.read(GOLDEN_GROUP, 1)) frames.push(...splitFrames(chunk.frames));
  const snapshot = await writeSnapshot(directory, log);
  await log.close();

  const machine = new Machine({ projections: MAIN_PROJECTIONS });
  const applied = frames.map((frame) => machine.apply(decodeEntry(frame)));
  const outcomes = applied.map(({ outcomeBytes }) => framed(outcomeBytes));
  await writeFile(join(directory, 'frames.bin'), Buffer.concat(frames));
  await writeFile(join(directory, 'outcomes.bin'), Buffer.concat(outcomes));
  const expected: Expected = {
    rules_version: RULES_VERSION,
    last_index: machine.position.index,
    ...rootsOf(machine),
    rows: Object.fromEntries(
      machine.allTables().map(({ definition, size }) => [definition.name, size]),
    ),
    entries: countedByType(applied.map(({ entry, outcome }) => ({ type: entry.type, outcome }))),
    snapshot,
  };
  assertCovers(expected.entries);
  await writeFile(join(directory, 'expected.json'), `${JSON.stringify(expected, undefined, 2)}\n`);
  return expected;
}

function framed(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

async function writeSnapshot(directory: string, log: Log): Promise<Expected['snapshot']> {
  const shelf = log.snapshots(GOLDEN_GROUP);
  const [newest] = await shelf.list();
  if (newest === undefined) throw new Error('no snapshot was taken on the way');
  const reader = await shelf.open(newest.index);
  const content = await reader.readAt(0, reader.bytes);
  await writeFile(join(directory, 'snapshot.bin'), content);
  const machine = new Machine({ projections: MAIN_PROJECTIONS });
  const { sealed } = await restoreSnapshot(machine, reader);
  return { index: newest.index, ...sealed };
}

/** The roots of a machine's state, as a snapshot taken now would seal them. */
export function rootsOf(machine: Machine): SnapshotRoots {
  const identity = { group: 'main', incarnation: 0, configuration: NO_MEMBERS };
  const slices = encodeSnapshot(cutSnapshot(machine), identity);
  let step = slices.next();
  while (step.done !== true) step = slices.next();
  return step.value;
}

/** What was never applied is not proved by this log. */
function assertCovers(entries: Expected['entries']): void {
  const exempt = new Set(['no_op', 'configuration', 'raise_rules_version']);
  const missing = MAIN_PROJECTIONS.flatMap(({ commands }) => Object.keys(commands)).filter(
    (type) => !exempt.has(type) && (entries[type]?.applied ?? 0) === 0,
  );
  if (missing.length > 0)
    throw new Error(`never applied: ${missing.join(', ')}; draw another seed`);
}

function countedByType(
  entries: readonly { readonly type: string; readonly outcome: Outcome }[],
): Expected['entries'] {
  const counts = new Map<string, { all: number; applied: number }>();
  for (const { type, outcome } of entries) {
    const count = counts.get(type) ?? { all: 0, applied: 0 };
    count.all += 1;
    count.applied += Number(outcome.kind === 'applied' && outcome.facts.length > 0);
    counts.set(type, count);
  }
  return Object.fromEntries([...counts].sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** Splits what `outcomes.bin` holds. */
export function splitOutcomes(bytes: Buffer): Buffer[] {
  const outcomes: Buffer[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const end = offset + 4 + bytes.readUInt32BE(offset);
    outcomes.push(bytes.subarray(offset + 4, end));
    offset = end;
  }
  return outcomes;
}
