/**
 * What strangers send: whatever it is, they get a clear problem, or their connection is closed. The node
 * does not crash, does not stall, and loses nothing.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import {
  assert,
  asyncProperty,
  constantFrom,
  dictionary,
  jsonValue,
  oneof,
  record,
  string,
} from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { ask, fetched, type Reply } from './ask.ts';
import { within } from './condition.ts';
import { temporaryFolder } from './folder.ts';
import { NodeProcess } from './node-process.ts';

const PROBLEM_TYPE = 'application/problem+json';
const BODY_BYTES_MAX = 1024 * 1024;

/** A node with one item of work; when the test is over, it must be as well as before. */
async function besieged(): Promise<string> {
  const node = await NodeProcess.start({ directory: join(await temporaryFolder(), 'data') });
  await added(node.url, 'before');
  onTestFinished(async () => {
    expect(node.isRunning, node.output).toBe(true);
    expect(await fetched(`${node.url}/status`)).toMatchObject({ fault: null, rule_faults: 0 });
    expect(await fetched(`${node.url}/v1/work/before`)).toMatchObject({ status: 'pending' });
    await added(node.url, 'after');
    expect((await node.stop()).code).toBe(0);
    expect(node.output).not.toMatch(/request_failed|node_fault|unhandled/i);
  });
  return node.url;
}

async function added(url: string, work_id: string): Promise<void> {
  const { status } = await post(url, JSON.stringify({ type: 'add_work', data: { work_id } }));
  expect(status).toBe(200);
}

function post(url: string, body: string): Promise<Reply> {
  return ask(`${url}/v1/commands?timeout=60s`, { body });
}

function problemIn({ headers, text: body }: Reply): { readonly [member: string]: unknown } {
  expect(headers['content-type']).toContain(PROBLEM_TYPE);
  return JSON.parse(body) as { readonly [member: string]: unknown };
}

const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
const adding = (members: string): string => `{"type":"add_work","data":{${members}}}`;

const MALFORMED: readonly (readonly [string, string])[] = [
  ['nothing at all', ''],
  ['half an object', '{"type":"add_work"'],
  ['null', 'null'],
  ['an array', '[]'],
  ['a number', '17'],
  ['no JSON', 'add some work, please'],
  ['a byte that is no character', '{"type":"\u0000"}'],
  ['thirty thousand arrays in each other', adding(`"work_id":"a","config":${nested(30_000)}`)],
  ['a hundred arrays in each other', adding(`"work_id":"a","config":{"a":${nested(100)}}`)],
  ['a member named __proto__', adding('"work_id":"a","config":{"__proto__":{"admin":true}}')],
  ['a number beyond all numbers', adding('"work_id":"a","priority":1e999')],
  ['a priority of 2^60', adding(`"work_id":"a","priority":${2 ** 60}`)],
  ['a negative number', adding('"work_id":"a","max_attempts":-1')],
  ['a fraction', adding('"work_id":"a","max_attempts":1.5')],
  ['an id of a megabyte', adding(`"work_id":"${'a'.repeat(900_000)}"`)],
  ['an id with a slash', adding('"work_id":"../../etc/passwd"')],
  ['half a character', adding('"work_id":"a","unique_key":"\\ud800"')],
  ['a command that does not exist', '{"type":"drop_table","data":{}}'],
  ['a command named like a member of every object', '{"type":"__proto__","data":{}}'],
  ['a command named constructor', '{"type":"constructor","data":{}}'],
];

test('a malformed body is a problem with a pointer to what is wrong, whatever is wrong', async () => {
  const url = await besieged();
  for (const [what, body] of MALFORMED) {
    const reply = await post(url, body);
    expect(reply.status, what).toBe(400);
    const { code, errors } = problemIn(reply);
    expect(code, what).toBe('validation-failed');
    expect(errors, what).toEqual(
      expect.arrayContaining([expect.objectContaining({ pointer: expect.any(String) })]),
    );
  }
});

test('every fault of a body has its pointer, all at once', async () => {
  const url = await besieged();
  const data = { work_id: 7, priority: 'high', max_attempts: 0, depends_on: ['a', 8], nonsense: 1 };
  const { errors } = problemIn(await post(url, JSON.stringify({ type: 'add_work', data })));
  const pointers = (errors as readonly { readonly pointer: string }[]).map(
    ({ pointer }) => pointer,
  );
  expect(pointers.toSorted()).toEqual([
    '/data/depends_on/1',
    '/data/max_attempts',
    '/data/nonsense',
    '/data/priority',
    '/data/work_id',
  ]);
});

test('what only the cluster itself may propose is forbidden to clients', async () => {
  const url = await besieged();
  for (const type of ['no_op', 'expire_work', 'state_root']) {
    const { status } = await post(url, JSON.stringify({ type, data: {} }));
    expect([400, 403], type).toContain(status);
  }
});

test('a body, a header or a path beyond its limit is refused, and so is a media type nobody reads', async () => {
  const url = await besieged();
  const large = await post(url, adding(`"work_id":"${'a'.repeat(BODY_BYTES_MAX)}"`));
  expect([large.status, problemIn(large)['code']]).toEqual([413, 'too-large']);
  const headers = { 'x-large': 'a'.repeat(64 * 1024) };
  const wordy = await ask(`${url}/health`, { headers });
  expect([wordy.status, problemIn(wordy)['code']]).toEqual([413, 'too-large']);
  expect((await ask(`${url}/v1/log/${'9'.repeat(4000)}`)).status).toBeLessThan(500);
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  expect((await ask(`${url}/v1/commands`, { body: 'a=b', headers: form })).status).toBe(415);
});

test('a page of another site is refused, by its Host or by its Origin', async () => {
  const url = await besieged();
  expect((await ask(`${url}/health`, { headers: { host: 'evil.example' } })).status).toBe(403);
  expect((await ask(`${url}/health`, { headers: { origin: 'http://evil.example' } })).status).toBe(
    403,
  );
});

const QUERIES = [
  '/v1/log?after=-1',
  '/v1/log?after=NaN',
  '/v1/log?limit=0',
  '/v1/log?limit=1e9',
  '/v1/log?wait=forever',
  '/v1/log?after[]=1&after=2',
  '/v1/log/0',
  '/v1/log/1.5',
  '/v1/log/pages/-1',
  '/v1/work?cursor=%00%ff',
  '/v1/work?status=asleep',
  '/v1/work/%2e%2e%2f',
  '/v1/commands/%E0%A4%A',
  '/%',
];

test('a query that means nothing is a problem of the caller', async () => {
  const url = await besieged();
  for (const query of QUERIES) {
    const reply = await ask(url + query);
    expect(reply.status, query).toBeGreaterThanOrEqual(400);
    expect(reply.status, query).toBeLessThan(500);
    expect(typeof problemIn(reply)['code'], query).toBe('string');
  }
});

test('whatever JSON a caller sends, the answer is an outcome or a problem, never a fault of the node', async () => {
  const url = await besieged();
  const names = constantFrom('add_work', 'claim_work', 'acquire_lock', 'set_queue', 'assign_job');
  const members = constantFrom('work_id', 'name', 'owner', 'token', 'queue', 'items', 'filter');
  const data = oneof(jsonValue(), dictionary(members, jsonValue()));
  const body = oneof(jsonValue(), record({ type: oneof(names, string()), data }));
  await assert(
    asyncProperty(body, async (value) => {
      const reply = await post(url, JSON.stringify(value));
      expect(reply.status).toBeLessThan(500);
    }),
    { numRuns: 500 },
  );
});

const NO_HTTP: readonly (readonly [string, string])[] = [
  ['bytes of nothing', '\u0000\u0001\u0002\u0003\r\n\r\n'],
  ['a TLS hello', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003'],
  ['another version', 'GET /health HTTP/9.9\r\nHost: localhost\r\n\r\n'],
  [
    'two lengths',
    'POST /v1/commands HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
  ],
  [
    'a length and chunks',
    'POST /v1/commands HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  ['a header without a name', 'GET /health HTTP/1.1\r\nHost: localhost\r\n: value\r\n\r\n'],
];

test('what is not HTTP is answered 400 and hung up on', async () => {
  const url = await besieged();
  for (const [what, bytes] of NO_HTTP) {
    const socket = await connected(url);
    socket.write(bytes, 'latin1');
    const answer = await within(`${what} is hung up on`, text(socket));
    expect(answer, what).toMatch(/^HTTP\/1\.1 400/);
  }
});

const HALF_A_BODY =
  'POST /v1/commands HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n' +
  'Content-Length: 1000\r\n\r\n{"type":"add_work","data":{"work_id":"half"';

test('a body that ends before it should is waited for no longer than its sender is there, and is no fault of the node', async () => {
  const url = await besieged();
  const leaving = [
    (socket: Socket) => socket.destroy(),
    (socket: Socket) => socket.resetAndDestroy(),
    (socket: Socket) => socket.end(),
  ];
  for (const leave of leaving) {
    const socket = await connected(url);
    await new Promise((resolve) => socket.write(HALF_A_BODY, resolve));
    // Answered behind it: by now the node waits for the rest.
    expect((await ask(`${url}/v1/work/half`)).status).toBe(404);
    leave(socket);
    expect((await ask(`${url}/v1/work/half`)).status).toBe(404);
  }
});

test('a caller who sends a request a byte at a time is cut off', async () => {
  const url = await besieged();
  const socket = await connected(url);
  const drip = setInterval(() => socket.write('a'), 200);
  socket.write('GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
  await within('the slow caller is cut off', closed(socket));
  clearInterval(drip);
  // Others were served all the while.
  expect((await ask(`${url}/health`)).status).toBe(200);
});

async function connected(url: string): Promise<Socket> {
  const { port } = new URL(url);
  const socket = connect(Number(port), '127.0.0.1');
  // Being cut off is what is expected.
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  onTestFinished(() => {
    socket.destroy();
  });
  return socket;
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
  });
}

const FRAMES: readonly (readonly [string, string | Buffer])[] = [
  ['a binary frame', Buffer.from([1, 2, 3])],
  ['no JSON', 'hello?'],
  ['half of a message', '{"kind":"propose"'],
  ['a number', '17'],
  ['a message of no kind', '{"ref":"1"}'],
  ['a message of an unknown kind', '{"kind":"drop_table"}'],
  ['a proposal without a ref', '{"kind":"propose","type":"add_work","data":{}}'],
  [
    'a thousand and one messages',
    JSON.stringify(Array.from({ length: 1001 }, () => ({ kind: 'propose' }))),
  ],
  ['a hundred thousand arrays in each other', nested(100_000)],
  ['more than a frame may hold', JSON.stringify({ kind: 'propose', ref: 'a'.repeat(300_000) })],
  [
    'a member named __proto__',
    '{"kind":"propose","ref":"1","type":"add_work","data":{"__proto__":{}}}',
  ],
];

test('a frame that means nothing is answered with a problem, or the socket is closed with a reason', async () => {
  const url = await besieged();
  for (const [what, frame] of FRAMES) {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/stream?group=main&after=head`);
    await once(socket, 'open');
    const judged = new Promise<string>((resolve) => {
      socket.on('close', (code) => resolve(`closed ${code}`));
      socket.on('message', (data: Buffer) => {
        if (/"problem"/.test(data.toString())) resolve('problem');
      });
    });
    socket.send(frame);
    expect(await within(what, judged), what).toMatch(/^problem$|^closed (4400|1003|1007|1009)$/);
    socket.terminate();
  }
});

test('half a frame, an unmasked frame and a frame of 2^60 bytes end their connection, and only theirs', async () => {
  const url = await besieged();
  const frames = [
    Buffer.from([0x81, 0xfe, 0x10]),
    Buffer.from([0x81, 0x02, 0x7b, 0x7d]),
    Buffer.from([0x81, 0xff, 0x10, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]),
  ];
  for (const frame of frames) {
    const socket = await connected(url);
    socket.write(
      'GET /v1/stream?group=main&after=head HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n' +
        'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    await once(socket, 'data');
    const ended = closed(socket);
    socket.resume();
    socket.end(frame);
    await within('the connection ends', ended);
  }
});
