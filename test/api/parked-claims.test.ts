import { request } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Asking, type Said } from './ask.ts';
import { type RunningNode, startNode, until } from './running-node.ts';

let node: RunningNode;
let ask: Asking;
beforeEach(async () => {
  node = await startNode();
  ask = new Asking(node.server);
});
afterEach(() => node.stop());

function claim(node_id: string, filter: object = {}, headers = {}): Promise<Said> {
  return ask.post('/v1/work/claim', { node_id, filter, wait_seconds: 30 }, headers);
}

async function parked(count: number): Promise<void> {
  await until(`${count} claims are parked`, async () => {
    const { text } = await ask.get('/metrics');
    return text.includes(`\nquorate_parked_claims ${count}\n`);
  });
}

const index = (): number => node.group.machine.position.index;
const ids = ({ body }: Said): readonly string[] => body.claimed.map(({ work_id }) => work_id);

test('with nothing to give, and no time to wait, nothing is proposed', async () => {
  const before = index();
  const { status, body } = await ask.post('/v1/work/claim', { node_id: 'a' });
  expect(status).toBe(200);
  expect(body.claimed).toEqual([]);
  expect(index()).toBe(before);
});

test('a claim that waits is given the item that comes', async () => {
  const waiting = claim('a');
  await parked(1);
  await ask.post('/v1/work', { work_id: 'w' });
  const said = await waiting;
  expect(ids(said)).toEqual(['w']);
  expect(said.body.token).toBe(said.body.index);
  await parked(0);
});

test('a claim whose time is up is answered with nothing', async () => {
  const body = { node_id: 'a', wait_seconds: 0.05 };
  expect(ids(await ask.post('/v1/work/claim', body))).toEqual([]);
});

test('each item wakes one waiter, in the order of their coming; the others cost no entry', async () => {
  const waiting = ['a', 'b', 'c'].map(async (node_id, place) => {
    await parked(place);
    return claim(node_id);
  });
  await parked(3);
  const before = index();
  await ask.post('/v1/work', { work_id: 'w1' });
  expect(ids(await (waiting[0] as Promise<Said>))).toEqual(['w1']);
  await parked(2);
  expect(index()).toBe(before + 2);
  await ask.post('/v1/work', { work_id: 'w2' });
  expect(ids(await (waiting[1] as Promise<Said>))).toEqual(['w2']);
  await ask.post('/v1/work', { work_id: 'w3' });
  expect(ids(await (waiting[2] as Promise<Said>))).toEqual(['w3']);
});

test('an item wakes only those who may have it', async () => {
  const weak = claim('weak', { queues: ['q'] });
  await parked(1);
  const elsewhere = claim('elsewhere', { queues: ['other'] });
  await parked(2);
  const able = claim('able', { queues: ['q'], capabilities: ['gpu'] });
  await parked(3);
  const requires = { capabilities: ['gpu'] };
  await ask.post('/v1/work', { work_id: 'demanding', queue: 'q', requires });
  expect(ids(await able)).toEqual(['demanding']);
  await parked(2);
  await ask.post('/v1/work', { work_id: 'simple', queue: 'q' });
  expect(ids(await weak)).toEqual(['simple']);
  await ask.post('/v1/work', { work_id: 'there', queue: 'other' });
  expect(ids(await elsewhere)).toEqual(['there']);
});

test('an item whose time comes, or whose holder gives it back, wakes a waiter', async () => {
  await ask.post('/v1/work', { work_id: 'later', not_before: Date.now() + 300 });
  expect(ids(await claim('a'))).toEqual(['later']);
  const { body } = await ask.get('/v1/work/later');
  const waiting = claim('b');
  await parked(1);
  await ask.post('/v1/work/later/release', { token: body.token });
  expect(ids(await waiting)).toEqual(['later']);
});

test('a queue that is resumed wakes those who wait for it', async () => {
  await ask.post('/v1/work', { work_id: 'w' });
  await ask.post('/v1/queues/default/pause');
  const waiting = claim('a');
  await parked(1);
  await ask.post('/v1/queues/default/resume');
  expect(ids(await waiting)).toEqual(['w']);
});

test('a caller that goes away waits no longer, and the next in line is served', async () => {
  const url = await node.server.listen({ port: 0, host: '127.0.0.1' });
  const options = { method: 'POST', headers: { 'content-type': 'application/json' } };
  const leaving = request(`${url}/v1/work/claim`, options);
  leaving.on('error', () => undefined);
  leaving.end(JSON.stringify({ node_id: 'gone', wait_seconds: 30 }));
  await parked(1);
  const waiting = claim('stays');
  await parked(2);
  leaving.destroy();
  await parked(1);
  await ask.post('/v1/work', { work_id: 'w' });
  expect(ids(await waiting)).toEqual(['w']);
});

test('I4: a claim that is retried with its key is given the same items again', async () => {
  const headers = { 'idempotency-key': 'claim-1' };
  await ask.post('/v1/work', { work_id: 'w' });
  const first = await claim('a', {}, headers);
  const again = await claim('a', {}, headers);
  expect(again.body.index).toBe(first.body.index);
  expect(ids(again)).toEqual(['w']);
  expect(again.headers['idempotency-replayed']).toBe('true');
});

test('a waiter that is woken for its answer of before lets the next one have the item', async () => {
  const headers = { 'idempotency-key': 'twice' };
  const first = claim('a', {}, headers);
  await parked(1);
  const again = claim('a', {}, headers);
  await parked(2);
  const other = claim('b');
  await parked(3);
  await ask.post('/v1/work', { work_id: 'w1' });
  expect(ids(await first)).toEqual(['w1']);
  await ask.post('/v1/work', { work_id: 'w2' });
  expect(ids(await again)).toEqual(['w1']);
  expect(ids(await other)).toEqual(['w2']);
});

test('two hundred items and fifty waiters: every item goes to one of them, none to two', async () => {
  const got: string[] = [];
  const workers = Array.from({ length: 50 }, async (_, n) => {
    let claimed: readonly string[] = [];
    // Nobody goes before all is given out: then there is nothing to wait for.
    do {
      const body = { node_id: `n${n}`, filter: { max: 3 }, wait_seconds: 2 };
      claimed = ids(await ask.post('/v1/work/claim', body));
      got.push(...claimed);
    } while (claimed.length > 0 || got.length < 200);
  });
  await parked(50);
  for (let batch = 0; batch < 20; batch++) {
    const items = Array.from({ length: 10 }, (_, n) => ({ work_id: `w-${batch}-${n}` }));
    await ask.post('/v1/work/batch', { items });
  }
  await Promise.all(workers);
  expect(got).toHaveLength(200);
  expect(new Set(got).size).toBe(200);
});
