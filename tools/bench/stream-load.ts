/**
 * Load over one websocket: proposals pipelined, so many in flight or so many a second, all of a turn in one frame.
 */
import { WebSocket } from 'ws';
import { LoadCounter, type Numbered, ordersReceived } from './load.ts';

interface Reply {
  readonly kind: string;
  readonly ref: number;
  readonly index: number;
  readonly problem: unknown;
}

const counter = new LoadCounter(await ordersReceived());
const {
  urls: [url = ''],
  inFlight,
  rate,
} = counter.orders;
/** The load wants to know where its commands stand, as etcd tells of a put: not entries, nor what it said itself. */
const QUIET = 'group=main&after=none&answers=brief';
const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/v1/stream?${QUIET}`, {
  perMessageDeflate: false,
});

/** Sends `count` proposals as one frame. */
function propose(count: number): void {
  const messages: string[] = [];
  for (let at = 0; at < count && !counter.isExhausted; at++) messages.push(asked(counter.next()));
  if (messages.length > 0) socket.send(`[${messages.join(',')}]`);
  else if (counter.isAnswered) socket.close();
}

function asked({ ref, command }: Numbered): string {
  return `{"kind":"propose","ref":${ref},${JSON.stringify(command).slice(1)}`;
}

/** @returns how many proposals this message answers */
function take({ kind, ref, index, problem }: Reply): number {
  if (kind !== 'proposed' && kind !== 'refused') return 0;
  if (kind === 'proposed') counter.answered(ref, index);
  else counter.refused(JSON.stringify(problem));
  return 1;
}

socket.on('open', () => {
  counter.runClock();
  if (rate === null) return propose(inFlight);
  counter.keepRate(rate, (due) =>
    socket.send(`[${due.map((moment) => asked(counter.next(moment))).join(',')}]`),
  );
});
socket.on('message', (data: Buffer) => {
  const said = JSON.parse(data.toString('utf8')) as Reply | readonly Reply[];
  const replies: readonly Reply[] = Array.isArray(said) ? said : [said as Reply];
  const answered = replies.reduce((sum, reply) => sum + take(reply), 0);
  if (answered > 0 && rate === null) propose(answered);
});
socket.on('error', () => undefined);
socket.on('close', () => counter.end());
