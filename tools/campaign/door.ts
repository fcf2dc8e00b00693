/**
 * A door into a network namespace: a port of this machine behind which the loopback of the namespace lies.
 *
 * A socket belongs to the namespace it was made in, whoever has it. So the listening one is made here and
 * handed to a process inside, which dials there.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';

export class Door {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.#child = child;
  }

  /** `under`: what is put before a command that is to run inside. `port`: of the loopback there. */
  static async open(under: readonly string[], port: number): Promise<Door> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port: outside } = server.address() as AddressInfo;
    const [program, ...words] = [...under, process.execPath];
    const child = fork(join(import.meta.dirname, 'door-process.ts'), [String(port)], {
      execPath: program,
      execArgv: [...words, '--import', 'tsx'],
    });
    await handedOver(child, server);
    return new Door(outside, child);
  }

  async close(): Promise<void> {
    if (!this.#child.connected) return;
    const over = once(this.#child, 'exit');
    this.#child.disconnect();
    await over;
  }
}

/** Resolves when whoever knocks is heard by the child, and only by it. @throws when it ended before */
async function handedOver(child: ChildProcess, server: Server): Promise<void> {
  const open = once(child, 'message');
  const gone = once(child, 'exit').then(() => {
    throw new Error('the door to a namespace did not open');
  });
  gone.catch(() => undefined);
  child.send('the door', server);
  await Promise.race([open, gone]);
  server.close();
}
