/**
 * Load over HTTP: so many keep-alive connections, one request in flight on each, the plain way a fleet
 * without the stream would write or read. Speaks HTTP/1.1 by hand, so that the client costs a fraction of
 * what the node does; to etcd as its JSON gateway wants it.
 */
import { Socket } from 'node:net';
import { indexIn, requestOf } from './http-request.ts';
import { LoadCounter, ordersReceived } from './load.ts';
import type { BenchCommand } from './workload.ts';

const END_OF_HEAD = Buffer.from('\r\n\r\n');
const LENGTH = /content-length: (\d+)/i;

interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  readonly next: number;
}

/** Reads the answer that begins the bytes; nothing while it is not complete. Bodies have a length here. */
function readAnswer(bytes: Buffer): HttpAnswer | undefined {
  const head = bytes.indexOf(END_OF_HEAD);
  if (head === -1) return undefined;
  const text = bytes.toString('latin1', 0, head);
  const start = head + END_OF_HEAD.length;
  const next = start + Number(LENGTH.exec(text)?.[1] ?? 0);
  if (bytes.length < next) return undefined;
  return { status: Number(text.slice(9, 12)), body: bytes.toString('utf8', start, next), next };
}

/** As bytes on the wire. */
function wireOf(command: BenchCommand, host: string): string {
  const { method, path, body } = requestOf(command);
  const head = `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n`;
  if (body === '') return `${head}\r\n`;
  const length = `Content-Length: ${Buffer.byteLength(body)}`;
  return `${head}Content-Type: application/json\r\n${length}\r\n\r\n${body}`;
}

const counter = new LoadCounter(await ordersReceived());
const { urls, inFlight } = counter.orders;
let open = inFlight;

class Connection {
  readonly #socket: Socket = new Socket();
  readonly #url: URL;
  #held: Buffer = Buffer.alloc(0);
  #ref = -1;

  constructor(url: string) {
    this.#url = new URL(url);
  }

  open(): void {
    const socket = this.#socket;
    socket.setNoDelay();
    socket.on('connect', () => this.#send());
    socket.on('data', (piece: Buffer) => this.#take(piece));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      open -= 1;
      if (open === 0) counter.end();
    });
    socket.connect(Number(this.#url.port), this.#url.hostname);
  }

  #send(): void {
    if (counter.isExhausted) {
      this.#socket.end();
      return;
    }
    const { ref, command } = counter.next();
    this.#ref = ref;
    this.#socket.write(wireOf(command, this.#url.host));
  }

  #take(piece: Buffer): void {
    this.#held = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece]);
    const answer = readAnswer(this.#held);
    if (answer === undefined) return;
    this.#held = this.#held.subarray(answer.next);
    if (answer.status < 300) counter.answered(this.#ref, indexIn(answer.body));
    else counter.refused(answer.body);
    this.#send();
  }
}

const connections = Array.from(
  { length: inFlight },
  (_, at) => new Connection(urls[at % urls.length]!),
);
for (const connection of connections) connection.open();
counter.runClock();
