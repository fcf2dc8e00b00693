/** A peer that shakes hands as it should and then does what a test wants, down to the bytes. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { realClock } from '../../../src/real-clock.ts';
import { frameOf, pack } from '../../../src/protocols/transport/frames.ts';
import { type Hello, INSTANCE_BYTES, NONCE_BYTES } from '../../../src/protocols/transport/hello.ts';
import { meet, type Met } from '../../../src/protocols/transport/meeting.ts';
import { Sockets } from '../../../src/protocols/transport/sockets.ts';
import { SECRET } from './node.ts';

export class RawPeer {
  readonly socket: Socket;
  readonly met: Met;
  isClosed = false;

  private constructor(socket: Socket, met: Met) {
    this.socket = socket;
    this.met = met;
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  /** @throws what the handshake ends with */
  static async connect(port: number, wishes: Partial<Hello> = {}): Promise<RawPeer> {
    const socket = await dial(port);
    const own: Hello = {
      version: 1,
      least: 1,
      purpose: 'messages',
      nonce: randomBytes(NONCE_BYTES),
      instance: randomBytes(INSTANCE_BYTES),
      identity: { nodeId: 'raw', storeId: 'store of raw', clusterId: 'c' },
      ...wishes,
    };
    const met = await meet(socket, {
      side: 'dialler',
      own,
      secret: SECRET,
      onHello: () => undefined,
      onProof: () => undefined,
      origin: { address: 'raw', isLocal: true, proof: { kind: 'none' } },
      farewell: new Sockets(realClock).farewell,
    });
    socket.on('error', () => undefined);
    return new RawPeer(socket, met);
  }

  write(kind: number, body: Uint8Array): void {
    for (const bytes of pack([frameOf(kind, body)])) this.socket.write(bytes);
  }

  /** Every frame that comes from now on, as kind and body, until the connection ends. */
  async *frames(): AsyncGenerator<{ readonly kind: number; readonly body: Buffer }, void> {
    const { reader } = this.met;
    reader.limit = 2 ** 31;
    for await (const bytes of this.socket) {
      reader.push(bytes as Buffer);
      for (let next = reader.next(); next !== undefined; next = reader.next())
        yield { kind: next.readUInt8(0), body: next.subarray(1) };
    }
  }
}

/** A connection on which nothing was said yet. */
export async function dial(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}
