import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Log } from '../../../src/log/log.ts';
import {
  encodeOutcomePage,
  GENESIS_DIGEST,
  PAGE_ENTRIES,
  pageDigest,
} from '../../../src/log/outcome-page.ts';
import { BackFilling } from '../../../src/protocols/raft/back-filling.ts';
import { Exchange } from '../../../src/protocols/raft/exchange.ts';
import { HISTORY_TOPIC, historyTo } from '../../../src/protocols/raft/history-serving.ts';
import { CountingClock, frame, MAIN, openedLog, temporaryDirectory } from '../../log/fixtures.ts';
import { LocalNetworks } from './local-network.ts';

const OUTCOMES = Array.from({ length: PAGE_ENTRIES }, (_, at) => Buffer.from(`outcome ${at}`));
const PAGE = encodeOutcomePage({ page: 0, outcomes: OUTCOMES, previousDigest: GENESIS_DIGEST });
const UNFINISHED = { page: 0, outcomes: OUTCOMES.slice(9), previousDigest: GENESIS_DIGEST };
const PATIENCE_MS = 30_000;

async function until(look: () => boolean): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!look()) {
    if (Date.now() > deadline) throw new Error('waited in vain');
    await turn();
  }
}

interface Two {
  readonly networks: LocalNetworks;
  /** Has entries from the first on. */
  readonly rich: Log;
  /** Begins behind the first page of outcomes. */
  readonly poor: Log;
  readonly clock: CountingClock;
  readonly errors: unknown[];
  readonly asked: string[];
  readonly filling: BackFilling;
}

/** @param answer what the rich one says instead of what it has */
async function two(answer?: readonly unknown[]): Promise<Two> {
  const networks = new LocalNetworks();
  const [rich, poor] = [
    await openedLog(await temporaryDirectory()),
    await openedLog(await temporaryDirectory()),
  ];
  for (let index = 1; index <= PAGE_ENTRIES + 10; index++)
    void rich.append(MAIN, frame(index), 'control');
  await rich.flush();
  rich.setCommitted(MAIN, PAGE_ENTRIES + 10);
  await poor.startAfter(MAIN, { index: PAGE_ENTRIES, term: 1 });
  const asked: string[] = [];
  const exchanges = ['n1', 'n2'].map((nodeId) => {
    const clock = new CountingClock();
    const exchange = new Exchange({ nodeId, clock, breathe: turn, onNoise: () => undefined });
    exchange.use(networks.join({ nodeId, storeId: `s-${nodeId}`, clusterId: 'c' }, exchange));
    return exchange;
  });
  exchanges[1]!.join(MAIN, {
    receive: () => undefined,
    asked: (_from, topic, question) => {
      asked.push(topic);
      return answer === undefined
        ? historyTo(rich, MAIN, question.whole())
        : Promise.resolve(answer);
    },
    streamed: () => Promise.resolve([]),
    linkUp: () => undefined,
    linkDown: () => undefined,
  });
  const clock = new CountingClock();
  const errors: unknown[] = [];
  const filling = new BackFilling({
    log: poor,
    group: MAIN,
    exchange: exchanges[0]!,
    clock,
    peers: () => ['n2'],
    digestBefore: () => Promise.resolve(pageDigest(GENESIS_DIGEST, OUTCOMES)),
    keepsHistory: true,
    onError: (error) => errors.push(error),
  });
  return { networks, rich, poor, clock, errors, asked, filling };
}

function floorOf({ poor }: Two): number {
  return poor.floor(MAIN).index;
}

describe('history that a snapshot jumped over', () => {
  test('is fetched with its outcomes, and then nobody is asked any more', async () => {
    const pair = await two();
    pair.rich.putOutcomePage(MAIN, 0, PAGE);
    await pair.rich.flushOutcomes();
    pair.filling.look();
    await until(() => floorOf(pair) === 0 && pair.clock.waiting === 0);
    expect(await pair.poor.outcomePage(MAIN, 0)).toEqual(PAGE);
    expect(pair.errors).toEqual([]);
    expect(new Set(pair.asked)).toEqual(new Set([HISTORY_TOPIC]));
  });

  test('whose outcomes a peer has not finished is asked for again, until they are there', async () => {
    const pair = await two();
    pair.rich.putOutcomePage(MAIN, 0, encodeOutcomePage(UNFINISHED));
    await pair.rich.flushOutcomes();
    pair.filling.look();
    await until(() => pair.asked.length > 0 && pair.clock.waiting > 0);
    expect(floorOf(pair)).toBe(PAGE_ENTRIES);
    pair.rich.putOutcomePage(MAIN, 0, PAGE);
    await pair.rich.flushOutcomes();
    await until(() => floorOf(pair) === 0);
    expect(pair.errors).toEqual([]);
  });

  test('is not given up when nobody answers: it is asked for when somebody does', async () => {
    const pair = await two();
    pair.rich.putOutcomePage(MAIN, 0, PAGE);
    await pair.rich.flushOutcomes();
    pair.networks.isolate('n2');
    pair.filling.look();
    await until(() => pair.errors.length > 0);
    pair.networks.mend('n2');
    await until(() => floorOf(pair) === 0);
  });

  test('is not taken from a peer that is behind itself', async () => {
    const pair = await two();
    const { rich } = pair;
    expect(await historyTo(rich, MAIN, 4 * PAGE_ENTRIES)).toEqual(['later']);
    expect(await historyTo(rich, MAIN, PAGE_ENTRIES + 11)).toEqual(['later']);
    const there = await historyTo(rich, MAIN, PAGE_ENTRIES + 10);
    expect(there.slice(0, 3)).toEqual(['entries', PAGE_ENTRIES + 1, 1]);
  });

  test.each([
    ['no entries', Buffer.alloc(0)],
    ['other entries', Buffer.concat([frame(PAGE_ENTRIES, { term: 2 })])],
    ['entries that end too soon', Buffer.concat([frame(PAGE_ENTRIES - 1)])],
    ['bytes', Buffer.from('history')],
  ])('is refused where it is %s, and the log goes on', async (_what, frames) => {
    const first = frames.length < 10 ? PAGE_ENTRIES + 1 : PAGE_ENTRIES;
    const pair = await two(['entries', first, 1, frames, PAGE]);
    pair.filling.look();
    await until(() => pair.errors.length > 0);
    await pair.filling.stop();
    expect(pair.errors[0]).toMatchObject({ message: expect.stringContaining('history that') });
    await pair.poor.append(MAIN, frame(PAGE_ENTRIES + 1), 'control');
  });

  test('that nobody has any more is not asked for for ever', async () => {
    const pair = await two();
    pair.rich.putOutcomePage(MAIN, 0, PAGE);
    await pair.rich.trim(MAIN, PAGE_ENTRIES + 5);
    pair.filling.look();
    await until(() => pair.asked.length > 0 && pair.clock.waiting === 0);
    expect(floorOf(pair)).toBe(PAGE_ENTRIES);
    expect(pair.asked).toHaveLength(1);
  });
});
