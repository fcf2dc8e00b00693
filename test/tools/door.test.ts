import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { Door } from '../../tools/demo/door.ts';
import { Ledger } from '../../tools/demo/ledger.ts';

type Answering = (request: IncomingMessage, response: ServerResponse) => void;

const APPLIED: Answering = (_request, response) => {
  response.end(JSON.stringify({ index: 7, term: 1, outcome: 'applied', facts: [] }));
};

async function served(answering: Answering): Promise<string> {
  const server = createServer(answering).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function doorTo(...urls: readonly string[]): { readonly door: Door; readonly ledger: Ledger } {
  const ledger = new Ledger();
  const stopping = new AbortController();
  const door = new Door({ urls: () => urls, connections: 4, ledger, signal: stopping.signal });
  onTestFinished(() => {
    stopping.abort();
    door.close();
  });
  return { door, ledger };
}

const ASK = { path: '/v1/work', type: 'add_work', body: { work_id: 'w' } };

test('a command that a node hung up on is asked again at the next, under the same key', async () => {
  const keys: unknown[] = [];
  const dying = await served((request, response) => {
    keys.push(request.headers['idempotency-key']);
    response.destroy();
  });
  const living = await served((request, response) => {
    keys.push(request.headers['idempotency-key']);
    APPLIED(request, response);
  });
  const { door, ledger } = doorTo(living, dying);
  expect(await door.command(ASK)).toMatchObject({ status: 200, body: { index: 7 } });
  expect(keys).toHaveLength(2);
  expect(new Set(keys).size).toBe(1);
  expect([door.retries, ledger.size]).toEqual([1, 1]);
});

test('commands begin at each node in turn', async () => {
  const asked: string[] = [];
  const named = (name: string): Promise<string> =>
    served((request, response) => {
      asked.push(name);
      APPLIED(request, response);
    });
  const { door } = doorTo(await named('a'), await named('b'), await named('c'));
  for (let times = 0; times < 6; times++) await door.command(ASK);
  expect(asked.toSorted()).toEqual(['a', 'a', 'b', 'b', 'c', 'c']);
});

test('a refusal for good is not asked again; one that may pass is', async () => {
  let times = 0;
  const url = await served((_request, response) => {
    times += 1;
    response.statusCode = times === 1 ? 503 : 409;
    response.end(JSON.stringify({ code: times === 1 ? 'no-leader' : 'stale-token' }));
  });
  const { door } = doorTo(url);
  expect(await door.command(ASK)).toMatchObject({ status: 409 });
  expect(times).toBe(2);
});

test('the next applied command is one that was sent after the moment, not one that was under way', async () => {
  const waiting: ServerResponse[] = [];
  const url = await served((request, response) => {
    if (waiting.length === 0) waiting.push(response);
    else APPLIED(request, response);
  });
  const { door } = doorTo(url);
  const early = door.command(ASK);
  while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const since = performance.now();
  const applied = door.appliedAfter(since);
  waiting[0]!.end(JSON.stringify({ index: 6, term: 1, outcome: 'applied', facts: [] }));
  await early;
  const told = performance.now();
  await door.command(ASK);
  expect(await applied).toBeGreaterThanOrEqual(told);
});
