/**
 * The requests that have no answer yet. A node that stops waits for them, but not for the connections by
 * which other nodes came: those it needs to hand over, and closes last.
 */
import type { ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';

export class Unanswered {
  readonly #replies = new Set<ServerResponse>();
  #isClosing = false;
  #settle: () => void = () => undefined;
  /** Resolves when the server closes, every stream has been left and every request was answered. */
  readonly over: Promise<void> = new Promise((resolve) => {
    this.#settle = resolve;
  });

  /** To be made behind everything else that has to be closed first. */
  constructor(server: FastifyInstance) {
    // An upgrade is no such request: its connection goes on.
    server.server.on('request', (_request, reply: ServerResponse) => this.#came(reply));
    // Hooks of a scope come behind those of the whole server.
    void server.register((scope, _options, done) => {
      scope.addHook('preClose', (closed) => {
        this.#isClosing = true;
        this.#look();
        closed();
      });
      done();
    });
  }

  #came(reply: ServerResponse): void {
    this.#replies.add(reply);
    reply.once('close', () => {
      this.#replies.delete(reply);
      this.#look();
    });
  }

  #look(): void {
    if (this.#isClosing && this.#replies.size === 0) this.#settle();
  }
}
