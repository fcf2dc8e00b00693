import * as fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { Asking } from './ask.ts';
import { Listening } from './listening.ts';
import { type NodeChanges, type RunningNode, startNode, until } from './running-node.ts';
import { Timers } from './timers.ts';

let node: RunningNode;
let url: string;
let ask: Asking;
async function start(changes: NodeChanges = {}): Promise<void> {
  node = await startNode(changes);
  ask = new Asking(node.server);
  url = await node.server.listen({ port: 0, host: '127.0.0.1' });
}
afterEach(() => node.stop());

const head = (): number => node.group.machine.position.index;
const from = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, n) => first + n);

/** Writes entries about locks, `bytes` each at least where that is said. */
async function write(count: number, bytes = 0): Promise<void> {
  const { group } = node;
  const config = { text: 'x'.repeat(bytes) };
  const first = head();
  const all = Array.from({ length: count }, (_, n) => {
    const data = { job_id: `job-${first}-${n}`, node_id: 'n', job_type: 'a', board_type: 'b' };
    return group.propose(
      { type: 'assign_job', data: { ...data, num_players: 2, config } },
      'dispatch',
    );
  });
  await Promise.all(all);
}

test('a subscriber is told where it stands, then every entry with what it led to', async () => {
  await start();
  await ask.put('/v1/locks/l', { owner: 'me' });
  const listening = await Listening.connect(url);
  await listening.reaches(2);
  const [first, second, third] = listening.heard;
  expect(first).toEqual({
    kind: 'subscribed',
    id: 1,
    after: 0,
    head: 2,
    oldest: 1,
    mode: 'catchup',
  });
  expect(second).toMatchObject({ kind: 'progress', covered: 0, head: 2, lag: { entries: 2 } });
  expect(third).toMatchObject({ kind: 'entries', n: 1, prev: 0, last: 2 });
  await listening.hears('caught_up');
  expect(listening.indices).toEqual([1, 2]);
});

test('a log that has not yet what is applied is asked again, and not all the time', async () => {
  await start();
  await write(3);
  const { history } = node.group;
  const read = history.read.bind(history);
  let [asked, turns] = [0, 0];
  const turning = setInterval(() => (turns += 1), 0);
  // As while a snapshot of a peer is taken in; where nothing else could happen, it would never be over.
  history.read = (after, range) => {
    asked += 1;
    if (asked > 1_000 || turns >= 5) return read(after, range);
    return (async function* () {})();
  };
  const listening = await Listening.connect(url);
  await listening.reaches(head());
  clearInterval(turning);
  expect(listening.indices).toEqual(from(1, head()));
  expect(asked).toBeLessThan(100);
});

test('items of the stream and of the log are the same', async () => {
  await start();
  const items: unknown[] = [];
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/stream?after=0`);
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString());
    if (message.kind === 'entries') items.push(...message.items);
  });
  await until('it is open', () => socket.readyState === WebSocket.OPEN);
  await ask.post('/v1/work', { work_id: 'w' }, { 'idempotency-key': 'k' });
  await ask.post('/v1/work', { work_id: 'w' });
  await until('all came', () => items.length === 3);
  const { body } = await ask.get('/v1/log');
  expect(items).toEqual(body.items);
  socket.terminate();
});

test('the chain of frames holds while entries are written, for each of many subscribers', async () => {
  await start();
  const all = await Promise.all(from(1, 20).map(() => Listening.connect(url)));
  for (let round = 0; round < 10; round++) await write(50);
  await Promise.all(all.map((one) => one.reaches(head())));
  // The node writes entries of its own, too: the head may have moved since.
  for (const { indices, broken, covered } of all) {
    expect(broken).toBe(0);
    expect(indices).toEqual(from(1, covered));
  }
});

test('a cursor in the middle resumes behind it; head hears only what is new', async () => {
  await start();
  await write(30);
  const middle = await Listening.connect(url, 'after=12');
  const newest = await Listening.connect(url, 'after=head');
  await newest.hears('progress');
  await write(3);
  await Promise.all([middle.reaches(34), newest.reaches(34)]);
  expect(middle.indices).toEqual(from(13, 34));
  expect(newest.indices).toEqual([32, 33, 34]);
  expect(newest.of('subscribed')).toMatchObject([{ after: 31, head: 31, mode: 'live' }]);
});

test('what a filter leaves out is covered by the frames and the heartbeat', async () => {
  const timers = new Timers();
  await start({ served: { clock: timers.clock } });
  await write(5);
  const listening = await Listening.connect(url, 'after=0&type=acquire_*');
  await listening.hears('caught_up');
  await ask.put('/v1/locks/one', { owner: 'me' });
  await listening.reaches(7);
  await write(4);
  expect(listening.indices).toEqual([7]);
  expect(listening.of('entries')).toMatchObject([{ prev: 0, last: 7 }]);
  await until('the heartbeat covers the rest', () => {
    timers.pass(5000);
    return listening.covered === 11;
  });
  await ask.put('/v1/locks/two', { owner: 'me' });
  await listening.reaches(12);
  expect(listening.indices).toEqual([7, 12]);
  expect(listening.broken).toBe(0);
});

test('a cursor beyond the newest entry is told that its history is another', async () => {
  await start();
  const listening = await Listening.connect(url, 'after=99');
  expect(await listening.ends()).toEqual({ code: 4412, reason: 'the newest entry here is 1' });
  expect(listening.heard).toEqual([{ kind: 'diverged', id: 1, requested: 99, head: 1 }]);
});

test('trap 19: a cursor behind the oldest entry is told what is kept, and never skips silently', async () => {
  await start();
  await write(10);
  await write(10);
  await node.log.trim(node.group.id, 11);
  const listening = await Listening.connect(url, 'after=3');
  expect((await listening.ends()).code).toBe(4410);
  const { first } = node.log.bounds(node.group.id);
  expect(first).toBeGreaterThan(4);
  expect(listening.of('compacted')).toEqual([
    { kind: 'compacted', id: 1, requested: 3, oldest: first },
  ]);
  expect(listening.indices).toEqual([]);
});

test.each([
  ['group=job%2F1', 503],
  ['after=soon', 400],
  ['type=(a%2B)%2B', 400],
  ['colour=red', 400],
])('the query %s is refused before anything is upgraded', async (query, status) => {
  await start();
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/stream?${query}`);
  const answer = new Promise((resolve) => {
    socket.on('unexpected-response', (asked, response) => {
      resolve(response.statusCode);
      asked.destroy();
    });
  });
  socket.on('error', () => undefined);
  expect(await answer).toBe(status);
});

test('without an upgrade the stream says what it is', async () => {
  await start();
  expect((await ask.get('/v1/stream')).body).toMatchObject({ code: 'validation-failed' });
});

test('a page of another site cannot open a stream', async () => {
  await start();
  const origin = 'https://evil.example';
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/stream`, { origin });
  const answer = new Promise((resolve) => {
    socket.on('unexpected-response', (asked, response) => {
      resolve(response.statusCode);
      asked.destroy();
    });
  });
  socket.on('error', () => undefined);
  expect(await answer).toBe(403);
});

test('a slow subscriber falls behind, holds nobody up, and catches up without a gap', async () => {
  await start();
  const [slow, quick] = [await Listening.connect(url), await Listening.connect(url)];
  await Promise.all([slow.hears('caught_up'), quick.hears('caught_up')]);
  slow.socket.pause();
  for (let round = 0; round < 50; round++) await write(25, 20_000);
  await quick.reaches(head());
  expect(slow.covered).toBeLessThan(head() / 2);
  slow.socket.resume();
  await slow.reaches(head());
  // It says so behind the last entry.
  await slow.hears('caught_up', 2);
  expect(slow.of('fell_behind')).toHaveLength(1);
  for (const { indices, broken, covered } of [slow, quick]) {
    expect(broken).toBe(0);
    expect(indices).toEqual(from(1, covered));
  }
});

test('I8: what is kept for a subscriber that takes nothing is bounded', async () => {
  await start();
  const slow = await Listening.connect(url);
  await slow.hears('caught_up');
  slow.socket.pause();
  const [served] = node.server.websocketServer.clients;
  for (let round = 0; round < 50; round++) await write(25, 20_000);
  await until('the server has noticed', () => (served?.bufferedAmount ?? 0) > 0);
  expect(served?.bufferedAmount).toBeLessThan(2 * 1024 * 1024);
  slow.socket.terminate();
});

test('a subscriber that takes nothing for a minute is sent away, and knows where to resume', async () => {
  const timers = new Timers();
  await start({ served: { clock: timers.clock } });
  const slow = await Listening.connect(url);
  await slow.hears('caught_up');
  slow.socket.pause();
  for (let round = 0; round < 40; round++) await write(25, 20_000);
  const [served] = node.server.websocketServer.clients;
  await until('its buffer is full', () => (served?.bufferedAmount ?? 0) > 900_000);
  await until('it is sent away', () => {
    timers.pass(30_000);
    return served?.readyState === WebSocket.CLOSING || served?.readyState === WebSocket.CLOSED;
  });
  await until('its connection is cut', () => {
    timers.pass(1000);
    return served?.readyState === WebSocket.CLOSED;
  });
  slow.socket.resume();
  await slow.ends();
  expect(slow.indices).toEqual(from(1, slow.covered));
  const again = await Listening.connect(url, `after=${slow.covered}`);
  await again.reaches(head());
  expect(again.indices).toEqual(from(slow.covered + 1, again.covered));
});

test('a node that stops says goodbye, and leaves no connection behind', async () => {
  // Nobody is cut off because the machine stood still.
  await start({ served: { clock: new Timers().clock } });
  const listening = await Listening.connect(url);
  await listening.hears('caught_up');
  await node.stop();
  expect(await listening.ends()).toEqual({ code: 4503, reason: 'this node is stopping' });
  expect(listening.of('goaway')).toMatchObject([{ reason: 'shutdown' }]);
  expect(node.server.websocketServer.clients.size).toBe(0);
});

test('I9: a client that does not answer the goodbye is cut off when its second is over', async () => {
  const timers = new Timers();
  await start({ served: { clock: timers.clock } });
  const deaf = await Listening.connect(url);
  await deaf.hears('caught_up');
  deaf.socket.pause();
  const [served] = node.server.websocketServer.clients;
  const stopping = node.stop();
  await until('it is told to go', () => served?.readyState === WebSocket.CLOSING);
  timers.pass(999);
  expect(served?.readyState).toBe(WebSocket.CLOSING);
  timers.pass(1);
  await stopping;
  expect(node.server.websocketServer.clients.size).toBe(0);
  deaf.socket.terminate();
});

test('I6: whatever the disconnects, a subscriber that resumes sees every entry once, in order', async () => {
  await start();
  const step = fc.oneof(
    fc.record({ kind: fc.constant('write' as const), count: fc.integer({ min: 1, max: 400 }) }),
    fc.record({ kind: fc.constant('hear' as const), count: fc.integer({ min: 1, max: 100 }) }),
    fc.record({ kind: fc.constant('drop' as const), count: fc.constant(1) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 15 }), async (steps) => {
      const start = head();
      const seen: number[] = [];
      let cursor = start;
      let listening = await Listening.connect(url, `after=${cursor}`);
      const drop = async (): Promise<void> => {
        listening.socket.terminate();
        await listening.ends();
        seen.push(...listening.indices);
        cursor = Math.max(cursor, listening.covered);
        expect(listening.broken).toBe(0);
      };
      for (const { kind, count } of steps) {
        if (kind === 'write') await write(count);
        if (kind === 'hear') await listening.reaches(Math.min(head(), listening.covered + count));
        if (kind !== 'drop') continue;
        await drop();
        listening = await Listening.connect(url, `after=${cursor}`);
      }
      await listening.reaches(head());
      await drop();
      expect(seen).toEqual(from(start + 1, cursor));
    }),
    { numRuns: 15 },
  );
});
