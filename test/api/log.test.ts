import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeEntry, packr } from '../../src/log/command.ts';
import { readFrame } from '../../src/log/frame.ts';
import { Asking } from './ask.ts';
import { type RunningNode, startNode, until } from './running-node.ts';

let node: RunningNode;
let ask: Asking;
beforeAll(async () => {
  node = await startNode();
  ask = new Asking(node.server);
  const commands = Array.from({ length: 300 }, (_, n) =>
    n % 3 === 0
      ? { type: 'acquire_lock', data: { name: `lock-${n}`, owner: 'o' } }
      : { type: 'add_work', data: { work_id: `work-${n}` } },
  );
  await ask.post('/v1/commands/batch', { commands });
});
afterAll(() => node.stop());

const HEAD = 301;

interface Indexed {
  readonly index: number;
}
const indices = (items: readonly Indexed[]): number[] => items.map(({ index }) => index);
const from = (first: number, count: number): number[] =>
  Array.from({ length: count }, (_, n) => first + n);

test('entries come oldest first behind an index, up to the limit', async () => {
  const { body } = await ask.get('/v1/log?after=10&limit=5');
  expect(indices(body.items)).toEqual(from(11, 5));
  expect(body).toMatchObject({ covered: 15, head: HEAD });
});

test('the log read page by page holds every entry once', async () => {
  const seen: number[] = [];
  for (let after = 0; after < HEAD;) {
    const { body } = await ask.get(`/v1/log?after=${after}&limit=77`);
    seen.push(...indices(body.items));
    after = body.covered;
  }
  expect(seen).toEqual(from(1, HEAD));
});

test('a filter leaves out other types, and says how far it looked', async () => {
  const { body } = await ask.get('/v1/log?after=0&limit=1000&type=*_lock,no_op');
  const types = new Set(body.items.map(({ type }) => type));
  expect([...types]).toEqual(['no_op', 'acquire_lock']);
  expect(body.items).toHaveLength(101);
  expect(body.covered).toBe(HEAD);
});

test('an entry says what it was, who asked, and what it led to', async () => {
  const { body, headers } = await ask.get('/v1/log/2');
  expect(body).toMatchObject({
    index: 2,
    term: 1,
    type: 'acquire_lock',
    subject: 'lock-0',
    data: { name: 'lock-0', owner: 'o', ttl_seconds: 300 },
    outcome: 'applied',
    facts: [{ type: 'lock_acquired', token: 2 }],
    actor: 'loopback',
  });
  expect(headers).toMatchObject({ etag: '"2"' });
  expect(headers['cache-control']).toContain('immutable');
});

test('a refused entry says why in the log, too', async () => {
  const { body: refused } = await ask.post('/v1/work', { work_id: 'work-1' });
  const { body } = await ask.get(`/v1/log/${refused.index}`);
  expect(body).toMatchObject({ outcome: 'refused', facts: [], refusal: { code: 'exists' } });
});

test('a page is 256 entries; it may be kept for ever once it is complete', async () => {
  const [whole, newest] = await Promise.all([
    ask.get('/v1/log/pages/0'),
    ask.get('/v1/log/pages/1'),
  ]);
  expect(whole.body).toMatchObject({ page: 0, first: 1, complete: true });
  expect(indices(whole.body.items)).toEqual(from(1, 256));
  expect(whole.headers['cache-control']).toContain('immutable');
  expect(newest.body).toMatchObject({ page: 1, first: 257, complete: false });
  expect(newest.headers['cache-control']).toBeUndefined();
  expect((await ask.get('/v1/log/pages/9')).status).toBe(404);
});

test('the stored bytes are served as they lie on the disk: checksums hold, outcomes decode', async () => {
  const accept = { accept: 'application/octet-stream' };
  const response = await node.server.inject({ url: '/v1/log?after=0&limit=300', headers: accept });
  expect(response.headers['content-type']).toBe('application/octet-stream');
  expect(response.headers['quorate-covered']).toBe('300');
  const bytes = response.rawPayload;
  const seen: number[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const frameEnd = offset + 4 + bytes.readUInt32BE(offset);
    const read = readFrame(bytes.subarray(offset + 4, frameEnd), 0);
    if (read.kind !== 'frame') throw new Error(read.kind);
    seen.push(decodeEntry(read.frame).index);
    const outcomeEnd = frameEnd + 4 + bytes.readUInt32BE(frameEnd);
    expect(packr.unpack(bytes.subarray(frameEnd + 4, outcomeEnd))).toHaveProperty('kind');
    offset = outcomeEnd;
  }
  expect(seen).toEqual(from(1, 300));
});

test('a long poll is answered when there is news, and with nothing when there is none', async () => {
  const { body: none } = await ask.get('/v1/log?after=head&limit=1');
  expect(none.code).toBe('validation-failed');
  const head = node.group.machine.position.index;
  const early = await ask.get(`/v1/log?after=${head}&wait=20ms`);
  expect(early.body).toEqual({ items: [], covered: head, head });
  const waiting = ask.get(`/v1/log?after=${head}&wait=30s`);
  await ask.post('/v1/work', { work_id: 'news' });
  const { body } = await waiting;
  expect(indices(body.items)).toEqual([head + 1]);
});

test('a read waits for the index its caller has written', async () => {
  const next = node.group.machine.position.index + 1;
  const reading = ask.get(`/v1/work/awaited?min_index=${next}&consistency=local`);
  await ask.post('/v1/work', { work_id: 'awaited' });
  expect((await reading).body).toMatchObject({ work_id: 'awaited', added_index: next });
});

test('statistics name the range that is kept and the digest of all outcomes', async () => {
  const { body } = await ask.get('/v1/log/stats');
  expect(body).toMatchObject({ group: 'main', oldest: 1, term: 1, unknown_entries: 0 });
  expect(body['applied']).toBe(node.group.machine.position.index);
  expect(body['digest']).toBe(node.group.machine.digest());
});

test('a group is read by its name, or not at all', async () => {
  const [named, main] = await Promise.all([ask.get('/v1/groups/main/log/2'), ask.get('/v1/log/2')]);
  expect(named.body).toEqual(main.body);
  expect((await ask.get('/v1/groups/job%2F42/log')).body.code).toBe('unknown-group');
  const { body } = await ask.get('/v1/groups');
  expect(body.items).toMatchObject([{ group: 'main', engine: 'solo', role: 'leader' }]);
});

test('an unknown type of entry shows as skipped, and is counted', async () => {
  const { group } = node;
  await group.propose({ type: 'from_the_future', data: { a: 1 } }, 'control');
  await until('it is applied', () => group.machine.position.skipped === 1);
  const { index } = group.machine.position;
  expect((await ask.get(`/v1/log/${index}`)).body).toMatchObject({ outcome: 'skipped', facts: [] });
  expect((await ask.get('/v1/log/stats')).body['unknown_entries']).toBe(1);
});
