/**
 * Clients that know all nodes and lose a leader: writes at a fixed rate, to each node in turn, whatever
 * becomes of the others. The blow is struck from here, so that one clock says how long nothing was
 * acknowledged.
 *
 * ```
 *  orders ─▶ writes … strike: a signal, or the wish to hand over ─▶ recovered … end ─▶ acks written, ended
 *                        └── nodes have moved: urls ◀── the parent
 * ```
 *
 * A client waits half a second for an answer and then goes elsewhere: etcd lets a write that was on its way
 * to the dead leader hang for seconds.
 */
import { Agent, request } from 'node:http';
import { indexIn, requestOf, termIn } from './http-request.ts';
import { LoadCounter, type Numbered, ordersReceived, tell } from './load.ts';

export type Strike =
  | { readonly kind: 'signal'; readonly pid: number; readonly signal: 'SIGKILL' | 'SIGSTOP' }
  | { readonly kind: 'ask'; readonly url: string };

export type FailoverOrder =
  | { readonly kind: 'urls'; readonly urls: readonly string[] }
  | { readonly kind: 'strike'; readonly strike: Strike }
  | { readonly kind: 'end' };

/** What was going on when the leader was struck. */
interface Blow {
  readonly at: number;
  readonly term: number;
  quietSince: number;
  gapMs: number;
}

const ANSWER_MS_MAX = 500;

const counter = new LoadCounter(await ordersReceived());
const agent = new Agent({ keepAlive: true });
let { urls } = counter.orders;
let [turn, term] = [0, 0];
let blow: Blow | undefined;

function send(numbered: Numbered): void {
  const { method, path, body } = requestOf(numbered.command);
  const url = `${urls[turn++ % urls.length]}${path}`;
  const began = performance.now();
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const asking = request(url, { agent, method, headers }, (response) => {
    const pieces: Buffer[] = [];
    response.on('data', (piece: Buffer) => pieces.push(piece));
    response.on('error', () => undefined);
    response.on('end', () => {
      clearTimeout(patience);
      const answer = Buffer.concat(pieces).toString('utf8');
      if (response.statusCode !== 200) return counter.refused(answer);
      counter.answered(numbered.ref, indexIn(answer));
      acknowledged(began, termIn(answer));
    });
  });
  const patience = setTimeout(() => asking.destroy(), ANSWER_MS_MAX);
  asking.on('close', () => clearTimeout(patience));
  asking.on('error', () => counter.refused('no answer'));
  asking.end(body);
}

function acknowledged(began: number, saidTerm: number): void {
  const now = performance.now();
  term = Math.max(term, saidTerm);
  if (blow === undefined) return;
  blow.gapMs = Math.max(blow.gapMs, now - blow.quietSince);
  blow.quietSince = now;
  if (began < blow.at || saidTerm <= blow.term) return;
  tell({ kind: 'recovered', ms: now - blow.at, gapMs: blow.gapMs });
  blow = undefined;
}

function strike(how: Strike): void {
  const at = performance.now();
  blow = { at, term, quietSince: at, gapMs: 0 };
  if (how.kind === 'signal') process.kill(how.pid, how.signal);
  else request(how.url, { method: 'POST' }, (response) => response.resume()).end();
}

process.on('message', (order: FailoverOrder) => {
  if (order.kind === 'urls') ({ urls } = order);
  if (order.kind === 'strike') strike(order.strike);
  if (order.kind === 'end') counter.end();
});
counter.runClock();
counter.keepRate(counter.orders.rate ?? 1, (due) => {
  for (const moment of due) send(counter.next(moment));
});
