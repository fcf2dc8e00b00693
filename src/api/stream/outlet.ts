/**
 * What leaves on one websocket, and how much of it waits for the client.
 *
 * ```
 *           buffered ≥ 1 MiB
 *   open ─────────────────────▶ full ── nothing drained for STALL_MS_MAX ──▶ stalled
 *    ▲                           │
 *    └───── buffered ≤ 256 KiB ──┘
 * ```
 *
 * Whoever sends much asks `hasRoom` first and goes on when told of room; what is small and owed (answers,
 * heartbeats) is sent regardless, and whoever owes it stops taking on more.
 */
import { WebSocket } from 'ws';
import type { Clock, Milliseconds } from '../../log/time.ts';

const BUFFERED_HIGH = 1024 * 1024;
const BUFFERED_LOW = 256 * 1024;
/** A client that takes nothing for so long is sent away; it knows where to resume. */
export const STALL_MS_MAX: Milliseconds = 60_000;

const TEXT = { binary: false } as const;

export class Outlet {
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  readonly #onRoom: () => void;
  readonly #sent = (): void => this.#drained();
  /** When something last drained, while it is full. */
  #drainedAt: Milliseconds | undefined;

  constructor(socket: WebSocket, clock: Clock, onRoom: () => void) {
    this.#socket = socket;
    this.#clock = clock;
    this.#onRoom = onRoom;
  }

  get hasRoom(): boolean {
    return this.#drainedAt === undefined;
  }

  get isStalled(): boolean {
    if (this.#drainedAt === undefined) return false;
    return this.#clock.monotonic() - this.#drainedAt >= STALL_MS_MAX;
  }

  /** Sends one message; nothing once the socket is closing. */
  message(message: object): void {
    this.frame(JSON.stringify(message));
  }

  /** Sends a whole frame of text. */
  frame(text: string | Buffer): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    this.#socket.send(text, TEXT, this.#sent);
    if (this.#socket.bufferedAmount >= BUFFERED_HIGH) this.#drainedAt ??= this.#clock.monotonic();
  }

  #drained(): void {
    if (this.#drainedAt === undefined) return;
    this.#drainedAt = this.#clock.monotonic();
    if (this.#socket.bufferedAmount > BUFFERED_LOW) return;
    this.#drainedAt = undefined;
    this.#onRoom();
  }
}
