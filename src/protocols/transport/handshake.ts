/**
 * The handshake: the first thing on every connection, whatever it is for. Both sides say who they are;
 * the one that dialled proves first that it knows the cluster's secret, so that nobody who merely
 * connects is given anything to guess at.
 *
 * ```
 *  dialler ── hello ─▶ ◀─ hello ── listener      both at once
 *          ── proof ──────────────▶              HMAC-SHA-256 over both hellos, keyed by the secret
 *          ◀────────────── proof ──              now the dialler knows the listener
 *          ── welcome ────────────▶              now the listener knows that it is known
 *
 *  listening for: hello ─▶ proof ─▶ (listener: welcome) ─▶ known
 *                    └────────┴──────────┴─▶ refused, by either: the reason crosses the wire by name
 * ```
 *
 * A proof is made under a label of its side, so it cannot be sent back to its maker, and over the nonces,
 * identities and purposes of both, so it cannot be used again. Without a secret the key is empty: then
 * certificates, or the loopback address, must say who may come (`admission.ts`). Who is able to alter
 * packets on the way is stopped by TLS only: frames after the handshake carry no proof of their own.
 *
 * A value that is stepped: no sockets and no time.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { type Frame, frameOf } from './frames.ts';
import { decodeHello, encodeHello, type Hello } from './hello.ts';

/** The largest payload of a handshake; a peer that is not known yet may not send more at once. */
export const HANDSHAKE_BYTES_MAX = 1024;
/** The reason of a refusal, in bytes; a longer one is cut. */
const REFUSAL_BYTES_MAX = 512;

const KIND = { hello: 1, proof: 2, welcome: 3, refusal: 4 } as const;

export type Side = 'dialler' | 'listener';

const OTHER_SIDE: { readonly [S in Side]: Side } = { dialler: 'listener', listener: 'dialler' };

export type RefusalCode =
  /** No version is spoken by both. */
  | 'version'
  | 'wrong-cluster'
  /** Not the node that was dialled, or the node itself. */
  | 'wrong-node'
  | 'wrong-secret'
  | 'wrong-certificate'
  /** Neither secret nor certificate, and not from this machine. */
  | 'secret-needed'
  /** As many of this kind as are allowed at once. */
  | 'busy';

export interface Refusal {
  readonly code: RefusalCode;
  readonly detail: string;
}

/** A rule that may refuse who says hello; undefined: no objection. */
export type Objection = (peer: Hello) => Refusal | undefined;

export interface HandshakeOptions {
  readonly side: Side;
  readonly own: Hello;
  readonly secret: string | undefined;
  /** Asked as soon as the hello is there. */
  readonly onHello: Objection;
  /** Asked when the peer has proved itself, the last moment to refuse it. */
  readonly onProof: Objection;
}

export type Step =
  | { readonly kind: 'on'; readonly send: readonly Frame[] }
  | { readonly kind: 'known'; readonly send: readonly Frame[]; readonly peer: Hello }
  /** By this side: the frame says so to the other. */
  | { readonly kind: 'refused'; readonly send: Frame; readonly reason: string }
  | { readonly kind: 'refused-there'; readonly reason: string }
  /** Not this protocol, or not in this order: nothing is answered. */
  | { readonly kind: 'garbage' };

interface Heard {
  readonly hello: Hello;
  readonly bytes: Buffer;
}

type State =
  | { readonly kind: 'hello' }
  | { readonly kind: 'proof'; readonly heard: Heard }
  | { readonly kind: 'welcome'; readonly heard: Heard }
  | { readonly kind: 'over' };

const GARBAGE: Step = { kind: 'garbage' };
const EXPECTED: { readonly [S in State['kind']]: number | undefined } = {
  hello: KIND.hello,
  proof: KIND.proof,
  welcome: KIND.welcome,
  over: undefined,
};

export class Handshake {
  readonly #options: HandshakeOptions;
  readonly #own: Buffer;
  #state: State = { kind: 'hello' };

  constructor(options: HandshakeOptions) {
    this.#options = options;
    this.#own = encodeHello(options.own);
  }

  /** What is said unasked. */
  begin(): Frame {
    return frameOf(KIND.hello, this.#own);
  }

  /** Refuses whoever is there, before or instead of listening. */
  refuse(refusal: Refusal): Step {
    this.#state = { kind: 'over' };
    const reason = `${refusal.code}: ${refusal.detail}`;
    return { kind: 'refused', send: frameOf(KIND.refusal, Buffer.from(reason)), reason };
  }

  /** Takes the next payload. Never throws, whatever the bytes are. */
  hear(payload: Buffer): Step {
    const body = payload.subarray(1);
    if (this.#state.kind === 'over') return GARBAGE;
    if (payload[0] === KIND.refusal) return this.#refusedThere(body);
    return payload[0] === EXPECTED[this.#state.kind] ? this.#expected(body) : this.#nonsense();
  }

  #expected(body: Buffer): Step {
    const state = this.#state;
    if (state.kind === 'proof') return this.#proof(state.heard, body);
    if (state.kind === 'welcome') return this.#known(state.heard, []);
    return this.#hello(body);
  }

  #hello(bytes: Buffer): Step {
    const hello = decodeHello(bytes);
    if (hello === undefined) return this.#nonsense();
    const refusal = this.#options.onHello(hello);
    if (refusal !== undefined) return this.refuse(refusal);
    const heard = { hello, bytes };
    this.#state = { kind: 'proof', heard };
    return { kind: 'on', send: this.#options.side === 'dialler' ? [this.#prove(heard)] : [] };
  }

  #proof(heard: Heard, proof: Buffer): Step {
    const { side, onProof } = this.#options;
    if (!isSame(proof, this.#sum(heard, OTHER_SIDE[side])))
      return this.refuse({ code: 'wrong-secret', detail: 'the secrets of the two nodes differ' });
    const refusal = onProof(heard.hello);
    if (refusal !== undefined) return this.refuse(refusal);
    if (side === 'dialler') return this.#known(heard, [frameOf(KIND.welcome)]);
    this.#state = { kind: 'welcome', heard };
    return { kind: 'on', send: [this.#prove(heard)] };
  }

  #known(heard: Heard, send: readonly Frame[]): Step {
    this.#state = { kind: 'over' };
    return { kind: 'known', send, peer: heard.hello };
  }

  #refusedThere(body: Buffer): Step {
    this.#state = { kind: 'over' };
    return { kind: 'refused-there', reason: printable(body.subarray(0, REFUSAL_BYTES_MAX)) };
  }

  #nonsense(): Step {
    this.#state = { kind: 'over' };
    return GARBAGE;
  }

  #prove(heard: Heard): Frame {
    return frameOf(KIND.proof, this.#sum(heard, this.#options.side));
  }

  #sum(heard: Heard, prover: Side): Buffer {
    const { side, secret } = this.#options;
    const hellos = side === 'dialler' ? [this.#own, heard.bytes] : [heard.bytes, this.#own];
    const sum = createHmac('sha256', secret ?? '').update(`quorate ${prover} 1\0`);
    for (const hello of hellos) sum.update(lengthOf(hello)).update(hello);
    return sum.digest();
  }
}

function isSame(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

function lengthOf(bytes: Buffer): Buffer {
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(bytes.length);
  return length;
}

/** What a peer says ends up in the log of this node: nothing in it may move a terminal's cursor. */
function printable(bytes: Buffer): string {
  return bytes.toString().replace(/\p{Cc}/gu, ' ');
}
