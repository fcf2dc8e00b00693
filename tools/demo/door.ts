/**
 * The way to the node over HTTP: a bounded number of keep-alive connections, and every command retried
 * with its idempotency key until it is answered.
 *
 * ```
 *  command ─▶ request ┬ answered, or refused for good ─▶ ledger ─▶ caller
 *               ▲     └ connection lost, 429, 503, 504, in flight ─▶ wait ─┐
 *               └──────────────── same key, same body ◀────────────────────┘
 * ```
 *
 * So a caller never has to know that the node was killed while it asked.
 */
import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { Ledger } from './ledger.ts';

export type Json = Readonly<Record<string, unknown>>;

/** The body of an answer: of a write that was applied, or of a problem. */
export interface Answer {
  readonly status: number;
  readonly body: Json;
}

export interface Ask {
  readonly path: string;
  readonly body: Json;
  /** The command this becomes in the log. */
  readonly type: string;
}

/** Statuses after which the same request with the same key may come to something else. */
const AGAIN = new Set([429, 502, 503, 504]);
const RETRY_MS = 100;
const ANSWER_MS_MAX = 30_000;

/** The node cannot be reached, or hung up before it answered. */
class NoAnswer extends Error {}

export class Door {
  /** How often a request was sent again. */
  retries = 0;
  requests = 0;
  readonly #agent: Agent;
  readonly #url: () => string;
  readonly #ledger: Ledger;
  readonly #signal: AbortSignal;

  constructor(options: {
    /** Asked before each request: a restarted node listens elsewhere. */
    readonly url: () => string;
    readonly connections: number;
    readonly ledger: Ledger;
    readonly signal: AbortSignal;
  }) {
    this.#url = options.url;
    this.#ledger = options.ledger;
    this.#signal = options.signal;
    this.#agent = new Agent({ keepAlive: true, maxSockets: options.connections });
  }

  /** Sends a command until it is answered, and enters the answer in the ledger. */
  async command({ path, body, type }: Ask): Promise<Answer> {
    const key = randomUUID();
    const answer = await this.#untilAnswered('POST', path, { key, text: JSON.stringify(body) });
    this.#ledger.acknowledged({ key, type }, answer);
    return answer;
  }

  get(path: string): Promise<Answer> {
    return this.#untilAnswered('GET', path, undefined);
  }

  close(): void {
    this.#agent.destroy();
  }

  async #untilAnswered(
    method: string,
    path: string,
    sent: { readonly key: string; readonly text: string } | undefined,
  ): Promise<Answer> {
    for (;;) {
      this.#signal.throwIfAborted();
      const answer = await this.#once(method, path, sent).catch(unlessNoAnswer);
      if (answer !== undefined && !mayChange(answer)) return answer;
      this.retries += 1;
      await pause(retryAfter(answer), undefined, { signal: this.#signal });
    }
  }

  #once(
    method: string,
    path: string,
    sent: { readonly key: string; readonly text: string } | undefined,
  ): Promise<Answer> {
    this.requests += 1;
    const headers =
      sent === undefined
        ? {}
        : {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(sent.text),
            'idempotency-key': sent.key,
          };
    return new Promise((resolve, reject) => {
      const asking = request(
        `${this.#url()}${path}`,
        { method, agent: this.#agent, headers, timeout: ANSWER_MS_MAX, signal: this.#signal },
        (response) => {
          const pieces: Buffer[] = [];
          response.on('data', (piece: Buffer) => pieces.push(piece));
          response.on('error', (cause) => reject(new NoAnswer('cut off', { cause })));
          response.on('end', () => {
            const text = Buffer.concat(pieces).toString('utf8');
            resolve({ status: response.statusCode ?? 0, body: JSON.parse(text || '{}') as Json });
          });
        },
      );
      asking.on('timeout', () => asking.destroy(new Error('no answer in time')));
      asking.on('error', (cause) => reject(new NoAnswer('not reached', { cause })));
      asking.end(sent?.text);
    });
  }
}

function unlessNoAnswer(error: unknown): undefined {
  if (error instanceof NoAnswer) return undefined;
  throw error;
}

function mayChange({ status, body }: Answer): boolean {
  return AGAIN.has(status) || body['code'] === 'idempotency-in-flight';
}

function retryAfter(answer: Answer | undefined): number {
  const said = Number(answer?.body['retry_after_seconds']);
  return Number.isFinite(said) ? said * 1000 : RETRY_MS;
}
