/**
 * Asking the others, before a damaged store is given up, whether they can do without it.
 *
 * ```
 *  ["confirm"]   takes part, and a majority answers its leader ─▶ ["confirmed", cluster]
 *                else ─────────────────────────────────────────▶ ["refused", why]
 * ```
 *
 * The store that asks is not open, so the majority that answers is one without it: it holds everything that
 * was ever acknowledged, and can take in another store in its place. Without that, what is left of the
 * damaged store may be needed, and nothing is done with it.
 */
import { membersById } from '../../log/members.ts';
import type { Clock, Milliseconds } from '../../log/time.ts';
import type { PeerIdentity } from '../transport/network.ts';
import type { Exchange } from './exchange.ts';
import type { RaftEngine } from './raft-engine.ts';

const CONFIRM_TOPIC = 'confirm';
const PAUSE_MS: Milliseconds = 250;

export interface Confirmer {
  readonly engine: RaftEngine;
  readonly clusterId: () => string;
}

/** Lets this node answer others that ask. */
export function answerConfirm(exchange: Exchange, confirmer: Confirmer): void {
  exchange.answer(CONFIRM_TOPIC, (from) => confirm(from, confirmer));
}

async function confirm(
  { nodeId }: PeerIdentity,
  { engine, clusterId }: Confirmer,
): Promise<readonly [string, string]> {
  if (!membersById(engine.members()).has(nodeId))
    return ['refused', `${nodeId} takes no part in this cluster`];
  const read = await engine.read();
  if (read.kind === 'at') return ['confirmed', clusterId()];
  return ['refused', `without ${nodeId} there is no majority (${read.code})`];
}

export interface AskingToConfirm {
  readonly exchange: Exchange;
  readonly addresses: readonly string[];
  readonly clock: Clock;
  /** How long it is asked again. */
  readonly patience: Milliseconds;
}

export type Confirmation =
  | { readonly kind: 'confirmed'; readonly clusterId: string }
  | { readonly kind: 'refused'; readonly reason: string };

/** Asks around until one confirms. */
export async function askToConfirm(asking: AskingToConfirm): Promise<Confirmation> {
  const { clock, patience } = asking;
  const until = clock.monotonic() + patience;
  let last = await askAround(asking);
  while (last.kind === 'refused' && clock.monotonic() < until) {
    await new Promise<void>((resolve) => void clock.after(PAUSE_MS, resolve));
    last = await askAround(asking);
  }
  return last;
}

const SILENCE: Confirmation = { kind: 'refused', reason: 'no other node answers' };

async function askAround({ exchange, addresses }: AskingToConfirm): Promise<Confirmation> {
  const answers = await Promise.all(addresses.map((address) => askOne(exchange, address)));
  const heard = answers.filter((answer) => answer !== undefined);
  return heard.find(({ kind }) => kind === 'confirmed') ?? heard[0] ?? SILENCE;
}

async function askOne(exchange: Exchange, address: string): Promise<Confirmation | undefined> {
  try {
    const answer = await exchange.askNode({ address }, CONFIRM_TOPIC, []);
    const [verdict, detail] = [answer.text(), answer.text()];
    if (verdict === 'confirmed') return { kind: verdict, clusterId: detail };
    return { kind: 'refused', reason: detail };
  } catch {
    // Not there, or one that does not know the question.
    return undefined;
  }
}
