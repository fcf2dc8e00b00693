/**
 * `POST /v1/work/claim`: claims by filter or by name, and waits for work if asked to.
 *
 * ```
 *  something to give? ─ yes ─▶ propose ─▶ claimed, or another was faster ─┐
 *        ▲ │ no                                                           │
 *        │ └─▶ time left? ─ yes ─▶ park ─▶ offered ──┐     ◀──────────────┘
 *        └───────────────────────────────────────────┘
 *                └─ no ─▶ {claimed: []}, and nothing was proposed
 * ```
 */
import { z } from 'zod';
import type { Command } from '../../log/command.ts';
import type { Claim, ClaimRequest } from '../../projections/work-queue/claiming.ts';
import { claimable } from '../../projections/work-queue/claiming.ts';
import { workView } from '../../projections/work-queue/queries.ts';
import { claimerOf } from '../../projections/work-queue/shape.ts';
import { CLAIM_FILTER } from '../../projections/work-queue/work-item.ts';
import type { Parked } from '../parked-claims.ts';
import type { Answered } from '../proposal.ts';
import { problem } from '../wire/problem.ts';
import { type Endpoint, type Incoming, ok, refusal, type Reply, type Serving } from './endpoint.ts';
import { WAIT_MS_MAX, WRITE, WRITE_HEADERS } from './fields.ts';
import { now } from './query.ts';
import { readBody, readPart, together } from './request.ts';
import {
  commandOf,
  propose,
  replyTo,
  ruleOf,
  settled,
  type Write,
  WRITE_PROBLEMS,
} from './write.ts';

const RULE = ruleOf('claim_work');
const ANYTHING = CLAIM_FILTER.parse({});
const WAIT = z
  .number()
  .min(0)
  .max(WAIT_MS_MAX / 1000);

const OPTIONS = z.strictObject(WRITE);
const BODY = z.strictObject({
  ...(RULE.schema as unknown as z.ZodObject).shape,
  wait_seconds: WAIT.default(0).describe('How long to wait for work when there is none.'),
});

async function claim(serving: Serving, incoming: Incoming): Promise<Reply> {
  const request = together({
    query: readPart('query', OPTIONS, incoming),
    headers: readPart('headers', WRITE_HEADERS, incoming),
    body: readBody(BODY, incoming.body),
  });
  if (request.kind === 'problem') return refusal(request.problem);
  const { body, headers, query: options } = request.values;
  const { wait_seconds, ...data } = body;
  const write: Write = { rule: RULE, type: 'claim_work', data, headers, options, incoming };
  if (options.dry_run) return replyTo(await propose(serving, serving.node.main, write));
  // BODY is the command's own schema and one field more.
  const claiming = new Claiming(serving, write, data as unknown as ClaimRequest);
  return claiming.within(wait_seconds * 1000);
}

/** What a wait comes to that ended without an offer. */
const UNPARKED: { readonly [Kind in Exclude<Parked, 'offered'>]: () => Reply } = {
  late: () => ok(NOTHING),
  crowded: () =>
    refusal(problem('backpressure', 'too many claims wait here; nothing was proposed')),
  stopped: () => refusal(problem('shutting-down', 'this node is stopping; ask another')),
};

const NOTHING = { claimed: [], facts: [], results: [] };

/** One caller's claim, from the first try to the answer. */
class Claiming {
  readonly #serving: Serving;
  readonly #write: Write;
  readonly #command: Command;
  readonly #request: ClaimRequest;

  constructor(serving: Serving, write: Write, request: ClaimRequest) {
    this.#serving = serving;
    this.#write = write;
    this.#command = commandOf(write);
    this.#request = request;
  }

  /** Tries until there is an answer or the wait is over. */
  async within(wait: number): Promise<Reply> {
    const { clock } = this.#serving.node;
    const until = clock.monotonic() + wait;
    const signal = this.#write.incoming.gone();
    for (;;) {
      const answer = await this.#tried();
      if (answer !== undefined) return answer;
      const within = until - clock.monotonic();
      const parked = await this.#serving.claims.park({ claimer: this.#claimer(), within, signal });
      if (parked !== 'offered') return UNPARKED[parked]();
    }
  }

  /** The answer, unless there was nothing to give. */
  async #tried(): Promise<Reply | undefined> {
    if (!this.#isWorthProposing()) return undefined;
    const result = await this.#proposed();
    return this.#isFinal(result) ? this.#reply(result) : undefined;
  }

  /** A named item has its own answer; a retry has one already; else there must be something to give. */
  #isWorthProposing(): boolean {
    const { main } = this.#serving.node;
    if (this.#request.work_id !== null) return true;
    if (main.machine.recognise(this.#command, main.now()) !== undefined) return true;
    const { node_id, filter } = this.#request;
    return claimable(main.machine.tables, now(main), node_id, filter ?? ANYTHING);
  }

  async #proposed(): Promise<Answered> {
    const result = await settled(
      this.#serving,
      this.#serving.node.main,
      this.#command,
      this.#write,
    );
    // Woken for an item and not given it: refused, or an answer of before.
    if (result.kind === 'problem' || result.replayed) this.#serving.claims.passOn(this.#claimer());
    return result;
  }

  /** With a key the first answer is the only one; without, who was too late may try again. */
  #isFinal(result: Answered): boolean {
    if (result.kind === 'problem' || this.#command.once !== undefined) return true;
    return claimsIn(result).length > 0;
  }

  #reply(result: Answered): Reply {
    if (result.kind === 'problem') return replyTo(result);
    const { main } = this.#serving.node;
    const moment = now(main);
    const claimed = claimsIn(result).map(({ work_id, attempt }) => ({
      ...workView(main.machine.tables, moment, work_id),
      attempt,
    }));
    return replyTo({ ...result, written: { ...result.written, claimed } });
  }

  #claimer(): ReturnType<typeof claimerOf> {
    const { node_id, filter } = this.#request;
    return claimerOf(this.#serving.node.main.machine.tables, node_id, filter ?? ANYTHING);
  }
}

function claimsIn(result: Extract<Answered, { readonly kind: 'written' }>): readonly Claim[] {
  // The results of claim_work are claims.
  return (result.written.results ?? []) as readonly Claim[];
}

export const CLAIM: Endpoint = {
  method: 'POST',
  path: '/v1/work/claim',
  summary: 'Claims the next items a filter allows, or the one that is named; waits if asked to.',
  role: RULE.role,
  query: OPTIONS,
  headers: WRITE_HEADERS,
  body: BODY,
  problems: [...WRITE_PROBLEMS, 'not-found', 'already-claimed', 'illegal-transition', 'conflict'],
  reply: claim,
};
