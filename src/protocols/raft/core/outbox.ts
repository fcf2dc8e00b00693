/** What a core asks of its host, gathered between two takes. */
import type { Effects, Fetch, Settled, Trace } from './input.ts';
import type { Message } from './messages.ts';

export type Gathered = Pick<Effects, 'send' | 'settled' | 'fetch' | 'need_snapshot' | 'trace'>;

/** Most turns ask for one or two of these: the rest shares one list. */
const NONE: readonly never[] = Object.freeze([]);

export class Outbox {
  #send: Message[] = [];
  #settled: Settled[] = [];
  #fetch: Fetch[] = [];
  #needSnapshot: { readonly peer: string; readonly at_least: number }[] = [];
  #trace: Trace[] = [];

  send(message: Message): void {
    this.#send.push(message);
  }

  settle(settled: Settled): void {
    this.#settled.push(settled);
  }

  fetch(fetch: Fetch): void {
    this.#fetch.push(fetch);
  }

  needSnapshot(peer: string, atLeast: number): void {
    this.#needSnapshot.push({ peer, at_least: atLeast });
  }

  trace(trace: Trace): void {
    this.#trace.push(trace);
  }

  drain(): Gathered {
    const gathered = {
      send: drained(this.#send),
      settled: drained(this.#settled),
      fetch: drained(this.#fetch),
      need_snapshot: drained(this.#needSnapshot),
      trace: drained(this.#trace),
    };
    this.#send = emptied(this.#send);
    this.#settled = emptied(this.#settled);
    this.#fetch = emptied(this.#fetch);
    this.#needSnapshot = emptied(this.#needSnapshot);
    this.#trace = emptied(this.#trace);
    return gathered;
  }
}

function drained<Item>(items: Item[]): readonly Item[] {
  return items.length === 0 ? NONE : items;
}

/** What was handed out is the host's; what was empty is used again. */
function emptied<Item>(items: Item[]): Item[] {
  return items.length === 0 ? items : [];
}
