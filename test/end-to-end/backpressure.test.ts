/**
 * A disk that cannot keep up: the queue fills to REJECT and no further, callers are told to wait, and what
 * empties the system still goes through. Then it drains, by itself, to none.
 */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ask, fetched, type Reply } from './ask.ts';
import { until } from './condition.ts';
import { temporaryFolder } from './folder.ts';
import { lacks } from './machine-permits.ts';
import { NodeProcess } from './node-process.ts';
import { type Answer, StreamProposer } from './proposer.ts';
import { tracer } from './trace.ts';

const SLOW_SYNC = 'fdatasync:delay_enter=400000';
const SOCKETS = 4;
const PROPOSALS_PER_WAVE = 300;
/** 9 600 to begin with; the queue takes 9 000. */
const WAVES = 8;
const LOOK_AGAIN_MS = 20;

interface LogUsage {
  readonly level: string;
  readonly entries: number;
  readonly capacity: { readonly entries: number };
  readonly peak_queue: number;
}

test.skipIf(lacks('strace'))(
  'a full queue refuses new work and admits completions, shows its level, and drains to none',
  async () => {
    const directory = join(await temporaryFolder(), 'data');
    const { under } = await tracer(SLOW_SYNC);
    const node = await NodeProcess.start({ directory, under });
    const token = await claimed(node.url, 'held');
    const flood = await Flood.begin(node.url);
    const refused = await until(
      'new work is refused',
      async () => {
        // Work that is still admitted waits for all that is before it: the queue is kept full meanwhile.
        const work_id = `late-${flood.proposed}`;
        const reply = await flood.whilePressing(command(node.url, 'add_work', { work_id }));
        return reply.status === 200 ? undefined : reply;
      },
      120_000,
    );
    expect(refused.status).toBe(429);
    expect(JSON.parse(refused.text)).toMatchObject({ code: 'backpressure' });
    const held = { work_id: 'held', token };
    expect((await command(node.url, 'extend_work', { items: [held] })).status).toBe(200);
    expect((await command(node.url, 'complete_work', held)).status).toBe(200);

    const settled = await flood.settled();
    const written = settled.filter(({ kind }) => kind === 'written');
    const turnedAway = settled.filter(isBackpressure);
    expect(written.length + turnedAway.length).toBe(flood.proposed);
    expect(turnedAway.length).toBeGreaterThan(0);

    await until('none', async () => (await usageOf(node.url)).level === 'none', 60_000);
    const { entries, capacity, peak_queue } = await usageOf(node.url);
    expect(entries).toBe(0);
    expect(peak_queue).toBeLessThanOrEqual(capacity.entries);
    expect((await command(node.url, 'add_work', { work_id: 'again' })).status).toBe(200);
  },
);

/** More than the queue holds, over as many sockets as their own limits need. */
class Flood {
  readonly #sockets: readonly StreamProposer[];
  readonly #url: string;
  readonly #answers: Promise<Answer>[] = [];

  private constructor(url: string, sockets: readonly StreamProposer[]) {
    this.#url = url;
    this.#sockets = sockets;
  }

  static async begin(url: string): Promise<Flood> {
    const connecting = Array.from({ length: SOCKETS }, () => StreamProposer.connect(url));
    const flood = new Flood(url, await Promise.all(connecting));
    for (let wave = 0; wave < WAVES; wave += 1) flood.#topUp();
    await until('REJECT', () => flood.#press(), 120_000);
    return flood;
  }

  get proposed(): number {
    return this.#answers.length;
  }

  /** Fills the queue again whenever a batch has left it, until `answer` is there. */
  async whilePressing(answer: Promise<Reply>): Promise<Reply> {
    const isAnswered = answer.then(() => true);
    await until(
      'an answer',
      async () => {
        await this.#press();
        return Promise.race([isAnswered, pause(LOOK_AGAIN_MS, false)]);
      },
      60_000,
    );
    return answer;
  }

  async #press(): Promise<boolean> {
    const isFull = (await usageOf(this.#url)).level === 'reject';
    if (!isFull) this.#topUp();
    return isFull;
  }

  /** A little more than one batch takes out of the queue. */
  #topUp(): void {
    for (const socket of this.#sockets)
      for (let item = 0; item < PROPOSALS_PER_WAVE; item += 1) this.#propose(socket);
  }

  settled(): Promise<readonly Answer[]> {
    return Promise.all(this.#answers);
  }

  #propose(socket: StreamProposer): void {
    const work_id = `flood-${this.proposed}`;
    const command = { key: work_id, via: 'stream', type: 'add_work', data: { work_id } } as const;
    const answer = socket.propose(command);
    // A test that failed has no use for it.
    answer.catch(() => undefined);
    this.#answers.push(answer);
  }
}

function isBackpressure(answer: Answer): boolean {
  return answer.kind === 'refused' && answer.code === 'backpressure';
}

function command(url: string, type: string, data: object): Promise<Reply> {
  return ask(`${url}/v1/commands?timeout=30`, { body: { type, data } });
}

async function claimed(url: string, work_id: string): Promise<unknown> {
  await command(url, 'add_work', { work_id });
  const answer = await command(url, 'claim_work', {
    work_id,
    node_id: 'worker',
    lease_seconds: 3_600,
  });
  return (JSON.parse(answer.text) as { readonly token?: number }).token;
}

async function usageOf(url: string): Promise<LogUsage> {
  return (await fetched(`${url}/status`))['log'] as LogUsage;
}
