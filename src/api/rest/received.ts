/** A request of fastify as endpoints see it: what they do not ask for is not looked up. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Body, Incoming } from './endpoint.ts';
import { pathOf } from './sending.ts';

export interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

export class Received implements Incoming {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  get method(): string {
    return this.#exchange.request.method;
  }

  get path(): string {
    return pathOf(this.#exchange.request);
  }

  get params(): unknown {
    return this.#exchange.request.params;
  }

  get query(): unknown {
    return this.#exchange.request.query;
  }

  get headers(): Incoming['headers'] {
    return this.#exchange.request.headers;
  }

  get body(): Body | undefined {
    return this.#exchange.request.body as Body | undefined;
  }

  gone(): AbortSignal {
    const controller = new AbortController();
    this.#exchange.reply.raw.once('close', () => controller.abort());
    return controller.signal;
  }
}
