import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Log } from '../../../src/log/log.ts';
import {
  decodeOutcomePage,
  encodeOutcomePage,
  GENESIS_DIGEST,
  PAGE_ENTRIES,
  pageDigest,
} from '../../../src/log/outcome-page.ts';
import { BackFilling } from '../../../src/protocols/raft/back-filling.ts';
import { Exchange } from '../../../src/protocols/raft/exchange.ts';
import { HISTORY_TOPIC, historyTo } from '../../../src/protocols/raft/history-serving.ts';
import { PAGE_TOPIC, sliceOfPage } from '../../../src/protocols/raft/long-page.ts';
import { CountingClock, frame, MAIN, openedLog, temporaryDirectory } from '../../log/fixtures.ts';
import { LocalNetworks } from './local-network.ts';

const OUTCOMES = Array.from({ length: PAGE_ENTRIES }, (_, at) => Buffer.from(`outcome ${at}`));
/** Outcome pages, each going on from the one before it. */
const PAGES: readonly Buffer[] = pagesFrom(20);
const PAGE = PAGES[0]!;
const UNFINISHED = { page: 0, outcomes: OUTCOMES.slice(9), previousDigest: GENESIS_DIGEST };
const PATIENCE_MS = 30_000;

function pagesFrom(count: number): readonly Buffer[] {
  let previousDigest = GENESIS_DIGEST;
  return Array.from({ length: count }, (_, page) => {
    const encoded = encodeOutcomePage({ page, outcomes: OUTCOMES, previousDigest });
    previousDigest = pageDigest(previousDigest, OUTCOMES);
    return encoded;
  });
}

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
  readonly host: { isInstalling: boolean };
}

interface Wanted {
  /** What the rich one says instead of what it has. */
  readonly answer?: readonly unknown[];
  /** Behind which the poor one begins. */
  readonly pages?: number;
  readonly data?: string;
  readonly keepsHistory?: boolean;
  /** What the last page is, if it is another. */
  readonly long?: Buffer;
  /** Instead of the poor one. */
  readonly log?: Log;
}

async function two({ answer, pages = 1, ...wanted }: Wanted = {}): Promise<Two> {
  const floor = pages * PAGE_ENTRIES;
  const networks = new LocalNetworks();
  const [rich, poor] = [
    await openedLog(await temporaryDirectory()),
    await openedLog(await temporaryDirectory()),
  ];
  const { data = 'x', keepsHistory = true } = wanted;
  for (let index = 1; index <= floor + 10; index++) {
    void rich.append(MAIN, frame(index, { data }), 'control');
    // A block of its own ends here, so that what is below can be trimmed.
    if (index === floor) await rich.flush();
  }
  await rich.flush();
  rich.setCommitted(MAIN, floor + 10);
  await poor.startAfter(MAIN, { index: floor, term: 1 });
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
      if (topic === PAGE_TOPIC) return sliceOfPage(rich, MAIN, question);
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
  const host = { isInstalling: false };
  const filling = new BackFilling({
    log: wanted.log ?? poor,
    group: MAIN,
    exchange: exchanges[0]!,
    clock,
    host,
    peers: () => ['n2'],
    digestBefore: async (page) => {
      const last = wanted.long ?? PAGES[page - 1];
      const known = page === pages ? last : await poor.outcomePage(MAIN, page);
      const read = known === undefined ? undefined : decodeOutcomePage(known);
      if (read?.kind !== 'page') return undefined;
      return page === pages ? read.digest : read.previousDigest;
    },
    keepsHistory,
    onError: (error) => errors.push(error),
  });
  return { networks, rich, poor, clock, errors, asked, filling, host };
}

function floorOf({ poor }: Two): number {
  return poor.floor(MAIN).index;
}

async function framesOf(log: Log, to?: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const { frames } of log.read(MAIN, 1, to === undefined ? {} : { to }))
    chunks.push(frames);
  return Buffer.concat(chunks);
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
    const pair = await two({ answer: ['entries', first, 1, frames, [PAGE]] });
    pair.filling.look();
    await until(() => pair.errors.length > 0);
    await pair.filling.stop();
    expect(pair.errors[0]).toMatchObject({ message: expect.stringContaining('history that') });
    await pair.poor.append(MAIN, frame(PAGE_ENTRIES + 1), 'control');
  });

  test.each([
    ['is missing', []],
    [
      'is of another chain',
      [encodeOutcomePage({ ...UNFINISHED, outcomes: OUTCOMES.toReversed() })],
    ],
    ['is of another number', [PAGES[1]!]],
    ['is damaged', [Buffer.from('page')]],
  ])('is refused where its outcome page %s', async (_what, pages) => {
    const frames = Buffer.concat(Array.from({ length: PAGE_ENTRIES }, (_, at) => frame(at + 1)));
    const pair = await two({ answer: ['entries', 1, 0, frames, pages] });
    pair.filling.look();
    await until(() => pair.errors.length > 0);
    await pair.filling.stop();
    expect(pair.errors[0]).toMatchObject({ message: expect.stringContaining('outcome page') });
    expect(floorOf(pair)).toBe(PAGE_ENTRIES);
    expect(await pair.poor.outcomePage(MAIN, 0)).toBeUndefined();
  });

  test('comes many pages at a time', async () => {
    const pair = await two({ pages: PAGES.length });
    for (const [page, bytes] of PAGES.entries()) pair.rich.putOutcomePage(MAIN, page, bytes);
    await pair.rich.flushOutcomes();
    pair.filling.look();
    expect(pair.filling.status()).toEqual({
      state: 'copying',
      missing: PAGES.length * PAGE_ENTRIES,
    });
    await until(() => floorOf(pair) === 0 && pair.clock.waiting === 0);
    expect(pair.filling.status()).toEqual({ state: 'whole', missing: 0 });
    expect(pair.asked.length).toBeLessThan(PAGES.length / 4);
    for (const [page, bytes] of PAGES.entries())
      expect(await pair.poor.outcomePage(MAIN, page)).toEqual(bytes);
    expect(
      (await framesOf(pair.poor)).equals(await framesOf(pair.rich, pair.poor.bounds(MAIN).last)),
    ).toBe(true);
    expect(pair.errors).toEqual([]);
  });

  test('comes in parts of a page where entries are long', async () => {
    const pair = await two({ pages: 1, data: 'x'.repeat(40 * 1024) });
    pair.rich.putOutcomePage(MAIN, 0, PAGE);
    await pair.rich.flushOutcomes();
    pair.filling.look();
    await until(() => floorOf(pair) === 0 && pair.clock.waiting === 0);
    expect(pair.asked.length).toBeLessThan(15);
    expect(await pair.poor.outcomePage(MAIN, 0)).toEqual(PAGE);
    expect((await framesOf(pair.poor)).equals(await framesOf(pair.rich, PAGE_ENTRIES))).toBe(true);
    expect(pair.errors).toEqual([]);
  });

  test('is asked for by no node that trims its log', async () => {
    const pair = await two({ keepsHistory: false });
    pair.filling.look();
    expect(pair.clock.waiting).toBe(0);
    expect(pair.filling.status()).toEqual({ state: 'trimmed', missing: PAGE_ENTRIES });
  });

  test('waits while a snapshot takes the place of the log', async () => {
    const pair = await two();
    pair.rich.putOutcomePage(MAIN, 0, PAGE);
    await pair.rich.flushOutcomes();
    pair.host.isInstalling = true;
    pair.filling.look();
    await until(() => pair.filling.status().state === 'waiting');
    expect(pair.asked).toEqual([]);
    pair.host.isInstalling = false;
    await until(() => floorOf(pair) === 0);
  });

  test('that was asked for before a snapshot took the place of the log changes nothing', async () => {
    const { poor } = await two();
    const last = { first: PAGE_ENTRIES, last: PAGE_ENTRIES, frames: frame(PAGE_ENTRIES) };
    const installed = poor.startAfter(MAIN, { index: 900, term: 1 });
    await poor.prepend(MAIN, [last], { index: PAGE_ENTRIES - 1, term: 1 });
    await installed;
    expect(poor.floor(MAIN)).toMatchObject({ index: 900, term: 1 });
    await poor.append(MAIN, frame(901), 'control');
  });

  test('is not looked for by a group that has stopped', async () => {
    const pair = await two();
    await pair.filling.stop();
    pair.filling.look();
    expect(pair.clock.waiting).toBe(0);
  });

  test('that begins within a page is served from there on', async () => {
    const { poor } = await two();
    const floor = PAGE_ENTRIES;
    for (let index = floor + 1; index <= floor + 20; index++)
      void poor.append(MAIN, frame(index), 'control');
    await poor.flush();
    await poor.startAfter(MAIN, { index: floor + 30, term: 1 });
    for (let index = floor + 31; index <= floor + 40; index++)
      void poor.append(MAIN, frame(index), 'control');
    await poor.flush();
    poor.setCommitted(MAIN, floor + 40);
    const answer = await historyTo(poor, MAIN, floor + 40);
    expect(answer.slice(0, 3)).toEqual(['entries', floor + 31, 1]);
    expect(await historyTo(poor, MAIN, floor + 30)).toEqual(['none']);
  });

  test('of a store that has nothing yet is not called whole', async () => {
    const log = await openedLog(await temporaryDirectory());
    const { filling } = await two({ log });
    expect(filling.status()).toEqual({ state: 'waiting', missing: 0 });
  });

  test('comes with outcomes that are too long for a message', async () => {
    const outcomes = OUTCOMES.map((_, at) => Buffer.alloc(40 * 1024, at));
    const long = encodeOutcomePage({ ...UNFINISHED, outcomes });
    const pair = await two({ long });
    pair.rich.putOutcomePage(MAIN, 0, long);
    await pair.rich.flushOutcomes();
    pair.filling.look();
    await until(() => floorOf(pair) === 0 && pair.clock.waiting === 0);
    expect((await pair.poor.outcomePage(MAIN, 0))?.equals(long)).toBe(true);
    expect(pair.errors).toEqual([]);
  });

  test('that nobody has any more is said once, and asked for seldom', async () => {
    const pair = await two();
    pair.rich.putOutcomePage(MAIN, 0, PAGE);
    await pair.rich.trim(MAIN, PAGE_ENTRIES + 5);
    pair.filling.look();
    await until(() => pair.errors.length > 0 && pair.clock.waiting === 1);
    expect(pair.filling.status()).toEqual({ state: 'missing', missing: PAGE_ENTRIES });
    expect(pair.errors).toEqual([
      new Error(`nobody who takes part has entries 1 to ${PAGE_ENTRIES} of main any more`),
    ]);
    expect(pair.asked).toHaveLength(1);
    await pair.filling.stop();
    expect(pair.clock.waiting).toBe(0);
  });
});
