/**
 * One gRPC method over one connection, as many calls at once as are wanted: the little of HTTP/2 that this
 * takes (RFC 9113), by hand, so that the client costs etcd's machine a fraction of what Node's own would.
 *
 * ```
 *  preface  SETTINGS  WINDOW_UPDATE
 *  per call  HEADERS (6 bytes, once the server's table has them)  DATA: 0, length: 4, message
 *                                       HEADERS  DATA: 0, length: 4, message  HEADERS (trailers)
 * ```
 *
 * A call that brought a message and then ended succeeded: gRPC sends none with an error. All calls of a turn
 * leave in one write, as far as the server's window lets them.
 */
import { Socket } from 'node:net';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const FRAME_BYTES = 9;
const DATA = 0;
const HEADERS = 1;
const RESET = 3;
const SETTINGS = 4;
const PING = 6;
const GOAWAY = 7;
const WINDOW_UPDATE = 8;
const END_STREAM = 1;
const ACK = 1;
const END_HEADERS = 4;
/** What both sides may send before they are told of more. */
const FIRST_WINDOW = 65_535;
/** What the server may send us; told anew when half of it is used. */
const OUR_WINDOW = 2 ** 30;

/** Of HPACK's static table: `:method: POST`, `:scheme: http`. */
const POST_HTTP = Buffer.from([0x83, 0x86]);
/** The same fields from the dynamic table: path, authority, content-type, te; the last is 62. */
const KNOWN_FIELDS = Buffer.concat([POST_HTTP, Buffer.from([0xc1, 0xc0, 0xbf, 0xbe])]);

/** A field that enters the dynamic table; its name by its place in the static one, or 0 and written out. */
function field(place: number, value: string, name = ''): Buffer {
  const written = place === 0 ? text(name) : Buffer.alloc(0);
  return Buffer.concat([Buffer.from([0x40 | place]), written, text(value)]);
}

/** Not compressed, below 127 bytes. */
function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
}

function frame(kind: number, flags: number, stream: number, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_BYTES + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes.writeUInt8(kind, 3);
  bytes.writeUInt8(flags, 4);
  bytes.writeUInt32BE(stream, 5);
  payload.copy(bytes, FRAME_BYTES);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export interface GrpcUser {
  ready(): void;
  /** @param message undefined: the call failed */
  answered(ref: number, message: Buffer | undefined): void;
  closed(): void;
}

export class GrpcConnection {
  readonly #socket = new Socket();
  readonly #url: URL;
  readonly #firstFields: Buffer;
  readonly #user: GrpcUser;
  readonly #calls = new Map<number, { readonly ref: number; message: Buffer | undefined }>();
  #held: Buffer = Buffer.alloc(0);
  #waiting: Buffer[] = [];
  /** Calls that the window has no room for. */
  #behind: (readonly [stream: number, body: Buffer])[] = [];
  #isOpen = false;
  #isOver = false;
  #stream = -1;
  #window = FIRST_WINDOW;
  #taken = 0;

  /** @param path like `/etcdserverpb.KV/Put` */
  constructor(url: string, path: string, user: GrpcUser) {
    this.#url = new URL(url);
    this.#user = user;
    this.#firstFields = Buffer.concat([
      POST_HTTP,
      field(4, path),
      field(1, this.#url.host),
      field(31, 'application/grpc'),
      field(0, 'trailers', 'te'),
    ]);
  }

  open(): void {
    const socket = this.#socket;
    socket.setNoDelay();
    socket.on('connect', () => {
      const room = frame(WINDOW_UPDATE, 0, 0, uint32(OUR_WINDOW - FIRST_WINDOW));
      socket.write(Buffer.concat([PREFACE, frame(SETTINGS, 0, 0, Buffer.alloc(0)), room]));
      this.#isOpen = true;
      this.#user.ready();
      this.flush();
    });
    socket.on('data', (piece: Buffer) => this.#take(piece));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (!this.#isOver) this.#user.closed();
    });
    socket.connect(Number(this.#url.port), this.#url.hostname);
  }

  /** Leaves with the next `flush`. */
  call(ref: number, message: Buffer): void {
    this.#stream += 2;
    const stream = this.#stream;
    const fields = stream === 1 ? this.#firstFields : KNOWN_FIELDS;
    this.#calls.set(stream, { ref, message: undefined });
    this.#waiting.push(frame(HEADERS, END_HEADERS, stream, fields));
    const body = Buffer.concat([Buffer.from([0]), uint32(message.length), message]);
    this.#send(stream, body);
  }

  /** Nothing leaves before the preface. */
  flush(): void {
    if (!this.#isOpen || this.#waiting.length === 0) return;
    this.#socket.write(Buffer.concat(this.#waiting));
    this.#waiting = [];
  }

  close(): void {
    this.#isOver = true;
    this.#socket.destroy();
  }

  #send(stream: number, body: Buffer): void {
    if (body.length > this.#window) return void this.#behind.push([stream, body]);
    this.#window -= body.length;
    this.#waiting.push(frame(DATA, END_STREAM, stream, body));
  }

  #take(piece: Buffer): void {
    const bytes = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece]);
    let at = 0;
    while (bytes.length - at >= FRAME_BYTES) {
      const end = at + FRAME_BYTES + bytes.readUIntBE(at, 3);
      if (bytes.length < end) break;
      const [kind, flags] = [bytes.readUInt8(at + 3), bytes.readUInt8(at + 4)];
      const stream = bytes.readUInt32BE(at + 5);
      this.#frame({ kind, flags, stream, payload: bytes.subarray(at + FRAME_BYTES, end) });
      at = end;
    }
    this.#held = bytes.subarray(at);
    this.flush();
  }

  #frame({ kind, flags, stream, payload }: Frame): void {
    if (kind === DATA) this.#data(stream, payload);
    if (kind === SETTINGS && (flags & ACK) === 0)
      this.#waiting.push(frame(SETTINGS, ACK, 0, Buffer.alloc(0)));
    if (kind === PING && (flags & ACK) === 0)
      this.#waiting.push(frame(PING, ACK, 0, Buffer.from(payload)));
    if (kind === WINDOW_UPDATE && stream === 0) this.#widen(payload.readUInt32BE());
    if (kind === GOAWAY) this.#socket.destroy();
    if (kind === RESET || (flags & END_STREAM && kind <= HEADERS)) this.#end(stream);
  }

  #data(stream: number, payload: Buffer): void {
    const call = this.#calls.get(stream);
    if (call !== undefined) call.message = whole(call.message, payload);
    this.#taken += payload.length;
    if (this.#taken < OUR_WINDOW / 2) return;
    this.#waiting.push(frame(WINDOW_UPDATE, 0, 0, uint32(this.#taken)));
    this.#taken = 0;
  }

  #widen(by: number): void {
    this.#window += by;
    const behind = this.#behind;
    this.#behind = [];
    for (const [stream, body] of behind) this.#send(stream, body);
  }

  #end(stream: number): void {
    const call = this.#calls.get(stream);
    if (call === undefined) return;
    this.#calls.delete(stream);
    this.#user.answered(call.ref, call.message?.subarray(5));
  }
}

interface Frame {
  readonly kind: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** Messages seldom come in pieces. */
function whole(before: Buffer | undefined, piece: Buffer): Buffer {
  return before === undefined ? piece : Buffer.concat([before, piece]);
}
