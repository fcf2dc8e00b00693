/**
 * Many clients of a real cluster that write down what they asked and heard. Each does one thing at a time on
 * an object of its choice, at any node; when it did not hear, it may ask again under the same key, elsewhere,
 * and gives up at last: then nobody knows, and the operation stays open.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { between, type Random, seeded } from '../../tools/random.ts';
import type { Asked, Recorder } from './history.ts';
import { type Meaning, meaningOf, type Question, questionOf, SERVED } from './questions.ts';
import { keysOf, pick, type Wisher, wisher } from './wishes.ts';

export interface ClientOptions {
  readonly seed: number;
  readonly clients: number;
  readonly objects: number;
  /** From 2 on: others were here before, and these begin with objects of their own. */
  readonly round?: number;
  readonly leaseMs: number;
  readonly recorder: Recorder;
  /** Where nodes serve, now; none: nobody is asked. */
  readonly urls: () => readonly string[];
  /** What a client rests after an operation, half of it to one and a half; 0 unless said. */
  readonly paceMs?: number;
}

/** How often it asks again; drawn anew for each operation, so that some are given up at once. */
const RETRIES_MAX = 4;
const ANSWER_MS_MAX = 3_000;
/** What the service is told: a little less, so that it can say that it does not know. */
const SERVER_TIMEOUT = '2s';
/** After nothing happened: not at once again, and ever later, or those who ask would keep others from answering. */
const REST_MS = 25;
const REST_MS_MAX = 800;

export interface Tally {
  answered: number;
  open: number;
  /** By what the service said. */
  readonly nothing: Map<string, number>;
}

/** What is asked, under a key that stays the same while it is asked again. */
type Keyed = Pick<Asked, 'key' | 'input' | 'once'>;

export class Clients {
  readonly #options: ClientOptions;
  readonly #random: Random;
  readonly #slots: readonly string[];
  /** How often each object was over, and another began in its place. */
  readonly #lives = new Map<string, number>();
  readonly #tally: Tally = { answered: 0, open: 0, nothing: new Map() };
  #loops: Promise<unknown> = Promise.resolve();
  #isStopping = false;
  #drawn = 0;

  private constructor(options: ClientOptions) {
    this.#options = options;
    this.#random = seeded(options.seed);
    const slots = keysOf(options.objects, SERVED);
    const { round = 1 } = options;
    this.#slots = round === 1 ? slots : slots.map((slot) => `${slot}-of-${round}`);
  }

  static start(options: ClientOptions): Clients {
    const clients = new Clients(options);
    const names = Array.from({ length: options.clients }, (_, at) => `c${at + 1}`);
    clients.#loops = Promise.all(names.map((name) => clients.#live(name)));
    // Whoever stops them hears of it.
    clients.#loops.catch(() => undefined);
    return clients;
  }

  get tally(): Readonly<Tally> {
    return this.#tally;
  }

  /** Resolves when every operation under way is over or given up. @throws what a client could not make sense of */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#loops;
  }

  async #live(client: string): Promise<void> {
    const wishers = new Map<string, Wisher>();
    let setbacks = 0;
    while (!this.#isStopping) {
      const slot = pick(this.#random, this.#slots);
      const key = `${slot}.${this.#lives.get(slot) ?? 0}`;
      const wishes = wishers.get(key) ?? this.#wisher(client, key);
      wishers.set(key, wishes);
      const hasHeard = await this.#operate({ client, key, input: wishes.next() }, wishes);
      setbacks = hasHeard ? 0 : setbacks + 1;
      if (!hasHeard) await pause(restAfter(setbacks));
      await this.#rest();
    }
  }

  async #rest(): Promise<void> {
    const { paceMs = 0 } = this.#options;
    if (paceMs > 0) await pause(between(this.#random, paceMs / 2, paceMs * 1.5));
  }

  /** @returns whether somebody answered */
  async #operate(
    asked: { readonly client: string; readonly key: string; readonly input: unknown },
    wishes: Wisher,
  ): Promise<boolean> {
    const { recorder } = this.#options;
    const question = questionOf(asked.key, asked.input);
    const once = question.method === 'GET' ? undefined : randomUUID();
    const call = recorder.call({ ...asked, once });
    const meaning = await this.#asked(question, { ...asked, once });
    if (meaning.kind === 'answer') {
      const { output, entry } = meaning;
      recorder.answered(call, { ...output, ...(entry === undefined ? {} : { entry }) });
      this.#tally.answered += 1;
      this.#noteEnd(asked.key, output);
      wishes.heard(asked.input, output);
    } else if (meaning.kind === 'nothing') {
      recorder.withoutEffect(call);
      this.#tally.nothing.set(meaning.code, (this.#tally.nothing.get(meaning.code) ?? 0) + 1);
    } else {
      this.#tally.open += 1;
      wishes.heard(asked.input, undefined);
    }
    return meaning.kind === 'answer';
  }

  /** Asks until there is an answer, or gives up. */
  async #asked(question: Question, asked: Keyed): Promise<Meaning> {
    let isUnknown = false;
    let code = '';
    const attempts = 1 + between(this.#random, 0, RETRIES_MAX);
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      const meaning = await this.#sent(question, asked);
      if (meaning.kind === 'answer') return meaning;
      ({ code } = meaning);
      isUnknown ||= meaning.kind === 'unknown';
      if (this.#isStopping) break;
      await pause(restAfter(attempt));
    }
    // A later attempt that led to nothing says nothing of an earlier one; and who only looked changed nothing.
    const isOpen = isUnknown && question.method !== 'GET';
    return { kind: isOpen ? 'unknown' : 'nothing', code };
  }

  async #sent(
    { method, path, headers, body }: Question,
    { key, input, once }: Keyed,
  ): Promise<Meaning> {
    const urls = this.#options.urls();
    if (urls.length === 0) return { kind: 'nothing', code: 'nobody-serves' };
    const url = `${pick(this.#random, urls)}${path}`;
    const separator = path.includes('?') ? '&' : '?';
    const reply = await fetch(`${url}${separator}timeout=${SERVER_TIMEOUT}`, {
      method,
      headers: {
        ...(once === undefined ? {} : { 'idempotency-key': once }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    })
      .then(async (response) => ({
        status: response.status,
        members: (await response.json()) as object,
      }))
      .catch(broken);
    return 'kind' in reply ? reply : meaningOf(key, input, reply);
  }

  #noteEnd(key: string, output: { readonly kind?: string }): void {
    const [slot = '', life = ''] = key.split('.');
    if (output.kind === 'over' || output.kind === 'illegal')
      this.#lives.set(slot, Number(life) + 1);
  }

  #wisher(client: string, key: string): Wisher {
    return wisher(key, {
      client,
      random: this.#random,
      leaseMs: this.#options.leaseMs,
      fresh: () => (this.#drawn += 1),
    });
  }
}

function restAfter(setbacks: number): number {
  return Math.min(REST_MS_MAX, REST_MS * 2 ** setbacks);
}

/** Who was not there has done nothing; what broke on the way may have arrived. */
function broken(error: unknown): Meaning {
  const { cause } = error as { readonly cause?: { readonly code?: string } };
  const code = cause?.code ?? (error as Error).name;
  return code === 'ECONNREFUSED' ? { kind: 'nothing', code } : { kind: 'unknown', code };
}

/** The entry an operation became, as its answer says; for `log-order.ts`. */
export function entryOf({ answer }: { readonly answer: unknown }): number | undefined {
  return (answer as { readonly output?: { readonly entry?: number } }).output?.entry;
}
