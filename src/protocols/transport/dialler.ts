/** Opens connections to addresses, by TCP, TLS or websocket, and shakes hands on them. */
import { once } from 'node:events';
import { connect as connectTcp, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, TLSSocket } from 'node:tls';
import type { Clock } from '../../log/time.ts';
import { isLoopback, parseAddress, type Target } from './address.ts';
import { objections, type Origin, proofOf } from './admission.ts';
import { Approach } from './approach.ts';
import type { Hello, Purpose } from './hello.ts';
import { meet, type Met, MEETING_MS_MAX, MeetingRefused } from './meeting.ts';
import type { Sockets } from './sockets.ts';
import { type Websocket, WebsocketStream } from './websocket-stream.ts';

/** What proves a node to others by TLS: PEM. Only certificates of this authority are accepted. */
export interface TlsIdentity {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
}

/**
 * Whether the certificate is trusted is looked at by `proofOf`, and whom it names is held against the
 * hello: a node is known by its id, not by its address.
 */
const JUDGED_LATER = { rejectUnauthorized: false, checkServerIdentity: () => undefined };

export interface DiallerOptions {
  readonly sockets: Sockets;
  readonly clock: Clock;
  readonly secret: string | undefined;
  readonly tls: TlsIdentity | undefined;
  /** Opens a websocket; undefined: this node cannot. */
  readonly websocket: ((url: string) => Websocket) | undefined;
  /** A hello of this node, with a nonce that was never used before. */
  readonly hello: (purpose: Purpose) => Hello;
}

export interface Call {
  readonly purpose: Purpose;
  /** Who must answer; undefined: whoever does. */
  readonly expected: string | undefined;
}

export class Dialler {
  readonly #options: DiallerOptions;

  constructor(options: DiallerOptions) {
    this.#options = options;
  }

  approach(addresses: readonly string[], call: Call): Approach {
    const attempt = (address: string, signal: AbortSignal): Promise<Met> =>
      this.#attempt(address, call, signal);
    return new Approach(addresses, attempt, this.#options.clock);
  }

  async #attempt(address: string, call: Call, signal: AbortSignal): Promise<Met> {
    const target = parseAddress(address);
    if (target === undefined) throw new Error('this is no address of the form host:port');
    const { sockets, clock } = this.#options;
    const stream = this.#open(target);
    sockets.add(stream);
    const cut = (): unknown => stream.destroy(new Error('given up'));
    const late = new MeetingRefused(`nobody shook hands within ${MEETING_MS_MAX} ms`);
    const cancel = clock.after(MEETING_MS_MAX, () => stream.destroy(late));
    signal.addEventListener('abort', cut);
    try {
      await once(stream, stream instanceof TLSSocket ? 'secureConnect' : 'connect');
      return await this.#meet(stream, call, originOf(address, target, stream));
    } finally {
      cancel();
      signal.removeEventListener('abort', cut);
    }
  }

  #open(target: Target): Duplex {
    if (target.kind === 'websocket') return this.#openWebsocket(target.url);
    const { host, port } = target;
    const { tls } = this.#options;
    if (tls === undefined) return connectTcp({ host, port, noDelay: true });
    return connectTls({ host, port, ...tls, ...JUDGED_LATER }).setNoDelay();
  }

  #openWebsocket(url: string): Duplex {
    const { websocket } = this.#options;
    if (websocket === undefined) throw new Error('this node dials no websockets');
    return new WebsocketStream(websocket(url));
  }

  #meet(stream: Duplex, call: Call, origin: Origin): Promise<Met> {
    const { sockets, secret, hello } = this.#options;
    const own = hello(call.purpose);
    return meet(stream, {
      side: 'dialler',
      own,
      secret,
      origin,
      onHello: objections(own, origin, call.expected),
      onProof: () => undefined,
      farewell: sockets.farewell,
    });
  }
}

function originOf(address: string, target: Target, stream: Duplex): Origin {
  // Names may lead anywhere: what counts is where the socket went, if it can be seen.
  const host = stream instanceof Socket ? placeOf(stream) : target.host;
  return { address, isLocal: isLoopback(host), proof: proofOf(stream) };
}

/** @throws where the peer has reset it as soon as it opened: nobody can see any more where it went */
function placeOf({ remoteAddress }: Socket): string {
  if (remoteAddress === undefined) throw new Error('the connection was reset at once');
  return remoteAddress;
}
