/** A wire between two nodes that a test can hold, cut and mend: it passes bytes on from a port of its own. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class Wire {
  readonly #server: Server;
  readonly #ends = new Set<Socket>();
  #isHeld = false;
  /** Connections that were ever made. */
  connections = 0;

  private constructor(to: number) {
    // Half-open, as real wires are: an end is passed on only with what came before it.
    this.#server = createServer({ noDelay: true }, (near) => {
      this.connections += 1;
      const far = connect({ host: '127.0.0.1', port: to, noDelay: true });
      this.#pass(near, far);
      this.#pass(far, near);
    });
  }

  static async to(port: number): Promise<Wire> {
    const wire = new Wire(port);
    wire.#server.listen({ host: '127.0.0.1', port: 0 });
    await once(wire.#server, 'listening');
    return wire;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Nothing gets through any more, not even that an end was closed. */
  hold(): void {
    this.#isHeld = true;
    for (const end of this.#ends) end.pause();
  }

  release(): void {
    this.#isHeld = false;
    for (const end of this.#ends) end.resume();
  }

  /** Resets what is connected. */
  cut(): void {
    for (const end of this.#ends) end.resetAndDestroy();
  }

  async close(): Promise<void> {
    this.cut();
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }

  #pass(from: Socket, to: Socket): void {
    this.#ends.add(from);
    from.on('data', (bytes) => to.write(bytes));
    from.on('error', () => undefined);
    from.on('close', () => {
      this.#ends.delete(from);
      if (!this.#isHeld) to.destroy();
    });
    if (this.#isHeld) from.pause();
  }
}
