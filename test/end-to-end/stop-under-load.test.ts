/** A node that is told to stop finishes what it took, refuses what is new, and is gone within its limit. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ask, fetched } from './ask.ts';
import { until } from './condition.ts';
import { temporaryFolder } from './folder.ts';
import { audited, Ledger, NO_BREACHES } from './ledger.ts';
import { Load, resolveDoubts } from './load.ts';
import { NodeProcess } from './node-process.ts';

/** Generous: on a machine that stands still for a while nobody is cut off who was to be waited for. */
const STOP_TIMEOUT_MS = 60_000;
const SETTINGS = { STOP_TIMEOUT: '60s' };
/** The longest poll there is: who waits for it to end by itself waits longer than any stop may take. */
const POLL_SECONDS = 60;

test('SIGTERM under load: exit 0 within the limit, nothing acknowledged is lost, and the exit was clean', async () => {
  const directory = join(await temporaryFolder(), 'data');
  const ledger = new Ledger();
  const node = await NodeProcess.start({ directory, settings: SETTINGS });
  const load = await Load.start(node.url, { ledger, http: 8, pipelined: 64 });
  await load.reaches(500);

  const told = Date.now();
  node.signal('SIGTERM');
  // What comes now is told that the node is going away, or finds nobody.
  await until('new requests are refused', () => isRefused(node.url));
  expect(await node.ended()).toEqual({ code: 0, signal: null });
  expect(Date.now() - told).toBeLessThan(STOP_TIMEOUT_MS);
  await load.stop();
  const strange = load.refusals.filter(
    (refusal) => refusal.kind === 'refused' && refusal.code !== 'shutting-down',
  );
  expect(strange).toEqual([]);

  const again = await NodeProcess.start({ directory });
  const { recovery } = await fetched(`${again.url}/status`);
  expect(recovery).toMatchObject({ unclean_exit: false, dropped_bytes: 0 });
  await resolveDoubts(again.url, ledger);
  expect(await audited(again.url, ledger)).toEqual(NO_BREACHES);
});

async function isRefused(url: string): Promise<boolean> {
  const reply = await ask(`${url}/v1/commands`, { body: { type: 'add_work', data: {} } }).catch(
    () => undefined,
  );
  // 400: it was still serving, and the command lacks its id.
  expect([undefined, 400, 503]).toContain(reply?.status);
  return reply === undefined || reply.status === 503;
}

test('a second and a third SIGTERM change nothing', async () => {
  const directory = join(await temporaryFolder(), 'data');
  const ledger = new Ledger();
  const node = await NodeProcess.start({ directory, settings: SETTINGS });
  const load = await Load.start(node.url, { ledger, http: 4, pipelined: 64 });
  await load.reaches(200);
  node.signal('SIGTERM');
  await until('the node has begun to stop', () => /"msg":"stopping"/.test(node.output));
  node.signal('SIGTERM');
  node.signal('SIGTERM');
  expect(await node.ended()).toEqual({ code: 0, signal: null });
  await load.stop();
  const again = await NodeProcess.start({ directory });
  await resolveDoubts(again.url, ledger);
  expect(await audited(again.url, ledger)).toEqual(NO_BREACHES);
});

test('a client that never hangs up does not keep a node from stopping', async () => {
  const directory = join(await temporaryFolder(), 'data');
  const node = await NodeProcess.start({ directory, settings: { STOP_TIMEOUT: '1s' } });
  const parked = ask(`${node.url}/v1/log?after=1&wait=${POLL_SECONDS}`).catch(() => undefined);
  await until('somebody waits', async () => (await ask(`${node.url}/readyz`)).status === 200);
  const told = Date.now();
  expect((await node.stop()).code).toBe(0);
  expect(Date.now() - told).toBeLessThan((POLL_SECONDS * 1_000) / 2);
  await parked;
});
