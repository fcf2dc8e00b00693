/**
 * Clients that keep a node busy and write down what it promised them: some over HTTP, one command at a time,
 * some over one websocket, many commands at a time.
 *
 * Each caller walks the life of a work item (add, claim, complete) again and again, each command under a
 * key of its own. A caller whose connection breaks notes its doubt and is done.
 */
import { Agent } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from './condition.ts';
import type { Acknowledged, KeyedCommand, Ledger } from './ledger.ts';
import { type Answer, HttpProposer, type Proposer, StreamProposer } from './proposer.ts';

export interface LoadOptions {
  readonly ledger: Ledger;
  /** Callers over HTTP. */
  readonly http: number;
  /** Callers over the websocket. */
  readonly pipelined: number;
  /** Bytes of payload in each item of work. */
  readonly bytes?: number;
}

const REFUSED_MS = 20;

let items = 0;

export class Load {
  readonly #options: LoadOptions;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #refusals: Answer[] = [];
  #proposers: readonly Proposer[] = [];
  #callers: Promise<unknown> = Promise.resolve();
  #stopping = false;
  #acknowledged = 0;

  private constructor(options: LoadOptions) {
    this.#options = options;
  }

  static async start(url: string, options: LoadOptions): Promise<Load> {
    const load = new Load(options);
    const http = new HttpProposer(url, load.#agent);
    const stream = options.pipelined === 0 ? undefined : await StreamProposer.connect(url);
    load.#proposers = stream === undefined ? [http] : [http, stream];
    load.#callers = Promise.all([
      ...Array.from({ length: options.http }, () => load.#call(http)),
      ...Array.from({ length: options.pipelined }, () => load.#call(stream ?? http)),
    ]);
    return load;
  }

  /** How many answers came since this load started. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Answers that were no outcome: backpressure, shutting down. */
  get refusals(): readonly Answer[] {
    return this.#refusals;
  }

  async reaches(acknowledged: number): Promise<void> {
    await until(`${acknowledged} answers`, () => this.#acknowledged >= acknowledged, 300_000);
  }

  /** Asks nothing new; resolves when every question has its answer, or a broken connection. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#callers;
    for (const proposer of this.#proposers) proposer.close();
    this.#agent.destroy();
  }

  async #call(proposer: Proposer): Promise<void> {
    while (!this.#stopping && (await this.#life(proposer)));
  }

  /** A caller who is refused comes again, though not at once: that would keep others from answering. */
  async #refused(answer: Answer | undefined): Promise<boolean> {
    if (answer !== undefined) await pause(REFUSED_MS);
    return answer !== undefined;
  }

  /** @returns false when the connection is gone */
  async #life(proposer: Proposer): Promise<boolean> {
    items += 1;
    const work_id = `item-${process.pid}-${items}`;
    const config = { payload: 'x'.repeat(this.#options.bytes ?? 64) };
    const step = (type: string, data: object): Promise<Answer | undefined> =>
      this.#ask(proposer, {
        key: `${work_id}-${type}`,
        via: proposer.via,
        type,
        data: { work_id, ...data },
      });

    const added = await step('add_work', { config });
    if (added?.kind !== 'written') return this.#refused(added);
    const claimed = await step('claim_work', { node_id: 'worker' });
    if (claimed?.kind !== 'written') return this.#refused(claimed);
    return (await step('complete_work', { token: claimed.token })) !== undefined;
  }

  async #ask(proposer: Proposer, command: KeyedCommand): Promise<Answer | undefined> {
    try {
      this.#options.ledger.doubt(command);
      const answer = await proposer.propose(command);
      this.#note(command, answer);
      return answer;
    } catch {
      return undefined;
    }
  }

  #note(command: KeyedCommand, answer: Answer): void {
    this.#acknowledged += 1;
    if (answer.kind === 'refused') this.#refusals.push(answer);
    settle(this.#options.ledger, command, answer);
  }
}

function settle(ledger: Ledger, command: KeyedCommand, answer: Answer): void {
  if (answer.kind === 'written') ledger.acknowledge({ ...command, ...placeOf(answer) });
  else if (answer.code !== 'commit-unknown') ledger.withdraw(command);
}

function placeOf({
  index,
  outcome,
  facts,
}: Answer & { readonly kind: 'written' }): Pick<Acknowledged, 'index' | 'outcome' | 'facts'> {
  return { index, outcome, facts };
}

/** Asks about everything doubtful again, under the same keys, until nothing is. */
export async function resolveDoubts(url: string, ledger: Ledger): Promise<void> {
  if (ledger.doubtful.length === 0) return;
  const agent = new Agent({ keepAlive: true });
  const http = new HttpProposer(url, agent);
  const stream = await StreamProposer.connect(url);
  await Promise.all(
    ledger.doubtful.map(async (command) => {
      const answer = await (command.via === 'http' ? http : stream).propose(command);
      settle(ledger, command, answer);
    }),
  );
  stream.close();
  agent.destroy();
}
