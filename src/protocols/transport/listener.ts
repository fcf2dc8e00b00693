/**
 * Takes connections in, shakes hands, and passes on those whose other end is known. Strangers are bounded
 * in number, time and bytes: of too many the oldest goes, since a peer is known within milliseconds and
 * only who has no secret stays a stranger for long.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer } from 'node:tls';
import type { Clock } from '../../log/time.ts';
import { endpoint, isLoopback } from './address.ts';
import { objections, type Origin, proofOf } from './admission.ts';
import type { TlsIdentity } from './dialler.ts';
import type { Objection } from './handshake.ts';
import type { Hello } from './hello.ts';
import { meet, type Met, MEETING_MS_MAX, MeetingRefused } from './meeting.ts';
import type { Sockets } from './sockets.ts';
import { type Websocket, WebsocketStream } from './websocket-stream.ts';

/** Connections that have not proved who they are; beyond it the oldest is cut. */
export const STRANGERS_MAX = 256;

export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  readonly sockets: Sockets;
  readonly clock: Clock;
  readonly secret: string | undefined;
  readonly tls: TlsIdentity | undefined;
  readonly hello: () => Hello;
  /** Whether there is room for one more of its purpose. */
  readonly admits: Objection;
  readonly met: (met: Met) => void;
  /** `about`: what stays the same from one time to the next, unlike the port of the other end. */
  readonly complain: (about: string, line: string) => void;
}

interface Stranger {
  readonly stream: Duplex;
  readonly cancel: () => void;
}

export class Listener {
  readonly #options: ListenerOptions;
  readonly #server: Server;
  /** By address and port, oldest first: with TLS a connection is two streams with one address. */
  readonly #strangers = new Map<string, Stranger>();
  #websockets = 0;
  #port = 0;

  private constructor(options: ListenerOptions) {
    this.#options = options;
    const { tls } = options;
    this.#server = tls === undefined ? this.#plain() : this.#encrypted(tls);
  }

  /** @throws when the port cannot be had */
  static async start(options: ListenerOptions): Promise<Listener> {
    const listener = new Listener(options);
    const { host, port } = options;
    const server = listener.#server;
    server.listen({ host, port });
    await once(server, 'listening');
    listener.#port = (server.address() as AddressInfo).port;
    server.on('error', (error) => options.complain(host, `listening: ${error.message}`));
    return listener;
  }

  /** The port in use, also where any was asked for. */
  get port(): number {
    return this.#port;
  }

  get strangers(): number {
    return this.#strangers.size;
  }

  /** Takes in a websocket that an HTTP server has accepted from `remoteAddress`. */
  accept(websocket: Websocket, remoteAddress: string): void {
    this.#websockets += 1;
    const stream = new WebsocketStream(websocket);
    const name = `${remoteAddress} websocket ${this.#websockets}`;
    const origin = { address: name, isLocal: isLoopback(remoteAddress), proof: proofOf(stream) };
    this.#arrived(name, stream);
    this.#meet(name, stream, origin);
  }

  /** Takes no more in; what is open belongs to `Sockets`. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }

  #plain(): Server {
    return createServer({ noDelay: true }, (socket) => {
      const name = nameOf(socket);
      this.#arrived(name, socket);
      this.#meet(name, socket, originOf(name, socket));
    });
  }

  #encrypted(tls: TlsIdentity): Server {
    // Whether the certificate is trusted is looked at by `proofOf`, so that a refusal can be told.
    const asking = { ...tls, requestCert: true, rejectUnauthorized: false, noDelay: true };
    const server = createTlsServer(asking, (socket) => {
      const name = nameOf(socket);
      this.#options.sockets.add(socket);
      this.#meet(name, socket, originOf(name, socket));
    });
    server.on('connection', (socket: Socket) => this.#arrived(nameOf(socket), socket));
    server.on('tlsClientError', (error, socket) => this.#notEncrypted(error, socket));
    return server;
  }

  #notEncrypted(error: NodeJS.ErrnoException, socket: Socket): void {
    // Who hangs up is a peer that was reached otherwise meanwhile.
    if (error.code === 'ECONNRESET') return;
    const line = `TLS failed: ${error.message}`;
    this.#options.complain(line, `from ${nameOf(socket)}: ${line}`);
  }

  /** From here on it has a moment to say who it is. */
  #arrived(name: string, stream: Duplex): void {
    const { sockets, clock } = this.#options;
    sockets.add(stream);
    this.#makeRoom();
    const late = new MeetingRefused(`nobody shook hands within ${MEETING_MS_MAX} ms`);
    const cancel = clock.after(MEETING_MS_MAX, () => stream.destroy(late));
    this.#strangers.set(name, { stream, cancel });
    stream.once('close', () => this.#isKnown(name));
  }

  #makeRoom(): void {
    const [oldest] = this.#strangers.values();
    if (oldest === undefined || this.#strangers.size < STRANGERS_MAX) return;
    const [name] = this.#strangers.keys();
    this.#isKnown(String(name));
    oldest.stream.destroy(new MeetingRefused(`more than ${STRANGERS_MAX} strangers at once`));
  }

  #isKnown(name: string): void {
    this.#strangers.get(name)?.cancel();
    this.#strangers.delete(name);
  }

  #meet(name: string, stream: Duplex, origin: Origin): void {
    const { sockets, secret, hello, admits, met } = this.#options;
    const own = hello();
    const { farewell } = sockets;
    const onHello = objections(own, origin, undefined);
    meet(stream, { side: 'listener', own, secret, origin, onHello, onProof: admits, farewell })
      .then(met)
      .catch((error: Error) => this.#failed(name, error))
      .finally(() => this.#isKnown(name))
      .catch(() => undefined);
  }

  /** A peer that changes its mind is no news; one that may not come, or cannot, is. */
  #failed(name: string, error: Error): void {
    if (error instanceof MeetingRefused)
      this.#options.complain(`${hostOf(name)} ${error.message}`, `from ${name}: ${error.message}`);
  }
}

function nameOf(socket: Socket): string {
  return endpoint(socket.remoteAddress, socket.remotePort);
}

function hostOf(name: string): string {
  return name.replace(/:\d+$/, '');
}

function originOf(address: string, socket: Socket): Origin {
  return { address, isLocal: isLoopback(String(socket.remoteAddress)), proof: proofOf(socket) };
}
