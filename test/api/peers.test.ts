/** `GET /v1/peers`: who is handed to the network between nodes, and who is not. */
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { started } from './running-cluster.ts';

const FILES = join(import.meta.dirname, '../end-to-end/certificates');
const OF_A = {
  CLUSTER_TLS_KEY: join(FILES, 'a.key'),
  CLUSTER_TLS_CERT: join(FILES, 'a.crt'),
  CLUSTER_TLS_CA: join(FILES, 'ca.crt'),
};
const CLUSTER_SECRET = 'the secret of these tests';

function socketTo(url: string, headers: Readonly<Record<string, string>> = {}): WebSocket {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/peers`, { headers });
  onTestFinished(() => socket.terminate());
  return socket;
}

/** What an upgrade comes to: 101, or the status it was refused with. */
async function upgraded(url: string, headers?: Readonly<Record<string, string>>): Promise<number> {
  const socket = socketTo(url, headers);
  return new Promise((resolve, reject) => {
    socket.on('open', () => resolve(101));
    socket.on('unexpected-response', (_request, { statusCode }) => resolve(Number(statusCode)));
    socket.on('error', reject);
  });
}

test('a node of a cluster takes an upgrade at /v1/peers, and says so to who asks without one', async () => {
  const { node } = await started('a', {});
  expect(await upgraded(node.url)).toBe(101);
  const response = await fetch(`${node.url}/v1/peers`);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ code: 'validation-failed' });
});

test('nodes speak to each other in binary messages: who sends text is cut off', async () => {
  const { node } = await started('a', {});
  const socket = socketTo(node.url);
  await once(socket, 'open');
  socket.send('hello');
  await once(socket, 'close');
});

test('a page of another site cannot come in by the browser of somebody on this machine', async () => {
  const { node } = await started('a', {});
  expect(await upgraded(node.url, { origin: 'https://elsewhere.example' })).toBe(403);
  expect(await upgraded(node.url, { host: 'elsewhere.example' })).toBe(403);
});

test('a node that proves itself by certificates alone takes no websockets, which show none; with a secret it does', async () => {
  const { node: without } = await started('a', OF_A);
  expect(await upgraded(without.url)).toBe(404);
  const { node: both } = await started('a', { ...OF_A, CLUSTER_SECRET });
  expect(await upgraded(both.url)).toBe(101);
});

test('I9: a node stops while strangers hold websockets open', async () => {
  const { node } = await started('a', {});
  const sockets = [socketTo(node.url), socketTo(node.url)];
  await Promise.all(sockets.map((socket) => once(socket, 'open')));
  const closed = sockets.map((socket) => once(socket, 'close'));
  await node.stop();
  expect(await node.ended).toEqual({ kind: 'clean' });
  await Promise.all(closed);
});
