/** A client of an echo process: what it says comes back, or does not. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { within } from '../end-to-end/condition.ts';

export class Told {
  readonly socket: Socket;
  #heard = '';
  #end: string | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => (this.#heard += text));
    socket.on('end', () => (this.#end ??= 'end'));
    socket.on('error', (error: NodeJS.ErrnoException) => (this.#end ??= error.code));
    onTestFinished(() => void socket.destroy());
  }

  static async connect(port: number, host = '127.0.0.1'): Promise<Told> {
    const socket = connect({ port, host });
    const told = new Told(socket);
    await within('the connection opens', once(socket, 'connect'));
    return told;
  }

  say(text: string): void {
    this.socket.write(text);
  }

  get heard(): string {
    return this.#heard;
  }

  /** `end`, or the code of what broke it; undefined while it lives. */
  get end(): string | undefined {
    return this.#end;
  }
}
