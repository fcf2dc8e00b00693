/**
 * A disk that fails: nobody knows what is on it any more, so nothing is acknowledged, and the node ends
 * with one clear line. What was acknowledged before is there when the disk is well again.
 */
import { writeFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ask, fetched, type Reply } from './ask.ts';
import { until } from './condition.ts';
import { temporaryFolder } from './folder.ts';
import { audited, Ledger, NO_BREACHES } from './ledger.ts';
import { Load, resolveDoubts } from './load.ts';
import { lacks } from './machine-permits.ts';
import { type NodeOptions, NodeProcess } from './node-process.ts';
import { expectOneClearLine } from './one-clear-line.ts';
import { smallDisk } from './tmpfs.ts';
import { acknowledgements, firstInjection, traceOf, tracer } from './trace.ts';

const DISK_FAULT = 74;
const MEBIBYTE = 1024 * 1024;

test.skipIf(lacks('strace'))(
  'trap 15: when an fdatasync fails, nobody in flight is told a success and the node ends, saying why',
  async () => {
    const directory = join(await temporaryFolder(), 'data');
    const trace = await tracer('fdatasync:error=EIO:when=60+');
    const ledger = new Ledger();
    const node = await NodeProcess.start({ directory, under: trace.under });
    const load = await Load.start(node.url, { ledger, http: 16, pipelined: 0 });
    const exit = await node.ended();
    await load.stop();

    expect(exit).toEqual({ code: DISK_FAULT, signal: null });
    expectOneClearLine(node.output, /the disk failed/);
    const lines = await traceOf(trace, node.pid);
    const seen = acknowledgements(lines);
    expect(firstInjection(lines)).toBeGreaterThan(0);
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.filter(({ isAfterSync }) => !isAfterSync)).toEqual([]);
    expect(ledger.doubtful.length).toBeGreaterThan(0);
    await expectEverything({ directory }, ledger);
  },
);

test.skipIf(lacks('tmpfs'))(
  'trap 15: when the disk is full in the middle of a batch, the node ends, and has everything when there is room',
  async () => {
    const disk = await smallDisk(16);
    const directory = join(disk.directory, 'data');
    const ledger = new Ledger();
    const settings = { DISK_THROTTLE: '0.99', DISK_REJECT: '1' };
    const node = await NodeProcess.start({ directory, settings });
    const load = await Load.start(node.url, { ledger, http: 8, pipelined: 16, bytes: 8 * 1024 });
    const exit = await node.ended();
    await load.stop();

    expect(exit).toEqual({ code: DISK_FAULT, signal: null });
    expectOneClearLine(node.output, /the disk is full/);
    expect(ledger.acknowledged.length).toBeGreaterThan(0);
    await disk.grow(128);
    await expectEverything({ directory, settings }, ledger);
  },
);

test.skipIf(lacks('tmpfs'))(
  'a disk that fills up slows callers down at 85 %, takes no new work at 92 %, and lets claimed work end',
  async () => {
    const disk = await smallDisk(64);
    const node = await NodeProcess.start({ directory: join(disk.directory, 'data') });
    const ballast = join(disk.directory, 'ballast');
    const token = await claimed(node.url, 'held');

    await writeFile(ballast, Buffer.alloc(55.5 * MEBIBYTE));
    await until('THROTTLE', async () => (await levelOf(node.url)) === 'throttle');
    expect((await command(node.url, 'add_work', { work_id: 'late' })).status).toBe(200);

    await writeFile(ballast, Buffer.alloc(60 * MEBIBYTE));
    await until('REJECT', async () => (await levelOf(node.url)) === 'reject');
    const refused = await command(node.url, 'add_work', { work_id: 'too-late' });
    expect(refused.status).toBe(429);
    expect(JSON.parse(refused.text)).toMatchObject({ code: 'backpressure' });
    expect(refused.headers['retry-after']).toBeDefined();
    const held = { work_id: 'held', token };
    const extended = await command(node.url, 'extend_work', { items: [held] });
    expect(extended.status).toBe(200);
    expect((await command(node.url, 'complete_work', held)).status).toBe(200);

    await rm(ballast);
    await until('none', async () => (await levelOf(node.url)) === 'none');
    expect((await command(node.url, 'add_work', { work_id: 'again' })).status).toBe(200);
  },
);

async function expectEverything(options: NodeOptions, ledger: Ledger): Promise<void> {
  const node = await NodeProcess.start(options);
  await resolveDoubts(node.url, ledger);
  expect(await audited(node.url, ledger)).toEqual(NO_BREACHES);
  expect((await node.stop()).code).toBe(0);
}

function command(url: string, type: string, data: object): Promise<Reply> {
  return ask(`${url}/v1/commands?timeout=60s`, { body: { type, data } });
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

async function levelOf(url: string): Promise<unknown> {
  const status = await fetched(`${url}/status`);
  return (status['log'] as { readonly level?: string }).level;
}
