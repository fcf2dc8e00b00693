/**
 * Every released version's golden log, read by this build: what was decided then is decided now, to the
 * byte, and the data directory of then opens.
 */
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { decodeEntry } from '../../src/log/command.ts';
import { readFrame } from '../../src/log/frame.ts';
import { Log } from '../../src/log/log.ts';
import { Machine } from '../../src/projections/machine.ts';
import { MAIN_PROJECTIONS } from '../../src/projections/registry.ts';
import { restoreSnapshot } from '../../src/projections/snapshot.ts';
import { Group } from '../../src/protocols/coordinator/group.ts';
import type { RecordedEntry } from '../../src/protocols/coordinator/history.ts';
import { SoloEngine } from '../../src/protocols/solo/solo-engine.ts';
import { breathe } from '../../src/real-clock.ts';
import { framesOf, optionsFor, temporaryDirectory } from '../log/fixtures.ts';
import { VirtualClock } from '../protocols/virtual-clock.ts';
import {
  type Expected,
  GOLDEN_CLUSTER,
  GOLDEN_GROUP,
  GOLDEN_NODE,
  rootsOf,
  splitOutcomes,
  writeGolden,
} from './write-golden.ts';

interface Golden {
  readonly directory: string;
  readonly frames: readonly Buffer[];
  readonly outcomes: readonly Buffer[];
  readonly snapshot: Buffer;
  readonly expected: Expected;
}

async function readGolden(directory: string): Promise<Golden> {
  const [frames, outcomes, snapshot, expected] = await Promise.all(
    ['frames.bin', 'outcomes.bin', 'snapshot.bin', 'expected.json'].map((name) =>
      readFile(join(directory, name)),
    ),
  );
  return {
    directory,
    frames: wholeFrames(frames!),
    outcomes: splitOutcomes(outcomes!),
    snapshot: snapshot!,
    expected: JSON.parse(expected!.toString()) as Expected,
  };
}

/** The frames, each with its checksum checked. */
function wholeFrames(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const read = readFrame(bytes, offset);
    if (read.kind !== 'frame') throw new Error(`a frame at ${offset} is ${read.kind}`);
    frames.push(read.frame);
    offset = read.next;
  }
  return frames;
}

/** What a machine stands for, of what the build of then knew: later ones know more projections. */
function standing(machine: Machine, { roots, rows }: Expected): unknown {
  const now = rootsOf(machine);
  const sizes = new Map(
    machine.allTables().map(({ definition, size }) => [definition.name, size] as const),
  );
  return {
    last_index: machine.position.index,
    digest: machine.digest(),
    roots: Object.fromEntries(Object.keys(roots).map((name) => [name, now.roots[name]])),
    rows: Object.fromEntries(Object.keys(rows).map((name) => [name, sizes.get(name)])),
  };
}

function stated({ last_index, digest, roots, rows }: Expected): unknown {
  return { last_index, digest, roots, rows };
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

/** The data directory, copied: opening one changes it. */
async function ownCopy({ directory }: Golden): Promise<string> {
  const copy = await temporaryDirectory();
  await cp(join(directory, 'store'), copy, { recursive: true });
  return copy;
}

async function openedStore(directory: string): Promise<Log> {
  const log = await Log.open(
    optionsFor(directory, { nodeId: GOLDEN_NODE, clusterId: GOLDEN_CLUSTER }),
  );
  onTestFinished(() => log.close());
  return log;
}

async function startedOn(log: Log): Promise<Group> {
  const clock = new VirtualClock();
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
    onFault: () => undefined,
    onLoopError: () => undefined,
  });
  onTestFinished(() => group.stop());
  return group;
}

async function recordedOf(group: Group, to: number): Promise<RecordedEntry[]> {
  const entries: RecordedEntry[] = [];
  for await (const chunk of group.history.read(1, { to })) entries.push(...chunk);
  return entries;
}

function hex(buffers: readonly Uint8Array[]): readonly string[] {
  return buffers.map((bytes) => Buffer.from(bytes).toString('hex'));
}

function goldenSuite(name: string, find: () => Promise<string>): void {
  describe(name, () => {
    let golden: Golden;
    beforeAll(async () => {
      golden = await readGolden(await find());
    });

    test('its frames are whole and follow each other, one outcome to each', () => {
      const { frames, outcomes, expected } = golden;
      expect(frames.map((frame) => decodeEntry(frame).index)).toEqual(
        frames.map((_, place) => place + 1),
      );
      expect(frames).toHaveLength(expected.last_index);
      expect(outcomes).toHaveLength(expected.last_index);
    });

    test('I3: every entry is decided as it was decided then, byte for byte', () => {
      const machine = new Machine({ projections: MAIN_PROJECTIONS });
      for (const [place, frame] of golden.frames.entries()) {
        const { entry, outcomeBytes } = machine.apply(decodeEntry(frame));
        if (!golden.outcomes[place]!.equals(outcomeBytes))
          throw new Error(`entry ${entry.index}, ${entry.type}, is decided otherwise`);
      }
      expect(standing(machine, golden.expected)).toEqual(stated(golden.expected));
    });

    test('I3: its recorded outcomes fold to the same state', () => {
      const machine = new Machine({ projections: MAIN_PROJECTIONS });
      for (const [place, frame] of golden.frames.entries())
        machine.applyRecorded(decodeEntry(frame), golden.outcomes[place]!);
      expect(standing(machine, golden.expected)).toEqual(stated(golden.expected));
    });

    test('I3: its snapshot restores, and what came after is decided as it was', async () => {
      const { snapshot, frames, outcomes, expected } = golden;
      const machine = new Machine({ projections: MAIN_PROJECTIONS });
      const { manifest, sealed } = await restoreSnapshot(machine, once(snapshot));
      expect({ index: manifest.position.index, ...sealed }).toEqual(expected.snapshot);
      expect(rootsOf(machine).roots).toMatchObject(expected.snapshot.roots);
      expect(machine.digest()).toBe(expected.snapshot.digest);
      for (const frame of frames.slice(expected.snapshot.index)) {
        const { entry, outcomeBytes } = machine.apply(decodeEntry(frame));
        expect(outcomes[entry.index - 1]!.equals(outcomeBytes)).toBe(true);
      }
      expect(standing(machine, expected)).toEqual(stated(expected));
    });

    test('the state roots agreed in it are those of a replay', () => {
      const machine = new Machine({ projections: MAIN_PROJECTIONS });
      const { index, digest, roots } = golden.expected.snapshot;
      const agreed = golden.frames
        .map((frame) => decodeEntry(frame))
        .filter(({ type, data }) => type === 'state_root' && data['at_index'] === index)
        .map(({ data }) => data);
      expect(agreed).toContainEqual({ at_index: index, digest, roots, rules: 1 });
      for (const frame of golden.frames.slice(0, index)) machine.apply(decodeEntry(frame));
      expect(rootsOf(machine).roots).toMatchObject(roots);
    });

    test('its data directory opens, and gives the same frames', async () => {
      const log = await openedStore(await ownCopy(golden));
      expect(log.recovery).toMatchObject({ startedEmpty: false, uncleanExit: false });
      expect(log.identity).toMatchObject({ clusterId: GOLDEN_CLUSTER, nodeId: GOLDEN_NODE });
      expect(log.bounds(GOLDEN_GROUP)).toMatchObject({ first: 1, last: golden.frames.length });
      expect(log.hardState(GOLDEN_GROUP)).toMatchObject({ vote: GOLDEN_NODE });
      log.setCommitted(GOLDEN_GROUP, golden.frames.length);
      expect(hex(await framesOf(log, GOLDEN_GROUP, 1))).toEqual(hex(golden.frames));
    });

    test('a node starts on it from its snapshot, tells its history, and goes on', async () => {
      const log = await openedStore(await ownCopy(golden));
      const group = await startedOn(log);
      const { last_index, snapshot } = golden.expected;
      expect(group.snapshotStatus.last_index).toBe(snapshot.index);
      const entries = await recordedOf(group, last_index);
      expect(hex(entries.map(({ frame }) => frame))).toEqual(hex(golden.frames));
      expect(hex(entries.map(({ outcome }) => outcome))).toEqual(hex(golden.outcomes));
      const answer = await group.propose({ type: 'open_session', data: {} }, 'data');
      expect(answer).toMatchObject({ kind: 'answered', index: last_index + 2 });
    });

    test('a node starts on it without its snapshots, and finds every recorded outcome as it decides it', async () => {
      const directory = await ownCopy(golden);
      await rm(join(directory, 'snapshots'), { recursive: true });
      const group = await startedOn(await openedStore(directory));
      expect(group.machine.position.index).toBe(golden.expected.last_index + 1);
      const entries = await recordedOf(group, golden.expected.last_index);
      expect(hex(entries.map(({ outcome }) => outcome))).toEqual(hex(golden.outcomes));
    });
  });
}

const HERE = import.meta.dirname;
const released = (await readdir(HERE)).filter((name) => /^v\d+$/.test(name)).sort();
for (const version of released)
  goldenSuite(`the golden log ${version}`, () => Promise.resolve(join(HERE, version)));

describe('a golden log', () => {
  let fresh = '';
  let written: Expected;
  beforeAll(async () => {
    const parent = await mkdtemp(join(tmpdir(), 'quorate-golden-'));
    fresh = join(parent, 'fresh');
    written = await writeGolden(fresh);
  });
  afterAll(() => rm(join(fresh, '..'), { recursive: true, force: true }));

  goldenSuite('that this build writes', () => Promise.resolve(fresh));

  test('holds every type of command that is registered, and one that is not', () => {
    const types = MAIN_PROJECTIONS.flatMap(({ commands }) => Object.keys(commands));
    expect(Object.keys(written.entries).sort()).toEqual([...types, 'of_the_future'].sort());
  });

  test('is never written over another', async () => {
    await expect(writeGolden(fresh)).rejects.toThrow('EEXIST');
  });
});
