/** A client of a server without a port: sends JSON, reads JSON. */
import type { OutgoingHttpHeaders } from 'node:http';
import type { FastifyInstance } from 'fastify';

/** An object in an answer, with what tests read of it by name. */
export interface Row {
  readonly [member: string]: unknown;
  readonly index: number;
  readonly type: string;
  readonly pointer: string;
  readonly work_id: string;
  readonly queue: string;
  readonly problem: unknown;
  readonly schema: unknown;
}

/** The body of an answer, with what tests read of it by name. */
export interface Body {
  readonly [member: string]: unknown;
  readonly index: number;
  readonly token: number;
  readonly code: string;
  readonly instance: string;
  readonly retry_after_seconds: number | undefined;
  readonly expires_in: number;
  readonly changed_index: number;
  readonly covered: number;
  readonly cursor: string | null;
  readonly total: number;
  readonly by_type: Readonly<Record<string, number>>;
  readonly by_status: Readonly<Record<string, number>>;
  readonly errors: readonly Row[];
  readonly items: readonly Row[];
  readonly facts: readonly Row[];
  readonly claimed: readonly Row[];
  readonly results: readonly Row[];
  readonly candidates: readonly Row[];
}

export interface Said {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  /** What the body says; empty where it is not JSON. */
  readonly body: Body;
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
      body: (isJson ? JSON.parse(response.body) : {}) as Body,
      text: response.body,
    };
  }
}

function textOf(body: unknown): string {
  return typeof body === 'string' ? body : JSON.stringify(body);
}
