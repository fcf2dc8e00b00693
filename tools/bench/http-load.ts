/**
 * Load over HTTP: so many keep-alive connections, one request in flight on each, the plain way a fleet
 * without the stream would write. Speaks HTTP/1.1 by hand, so that the client costs a fraction of what
 * the node does.
 */
import { Socket } from 'node:net';
import { LoadCounter, ordersReceived } from './load.ts';

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

const counter = new LoadCounter(await ordersReceived());
const { hostname, port, host } = new URL(counter.orders.url);
const INDEX = /"index":(\d+)/;
let open = counter.orders.inFlight;

class Connection {
  readonly #socket: Socket = new Socket();
  #held: Buffer = Buffer.alloc(0);
  #ref = -1;

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
    socket.connect(Number(port), hostname);
  }

  #send(): void {
    if (counter.isExhausted) {
      this.#socket.end();
      return;
    }
    const { ref, text } = counter.next();
    this.#ref = ref;
    this.#socket.write(
      `POST /v1/commands HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
    );
  }

  #take(piece: Buffer): void {
    this.#held = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece]);
    const answer = readAnswer(this.#held);
    if (answer === undefined) return;
    this.#held = this.#held.subarray(answer.next);
    const index = Number(INDEX.exec(answer.body)?.[1]);
    if (answer.status < 300) counter.answered(this.#ref, index);
    else counter.refused(answer.body);
    this.#send();
  }
}

const connections = Array.from({ length: counter.orders.inFlight }, () => new Connection());
for (const connection of connections) connection.open();
counter.runClock();
