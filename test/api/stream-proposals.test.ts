import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Listening } from './listening.ts';
import { type RunningNode, startNode, until } from './running-node.ts';
import { Timers } from './timers.ts';

let node: RunningNode;
let client: Listening;
beforeEach(async () => {
  // Nobody is cut off because the machine stood still.
  node = await startNode({ served: { clock: new Timers().clock } });
  const url = await node.server.listen({ port: 0, host: '127.0.0.1' });
  client = await Listening.connect(url, 'after=head');
  await client.hears('progress');
});
afterEach(async () => {
  client.socket.terminate();
  await node.stop();
});

const add = (ref: number | string, work_id: string, more: object = {}): object => ({
  kind: 'propose',
  ref,
  type: 'add_work',
  data: { work_id },
  ...more,
});

test('a proposal is answered with its place and what it led to', async () => {
  client.say(add('mine', 'w'));
  expect(await client.hears('proposed')).toMatchObject({
    ref: 'mine',
    index: 2,
    term: 1,
    outcome: 'applied',
    facts: [{ type: 'work_added' }],
  });
});

test('a refusal of a rule, of a schema and of the door each carry their problem', async () => {
  client.say(add(1, 'w'));
  await client.hears('proposed');
  client.say([
    add(2, 'w'),
    { kind: 'propose', ref: 3, type: 'add_work', data: { work_id: 'a b', priority: 'x' } },
    { kind: 'propose', ref: 4, type: 'no_op', data: { leader_id: 'me' } },
    { kind: 'propose', ref: 5, type: 'fly', data: {} },
  ]);
  await client.hears('refused', 4);
  const byRef = new Map(client.of('refused').map(({ ref, problem }) => [ref, problem]));
  expect(byRef.get(2)).toMatchObject({ code: 'exists', work_id: 'w' });
  expect(byRef.get(3)).toMatchObject({
    code: 'validation-failed',
    errors: [{ pointer: '/data/work_id' }, { pointer: '/data/priority' }],
  });
  expect(byRef.get(4)).toMatchObject({ code: 'forbidden' });
  expect(byRef.get(5)).toMatchObject({ code: 'validation-failed', errors: [{ pointer: '/type' }] });
});

test('with 256 proposals in flight, answers come in the order of the proposals', async () => {
  const total = 5000;
  let next = 0;
  const fill = (): void => {
    const messages: object[] = [];
    for (; next < total && next - client.of('proposed').length < 256; next++)
      messages.push(add(next, `w-${next}`));
    if (messages.length > 0) client.say(messages);
  };
  client.socket.on('message', fill);
  fill();
  await until('all are answered', () => client.of('proposed').length === total);
  const answers = client.of('proposed');
  expect(answers.map(({ ref }) => ref)).toEqual(Array.from({ length: total }, (_, n) => n));
  expect(answers.map(({ index }) => index)).toEqual(Array.from({ length: total }, (_, n) => n + 2));
});

test('answers to arrays travel together: far fewer frames than answers', async () => {
  client.say(Array.from({ length: 500 }, (_, n) => add(n, `w-${n}`)));
  await client.hears('proposed', 500);
  expect(client.frames).toBeLessThan(100);
});

test('a client that speaks in single messages is answered in single messages', async () => {
  const shapes = new Set<boolean>();
  client.socket.on('message', (data: Buffer) => shapes.add(data.toString().startsWith('[')));
  for (let n = 0; n < 20; n++) client.say(add(n, `w-${n}`));
  await client.hears('proposed', 20);
  expect([...shapes]).toEqual([false]);
});

test('I4: a proposal with a key, proposed again, is applied once and answered twice', async () => {
  client.say(add(1, 'w', { key: 'k' }));
  const first = await client.hears('proposed');
  client.say([add(2, 'w', { key: 'k' }), add(3, 'v', { key: 'k' })]);
  const again = await client.hears('proposed', 2);
  expect(again).toEqual({ ...first, ref: 2 });
  expect(await client.hears('refused')).toMatchObject({
    ref: 3,
    problem: { code: 'idempotency-mismatch' },
  });
});

test('I4: a session counts its proposals, and a retry of one is answered as before', async () => {
  client.say({ kind: 'propose', ref: 0, type: 'open_session', data: {} });
  const { index: session } = await client.hears('proposed');
  client.say([add(1, 'a', { session, seq: 1 }), add(2, 'b', { session, seq: 2 })]);
  const second = await client.hears('proposed', 3);
  client.say(add(4, 'b', { session, seq: 2 }));
  expect(await client.hears('proposed', 4)).toEqual({ ...second, ref: 4 });
});

test('one client has at most 4 096 proposals in flight; what is beyond is refused', async () => {
  const frames = Array.from({ length: 10 }, (_, frame) =>
    Array.from({ length: 1000 }, (_, n) => add(frame * 1000 + n, `w-${frame}-${n}`)),
  );
  for (const frame of frames) client.say(frame);
  await until(
    'all are answered',
    () => client.of('proposed').length + client.of('refused').length === 10_000,
  );
  const codes = new Set(client.of('refused').map(({ problem }) => (problem as Coded).code));
  expect([...codes].filter((code) => code !== 'backpressure')).toEqual([]);
  expect(client.of('proposed').length).toBeGreaterThanOrEqual(4096);
  expect(node.group.machine.position.index).toBe(client.of('proposed').length + 1);
});

interface Coded {
  readonly code: string;
}

test.each([
  ['not JSON', '{"kind":'],
  ['an unknown kind', '{"kind":"dance"}'],
  ['a message without a ref', '{"kind":"propose","type":"add_work","data":{}}'],
  ['too many messages', JSON.stringify(Array.from({ length: 1001 }, (_, n) => add(n, `w${n}`)))],
  [
    'nested too deeply',
    `{"kind":"propose","ref":1,"type":"x","data":${'['.repeat(80)}${']'.repeat(80)}}`,
  ],
])('a frame that is %s is answered with an error, and ends the connection', async (_what, text) => {
  client.socket.send(text);
  expect((await client.ends()).code).toBe(4400);
  expect(client.of('error')).toMatchObject([{ problem: { code: 'validation-failed' } }]);
  expect(node.group.machine.position.index).toBe(1);
});

test('a binary frame ends the connection, and a frame that is too large does, too', async () => {
  client.socket.send(Buffer.from([1, 2, 3]));
  expect((await client.ends()).code).toBe(4400);
  const url = `http://127.0.0.1:${(node.server.server.address() as { port: number }).port}`;
  const large = await Listening.connect(url, 'after=head');
  large.say(add(1, 'w', { data: { work_id: 'w', config: { text: 'x'.repeat(300_000) } } }));
  expect((await large.ends()).code).toBe(1009);
});

test('I8: a client that does not read its answers is not read from either', async () => {
  const { socket } = client;
  socket.pause();
  const [served] = node.server.websocketServer.clients;
  const config = { text: 'x'.repeat(2000) };
  let sent = 0;
  await until('the server stops reading', () => {
    if (socket.bufferedAmount < 1024 * 1024) {
      const frame = Array.from({ length: 100 }, (_, n) =>
        add(sent + n, `w-${sent + n}`, { data: { work_id: `w-${sent + n}`, config } }),
      );
      client.say(frame);
      sent += frame.length;
    }
    return served?.isPaused === true;
  });
  expect(served?.bufferedAmount).toBeLessThan(16 * 1024 * 1024);
  socket.resume();
  await until(
    'everything is answered after all',
    () => client.of('proposed').length + client.of('refused').length === sent,
  );
});

test('what was proposed when the node is told to stop is answered before the goodbye', async () => {
  client.say(Array.from({ length: 200 }, (_, n) => add(n, `w-${n}`)));
  await until('they are under way', () => node.group.status().last_index > 1);
  const closed = once(client.socket, 'close');
  await node.stop();
  await closed;
  expect(client.of('proposed')).toHaveLength(200);
  expect(client.closed?.code).toBe(4503);
});

test('brief answers say where it stands and what was granted; refusals are told in full', async () => {
  const url = `http://127.0.0.1:${(node.server.server.address() as AddressInfo).port}`;
  const proposing = await Listening.connect(url, 'after=none&answers=brief');
  proposing.say(add(1, 'w', { key: 'once' }));
  await proposing.hears('proposed');
  proposing.say({
    kind: 'propose',
    ref: 2,
    type: 'acquire_lock',
    data: { name: 'l', owner: 'me' },
  });
  await proposing.hears('proposed', 2);
  proposing.say(add(3, 'w', { key: 'once' }));
  await proposing.hears('proposed', 3);
  proposing.say(add(4, 'w'));
  await proposing.hears('refused');
  expect(proposing.heard).toEqual([
    { kind: 'proposed', ref: 1, index: 2, term: 1, outcome: 'applied' },
    { kind: 'proposed', ref: 2, index: 3, term: 1, outcome: 'applied', token: 3 },
    { kind: 'proposed', ref: 3, index: 2, term: 1, outcome: 'applied' },
    {
      kind: 'refused',
      ref: 4,
      problem: expect.objectContaining({ code: 'exists', work_id: 'w' }) as unknown,
    },
  ]);
  proposing.socket.close();
  await once(proposing.socket, 'close');
});

test('with after=none a connection proposes and is answered, and is told of nothing else', async () => {
  const url = `http://127.0.0.1:${(node.server.server.address() as AddressInfo).port}`;
  const proposing = await Listening.connect(url, 'after=none');
  proposing.say([add(1, 'w-1'), add(2, 'w-2')]);
  await proposing.hears('proposed', 2);
  // Another one is told of both entries, so they have gone out to whoever wants them.
  await client.hears('entries');
  expect(proposing.heard.map(({ kind }) => kind)).toEqual(['proposed', 'proposed']);
  proposing.socket.close();
  await once(proposing.socket, 'close');
});
