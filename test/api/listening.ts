/** A client of the stream that keeps what it hears, checks the chain, and can stop listening. */
import { WebSocket } from 'ws';
import { until } from './running-node.ts';

export interface Heard {
  readonly [member: string]: unknown;
  readonly kind: string;
}

interface Entries {
  readonly prev: number;
  readonly last: number;
  readonly items: readonly { readonly index: number }[];
}

/** Where each kind of message says that the subscriber is. */
const PLACE: Readonly<Record<string, string>> = { subscribed: 'after', progress: 'covered' };

export class Listening {
  readonly socket: WebSocket;
  readonly heard: Heard[] = [];
  /** Indices in the order they came. */
  readonly indices: number[] = [];
  /** Where the chain of frames ended, and whether it ever broke. */
  covered: number;
  broken = 0;
  frames = 0;
  closed: { readonly code: number; readonly reason: string } | undefined;

  constructor(socket: WebSocket, after = 0) {
    this.socket = socket;
    this.covered = after;
    socket.on('message', (data: Buffer) => this.#frame(data.toString()));
    socket.on('close', (code: number, reason: Buffer) => {
      this.closed = { code, reason: reason.toString() };
    });
    socket.on('error', () => undefined);
  }

  /** Over a real socket. */
  static async connect(url: string, query = 'after=0'): Promise<Listening> {
    const after = Number(/after=(\d+)/.exec(query)?.[1] ?? 0);
    const at = `${url.replace('http', 'ws')}/v1/stream?${query}`;
    const listening = new Listening(new WebSocket(at), after);
    await until('the socket is open', () => listening.socket.readyState !== WebSocket.CONNECTING);
    return listening;
  }

  of(kind: string): readonly Heard[] {
    return this.heard.filter((message) => message.kind === kind);
  }

  async hears(kind: string, count = 1): Promise<Heard> {
    await until(`${count} × ${kind}`, () => this.of(kind).length >= count);
    return this.of(kind)[count - 1] as Heard;
  }

  async reaches(index: number, deadline?: number): Promise<void> {
    await until(`entry ${index} is heard`, () => this.covered >= index, deadline);
  }

  async ends(): Promise<{ readonly code: number; readonly reason: string }> {
    await until('the socket is closed', () => this.closed !== undefined);
    return this.closed as { code: number; reason: string };
  }

  say(message: unknown): void {
    this.socket.send(JSON.stringify(message));
  }

  #frame(text: string): void {
    this.frames += 1;
    const said = JSON.parse(text) as Heard | readonly Heard[];
    for (const message of Array.isArray(said) ? said : [said]) this.#message(message as Heard);
  }

  #message(message: Heard): void {
    const { items: _items, ...rest } = message;
    this.heard.push(rest);
    const place = PLACE[message.kind];
    if (place !== undefined) this.covered = Number(message[place]);
    if (message.kind === 'entries') this.#entries(message as unknown as Entries);
  }

  #entries({ prev, last, items }: Entries): void {
    if (prev !== this.covered) this.broken += 1;
    for (const { index } of items) this.indices.push(index);
    this.covered = last;
  }
}
