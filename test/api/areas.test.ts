import { afterAll, beforeAll, expect, test } from 'vitest';
import { Asking, type Said } from './ask.ts';
import { type RunningNode, startNode, until } from './running-node.ts';

let node: RunningNode;
let ask: Asking;
beforeAll(async () => {
  node = await startNode();
  ask = new Asking(node.server);
});
afterAll(() => node.stop());

const claim = (work_id: string, node_id = 'n'): Promise<Said> =>
  ask.post('/v1/work/claim', { node_id, work_id });

test('an item of work goes from added to completed, fenced by the token of its claim', async () => {
  await ask.post('/v1/work', { work_id: 'life', work_type: 'training', config: { a: [1] } });
  const { body: claimed } = await claim('life');
  expect(claimed.claimed).toMatchObject([
    { work_id: 'life', status: 'claimed', config: { a: [1] }, token: claimed.token, attempt: 1 },
  ]);
  const { token } = claimed;
  expect((await ask.post('/v1/work/life/start', { token })).status).toBe(200);
  const extended = await ask.post('/v1/work/life/extend', { token, lease_seconds: 90 });
  expect(extended.body.results).toMatchObject([{ work_id: 'life', ok: true, directive: 'none' }]);
  expect((await ask.post('/v1/work/life/complete', { token, result: { n: 1 } })).status).toBe(200);
  const { body, headers } = await ask.get('/v1/work/life');
  expect(body).toMatchObject({ status: 'completed', result: { n: 1 }, attempts: 1 });
  expect(headers['etag']).toBe(`"${body.changed_index}"`);
});

test('an item without a name is given one', async () => {
  const { body } = await ask.post('/v1/work', { queue: 'named' });
  const { work_id } = body.facts[0]!;
  expect((await ask.get(`/v1/work/${work_id}`)).body).toMatchObject({ queue: 'named' });
});

test('a stale token is told who holds the item, and changes nothing', async () => {
  await ask.post('/v1/work', { work_id: 'fenced' });
  const { body } = await claim('fenced', 'first');
  await ask.post('/v1/work/fenced/release', { token: body.token });
  const { body: second } = await claim('fenced', 'second');
  for (const verb of ['start', 'complete', 'fail', 'release', 'extend']) {
    const said = await ask.post(`/v1/work/fenced/${verb}`, { token: body.token });
    expect(said.body, verb).toMatchObject({
      code: 'stale-token',
      holder: 'second',
      token: second.token,
    });
  }
  expect((await ask.get('/v1/work/fenced')).body).toMatchObject({ status: 'claimed' });
});

test('fields of the path are faults of the path', async () => {
  const { body } = await ask.post('/v1/work/a%20b/start', { token: 'x' });
  expect(body.errors.map(({ pointer }) => pointer)).toEqual(['/path/work_id', '/token']);
});

test('an item that is extended alone has its faults where its fields are', async () => {
  const { body } = await ask.post('/v1/work/life/extend', { token: -1, lease_seconds: 0 });
  expect(body.errors.map(({ pointer }) => pointer)).toEqual(['/token', '/lease_seconds']);
});

test('a batch of items answers each of them; a renewal of many does, too', async () => {
  const items = [
    { work_id: 'many-1', queue: 'many' },
    { work_id: 'many-2', queue: 'many' },
  ];
  const added = await ask.post('/v1/work/batch', { items: [...items, items[0]] });
  expect(added.body.results).toMatchObject([
    { work_id: 'many-1', ok: true },
    { work_id: 'many-2', ok: true },
    { work_id: 'many-1', ok: false, code: 'exists' },
  ]);
  const filter = { queues: ['many'], max: 5 };
  const { body } = await ask.post('/v1/work/claim', { node_id: 'n', filter });
  expect(body.claimed).toHaveLength(2);
  const renewed = await ask.post('/v1/work/extend', {
    items: [
      { work_id: 'many-1', token: body.token },
      { work_id: 'many-2', token: 1 },
    ],
  });
  expect(renewed.body.results).toMatchObject([{ ok: true }, { ok: false, code: 'stale-token' }]);
});

test('a failed item waits to be tried again; one that is over is revived by an operator', async () => {
  await ask.post('/v1/work', { work_id: 'again' });
  const { body } = await claim('again');
  await ask.post('/v1/work/again/fail', { token: body.token, error: 'no luck', delay_seconds: 60 });
  expect((await ask.get('/v1/work/again')).body).toMatchObject({ status: 'scheduled' });
  await ask.post('/v1/work', { work_id: 'over' });
  await ask.post('/v1/work/over/cancel', { reason: 'enough' });
  expect((await ask.get('/v1/work/over')).body).toMatchObject({ status: 'cancelled' });
  await ask.post('/v1/work/over/retry');
  expect((await ask.get('/v1/work/over')).body).toMatchObject({ status: 'pending', attempts: 0 });
});

test('lists are read page by page with a cursor, each item once, in order', async () => {
  const items = Array.from({ length: 25 }, (_, n) => ({ work_id: `page-${n}`, queue: 'paged' }));
  await ask.post('/v1/work/batch', { items });
  const seen: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
    const { body } = await ask.get(`/v1/work?queue=paged&status=pending&limit=10${query}`);
    seen.push(...body.items.map(({ work_id }) => work_id));
    cursor = body.cursor;
  }
  expect(seen).toEqual(items.map(({ work_id }) => work_id));
});

test.each(['nonsense', 'W10', Buffer.from('[[1]]').toString('base64url')])(
  'the cursor %s is refused or begins nowhere, and never fails',
  async (cursor) => {
    const { status } = await ask.get(`/v1/work?cursor=${cursor}`);
    expect([200, 400]).toContain(status);
  },
);

test('statistics count work by status and type', async () => {
  const { body } = await ask.get('/v1/work/stats');
  expect(body.by_type).toHaveProperty('training', 1);
  const sum = Object.values(body.by_status as Record<string, number>).reduce((a, b) => a + b, 0);
  expect(sum).toBe(body.total);
});

test('a queue has limits, is paused, resumed and purged', async () => {
  const limits = { soft: 30, hard: 50, recovery: 10 };
  expect((await ask.put('/v1/queues/q', limits)).status).toBe(200);
  await ask.post('/v1/work', { work_id: 'queued', queue: 'q' });
  await ask.post('/v1/queues/q/pause');
  const paused = await ask.get('/v1/queues/q');
  expect(paused.body).toMatchObject({ queue: 'q', paused: true, limits, waiting: 1 });
  const filter = { queues: ['q'] };
  expect((await ask.post('/v1/work/claim', { node_id: 'n', filter })).body.claimed).toEqual([]);
  await ask.post('/v1/queues/q/resume');
  await ask.post('/v1/queues/q/purge', { statuses: ['pending'] });
  expect((await ask.get('/v1/work/queued')).status).toBe(404);
  const { body } = await ask.get('/v1/queues');
  expect(body.items.map(({ queue }) => queue)).toContain('q');
  expect((await ask.get('/v1/queues/unheard-of')).status).toBe(404);
});

test('a queue is changed only as its operator saw it', async () => {
  await ask.put('/v1/queues/seen', { soft: 3, hard: 5, recovery: 1 });
  const etag = String((await ask.get('/v1/queues/seen')).headers['etag']);
  await ask.post('/v1/queues/seen/pause');
  const late = await ask.put(
    '/v1/queues/seen',
    { soft: 4, hard: 5, recovery: 1 },
    { 'if-match': etag },
  );
  expect(late.body).toMatchObject({ code: 'precondition-failed' });
});

test('a lock is taken, renewed and given back', async () => {
  const { body } = await ask.put('/v1/locks/l', { owner: 'me', ttl_seconds: 30 });
  expect(body.token).toBe(body.index);
  expect((await ask.get('/v1/locks/l')).body).toMatchObject({ state: 'held', owner: 'me' });
  const foreign = await ask.put('/v1/locks/l', { owner: 'you' });
  expect(foreign.body).toMatchObject({ code: 'already-claimed', holder: 'me', token: body.token });
  expect(foreign.body.expires_in).toBeGreaterThan(0);
  const owner = 'me';
  expect((await ask.post('/v1/locks/l/renew', { owner, token: body.token })).status).toBe(200);
  expect((await ask.post('/v1/locks/l/renew', { owner, token: 1 })).status).toBe(409);
  const mine = await ask.get('/v1/locks?owner=me');
  expect(mine.body.items).toMatchObject([{ name: 'l', owner: 'me' }]);
  const released = await ask.send('DELETE', `/v1/locks/l?owner=me&token=${body.token}`);
  expect(released.status).toBe(200);
  expect((await ask.get('/v1/locks/l')).status).toBe(404);
});

test('a lock is given back with a body, or without a token where only one can be meant', async () => {
  const { body } = await ask.put('/v1/locks/m', { owner: 'me' });
  const inBody = await ask.send('DELETE', '/v1/locks/m', { owner: 'me', token: body.token });
  expect(inBody.status).toBe(200);
  await ask.put('/v1/locks/m', { owner: 'me' });
  expect((await ask.send('DELETE', '/v1/locks/m?owner=me')).status).toBe(200);
  const faulty = await ask.send('DELETE', '/v1/locks/m?owner=a%20b&token=-1');
  expect(faulty.body.errors.map(({ pointer }) => pointer)).toEqual([
    '/query/owner',
    '/query/token',
  ]);
});

test('a lost lock with a delay says when to come back', async () => {
  await ask.put('/v1/locks/d', { owner: 'me', ttl_seconds: 1, lock_delay_seconds: 600 });
  const taken = async (): Promise<Said> => ask.put('/v1/locks/d', { owner: 'you' });
  let said = await taken();
  await until('it is lost', async () => {
    said = await taken();
    return said.body.code !== 'already-claimed';
  });
  expect(said.body).toMatchObject({ code: 'conflict' });
  expect(Number(said.headers['retry-after'])).toBeGreaterThan(50);
});

test('a job is assigned, started and completed by the node that has its token', async () => {
  const { body } = await ask.post('/v1/assignments', { job_id: 'j', node_id: 'a' });
  expect((await ask.post('/v1/assignments/j/start', { token: body.token })).status).toBe(200);
  const moved = await ask.post('/v1/assignments/j/reassign', { node_id: 'b', token: body.token });
  expect(moved.status).toBe(200);
  const stale = await ask.post('/v1/assignments/j/complete', { token: body.token });
  expect(stale.body).toMatchObject({ code: 'stale-token', holder: 'b', token: moved.body.token });
  const done = await ask.post('/v1/assignments/j/complete', { token: moved.body.token });
  expect(done.status).toBe(200);
  expect((await ask.get('/v1/assignments/j')).body).toMatchObject({ status: 'completed' });
  expect((await ask.get('/v1/assignments?job=j')).body.items).toHaveLength(1);
  expect((await ask.get('/v1/assignments?job=none')).body.items).toEqual([]);
  expect((await ask.get('/v1/assignments?node=b&status=completed')).body.items).toHaveLength(1);
  expect((await ask.get('/v1/assignments/stats')).body.by_status['completed']).toBe(1);
  expect((await ask.get('/v1/assignments/j/explain')).status).toBe(404);
});

test('a job that brings candidates goes to the best of them, and says why', async () => {
  const candidate = { gpu_power: 1000, capacity_free: 1000, load: 100 };
  const candidates = [
    { ...candidate, node_id: 'weak', gpu_power: 10 },
    { ...candidate, node_id: 'loaded', load: 900 },
    { ...candidate, node_id: 'strong' },
  ];
  const { status } = await ask.post('/v1/assignments', { job_id: 'placed', candidates });
  expect(status).toBe(200);
  const { body } = await ask.get('/v1/assignments/placed/explain');
  expect(body['chosen']).toBe('strong');
  expect(body.candidates[0]).toMatchObject({ node_id: 'strong', verdict: 'chosen' });
  const nowhere = { job_id: 'nowhere', candidates: [candidates[1]] };
  expect((await ask.post('/v1/assignments', nowhere)).body.code).toBe('conflict');
});
