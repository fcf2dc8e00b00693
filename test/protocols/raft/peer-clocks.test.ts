import { describe, expect, onTestFinished, test } from 'vitest';
import { packr } from '../../../src/log/command.ts';
import type { ClockReport } from '../../../src/protocols/engine.ts';
import type {
  Exchange,
  NodeOrAddress,
  NodeQuestion,
} from '../../../src/protocols/raft/exchange.ts';
import { Fields } from '../../../src/protocols/raft/fields.ts';
import { middleOf, PeerClocks } from '../../../src/protocols/raft/peer-clocks.ts';
import { VirtualClock } from '../virtual-clock.ts';

const HOUR = 3_600_000;

/** Nodes that ask each other for their clocks; each question and each answer takes 10 ms. */
class Nodes {
  readonly steady = new VirtualClock();
  /** Clocks that are set while they run. */
  readonly wrongBy = new Map<string, number>();
  readonly #answers = new Map<string, NodeQuestion>();
  readonly #down = new Set<string>();

  add(id: string, wrongBy: number, onTurned?: (report: ClockReport) => void): PeerClocks {
    const clock = {
      now: () => this.steady.now() + (this.wrongBy.get(id) ?? wrongBy),
      monotonic: () => this.steady.monotonic(),
      after: (delay: number, task: () => void) => this.steady.after(delay, task),
    };
    const exchange: Pick<Exchange, 'answer' | 'askNode'> = {
      answer: (_topic, answer) => void this.#answers.set(id, answer),
      askNode: (to) => this.#carry(to),
    };
    const peers = (): readonly string[] => [...this.#answers.keys()].filter((peer) => peer !== id);
    const turned = onTurned === undefined ? {} : { onTurned };
    const clocks = new PeerClocks({ clock, exchange, peers, ...turned });
    onTestFinished(() => clocks.stop());
    return clocks;
  }

  takeDown(id: string): void {
    this.#down.add(id);
  }

  async #carry(to: NodeOrAddress): Promise<Fields> {
    const id = 'nodeId' in to ? to.nodeId : '';
    if (this.#down.has(id)) throw new Error('link lost');
    await this.#wait(10);
    const nobody = { nodeId: '', storeId: '', clusterId: undefined };
    const answer = await this.#answers.get(id)!(nobody, Fields.of(packr.pack([])));
    await this.#wait(10);
    return Fields.of(packr.pack(answer));
  }

  #wait(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      this.steady.after(milliseconds, resolve);
    });
  }
}

test('one clock of three that is an hour wrong is put right by the two others, and does not mislead them', async () => {
  const nodes = new Nodes();
  const clocks = [nodes.add('a', 0), nodes.add('b', HOUR), nodes.add('c', 40)];
  for (const clock of clocks) clock.start();
  await nodes.steady.advance(100);
  expect(clocks.map(({ correction }) => correction)).toEqual([40, 40 - HOUR, 0]);
  for (const clock of clocks) expect(clock.now()).toBe(nodes.steady.now() + 40);
});

test('what was heard of a node holds while it is down', async () => {
  const nodes = new Nodes();
  const [a, b, c] = [nodes.add('a', -HOUR), nodes.add('b', 0), nodes.add('c', 0)];
  for (const clock of [a, b, c]) clock.start();
  await nodes.steady.advance(100);
  nodes.takeDown('c');
  await nodes.steady.advance(60_000);
  expect(a.correction).toBe(HOUR);
});

test('a node that knows nobody goes by its own clock', async () => {
  const nodes = new Nodes();
  const alone = nodes.add('a', HOUR);
  alone.start();
  await nodes.steady.advance(10_000);
  expect(alone.now()).toBe(nodes.steady.now() + HOUR);
});

describe('a node whose clock is wrong', () => {
  const HOUR_AHEAD = { offset_ms: HOUR, is_off: true, heard: 2 };

  test('is told once how far, and once that it is right again', async () => {
    const nodes = new Nodes();
    const turned: ClockReport[] = [];
    const clocks = [
      nodes.add('a', 0),
      nodes.add('b', 0),
      nodes.add('c', 0, (turn) => turned.push(turn)),
    ];
    for (const clock of clocks) clock.start();
    await nodes.steady.advance(10_000);
    expect(turned).toEqual([]);
    nodes.wrongBy.set('c', HOUR);
    await nodes.steady.advance(10_000);
    expect(turned).toEqual([HOUR_AHEAD]);
    expect(clocks.map(({ isOff }) => isOff)).toEqual([false, false, true]);
    expect(clocks.map((clock) => clock.report().offset_ms)).toEqual([0, 0, HOUR]);
    nodes.wrongBy.set('c', 2_000);
    await nodes.steady.advance(10_000);
    expect(turned).toEqual([HOUR_AHEAD, { offset_ms: 2_000, is_off: false, heard: 2 }]);
  });

  test('is known to the others, and knows which of them are right', async () => {
    const nodes = new Nodes();
    const clocks = [nodes.add('a', 0), nodes.add('b', 100), nodes.add('c', -HOUR)];
    for (const clock of clocks) clock.start();
    await nodes.steady.advance(100);
    const ids = ['a', 'b', 'c', 'nobody'];
    expect(clocks.map((clock) => ids.filter((id) => clock.isRight(id)))).toEqual([
      ['b'],
      ['a'],
      ['a', 'b'],
    ]);
  });

  test('waits almost as long as may be before it asks for votes, and not for the same time twice', async () => {
    const nodes = new Nodes();
    const clocks = [nodes.add('a', 0), nodes.add('b', 0), nodes.add('c', HOUR)];
    for (const clock of clocks) clock.start();
    await nodes.steady.advance(100);
    const [a, , c] = clocks as [PeerClocks, PeerClocks, PeerClocks];
    const chances = [0, 0.5, 0.999_999];
    expect(chances.map((chance) => a.draw(chance))).toEqual(chances);
    const [least = 0, middle = 0, most = 0] = chances.map((chance) => c.draw(chance));
    expect(least).toBeCloseTo(0.9);
    expect(middle).toBeCloseTo(0.95);
    expect(most).toBeGreaterThan(middle);
    expect(most).toBeLessThan(1);
  });

  test('is not known where there are only two: nobody can say whose is wrong', async () => {
    const nodes = new Nodes();
    const clocks = [nodes.add('a', 0), nodes.add('b', HOUR)];
    for (const clock of clocks) clock.start();
    await nodes.steady.advance(100);
    expect(clocks.map((clock) => clock.report())).toEqual([
      { offset_ms: 0, is_off: false, heard: 1 },
      { offset_ms: 0, is_off: false, heard: 1 },
    ]);
  });
});

describe('the middle', () => {
  test.each([
    [[0], 0],
    [[0, 500], 0],
    [[0, -500], 0],
    [[0, 100, 200], 100],
    [[0, 100, 200, 300], 100],
    [[-300, -200, -100, 0], -100],
    [[5, 0, -HOUR, 3, HOUR], 3],
  ])('of %j is %i', (offsets, middle) => {
    expect(middleOf(offsets)).toBe(middle);
  });
});
