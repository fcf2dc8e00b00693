/**
 * A disk that cannot keep up: the queue fills to REJECT and no further, callers are told to wait, and what
 * empties the system still goes through. Then it drains, by itself, to none.
 */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ask, fetched, type Reply } from './ask.ts';
import { until } from './condition.ts';
import { temporaryFolder } from './folder.ts';
import { lacks } from './machine-permits.ts';
import { NodeProcess } from './node-process.ts';
import { type Answer, StreamProposer } from './proposer.ts';
import { tracer } from './trace.ts';

const SLOW_SYNC = 'fdatasync:delay_enter=400000';
/** More than the queue holds, over as many sockets as their own limits need. */
const SOCKETS = 4;
const PROPOSALS_EACH = 3_000;

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
    const sockets = await Promise.all(
      Array.from({ length: SOCKETS }, () => StreamProposer.connect(node.url)),
    );
    const answers = sockets.flatMap((socket, number) => flood(socket, number));

    await until('REJECT', async () => (await usageOf(node.url)).level === 'reject');
    const refused = await command(node.url, 'add_work', { work_id: 'late' });
    expect(refused.status).toBe(429);
    const completed = await command(node.url, 'complete_work', { work_id: 'held', token });
    expect(completed.status).toBe(200);

    const settled = await Promise.all(answers);
    const written = settled.filter(({ kind }) => kind === 'written');
    const turnedAway = settled.filter(isBackpressure);
    expect(written.length + turnedAway.length).toBe(SOCKETS * PROPOSALS_EACH);
    expect(turnedAway.length).toBeGreaterThan(0);

    await until('none', async () => (await usageOf(node.url)).level === 'none');
    const { entries, capacity, peak_queue } = await usageOf(node.url);
    expect(entries).toBe(0);
    expect(peak_queue).toBeLessThanOrEqual(capacity.entries);
    expect((await command(node.url, 'add_work', { work_id: 'again' })).status).toBe(200);
    for (const socket of sockets) socket.close();
  },
);

function flood(socket: StreamProposer, number: number): readonly Promise<Answer>[] {
  return Array.from({ length: PROPOSALS_EACH }, (_, item) => {
    const work_id = `flood-${number}-${item}`;
    return socket.propose({ key: work_id, via: 'stream', type: 'add_work', data: { work_id } });
  });
}

function isBackpressure(answer: Answer): boolean {
  return answer.kind === 'refused' && answer.code === 'backpressure';
}

function command(url: string, type: string, data: object): Promise<Reply> {
  return ask(`${url}/v1/commands`, { body: { type, data } });
}

async function claimed(url: string, work_id: string): Promise<unknown> {
  await command(url, 'add_work', { work_id });
  const answer = await command(url, 'claim_work', { work_id, node_id: 'worker' });
  return (JSON.parse(answer.text) as { readonly token?: number }).token;
}

async function usageOf(url: string): Promise<LogUsage> {
  return (await fetched(`${url}/status`))['log'] as LogUsage;
}
