/** A client of a server without a port: sends JSON, reads JSON. */
import type { FastifyInstance } from 'fastify';

export interface Said {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  /** What the body says; undefined where there is none. */
  readonly body: any;
  readonly text: string;
}

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';

export class Asking {
  readonly #server: FastifyInstance;

  constructor(server: FastifyInstance) {
    this.#server = server;
  }

  get(url: string, headers: Record<string, string> = {}): Promise<Said> {
    return this.send('GET', url, undefined, headers);
  }

  post(url: string, body: unknown = {}, headers: Record<string, string> = {}): Promise<Said> {
    return this.send('POST', url, body, headers);
  }

  put(url: string, body: unknown = {}, headers: Record<string, string> = {}): Promise<Said> {
    return this.send('PUT', url, body, headers);
  }

  /** A string is sent as it is, anything else as JSON. */
  async send(
    method: Method,
    url: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Said> {
    const sent = body === undefined ? {} : { payload: textOf(body) };
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const response = await this.#server.inject({
      method,
      url,
      headers: { ...type, ...headers },
      ...sent,
    });
    const isJson = String(response.headers['content-type']).includes('json');
    return {
      status: response.statusCode,
      headers: response.headers,
      body: isJson ? JSON.parse(response.body) : undefined,
      text: response.body,
    };
  }
}

function textOf(body: unknown): string {
  return typeof body === 'string' ? body : JSON.stringify(body);
}
