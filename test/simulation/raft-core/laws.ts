/** All laws together: each moment is told to those that watch for it, and what they find broken is collected. */
import type { Entry } from '../../../src/protocols/raft/core/entry.ts';
import type { Effects, Role, Settled, Write } from '../../../src/protocols/raft/core/input.ts';
import type { Message } from '../../../src/protocols/raft/core/messages.ts';
import type { Asked } from './asked.ts';
import type { Host } from './host.ts';
import type { Law, LawMaker, Observed } from './law.ts';
import type { Snapshot } from './log-image.ts';
import { acknowledgedIsKept } from './laws/acknowledged-is-kept.ts';
import { bounded } from './laws/bounded.ts';
import { clientOrder } from './laws/client-order.ts';
import { committedIsDurable } from './laws/committed-is-durable.ts';
import { committedIsKept } from './laws/committed-is-kept.ts';
import { durableBeforeAnswer } from './laws/durable-before-answer.ts';
import { failedDisk } from './laws/failed-disk.ts';
import { leaderAppendOnly } from './laws/leader-append-only.ts';
import { leaderCompleteness } from './laws/leader-completeness.ts';
import { leaderUpToDate } from './laws/leader-up-to-date.ts';
import { logMatching } from './laws/log-matching.ts';
import { monotone } from './laws/monotone.ts';
import { oneChangeAtATime } from './laws/one-change-at-a-time.ts';
import { oneLeaderPerTerm } from './laws/one-leader-per-term.ts';
import { oneVotePerTerm } from './laws/one-vote-per-term.ts';
import { ownTermCommits } from './laws/own-term-commits.ts';
import { settledOnce } from './laws/settled-once.ts';
import { stateMachineSafety } from './laws/state-machine-safety.ts';

export const LAWS: readonly LawMaker[] = [
  oneLeaderPerTerm,
  oneVotePerTerm,
  leaderAppendOnly,
  logMatching,
  leaderCompleteness,
  leaderUpToDate,
  stateMachineSafety,
  committedIsDurable,
  committedIsKept,
  acknowledgedIsKept,
  durableBeforeAnswer,
  ownTermCommits,
  monotone,
  oneChangeAtATime,
  failedDisk,
  bounded,
  settledOnce,
  clientOrder,
];

export interface Violation {
  readonly law: string;
  readonly how: string;
}

type Moment = Exclude<keyof Law, 'name'>;

export class Laws {
  readonly violations: Violation[] = [];
  readonly #watching: { readonly [M in Moment]: readonly Law[] };

  constructor(observed: Observed) {
    const laws = LAWS.map((make) => {
      const law: Law = make(observed, (how) => this.violations.push({ law: law.name, how }));
      return law;
    });
    const watching = (moment: Moment): readonly Law[] =>
      laws.filter((law) => law[moment] !== undefined);
    this.#watching = {
      started: watching('started'),
      became: watching('became'),
      wrote: watching('wrote'),
      sent: watching('sent'),
      committed: watching('committed'),
      applied: watching('applied'),
      installed: watching('installed'),
      asked: watching('asked'),
      settled: watching('settled'),
      served: watching('served'),
      turned: watching('turned'),
    };
  }

  started(host: Host): void {
    for (const law of this.#watching.started) law.started?.(host);
  }

  became(host: Host, role: Role, term: number): void {
    for (const law of this.#watching.became) law.became?.(host, role, term);
  }

  wrote(host: Host, write: Write): void {
    for (const law of this.#watching.wrote) law.wrote?.(host, write);
  }

  sent(host: Host, message: Message): void {
    for (const law of this.#watching.sent) law.sent?.(host, message);
  }

  committed(host: Host, from: number, to: number): void {
    for (const law of this.#watching.committed) law.committed?.(host, from, to);
  }

  applied(host: Host, entry: Entry): void {
    for (const law of this.#watching.applied) law.applied?.(host, entry);
  }

  installed(host: Host, snapshot: Snapshot): void {
    for (const law of this.#watching.installed) law.installed?.(host, snapshot);
  }

  asked(asked: Asked): void {
    for (const law of this.#watching.asked) law.asked?.(asked);
  }

  settled(asked: Asked, settled: Settled): void {
    for (const law of this.#watching.settled) law.settled?.(asked, settled);
  }

  served(asked: Asked, applied: number): void {
    for (const law of this.#watching.served) law.served?.(asked, applied);
  }

  turned(host: Host, effects: Effects): void {
    for (const law of this.#watching.turned) law.turned?.(host, effects);
  }
}
