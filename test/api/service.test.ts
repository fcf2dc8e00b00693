import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import { ENDPOINTS } from '../../src/api/rest/server.ts';
import { PROBLEMS } from '../../src/api/wire/problem.ts';
import { FORMAT_VERSION } from '../../src/log/identity.ts';
import { Asking } from './ask.ts';
import { type NodeChanges, type RunningNode, startNode, until } from './running-node.ts';
import { Timers } from './timers.ts';

let running: RunningNode;
async function asking(changes: NodeChanges = {}): Promise<Asking> {
  running = await startNode(changes);
  return new Asking(running.server);
}
afterEach(() => running.stop());

test('health names the node, its role and its leader', async () => {
  const ask = await asking();
  expect((await ask.get('/health')).body).toEqual({
    status: 'ok',
    healthy: true,
    node_id: 'n1',
    role: 'leader',
    leader_id: 'n1',
    uptime_seconds: expect.any(Number),
    version: '0.0.0-test',
  });
  expect((await ask.get('/livez')).body).toEqual({ alive: true });
  expect((await ask.get('/readyz')).body).toMatchObject({ ready: true, leader_id: 'n1' });
});

test('trap 21: health answers at once while status waits for a part that is slow', async () => {
  const timers = new Timers();
  const ask = await asking({
    served: { clock: timers.clock, sections: { slow: () => new Promise(() => undefined) } },
  });
  let isAnswered = false;
  const status = ask.get('/status').finally(() => (isAnswered = true));
  for (let times = 0; times < 100; times++) expect((await ask.get('/health')).status).toBe(200);
  expect(isAnswered).toBe(false);
  await until('status does not wait for ever', () => {
    timers.pass(1_000);
    return isAnswered;
  });
  const { body } = await status;
  expect(body['slow']).toEqual({ error: 'no answer within 2000 ms' });
  expect(body).toMatchObject({ node_id: 'n1', position: { index: 1 } });
});

test('trap 22: a loop that cannot tell how it is does not hide the others', async () => {
  const foreign = {
    name: 'foreign',
    loops: () => {
      throw new TypeError('_stats is not what it was');
    },
  };
  const own = { name: 'main', loops: () => running.group.loops() };
  const ask = await asking({
    served: {
      loops: [foreign, own],
      sections: {
        broken: () => {
          throw new Error('no idea');
        },
      },
    },
  });
  const { status, body } = await ask.get('/status');
  expect(status).toBe(200);
  expect(body['background_loops']).toMatchObject([
    { name: 'foreign', status: 'unknown', error: 'TypeError: _stats is not what it was' },
    { name: 'snapshots main', status: 'running' },
    { name: 'digests main', status: 'running' },
  ]);
  expect(body['broken']).toEqual({ error: 'Error: no idea' });
});

test('status tells what a person asks first', async () => {
  const ask = await asking();
  const { body } = await ask.get('/status');
  expect(body).toMatchObject({
    node_id: 'n1',
    version: '0.0.0-test',
    cluster: { cluster_id: 'cluster-of-the-test', format_version: FORMAT_VERSION },
    group: { engine: 'solo', role: 'leader', term: 1, voters: ['n1'] },
    position: { index: 1, term: 1 },
    rules_version: 1,
    unknown_entries: 0,
    rule_faults: 0,
    fault: null,
    log: { level: 'none', disk_level: 'none', totals: { written: 1 } },
    bounds: { first: 1, last: 1 },
    recovery: { started_empty: true, torn_tail: null, dropped_bytes: 0 },
    snapshots: { taken: 0 },
  });
  expect(body['digest']).toBe(running.group.machine.digest());
});

test('metrics are what Prometheus reads, under our own prefix', async () => {
  const ask = await asking();
  await ask.post('/v1/work');
  const { text: numbers, headers } = await ask.get('/metrics');
  expect(headers['content-type']).toContain('text/plain');
  expect(numbers).toMatch(/^quorate_applied_index 2$/m);
  expect(numbers).toMatch(/^quorate_is_leader 1$/m);
  expect(numbers).toMatch(/^quorate_log_entries_written_total 2$/m);
  expect(numbers).toMatch(/^quorate_log_fsync_duration_seconds_count [1-9]/m);
  expect(numbers).toMatch(/^quorate_log_batch_entries_count [1-9]/m);
  expect(numbers).toMatch(/^quorate_stream_subscribers 0$/m);
  expect(numbers).toMatch(/^quorate_event_loop_delay_seconds /m);
  expect(numbers).toMatch(
    /^quorate_http_request_duration_seconds_count\{method="POST",route="\/v1\/work",status="200"\} 1$/m,
  );
  const names = [...numbers.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  expect(names.filter((name) => !/^(quorate|process)_/.test(String(name)))).toEqual([]);
});

test('the description names every endpoint, every role and every problem, and is valid JSON', async () => {
  const ask = await asking();
  const { text: described } = await ask.get('/openapi.json');
  const { openapi, paths, components } = JSON.parse(described) as Description;
  expect(openapi).toBe('3.1.0');
  for (const { method, path, role, summary } of ENDPOINTS) {
    const operation = paths[path]?.[method.toLowerCase()];
    expect(operation, `${method} ${path}`).toMatchObject({ summary });
    expect(operation?.['x-quorate-role'] ?? null).toBe(role);
    const inPath = operation?.parameters.filter((parameter) => parameter.in === 'path');
    expect(inPath?.map(({ name }) => name)).toEqual(
      [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
    );
  }
  expect(paths['/v1/stream']).toHaveProperty('get');
  expect(paths['/v1/work']?.['post']?.requestBody).toMatchObject({
    content: {
      'application/json': { schema: { properties: { priority: { minimum: 0, maximum: 100 } } } },
    },
  });
  expect(components.schemas.Problem.properties.code.enum).toEqual(Object.keys(PROBLEMS));
});

interface Description {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: { readonly Problem: { properties: { code: { enum: readonly string[] } } } };
  };
}

interface Operation {
  readonly 'x-quorate-role'?: string;
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody: unknown;
}

test('the page for people asks no other site for anything', async () => {
  const ask = await asking();
  const { text: page, headers } = await ask.get('/docs');
  expect(headers['content-security-policy']).toContain("default-src 'none'");
  for (const { path } of ENDPOINTS) expect(page).toContain(`<code>${path}</code>`);
  expect(page).not.toMatch(/https?:\/\/|src=|@import/);
});

test.each([
  ['127.0.0.1:8770', undefined, 200],
  ['localhost', 'http://localhost:8770', 200],
  ['[::1]:8770', 'http://[::1]:8770', 200],
  ['rebound.example:8770', undefined, 403],
  ['127.0.0.1.evil.example', undefined, 403],
  ['localhost', 'https://evil.example', 403],
  ['localhost', 'null', 403],
])('a request to %s from the page %s is answered %i', async (host, origin, expected) => {
  const ask = await asking();
  const headers = { host, ...(origin === undefined ? {} : { origin }) };
  expect((await ask.get('/health', headers)).status).toBe(expected);
});

test('headers that are too large are refused with a problem their sender can read', async () => {
  await asking();
  const url = await running.server.listen({ port: 0, host: '127.0.0.1' });
  for (const bytes of [20_000, 64 * 1024, 1024 * 1024]) {
    const asked = request(`${url}/health`, { headers: { 'x-large': 'x'.repeat(bytes) } }).end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(413);
    expect(JSON.parse(await text(response))).toMatchObject({ code: 'too-large', status: 413 });
  }
});

test('what is no HTTP is answered with a problem, and hung up on', async () => {
  await asking();
  const url = await running.server.listen({ port: 0, host: '127.0.0.1' });
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.write('what is this\r\n\r\n');
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 .*"validation-failed"/s);
});

test.each(['/%', '/v1/work/%E0%A4%A', `/v1/work/${'x'.repeat(600)}`])(
  'an address that cannot be read is a problem of the caller: %s',
  async (url) => {
    const ask = await asking();
    expect((await ask.get(url)).body).toMatchObject({ code: 'validation-failed', status: 400 });
  },
);

test('I9: a node that stops answers who waits, and leaves no timer and no handle', async () => {
  const before = handles();
  const ask = await asking();
  const { index } = running.group.machine.position;
  const polling = ask.get(`/v1/log?after=${index}&wait=30s`);
  const claiming = ask.post('/v1/work/claim', { node_id: 'a', wait_seconds: 30 });
  const reading = ask.get(`/v1/work/w?min_index=${index + 9}&timeout=30s`);
  await ask.get('/livez');
  await running.stop();
  expect((await polling).body).toMatchObject({ items: [] });
  expect((await claiming).body).toMatchObject({ code: 'shutting-down', status: 503 });
  expect((await reading).body).toMatchObject({ code: 'shutting-down', status: 503 });
  await until('no more is open than before', () => handles().length <= before.length);
});

/** What keeps a process alive, without what the test runner itself has open. */
function handles(): readonly string[] {
  return process.getActiveResourcesInfo();
}
