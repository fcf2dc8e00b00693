import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { GrpcConnection } from '../../tools/bench/grpc-connection.ts';

const PATH = '/store.KV/Put';

/** Answers a whole message of a call, as gRPC frames it; undefined: the call fails. */
type Answering = (message: Buffer, path: string) => Buffer | undefined;

function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function answer(stream: ServerHttp2Stream, message: Buffer | undefined): void {
  const head = { ':status': 200, 'content-type': 'application/grpc' };
  if (message === undefined) {
    stream.respond({ ...head, 'grpc-status': '5' }, { endStream: true });
    return;
  }
  stream.respond(head, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(framed(message));
}

async function served(answering: Answering): Promise<{ url: string; server: Http2Server }> {
  const server = createServer();
  server.on('stream', (stream, headers) => {
    const pieces: Buffer[] = [];
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.on('end', () =>
      answer(stream, answering(Buffer.concat(pieces).subarray(5), String(headers[':path']))),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

/** Calls with all these messages at once. @returns the answers, by their place */
async function called(
  url: string,
  messages: readonly Buffer[],
): Promise<readonly (Buffer | undefined)[]> {
  const answers = new Map<number, Buffer | undefined>();
  const connection = await new Promise<GrpcConnection>((resolve, reject) => {
    const opened: GrpcConnection = new GrpcConnection(url, PATH, {
      ready: () => messages.forEach((message, ref) => opened.call(ref, message)),
      answered: (ref, message) => {
        answers.set(ref, message === undefined ? undefined : Buffer.from(message));
        if (answers.size === messages.length) resolve(opened);
      },
      closed: () => reject(new Error('the server hung up')),
    });
    opened.open();
  });
  connection.close();
  return messages.map((_, ref) => answers.get(ref));
}

test('every call is answered with its own message, however many are under way', async () => {
  const { url } = await served((message, path) => Buffer.from(`${path} ${String(message)}`));
  const messages = Array.from({ length: 300 }, (_, at) => Buffer.from(`call ${at}`));
  const answers = await called(url, messages);
  expect(answers.map(String)).toEqual(messages.map((_, at) => `${PATH} call ${at}`));
});

test('a call that fails is told from one that succeeds', async () => {
  const { url } = await served((message) => (String(message) === 'bad' ? undefined : message));
  const answers = await called(url, [Buffer.from('good'), Buffer.from('bad')]);
  expect(answers.map((one) => one?.toString())).toEqual(['good', undefined]);
});

test('more than the window of the server waits for it to be widened', async () => {
  const { url } = await served((message) => Buffer.from(String(message.length)));
  const messages = Array.from({ length: 40 }, () => Buffer.alloc(8_000, 'x'));
  const answers = await called(url, messages);
  expect(answers.map(String)).toEqual(messages.map(() => '8000'));
});
