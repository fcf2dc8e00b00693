/**
 * A node that starts again stands where it stood, whatever of its past it starts from: a snapshot and the
 * log above it, or the log alone; with its recorded outcomes, or without the newest of them.
 */
import { readdir, rm, stat, truncate } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { openStore } from '../../src/log/open-store.ts';
import { groupKeys, numbered } from '../../src/log/keys.ts';
import { pageOf } from '../../src/log/outcome-page.ts';
import { ask, fetched } from './ask.ts';
import { until } from './condition.ts';
import { digestOf, offlineDigest, type Standing } from './digest.ts';
import { temporaryFolder } from './folder.ts';
import {
  audited,
  auditedLog,
  Ledger,
  logged,
  NO_BREACHES,
  NO_LOG_BREACHES,
  unseen,
} from './ledger.ts';
import { Load } from './load.ts';
import { NodeProcess } from './node-process.ts';

const SETTINGS = { RAFT_SNAPSHOT_INTERVAL: '1s' };
/** Enough for a snapshot to be worth it, in a second or two. */
const PAYLOAD = { http: 8, pipelined: 8, bytes: 4 * 1024 };

interface Past {
  readonly directory: string;
  readonly ledger: Ledger;
  /** When the node was last asked. */
  readonly standing: Standing;
}

/** A node that took a snapshot, wrote on, and was killed. */
async function past(settings: Readonly<Record<string, string>> = SETTINGS): Promise<Past> {
  const directory = join(await temporaryFolder(), 'data');
  const ledger = new Ledger();
  const node = await NodeProcess.start({ directory, settings });
  const load = await Load.start(node.url, { ledger, ...PAYLOAD });
  const snapshot = await until('a snapshot', async () => (await snapshotOf(node.url)) ?? false);
  await until('entries above it', () => ledger.head > snapshot + 600);
  await load.stop();
  const standing = await digestOf(node.url);
  await node.kill();
  return { directory, ledger, standing };
}

async function snapshotOf(url: string): Promise<number | undefined> {
  const { snapshots } = await fetched(`${url}/status`);
  const { taken, last_index } = snapshots as {
    readonly taken: number;
    readonly last_index: number;
  };
  return taken === 0 ? undefined : last_index;
}

/** What was written until now is worth no other one, and what retention gives up is gone. */
async function takeSnapshot(url: string): Promise<void> {
  await until('a snapshot is taken', async () => {
    const { status } = await ask(`${url}/v1/raft/snapshot?timeout=60s`, { method: 'POST' });
    return status === 200;
  });
}

/** Everything is there, and the digest at the old head is what it was. */
async function expectToStandWhereItStood({ directory, ledger, standing }: Past): Promise<void> {
  const node = await NodeProcess.start({ directory, settings: SETTINGS });
  expect(await audited(node.url, ledger)).toEqual(NO_BREACHES);
  await expectOnlyItsOwnAbove(node.url, standing.index);
  const live = await digestOf(node.url);
  expect((await node.stop()).code).toBe(0);
  expect(await offlineDigest(directory, live.index)).toEqual(live);
  expect(await offlineDigest(directory, standing.index)).toEqual(standing);
}

/** A start adds the first entry of its term, and nothing else but what a node says of its own snapshots. */
async function expectOnlyItsOwnAbove(url: string, index: number): Promise<void> {
  const types = [...(await logged(url, index)).values()].map(({ type }) => type);
  expect(types.filter((type) => type !== 'state_root')).toEqual(['no_op']);
}

test('I3: a node that starts from a snapshot and the log above it stands where it stood', async () => {
  await expectToStandWhereItStood(await past());
});

test('I3: a node whose snapshots are gone replays its log, and stands where it stood', async () => {
  const old = await past();
  await rm(join(old.directory, 'snapshots'), { recursive: true });
  await expectToStandWhereItStood(old);
});

test('I3: outcome pages that a crash took are derived again, and say the same', async () => {
  const old = await past();
  await removePages(old.directory, old.standing.index);
  await expectToStandWhereItStood(old);
});

test('a damaged snapshot is passed over for an older one or the log, or the node refuses and names it', async () => {
  const old = await past();
  await halveSnapshots(old.directory);
  const node = NodeProcess.launch({ directory: old.directory, settings: SETTINGS });
  const isUp = await node.listening().then(
    () => true,
    () => false,
  );
  if (isUp) expect(await audited(node.url, old.ledger)).toEqual(NO_BREACHES);
  else expect(node.output).toMatch(/snapshot/);
});

test('a log shorter than its newest snapshot is refused: what the snapshot stands on is gone', async () => {
  const old = await past();
  await rm(join(old.directory, 'log'), { recursive: true });
  const node = NodeProcess.launch({ directory: old.directory, settings: SETTINGS });
  expect((await node.ended()).code).not.toBe(0);
  expect(node.output).toMatch(/snapshot/);
});

test('with a retention of few entries old ones answer compacted, and the node starts from what is left', async () => {
  const settings = { ...SETTINGS, LOG_RETENTION: '300 entries' };
  const { directory, ledger } = await past(settings);
  const node = await NodeProcess.start({ directory, settings });
  // The log of the life before may be worth one, whenever that comes: more of it goes then.
  await takeSnapshot(node.url);
  const oldest = await until('old entries are gone', () => trimmedTo(node.url));
  const snapshot = await newestSnapshot(directory);
  expect(oldest).toBeGreaterThan(1);
  expect(snapshot).toBeGreaterThanOrEqual(oldest - 1);
  expect(await auditedLog(node.url, ledger, oldest - 1)).toEqual(NO_LOG_BREACHES);
  const standing = await digestOf(node.url);
  await node.kill();

  const again = await NodeProcess.start({ directory, settings });
  const { text } = await ask(`${again.url}/v1/log/${standing.index}`);
  expect(JSON.parse(text)).toMatchObject({ index: standing.index });
  expect(await trimmedTo(again.url)).toBe(oldest);
  await expectOnlyItsOwnAbove(again.url, standing.index);
  // What the trimmed entries did is still there.
  expect(await unseen(again.url, ledger)).toEqual([]);
});

/** The oldest entry there is, as a reader is told who asks for the first; undefined while that is there. */
async function trimmedTo(url: string): Promise<number | undefined> {
  const { status, text } = await ask(`${url}/v1/log?after=0&limit=1`);
  if (status === 200) return undefined;
  expect(status).toBe(410);
  const refusal = JSON.parse(text) as { readonly code: string; readonly oldest: number };
  expect(refusal).toMatchObject({ code: 'compacted', nearest_snapshot: expect.any(Number) });
  return refusal.oldest;
}

async function snapshotFiles(directory: string): Promise<readonly string[]> {
  const shelf = join(directory, 'snapshots', 'main@0');
  const names = (await readdir(shelf)).filter((name) => name.endsWith('.snapshot'));
  return names.map((name) => join(shelf, name));
}

async function newestSnapshot(directory: string): Promise<number> {
  const files = await snapshotFiles(directory);
  return Math.max(0, ...files.map((file) => Number.parseInt(basename(file), 10)));
}

async function halveSnapshots(directory: string): Promise<void> {
  for (const file of await snapshotFiles(directory)) {
    const { size } = await stat(file);
    await truncate(file, Math.floor(size / 2));
  }
}

/** The newest page and the one before, as if they had been in the page cache only. */
async function removePages(directory: string, head: number): Promise<void> {
  const store = await openStore(join(directory, 'log'));
  const { page } = groupKeys({ id: 'main', incarnation: 0 });
  const writes = store.batch();
  for (const lost of [pageOf(head), pageOf(head) - 1]) writes.delete(numbered(page, lost));
  await writes.write({ sync: true });
  await store.close();
}
