import { afterAll, beforeAll, expect, test } from 'vitest';
import { Asking, type Said } from './ask.ts';
import { type RunningNode, startNode } from './running-node.ts';

let node: RunningNode;
let ask: Asking;
beforeAll(async () => {
  node = await startNode();
  ask = new Asking(node.server);
});
afterAll(() => node.stop());

let keys = 0;
function keyed(): Record<string, string> {
  keys += 1;
  return { 'idempotency-key': `key-${keys}` };
}

function add(work_id: string, headers: Record<string, string> = {}): Promise<Said> {
  return ask.post('/v1/commands', { type: 'add_work', data: { work_id } }, headers);
}

function index(): number {
  return node.group.machine.position.index;
}

test('a write answers with its place in the log and what it led to, once it was applied', async () => {
  const { status, body, headers } = await add('written');
  expect(status).toBe(200);
  expect(body).toMatchObject({ index: index(), term: 1, outcome: 'applied' });
  expect(body.facts[0]).toMatchObject({ type: 'work_added', work_id: 'written' });
  expect(headers).toMatchObject({
    'quorate-index': String(index()),
    'quorate-term': '1',
    'quorate-leader': 'n1',
    'quorate-node': 'n1',
  });
});

test('every fault of a request is told at once, each with its place', async () => {
  const { status, body } = await ask.post(
    '/v1/commands?timeout=soon&colour=red',
    { type: 'add_work', data: {}, more: 1 },
    { 'if-match': 'yes' },
  );
  expect(status).toBe(400);
  expect(body.errors.map(({ pointer }) => pointer)).toEqual([
    '/query/timeout',
    '/query/colour',
    '/headers/if-match',
    '/more',
  ]);
});

test('the faults of a command are placed in its data', async () => {
  const data = { work_id: 'a b', priority: 101, requires: { capabilities: ['ok', 7] }, colour: 1 };
  const { body } = await ask.post('/v1/commands', { type: 'add_work', data });
  expect(body.errors.map(({ pointer }) => pointer)).toEqual([
    '/data/work_id',
    '/data/priority',
    '/data/requires/capabilities/1',
    '/data/colour',
  ]);
});

test.each([
  ['not JSON', '{"type":'],
  ['an array', '[]'],
  ['nested too deeply', `{"type":"add_work","data":${'['.repeat(70)}${']'.repeat(70)}}`],
  ['a member named __proto__', '{"type":"add_work","data":{"__proto__":{"work_id":"w"}}}'],
  ['nothing', ''],
])('a body that is %s is refused with a pointer', async (_what, text) => {
  const { status, body } = await ask.post('/v1/commands', text);
  expect(status).toBe(400);
  expect(body.errors[0]!.pointer).toMatch(/^(\/type)?$/);
});

test('commands that only the cluster proposes are forbidden at the generic door', async () => {
  const before = index();
  for (const type of ['expire_work', 'no_op', 'raise_rules_version', 'state_root'])
    expect((await ask.post('/v1/commands', { type })).body).toMatchObject({ code: 'forbidden' });
  expect(index()).toBe(before);
});

test('an unknown command is a fault of the request, not an entry in the log', async () => {
  const before = index();
  const { body } = await ask.post('/v1/commands', { type: 'fly' });
  expect(body.errors).toEqual([
    { pointer: '/type', code: 'unknown', detail: 'there is no command fly' },
  ]);
  expect(index()).toBe(before);
});

test('I4: a retry with its key is answered with what the first attempt led to', async () => {
  const headers = keyed();
  const first = await add('once', headers);
  await add('between');
  const again = await add('once', headers);
  expect(again.status).toBe(200);
  expect(again.body).toEqual(first.body);
  expect(first.headers['idempotency-replayed']).toBeUndefined();
  expect(again.headers['idempotency-replayed']).toBe('true');
});

test('I4: a refusal is remembered with its key, too', async () => {
  await add('taken');
  const headers = keyed();
  const first = await add('taken', headers);
  const again = await add('taken', headers);
  expect(first.body).toMatchObject({ code: 'exists' });
  expect(again.body).toEqual(first.body);
  expect(again.headers['idempotency-replayed']).toBe('true');
});

test('a key is bound to the path of its request as well as to its body', async () => {
  const headers = keyed();
  await ask.post('/v1/work', { work_id: 'first' });
  await ask.post('/v1/work', { work_id: 'second' });
  expect((await ask.post('/v1/work/first/cancel', {}, headers)).status).toBe(200);
  expect((await ask.post('/v1/work/second/cancel', {}, headers)).status).toBe(422);
});

test('a dry run says what would happen, and nothing happens', async () => {
  const before = index();
  const url = '/v1/commands?dry_run=true';
  const would = await ask.post(url, { type: 'add_work', data: { work_id: 'imagined' } });
  const wouldNot = await ask.post(url, { type: 'start_work', data: { work_id: 'imagined' } });
  expect(would.body).toMatchObject({ outcome: 'applied', dry_run: true });
  expect(wouldNot.body).toMatchObject({ code: 'not-found', dry_run: true });
  expect(index()).toBe(before);
  expect((await ask.get('/v1/work/imagined')).status).toBe(404);
});

test('a write on condition is done while the condition holds, and refused afterwards', async () => {
  const created = await ask.post('/v1/work', { work_id: 'guarded' }, { 'if-none-match': '*' });
  expect(created.status).toBe(200);
  const twice = await ask.post('/v1/work', { work_id: 'guarded' }, { 'if-none-match': '*' });
  expect(twice.body).toMatchObject({ code: 'precondition-failed', index: created.body.index });
  const { headers } = await ask.get('/v1/work/guarded');
  const etag = String(headers['etag']);
  expect((await ask.post('/v1/work/guarded/cancel', {}, { 'if-match': etag })).status).toBe(200);
  expect((await ask.post('/v1/work/guarded/retry', {}, { 'if-match': etag })).status).toBe(412);
});

test('a resource the caller has already is not sent again', async () => {
  await ask.post('/v1/work', { work_id: 'known' });
  const first = await ask.get('/v1/work/known');
  const etag = String(first.headers['etag']);
  const again = await ask.get('/v1/work/known', { 'if-none-match': etag });
  expect(again).toMatchObject({ status: 304, text: '' });
  expect(again.headers['etag']).toBe(etag);
});

test('the trace of a request goes into the entry; one that is malformed is ignored', async () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const traced = await add('traced', { traceparent });
  const untraced = await add('untraced', { traceparent: 'nonsense' });
  const entries = [traced, untraced].map(({ body }) => ask.get(`/v1/log/${body.index}`));
  const [first, second] = await Promise.all(entries);
  expect(first?.body).toMatchObject({ trace: traceparent, actor: 'loopback' });
  expect(second?.body).not.toHaveProperty('trace');
});

test('a batch is decided command by command, in order, and answers each', async () => {
  const commands = ['a', 'a', 'b'].map((id) => ({
    type: 'add_work',
    data: { work_id: `batch-${id}` },
  }));
  const { status, body } = await ask.post('/v1/commands/batch', { commands });
  expect(status).toBe(200);
  const [first, second, third] = body.results;
  expect(first).toMatchObject({ outcome: 'applied' });
  expect(second).toMatchObject({ problem: { code: 'exists', status: 409 } });
  expect(third).toMatchObject({ outcome: 'applied', index: Number(first?.index) + 2 });
});

test('I4: a batch that is retried with its key is applied once, command by command', async () => {
  const headers = keyed();
  const commands = [1, 2].map((n) => ({ type: 'add_work', data: { work_id: `retried-${n}` } }));
  const first = await ask.post('/v1/commands/batch', { commands }, headers);
  const again = await ask.post('/v1/commands/batch', { commands }, headers);
  expect(again.body).toEqual(first.body);
});

test('a batch with a fault is not begun, and every fault names its command', async () => {
  const before = index();
  const commands = [
    { type: 'add_work', data: { work_id: 'fine' } },
    { type: 'fly' },
    { type: 'add_work', data: { priority: -1 } },
    { type: 'no_op' },
  ];
  const { body } = await ask.post('/v1/commands/batch', { commands });
  expect(body.errors.map(({ pointer }) => pointer)).toEqual([
    '/commands/1/type',
    '/commands/2/data/work_id',
    '/commands/2/data/priority',
    '/commands/3/type',
  ]);
  expect(index()).toBe(before);
});

test('the list of commands says of each who may propose it and what its fields are', async () => {
  const { body } = await ask.get('/v1/commands');
  const found = body.items.find(({ type }) => type === 'add_work');
  expect(found).toMatchObject({ origin: 'client', role: 'worker', projection: 'work-queue' });
  expect(found).toMatchObject({ schema: { properties: { work_id: { type: 'string' } } } });
});
