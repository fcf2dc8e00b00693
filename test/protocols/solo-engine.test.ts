import { cp } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { decodeEntry, type Entry } from '../../src/log/command.ts';
import { openStore } from '../../src/log/open-store.ts';
import { storeDirectory } from '../../src/log/opening.ts';
import type { StoreFactory } from '../../src/log/store.ts';
import { breathe } from '../../src/real-clock.ts';
import { SoloEngine } from '../../src/protocols/solo/solo-engine.ts';
import { MAIN, openedLog, temporaryDirectory } from '../log/fixtures.ts';
import { type Contents, memoryStore } from '../log/memory-store.ts';
import {
  command,
  engineContract,
  type EngineWorld,
  type Life,
  releasedAtTheEnd,
  type Start,
} from './engine-contract.ts';
import { Gate, GatedStore } from './gated-store.ts';
import { VirtualClock } from './virtual-clock.ts';

interface Disk {
  readonly directory: string;
  readonly store: StoreFactory;
  /** Another disk with what this one holds now. */
  copy(): Promise<Disk>;
}

async function memoryDisk(contents: Contents = new Map()): Promise<Disk> {
  const directory = await temporaryDirectory();
  return {
    directory,
    store: memoryStore(contents),
    copy: () => memoryDisk(new Map(contents)),
  };
}

async function levelDisk(directory?: string): Promise<Disk> {
  const here = directory ?? (await temporaryDirectory());
  return {
    directory: here,
    store: openStore,
    copy: async () => {
      const there = await temporaryDirectory();
      await cp(storeDirectory(here), storeDirectory(there), { recursive: true });
      return levelDisk(there);
    },
  };
}

function worldOn(disk: Disk): EngineWorld {
  const clock = new VirtualClock();
  const gate = new Gate();
  return {
    clock,
    gate,
    start: (start = {}) => started(disk, { clock, gate }, start),
    crashed: async () => worldOn(await disk.copy()),
  };
}

type Around = Pick<EngineWorld, 'clock' | 'gate'>;

async function started(disk: Disk, { clock, gate }: Around, start: Start): Promise<Life> {
  const store: StoreFactory = async (directory) =>
    new GatedStore(await disk.store(directory), gate);
  const log = await openedLog(disk.directory, { store });
  releasedAtTheEnd(gate);
  if (start.held === true) gate.hold();
  const delivered: Entry[] = [];
  const engine = await SoloEngine.start({
    log,
    group: MAIN,
    nodeId: 'node-1',
    clock,
    sink: {
      install: () => Promise.resolve(0),
      led: () => undefined,
      committed: (frames) => void delivered.push(...frames.map(decodeEntry)),
    },
    applied: start.applied ?? 0,
    appliedAt: start.appliedAt ?? 0,
    breathe,
  });
  const end = async (): Promise<void> => {
    await engine.stop();
    await log.close();
  };
  return { engine, delivered, end };
}

engineContract('the solo engine on a store in memory', async () => worldOn(await memoryDisk()));
engineContract('the solo engine on LevelDB', async () => worldOn(await levelDisk()));

describe('agreement of one', () => {
  test('trap 2: a group of a single node commits, by itself and at once', async () => {
    const { start } = worldOn(await memoryDisk());
    const { engine } = await start();
    const answer = await engine.propose(command('alone'), 'data');
    expect(answer).toMatchObject({ kind: 'committed' });
    expect(engine.status()).toMatchObject({
      engine: 'solo',
      role: 'leader',
      leader_id: 'node-1',
      voters: ['node-1'],
      learners: [],
    });
  });

  test('its membership is fixed: a change is refused and says what to do instead', async () => {
    const { start } = worldOn(await memoryDisk());
    const { engine } = await start();
    const answer = await engine.change({ voters: ['node-1', 'node-2'], learners: [] });
    expect(answer).toMatchObject({ kind: 'refused' });
    expect(engine.status().voters).toEqual(['node-1']);
  });

  test('the first entry of a term says who leads it', async () => {
    const { start } = worldOn(await memoryDisk());
    const { delivered } = await start();
    expect(delivered).toMatchObject([
      { type: 'no_op', index: 1, term: 1, data: { leader_id: 'node-1' } },
    ]);
  });
});
