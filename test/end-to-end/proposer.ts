/** The two ways a client proposes commands: a request each, or a pipeline over one websocket. */
import type { Agent } from 'node:http';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { ask } from './ask.ts';
import type { KeyedCommand } from './ledger.ts';

export type Answer =
  | {
      readonly kind: 'written';
      readonly index: number;
      readonly outcome: string;
      readonly facts: unknown;
      readonly token?: number;
    }
  | { readonly kind: 'refused'; readonly code: string; readonly index?: number };

export interface Proposer {
  readonly via: KeyedCommand['via'];
  /** @throws when the connection breaks before the answer: nobody knows then */
  propose(command: KeyedCommand): Promise<Answer>;
  close(): void;
}

export class HttpProposer implements Proposer {
  readonly via = 'http';
  readonly #url: string;
  readonly #agent: Agent;

  constructor(url: string, agent: Agent) {
    // A disk that stands still for some seconds is no answer.
    this.#url = `${url}/v1/commands?timeout=60s`;
    this.#agent = agent;
  }

  async propose({ key, type, data }: KeyedCommand): Promise<Answer> {
    const headers = { 'idempotency-key': key };
    const body = { type, data };
    const { status, text } = await ask(this.#url, { headers, body, agent: this.#agent });
    const members = JSON.parse(text) as object;
    return { ...members, kind: status === 200 ? 'written' : 'refused' } as Answer;
  }

  close(): void {
    // The agent belongs to whoever made it.
  }
}

/** Well within what a frame may hold: 1 000 messages, 256 KiB. */
const FRAME_MESSAGES = 500;
const FRAME_LENGTH = 128 * 1024;

function framesOf(messages: readonly string[]): readonly string[] {
  const frames: string[][] = [];
  let length = Number.POSITIVE_INFINITY;
  for (const message of messages) {
    const frame = frames.at(-1);
    const fits = length + message.length < FRAME_LENGTH;
    if (frame !== undefined && fits && frame.length < FRAME_MESSAGES) frame.push(message);
    else {
      frames.push([message]);
      length = 0;
    }
    length += message.length;
  }
  return frames.map((frame) => `[${frame.join(',')}]`);
}

/** What comes back: `ref` says to which proposal. */
interface Message {
  readonly kind: string;
  readonly ref?: string;
  readonly problem?: object;
}

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (broken: Error) => void;
}

export class StreamProposer implements Proposer {
  readonly via = 'stream';
  readonly #socket: WebSocket;
  readonly #waiting = new Map<string, Waiting>();
  /** What was proposed in this turn travels in one frame. */
  #outgoing: string[] = [];
  #broken = false;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => this.#heard(JSON.parse(data.toString())));
    socket.on('error', () => this.#break());
    socket.on('close', () => this.#break());
  }

  static async connect(url: string): Promise<StreamProposer> {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/stream?group=main&after=head`);
    const proposer = new StreamProposer(socket);
    await once(socket, 'open');
    return proposer;
  }

  propose({ key, type, data }: KeyedCommand): Promise<Answer> {
    if (this.#broken) return Promise.reject(new Error('the connection is gone'));
    return new Promise((resolve, reject) => {
      this.#waiting.set(key, { resolve, reject });
      if (this.#outgoing.length === 0) setImmediate(() => this.#send());
      this.#outgoing.push(JSON.stringify({ kind: 'propose', ref: key, type, data, key }));
    });
  }

  close(): void {
    this.#socket.terminate();
  }

  #send(): void {
    const messages = this.#outgoing;
    this.#outgoing = [];
    if (this.#broken) return;
    for (const frame of framesOf(messages)) this.#socket.send(frame);
  }

  #heard(frame: Message | readonly Message[]): void {
    const messages: readonly Message[] = Array.isArray(frame) ? frame : [frame as Message];
    for (const message of messages) this.#settle(message);
  }

  #settle({ kind, ref = '', problem, ...rest }: Message): void {
    const waiting = this.#waiting.get(ref);
    this.#waiting.delete(ref);
    if (kind === 'proposed') waiting?.resolve({ ...rest, kind: 'written' } as Answer);
    if (kind === 'refused') waiting?.resolve({ ...problem, kind: 'refused' } as Answer);
  }

  #break(): void {
    this.#broken = true;
    for (const { reject } of this.#waiting.values()) reject(new Error('the connection broke'));
    this.#waiting.clear();
  }
}
