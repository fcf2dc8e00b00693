/**
 * A data directory as a real node leaves it: a real log, a real group, locks taken and released, a
 * snapshot half-way, a clean end. What damage is planted in it is planted by the tests.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import type { GroupId } from '../../src/log/group.ts';
import { everyNumber, groupKeys } from '../../src/log/keys.ts';
import { openStore } from '../../src/log/open-store.ts';
import { Log } from '../../src/log/log.ts';
import type { Retention } from '../../src/log/retention.ts';
import type { Pair } from '../../src/log/store.ts';
import { projectionsOf } from '../../src/projections/registry.ts';
import { Group } from '../../src/protocols/coordinator/group.ts';
import { SoloEngine } from '../../src/protocols/solo/solo-engine.ts';
import { realClock } from '../../src/real-clock.ts';

export const MAIN = { id: 'main', incarnation: 0 } as const;

export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'quorate-cli-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

export interface OpenGroup {
  readonly log: Log;
  readonly group: Group;
  /** Takes and releases a lock: two entries, the second refused now and then. */
  work(rounds: number): Promise<void>;
  close(): Promise<void>;
}

export async function openGroup(
  directory: string,
  retention: Retention = { kind: 'all' },
  id: GroupId = MAIN,
): Promise<OpenGroup> {
  const faults: Error[] = [];
  const log = await Log.open({
    directory,
    nodeId: 'node-1',
    clusterId: 'fleet-a',
    drawId: () => 'drawn',
    clock: realClock,
    diskGauge: () => Promise.resolve(0.1),
    onPoison: (fault) => faults.push(fault),
  });
  const group = await Group.open({
    id,
    log,
    clock: realClock,
    projections: projectionsOf(id.id),
    startEngine: (start) => SoloEngine.start({ log, nodeId: 'node-1', clock: realClock, ...start }),
    snapshotInterval: 3_600_000,
    retention,
    historyBytes: 2 ** 30,
    breathe: () => setImmediate(),
    onFault: (fault) => faults.push(fault),
    onLoopError: (_loop, fault) => faults.push(fault as Error),
  });
  const propose = (type: string, data: Record<string, unknown>) =>
    group.propose({ type, data, actor: 'test' }, 'data');
  return {
    log,
    group,
    work: async (rounds) => {
      for (let round = 0; round < rounds; round += 1) {
        const lock = { name: `lock-${round % 17}`, owner: `owner-${round % 5}` };
        await propose('acquire_lock', { ...lock, ttl_seconds: 300, lock_delay_seconds: 0 });
        if (round % 3 > 0) await propose('release_lock', { ...lock, token: null });
      }
    },
    close: async () => {
      await group.stop();
      await log.close();
      if (faults.length > 0) throw new AggregateError(faults, 'the group had faults');
    },
  };
}

export interface Written {
  readonly directory: string;
  readonly last: number;
  readonly digest: string;
  readonly snapshot: number;
}

/** About `rounds · 1.7` entries, with a snapshot in the middle and its agreed root behind it. */
export async function writtenIn(folder: string, rounds = 400): Promise<Written> {
  const directory = join(folder, 'data');
  const { group, work, close } = await openGroup(directory);
  await work(rounds / 2);
  const snapshot = await group.snapshots.take();
  await work(rounds / 2);
  const { index: last } = group.machine.position;
  const digest = group.machine.digest();
  await close();
  return { directory, last, digest, snapshot };
}

/** The same, gone when the test is over. */
export async function writtenDirectory(rounds?: number): Promise<Written> {
  return writtenIn(await temporaryDirectory(), rounds);
}

/** Every file of a directory with the sum of its bytes. */
export async function checksums(directory: string): Promise<Readonly<Record<string, string>>> {
  const files = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = files
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name));
  const sums = await Promise.all(
    paths.map(async (path) => [
      path,
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    ]),
  );
  return Object.fromEntries(sums) as Record<string, string>;
}

/** The stored pairs of the main group of one kind, changed in place by `change`; undefined: deleted. */
export async function tamper(
  directory: string,
  kind: 'block' | 'page',
  change: (pair: Pair, at: number) => Buffer | undefined,
): Promise<void> {
  const store = await openStore(join(directory, 'log'));
  const prefix = groupKeys(MAIN)[kind];
  const batch = store.batch();
  let at = 0;
  for await (const page of store.scan(everyNumber(prefix)))
    for (const pair of page) {
      const changed = change(pair, at++);
      if (changed === undefined) batch.delete(pair[0]);
      else if (changed !== pair[1]) batch.put(pair[0], changed);
    }
  await batch.write({ sync: true });
  await store.close();
}
