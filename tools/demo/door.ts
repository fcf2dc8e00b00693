/**
 * The way to the nodes over HTTP: a bounded number of keep-alive connections to each, and every command
 * retried with its idempotency key until it is answered.
 *
 * ```
 *  command ─▶ request ┬ answered, or refused for good ─▶ ledger ─▶ caller
 *               ▲     └ connection lost, 429, 503, 504, in flight ─▶ wait ─┐
 *               └───────── same key, same body, the next node ◀────────────┘
 * ```
 *
 * Commands begin at each node in turn, so that what one has granted another is told of. A caller never
 * has to know that a node was killed while it asked.
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

/**
 * Statuses after which the same request with the same key may come to something else. 421: the node it was
 * carried to leads no more.
 */
const AGAIN = new Set([421, 429, 502, 503, 504]);
const RETRY_MS = 100;
/** Longer is not waited, whatever a node advises: it speaks for itself, and the next one is asked. */
const RETRY_MS_MAX = 250;
const ANSWER_MS_MAX = 30_000;

/** The node cannot be reached, or hung up before it answered. */
class NoAnswer extends Error {}

interface Request {
  readonly method: string;
  readonly path: string;
  readonly sent?: { readonly key: string; readonly text: string };
}

/** Somebody who waits for a command that began at or after this moment to be applied. */
interface Watch {
  readonly since: number;
  readonly applied: (at: number) => void;
}

export class Door {
  /** How often a request was sent again. */
  retries = 0;
  requests = 0;
  readonly #agent: Agent;
  readonly #urls: () => readonly string[];
  readonly #ledger: Ledger;
  readonly #signal: AbortSignal;
  #turn = 0;
  #watch: Watch | undefined;

  constructor(options: {
    /** Asked before each request: a restarted node listens elsewhere. */
    readonly urls: () => readonly string[];
    /** To each node. */
    readonly connections: number;
    readonly ledger: Ledger;
    readonly signal: AbortSignal;
  }) {
    this.#urls = options.urls;
    this.#ledger = options.ledger;
    this.#signal = options.signal;
    this.#agent = new Agent({ keepAlive: true, maxSockets: options.connections });
  }

  /** Sends a command until it is answered, and enters the answer in the ledger. */
  async command({ path, body, type }: Ask): Promise<Answer> {
    const key = randomUUID();
    const sent = { key, text: JSON.stringify(body) };
    const answer = await this.#untilAnswered({ method: 'POST', path, sent });
    this.#ledger.acknowledged({ key, type }, answer);
    return answer;
  }

  /** @returns when the first command was answered as applied that was sent at or after `since` */
  appliedAfter(since: number): Promise<number> {
    return new Promise((applied) => {
      this.#watch = { since, applied };
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  async #untilAnswered(request: Request): Promise<Answer> {
    this.#turn += 1;
    for (let turn = this.#turn; ; turn += 1) {
      this.#signal.throwIfAborted();
      const urls = this.#urls();
      const began = performance.now();
      const answer = await this.#once(`${urls[turn % urls.length]}`, request).catch(unlessNoAnswer);
      if (answer !== undefined && !mayChange(answer)) return this.#noted(began, answer);
      this.retries += 1;
      await pause(retryAfter(answer), undefined, { signal: this.#signal });
    }
  }

  #noted(began: number, answer: Answer): Answer {
    const isApplied = answer.status < 400 && typeof answer.body['index'] === 'number';
    if (this.#watch === undefined || !isApplied || began < this.#watch.since) return answer;
    this.#watch.applied(performance.now());
    this.#watch = undefined;
    return answer;
  }

  #once(url: string, { method, path, sent }: Request): Promise<Answer> {
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
        `${url}${path}`,
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
  return Number.isFinite(said) ? Math.min(said * 1000, RETRY_MS_MAX) : RETRY_MS;
}
