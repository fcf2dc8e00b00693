/**
 * A websocket as a stream of bytes, so that a tunnel that carries only the HTTP port carries everything:
 * the same frames, in binary messages whose borders mean nothing.
 */
import { Duplex } from 'node:stream';

/** Bytes of one message; longer writes are cut. No server's limit for messages is smaller. */
const MESSAGE_BYTES_MAX = 128 * 1024;

/** A socket of the `ws` package, as far as this needs it. */
export interface Websocket {
  on(event: 'open' | 'close' | 'error' | 'message', listener: (...said: never[]) => void): unknown;
  send(bytes: Uint8Array, sent: (error?: Error | null) => void): void;
  close(): void;
  terminate(): void;
  pause(): void;
  resume(): void;
}

type Done = (error?: Error | null) => void;

export class WebsocketStream extends Duplex {
  readonly #socket: Websocket;

  /** Emits `connect` when a dialled socket opens; an accepted one is open already. */
  constructor(socket: Websocket) {
    super();
    this.#socket = socket;
    socket.on('open', () => this.emit('connect'));
    socket.on('message', (data: Buffer, isBinary: boolean) => this.#heard(data, isBinary));
    socket.on('close', () => this.#closed());
    socket.on('error', (error: Error) => this.destroy(explained(error)));
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: Done): void {
    let at = 0;
    while (bytes.length - at > MESSAGE_BYTES_MAX) {
      this.#socket.send(bytes.subarray(at, at + MESSAGE_BYTES_MAX), () => undefined);
      at += MESSAGE_BYTES_MAX;
    }
    this.#socket.send(bytes.subarray(at), done);
  }

  override _final(done: Done): void {
    this.#socket.close();
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#socket.terminate();
    done(error);
  }

  /** The end comes after what was heard before it, however long that takes to be read. */
  #closed(): void {
    if (!this.destroyed) this.push(null);
  }

  #heard(data: Buffer, isBinary: boolean): void {
    if (!isBinary) this.destroy(new Error('nodes speak to each other in binary messages'));
    else if (!this.push(data)) this.#socket.pause();
  }
}

/** A node without others does not have the path, and the status alone does not tell what to do. */
function explained(error: Error): Error {
  if (!error.message.endsWith('response: 404')) return error;
  return new Error(
    '404: what answers there lets no node in; a node that runs alone has to be started with --raft-port',
  );
}
