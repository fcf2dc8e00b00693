import { describe, expect, onTestFinished, test } from 'vitest';
import { packr } from '../../../src/log/command.ts';
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
  readonly #answers = new Map<string, NodeQuestion>();
  readonly #down = new Set<string>();

  add(id: string, wrongBy: number): PeerClocks {
    const clock = {
      now: () => this.steady.now() + wrongBy,
      monotonic: () => this.steady.monotonic(),
      after: (delay: number, task: () => void) => this.steady.after(delay, task),
    };
    const exchange: Pick<Exchange, 'answer' | 'askNode'> = {
      answer: (_topic, answer) => void this.#answers.set(id, answer),
      askNode: (to) => this.#carry(to),
    };
    const peers = (): readonly string[] => [...this.#answers.keys()].filter((peer) => peer !== id);
    const clocks = new PeerClocks({ clock, exchange, peers });
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
