/** All laws together: each moment is told to those that watch for it, and what they find broken is collected. */
import { decodeEntry } from '../../../src/log/command.ts';
import type { Outcome } from '../../../src/projections/outcome.ts';
import { unpack } from '../../../src/log/message-pack.ts';
import type { Violation } from '../raft-core/laws.ts';
import type { Applied, Law, LawMaker, Observed } from './law.ts';
import { acknowledgedIsKept } from './laws/acknowledged-is-kept.ts';
import { answeredIsDurable } from './laws/answered-is-durable.ts';
import { bounded } from './laws/bounded.ts';
import { cleanExit } from './laws/clean-exit.ts';
import { durableBeforeAnswer } from './laws/durable-before-answer.ts';
import { exactlyOnce } from './laws/exactly-once.ts';
import { failedRulesChangeNothing } from './laws/failed-rules-change-nothing.ts';
import { fenced } from './laws/fenced.ts';
import { inOrder } from './laws/in-order.ts';
import { leaderCompleteness } from './laws/leader-completeness.ts';
import { leasesAreKept } from './laws/leases-are-kept.ts';
import { linearizable } from './laws/linearizable.ts';
import { logMatching } from './laws/log-matching.ts';
import { monotone } from './laws/monotone.ts';
import { noRuleFaults } from './laws/no-rule-faults.ts';
import { noSilentGap } from './laws/no-silent-gap.ts';
import { nothingStuck } from './laws/nothing-stuck.ts';
import { oneLeaderPerTerm } from './laws/one-leader-per-term.ts';
import { oneVotePerTerm } from './laws/one-vote-per-term.ts';
import { replayedIsLive } from './laws/replayed-is-live.ts';
import { samePrefix } from './laws/same-prefix.ts';
import type { Group } from '../../../src/protocols/coordinator/group.ts';
import type { SimulatedNode } from './node.ts';

export const LAWS: readonly LawMaker[] = [
  oneLeaderPerTerm,
  oneVotePerTerm,
  leaderCompleteness,
  logMatching,
  monotone,
  durableBeforeAnswer,
  answeredIsDurable,
  acknowledgedIsKept,
  inOrder,
  samePrefix,
  replayedIsLive,
  exactlyOnce,
  fenced,
  leasesAreKept,
  noSilentGap,
  nothingStuck,
  bounded,
  cleanExit,
  noRuleFaults,
  failedRulesChangeNothing,
  linearizable,
];

type Moment = Exclude<keyof Law, 'name'>;

export class Laws {
  readonly violations: Violation[] = [];
  readonly #observed: Observed;
  readonly #laws: readonly Law[];
  readonly #watching = new Map<Moment, readonly Law[]>();

  constructor(observed: Observed) {
    this.#observed = observed;
    this.#laws = LAWS.map((make) => {
      const law: Law = make(observed, (how) => this.violations.push({ law: law.name, how }));
      return law;
    });
  }

  /** Tells one moment to those that watch for it. */
  tell<M extends Moment>(moment: M, ...told: Parameters<NonNullable<Law[M]>>): void {
    for (const law of this.#watchers(moment))
      (law[moment] as ((...what: typeof told) => void) | undefined)?.(...told);
  }

  /** What a node applied; the first to apply an index decides it. */
  applied(node: SimulatedNode, group: Group, applied: Applied): void {
    this.tell('applied', node, group, applied);
    const chronicle = this.#observed.chronicles.of(group.id);
    const { index, frame, outcome } = applied;
    if (chronicle.last + 1 !== index || outcome === undefined) return;
    chronicle.push({ frame, outcome, by: node.id });
    this.tell('decided', group.id, decodeEntry(frame), unpack(Buffer.from(outcome)) as Outcome);
  }

  #watchers(moment: Moment): readonly Law[] {
    const known = this.#watching.get(moment);
    if (known !== undefined) return known;
    const watching = this.#laws.filter((law) => law[moment] !== undefined);
    this.#watching.set(moment, watching);
    return watching;
  }
}
