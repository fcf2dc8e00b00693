import { NO_MEMBERS } from '../../src/log/members.ts';
import { open } from 'node:fs/promises';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { packr } from '../../src/log/command.ts';
import { leafHash, nodeHash } from '../../src/log/merkle.ts';
import { SnapshotShelf } from '../../src/log/snapshot-file.ts';
import { LOCKS } from '../../src/projections/locks/lock-table.ts';
import { Machine } from '../../src/projections/machine.ts';
import { MAIN_PROJECTIONS } from '../../src/projections/registry.ts';
import {
  cutSnapshot,
  encodeSnapshot,
  restoreSnapshot,
  type SnapshotCut,
  SNAPSHOT_VERSION,
  SnapshotUnusable,
} from '../../src/projections/snapshot.ts';
import { MAIN, temporaryDirectory } from '../log/fixtures.ts';
import { Chronicle, encoded, inPieces, knowledgeOf, restoredFrom } from './chronicle.ts';
import { tally } from './tally.ts';

const OPTIONS = { projections: MAIN_PROJECTIONS };

/** A history with `count` locks, a few of them given back and taken again. */
function withLocks(count: number): Chronicle {
  const chronicle = new Chronicle(OPTIONS);
  for (let number = 0; number < count; number++) acquire(chronicle, `lock-${number}`);
  for (let number = 0; number < count; number += 7) {
    const name = `lock-${number}`;
    chronicle.write({ type: 'release_lock', data: { name, owner: 'ann', token: null } });
    acquire(chronicle, name);
  }
  return chronicle;
}

function acquire(chronicle: Chronicle, name: string): void {
  const data = { name, owner: 'ann', ttl_seconds: 60, lock_delay_seconds: 0 };
  chronicle.write({ type: 'acquire_lock', data });
}

interface Message {
  readonly value: unknown;
  readonly bytes: Buffer;
}

function messagesOf(bytes: Buffer): Message[] {
  const messages: Message[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const end = offset + 4 + bytes.readUInt32BE(offset);
    const body = bytes.subarray(offset + 4, end);
    messages.push({ value: packr.unpack(body), bytes: bytes.subarray(offset, end) });
    offset = end;
  }
  return messages;
}

function framed(value: unknown): Buffer {
  const body = packr.pack(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

/** The snapshot with its manifest changed. */
function withManifest(bytes: Buffer, changes: object): Buffer {
  const [manifest, ...rest] = messagesOf(bytes);
  const changed = framed({ ...(manifest!.value as object), ...changes });
  return Buffer.concat([changed, ...rest.map((message) => message.bytes)]);
}

function shuffled(cut: SnapshotCut, random: () => number): SnapshotCut {
  const tables = cut.tables.map(({ definition, keys, kept }) => {
    const placed = keys.map((key, at) => ({ key, row: kept[at], place: random() }));
    const mixed = placed.sort((a, b) => a.place - b.place);
    return { definition, keys: mixed.map(({ key }) => key), kept: mixed.map(({ row }) => row) };
  });
  return { ...cut, tables };
}

describe('the bytes of a snapshot', () => {
  test('equal states are equal bytes, in whatever order their rows came to be', () => {
    const cut = cutSnapshot(withLocks(700).machine);
    const { bytes, roots } = encoded(cut);
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat()), (numbers) => {
        const other = encoded(shuffled(cut, () => numbers.next().value as number));
        expect(other.roots).toEqual(roots);
        expect(other.bytes.equals(bytes)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  test('equal states with different pasts are equal bytes: restored rows lie in the order of their keys', async () => {
    const { machine } = withLocks(700);
    const { bytes } = encoded(cutSnapshot(machine));
    const restored = await restoredFrom(bytes, OPTIONS);
    const orderOf = ({ tables }: Machine): string[] =>
      [...tables.of(LOCKS).rows()].map(({ name }) => name);
    expect(orderOf(restored)).not.toEqual(orderOf(machine));
    expect(encoded(cutSnapshot(restored)).bytes.equals(bytes)).toBe(true);
  });

  test('what a rule changed and took back leaves no trace', () => {
    const [plain, tried] = [withLocks(50), withLocks(50)];
    const place = { index: 0, term: 1, at: tried.at };
    const wanted = { name: 'lock-new', owner: 'bob', ttl_seconds: 5, lock_delay_seconds: 0 };
    tried.machine.dryRun({ type: 'acquire_lock', data: wanted, ...place });
    tried.machine.dryRun({
      type: 'release_lock',
      data: { name: 'lock-3', owner: 'ann', token: null },
      ...place,
    });
    expect(knowledgeOf(tried.machine)).toEqual(knowledgeOf(plain.machine));
  });

  test('they come in small slices, so that other work has its turn', () => {
    const cut = cutSnapshot(withLocks(5_000).machine);
    const identity = { group: 'main', incarnation: 0, configuration: NO_MEMBERS };
    const slices = [...encodeSnapshot(cut, identity)];
    expect(slices.length).toBeGreaterThan(5_000 / 256);
    const rows = messagesOf(Buffer.concat(slices)).flatMap(({ value }) =>
      Array.isArray(value) ? [(value[1] as unknown[]).length] : [],
    );
    expect(Math.max(...rows)).toBeLessThanOrEqual(256);
  });

  test('the root of a projection is the RFC 6962 root over its rows, by table and key', () => {
    const chronicle = new Chronicle(OPTIONS);
    for (const name of ['b', 'a', 'c']) acquire(chronicle, name);
    const { roots } = encoded(cutSnapshot(chronicle.machine)).roots;
    const locks = chronicle.machine.tables.of(LOCKS);
    const [a, b, c] = ['a', 'b', 'c'].map((name) => {
      const row = locks.get(name) as unknown as Record<string, unknown>;
      return leafHash(packr.pack(['locks', ...LOCKS.columns.map((column) => row[column])]));
    });
    expect(roots['locks']).toBe(nodeHash(nodeHash(a!, b!), c!).toString('hex'));
  });

  test('any change of any row changes the root of its projection and of no other', () => {
    const [one, other] = [withLocks(20), withLocks(20)];
    for (const [chronicle, token] of [
      [one, null],
      [other, 1_000],
    ] as const)
      chronicle.write({ type: 'release_lock', data: { name: 'lock-3', owner: 'ann', token } });
    const before = encoded(cutSnapshot(one.machine)).roots.roots;
    const after = encoded(cutSnapshot(other.machine)).roots.roots;
    const differing = Object.keys(before).filter((name) => before[name] !== after[name]);
    expect(differing).toEqual(['locks']);
  });
});

describe('restoring', () => {
  test('a snapshot is read in pieces of any size', async () => {
    const { machine } = withLocks(300);
    const { bytes } = encoded(cutSnapshot(machine));
    const knowledge = knowledgeOf(machine);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5_000 }), async (size) => {
        const restored = new Machine(OPTIONS);
        await restoreSnapshot(restored, inPieces(bytes, size));
        expect(knowledgeOf(restored)).toEqual(knowledge);
      }),
      { numRuns: 20 },
    );
  });

  test('it says what the snapshot is of, and what was agreed about it', async () => {
    const { machine } = withLocks(10);
    const { bytes, roots } = encoded(cutSnapshot(machine));
    const { manifest, sealed } = await restoreSnapshot(new Machine(OPTIONS), inPieces(bytes));
    expect(sealed).toEqual(roots);
    expect(manifest).toMatchObject({
      version: SNAPSHOT_VERSION,
      group: 'main',
      incarnation: 0,
      position: machine.position,
      configuration: {
        voters: [{ id: 'n1', store: 's1', addresses: [] }],
        outgoing: [],
        learners: [],
      },
    });
  });

  test('a build that knows another projection restores what the snapshot has; the rest is empty', async () => {
    const { machine } = withLocks(10);
    const { bytes } = encoded(cutSnapshot(machine));
    const wider = await restoredFrom(bytes, { projections: [...MAIN_PROJECTIONS, tally] });
    expect(wider.position).toEqual(machine.position);
    expect(wider.tables.of(LOCKS).size).toBe(10);
  });

  test('a snapshot of a newer version is refused, and says so', async () => {
    const { bytes } = encoded(cutSnapshot(withLocks(10).machine));
    const newer = withManifest(bytes, { version: SNAPSHOT_VERSION + 1 });
    const restoring = restoredFrom(newer, OPTIONS);
    await expect(restoring).rejects.toThrow(SnapshotUnusable);
    await expect(restoring).rejects.toThrow('start a newer build');
  });

  test('a snapshot with a table that this build does not know is refused, and names it', async () => {
    const chronicle = new Chronicle({ projections: [...MAIN_PROJECTIONS, tally] });
    chronicle.write({ type: 'add', data: { name: 'a', by: 1 } });
    const { bytes } = encoded(cutSnapshot(chronicle.machine));
    const restoring = restoredFrom(bytes, OPTIONS);
    await expect(restoring).rejects.toThrow(SnapshotUnusable);
    await expect(restoring).rejects.toThrow('tallies');
  });

  test('a snapshot that lacks rows is refused', async () => {
    const { bytes } = encoded(cutSnapshot(withLocks(600).machine));
    const messages = messagesOf(bytes);
    const rows = messages.findIndex(({ value }) => Array.isArray(value));
    const short = messages.filter((_, place) => place !== rows).map((message) => message.bytes);
    const restoring = restoredFrom(Buffer.concat(short), OPTIONS);
    await expect(restoring).rejects.toThrow(SnapshotUnusable);
    await expect(restoring).rejects.toThrow('all rows of the table locks');
  });

  test('a snapshot that is cut off anywhere is refused', async () => {
    const { bytes } = encoded(cutSnapshot(withLocks(300).machine));
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), async (end) => {
        await expect(restoredFrom(bytes.subarray(0, end), OPTIONS)).rejects.toThrow(
          SnapshotUnusable,
        );
      }),
    );
  });

  test('bytes that are no snapshot at all are refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (noise) => {
        const bytes = Buffer.concat([framed('noise'), framed(Buffer.from(noise))]);
        await expect(restoredFrom(bytes, OPTIONS)).rejects.toThrow(SnapshotUnusable);
        await expect(restoredFrom(Buffer.from(noise), OPTIONS)).rejects.toThrow(SnapshotUnusable);
      }),
    );
  });
});

describe('a snapshot file on a bad disk', () => {
  const INDEX = 7;

  async function stored(bytes: Buffer): Promise<SnapshotShelf> {
    const shelf = new SnapshotShelf(await temporaryDirectory(), MAIN);
    const writer = await shelf.write(INDEX);
    await writer.write(bytes);
    await writer.finish();
    return shelf;
  }

  /** Turns one bit of the content over, where it lies. */
  async function flip(shelf: SnapshotShelf, bit: number): Promise<void> {
    const [info] = await shelf.list();
    const file = await open(info!.path, 'r+');
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, bit >> 3);
    byte[0]! ^= 1 << (bit & 7);
    await file.write(byte, 0, 1, bit >> 3);
    await file.close();
  }

  test('any bit that turned over is noticed, and said to be damage rather than anything else', async () => {
    const { bytes } = encoded(cutSnapshot(withLocks(300).machine));
    const shelf = await stored(bytes);
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length * 8 - 1), async (bit) => {
        await flip(shelf, bit);
        const restoring = restoreSnapshot(new Machine(OPTIONS), await shelf.open(INDEX));
        await expect(restoring).rejects.toMatchObject({ name: 'LogFault', code: 'damaged' });
        await flip(shelf, bit);
      }),
    );
    await restoreSnapshot(new Machine(OPTIONS), await shelf.open(INDEX));
  });
});
