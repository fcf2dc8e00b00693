/**
 * Load over one websocket: proposals pipelined, so many in flight, all of a turn in one frame.
 */
import { WebSocket } from 'ws';
import { LoadCounter, ordersReceived } from './load.ts';

interface Reply {
  readonly kind: string;
  readonly ref: number;
  readonly index: number;
  readonly problem: unknown;
}

const counter = new LoadCounter(await ordersReceived());
const { url, inFlight } = counter.orders;
/** The load wants answers, not entries. */
const QUIET = 'group=main&after=none';
const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/v1/stream?${QUIET}`, {
  perMessageDeflate: false,
});

/** Sends `count` proposals as one frame. */
function propose(count: number): void {
  const messages: string[] = [];
  for (let at = 0; at < count && !counter.isExhausted; at++) {
    const { ref, text } = counter.next();
    messages.push(`{"kind":"propose","ref":${ref},${text.slice(1)}`);
  }
  if (messages.length > 0) socket.send(`[${messages.join(',')}]`);
  else if (counter.isAnswered) socket.close();
}

/** @returns how many proposals this message answers */
function take({ kind, ref, index, problem }: Reply): number {
  if (kind !== 'proposed' && kind !== 'refused') return 0;
  if (kind === 'proposed') counter.answered(ref, index);
  else counter.refused(JSON.stringify(problem));
  return 1;
}

socket.on('open', () => {
  propose(inFlight);
  counter.runClock();
});
socket.on('message', (data: Buffer) => {
  const said = JSON.parse(data.toString('utf8')) as Reply | readonly Reply[];
  const replies: readonly Reply[] = Array.isArray(said) ? said : [said as Reply];
  const answered = replies.reduce((sum, reply) => sum + take(reply), 0);
  if (answered > 0) propose(answered);
});
socket.on('error', () => undefined);
socket.on('close', () => counter.end());
