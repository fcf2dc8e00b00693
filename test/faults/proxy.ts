/**
 * A link between two peers that can be cut, slowed, or made deaf in one direction: a TCP proxy, one listener
 * per link, many connections, each of two flows.
 *
 * ```
 *            ┌──────────── link ────────────┐
 *  dialler ──┼──▶ there: open, slow, held ──┼──▶ target
 *            ┼◀── back:  open, slow, held ◀─┼──
 *            └── cut: reset, and no other ──┘
 * ```
 *
 * `held` is what a network does that loses packets: nothing arrives, nobody is told, not even that the
 * other end is gone; and when it is over, TCP delivers what was sent meanwhile. `cut` is what a network does
 * that says no: connections are reset, and new ones end at once. What a proxy cannot do is to leave a
 * dialler without an answer: under `held` new connections open, and nothing comes through them.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export type Condition =
  | { readonly kind: 'open' }
  | { readonly kind: 'slow'; readonly milliseconds: number }
  | { readonly kind: 'held' };

export const OPEN: Condition = { kind: 'open' };
export const HELD: Condition = { kind: 'held' };

export type Direction = 'there' | 'back';

/** Bytes on their way through a slow flow; beyond, the sender is not read from. */
const UNDER_WAY_BYTES_MAX = 4 * 1024 * 1024;

/** Bytes that are let through at some time, or the end of them. */
interface Delayed {
  readonly due: number;
  readonly deliver: () => void;
  readonly bytes: number;
}

/** One direction of one connection. */
class Flow {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #underWay: Delayed[] = [];
  #condition: Condition;
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, condition: Condition) {
    this.#from = from;
    this.#to = to;
    this.#condition = condition;
    from.on('data', (bytes) => this.#take(bytes.length, () => void to.write(bytes)));
    from.on('end', () => this.#take(0, () => void to.end()));
    // A reset, too, takes its time and may be held up.
    from.on('error', () => this.#take(0, () => void to.resetAndDestroy()));
    from.on('close', () => this.#take(0, () => to.destroySoon()));
    to.on('drain', () => this.#pump());
    this.#pump();
  }

  set(condition: Condition): void {
    this.#condition = condition;
    this.#pump();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#underWay.length = 0;
  }

  #take(bytes: number, deliver: () => void): void {
    const delay = this.#condition.kind === 'slow' ? this.#condition.milliseconds : 0;
    this.#underWay.push({ due: performance.now() + delay, deliver, bytes });
    this.#bytes += bytes;
    this.#pump();
  }

  /** Delivers what is due, and reads on only if there is room. */
  #pump(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#condition.kind !== 'held') this.#deliver();
    const isOpen = this.#condition.kind !== 'held' && !this.#to.writableNeedDrain;
    if (isOpen && this.#bytes < UNDER_WAY_BYTES_MAX) this.#from.resume();
    else this.#from.pause();
  }

  #deliver(): void {
    for (let next = this.#underWay[0]; next !== undefined; next = this.#underWay[0]) {
      const wait = next.due - performance.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => this.#pump(), Math.ceil(wait));
        return;
      }
      this.#underWay.shift();
      this.#bytes -= next.bytes;
      if (!this.#to.destroyed) next.deliver();
    }
  }
}

/** A connection through a link. */
export class Connection {
  readonly #sockets: readonly [Socket, Socket];
  readonly #flows: Readonly<Record<Direction, Flow>>;

  constructor(dialler: Socket, target: Socket, conditions: Readonly<Record<Direction, Condition>>) {
    for (const socket of [dialler, target]) socket.setNoDelay(true);
    this.#sockets = [dialler, target];
    this.#flows = {
      there: new Flow(dialler, target, conditions.there),
      back: new Flow(target, dialler, conditions.back),
    };
  }

  /** Of this connection alone. */
  set(direction: Direction, condition: Condition): void {
    this.#flows[direction].set(condition);
  }

  /** Both ends are told. */
  reset(): void {
    for (const flow of Object.values(this.#flows)) flow.stop();
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  get isOver(): boolean {
    return this.#sockets.every(({ destroyed }) => destroyed);
  }

  /** Resolves when nothing of it is left. */
  async over(): Promise<void> {
    await Promise.all(this.#sockets.map(closed));
  }
}

/** Whether in peace or not. */
async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
}

export interface Target {
  readonly host: string;
  readonly port: number;
}

export class Link {
  readonly #server: Server;
  readonly #target: Target;
  readonly #conditions: Record<Direction, Condition> = { there: OPEN, back: OPEN };
  readonly #connections = new Set<Connection>();
  #isCut = false;

  private constructor(target: Target) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true }, (dialler) => this.#accept(dialler));
  }

  /** Listens on a port of its own, which stays the same while the target comes and goes. */
  static async open(target: Target, host = '127.0.0.1'): Promise<Link> {
    const link = new Link(target);
    link.#server.listen(0, host);
    await once(link.#server, 'listening');
    return link;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Those that are not over, oldest first. */
  get connections(): readonly Connection[] {
    return [...this.#connections].filter(({ isOver }) => !isOver);
  }

  /** Of all its connections, now and later. */
  set(direction: Direction, condition: Condition): void {
    this.#conditions[direction] = condition;
    for (const connection of this.#connections) connection.set(direction, condition);
  }

  cut(): void {
    this.#isCut = true;
    this.reset();
  }

  reset(): void {
    for (const connection of this.#connections) connection.reset();
  }

  /** Neither cut nor slow nor held. */
  heal(): void {
    this.#isCut = false;
    this.set('there', OPEN);
    this.set('back', OPEN);
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cut();
    await Promise.all([...this.#connections].map((connection) => connection.over()));
    await closed;
  }

  #accept(dialler: Socket): void {
    dialler.on('error', () => undefined);
    if (this.#isCut) {
      dialler.resetAndDestroy();
      return;
    }
    const target = connect({ ...this.#target, allowHalfOpen: true });
    target.on('error', () => undefined);
    const connection = new Connection(dialler, target, { ...this.#conditions });
    this.#connections.add(connection);
    void connection.over().then(() => this.#connections.delete(connection));
  }
}
