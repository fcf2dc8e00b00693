/**
 * Whether our tables are what the group agreed on: a `state_root` says what those of the leader hashed to when
 * it took a snapshot. Outcomes are compared every second, but a row that is wrong shows in none before
 * somebody decides by it.
 *
 * ```
 *  a state_root is applied ─▶ our tables at its index, hashed in slices ── the same ─▶ agreed
 *     │ the undo ring does not reach       │ others
 *     ▼ not looked at                      ▼
 *               decided again from the newest snapshot before it, then from an older one
 *                          ├─ what was agreed: a row was wrong in memory ─▶ that takes its place
 *                          └─ never that: the leader is wrong, our snapshots are, or one of us folds with
 *                             other rules ─▶ said, and we go on
 * ```
 *
 * From where it was decided again does not matter where it comes to what was agreed. Outcomes that come of it
 * are not recorded: whether those are right is another question (`comparing.ts`).
 *
 * Nobody ends of it: one leader's word is not a majority's. Where it matters an outcome will differ, and that
 * is judged by all voters (`comparing.ts`).
 */
import { isDeepStrictEqual } from 'node:util';
import { Compacted } from '../../log/fault.ts';
import type { Clock } from '../../log/time.ts';
import type { AppliedEntry, Machine } from '../../projections/machine.ts';
import { rootsAt } from '../../projections/past-roots.ts';
import type { ReadonlyTables } from '../../projections/projection.ts';
import { RULES_VERSION, type StateRootRow } from '../../projections/rules.ts';
import type { SnapshotRoots } from '../../projections/snapshot.ts';
import type { Engine } from '../engine.ts';
import type { Comparing, Verdict } from './comparing.ts';
import type { Rebuilding } from './rebuilding.ts';
import type { Restoring } from './restoring.ts';
import type { Snapshots } from './snapshots.ts';

/** How long it rests for the time it worked. */
const REST_SHARE = 2;

export interface RootCheckingOptions {
  readonly machine: Machine;
  readonly clock: Clock;
  readonly breathe: () => Promise<void>;
  readonly engine: () => Pick<Engine, 'status' | 'whilePaused'>;
  readonly rebuilding: Pick<Rebuilding, 'decidedAgain' | 'replace'>;
  readonly restoring: Pick<Restoring, 'bases'>;
  readonly snapshots: Pick<Snapshots, 'distrust' | 'replaceWrong'>;
  readonly comparing: Pick<Comparing, 'say' | 'agreedRoot'>;
  readonly onError: (error: unknown) => void;
}

type Roots = SnapshotRoots['roots'];
type Encoding = Generator<unknown, SnapshotRoots>;

export class RootChecking {
  readonly #options: RootCheckingOptions;
  #current: Promise<void> | undefined;
  /** Said, and not judged again before they agree: it costs to decide everything again. */
  #isUnknown = false;
  #stopped = false;

  constructor(options: RootCheckingOptions) {
    this.#options = options;
  }

  /** Something was applied, and it may be the root of a leader's tables. */
  note(applied: Pick<AppliedEntry, 'entry' | 'outcome'>): void {
    if (!isAgreedRoot(applied)) return;
    const { role, leader_id: leader } = this.#options.engine().status();
    if (role === 'leader' || leader === undefined) return;
    // Its schema has parsed it before it was proposed.
    this.#look(applied.entry.data as unknown as StateRootRow, leader);
  }

  /** Takes the rows at once, and hashes them by and by. What comes meanwhile is not looked at. */
  #look(agreed: StateRootRow, leader: string): void {
    const { machine, onError } = this.#options;
    const encoding = this.#isIdle(agreed) ? rootsAt(machine, agreed.at_index) : undefined;
    if (encoding === undefined) return;
    const { at_index: index, roots } = agreed;
    const agreement = { index, other: leader, agreed: roots, tables: machine.tables };
    this.#current = this.#check(agreement, encoding)
      .catch(onError)
      .finally(() => {
        this.#current = undefined;
      });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.settled();
  }

  /** Resolves when what is looked at is over. */
  async settled(): Promise<void> {
    await this.#current;
  }

  /** A leader of another build may have other columns. */
  #isIdle({ rules }: StateRootRow): boolean {
    return !this.#stopped && this.#current === undefined && rules === RULES_VERSION;
  }

  async #check(agreement: Agreement, encoding: Encoding): Promise<void> {
    const own = await this.#hashed(encoding, agreement.tables);
    if (isDeepStrictEqual(own, agreement.agreed)) this.#agree(agreement.index);
    else if (own !== undefined && !this.#isUnknown) await this.#judge({ ...agreement, own });
  }

  #agree(index: number): void {
    this.#options.comparing.agreedRoot = index;
    this.#isUnknown = false;
  }

  async #judge(difference: Difference): Promise<void> {
    let why = WORDS.trimmed;
    for await (const again of this.#decidedAgain(difference)) {
      if (isDeepStrictEqual(again.roots, difference.agreed)) return this.#mend(difference, again);
      why = isDeepStrictEqual(again.roots, difference.own) ? WORDS.same : WORDS.others;
    }
    this.#giveUp(difference, why);
  }

  /** From the newest snapshot, then from older ones; nothing where the log reaches down to none. */
  async *#decidedAgain(difference: Difference): AsyncGenerator<DecidedAgain> {
    for (const from of await this.#options.restoring.bases(difference.index)) {
      if (this.#isOver(difference)) return;
      const again = await this.#decidedFrom(from, difference);
      if (again !== undefined) yield again;
    }
  }

  async #decidedFrom(from: number, difference: Difference): Promise<DecidedAgain | undefined> {
    const { index: to, tables } = difference;
    const { rebuilding } = this.#options;
    const machine = await rebuilding.decidedAgain({ from, to }, this.#pace(difference));
    if (machine === undefined) return undefined;
    // Nothing was applied to it beyond the index: the ring is not asked.
    const roots = await this.#hashed(rootsAt(machine, to) as Encoding, tables);
    return roots && { from, machine, roots };
  }

  #giveUp(difference: Difference, why: string): void {
    if (this.#isOver(difference)) return;
    this.#isUnknown = true;
    this.#say(difference, 'unknown', why);
  }

  /** Snapshots above the one that leads to what was agreed are of what was wrong. */
  async #mend(difference: Difference, { from: above, machine }: DecidedAgain): Promise<void> {
    const { snapshots, engine } = this.#options;
    let upTo: number | undefined;
    await engine().whilePaused(async () => {
      if (!this.#isOver(difference)) upTo = await this.#replaced(difference, machine);
    });
    if (upTo !== undefined) await snapshots.replaceWrong({ above, upTo });
  }

  /** @returns as of which entry; undefined where it was not */
  async #replaced(difference: Difference, again: Machine): Promise<number | undefined> {
    const { machine, snapshots } = this.#options;
    const obstacle = await this.#obstacle(again);
    if (obstacle !== undefined) {
      this.#giveUp(difference, obstacle);
      return undefined;
    }
    snapshots.distrust();
    this.#say(difference, 'wrong', WORDS.wrong);
    return machine.position.index;
  }

  /** Puts it in the place of ours. Whatever is thrown here, the node goes on. @returns why it cannot be done */
  async #obstacle(again: Machine): Promise<string | undefined> {
    try {
      return (await this.#options.rebuilding.replace(again)) ? undefined : WORDS.outcomes;
    } catch (error) {
      return error instanceof Compacted ? WORDS.trimmed : String(error);
    }
  }

  /** Told to stop; or a snapshot of the leader has come, or all was made anew: other tables than those that differed. */
  #isOver({ tables }: Pick<Agreement, 'tables'>): boolean {
    return this.#stopped || this.#options.machine.tables !== tables;
  }

  #say({ index, other, own, agreed }: Difference, verdict: Verdict, why: string): void {
    const { comparing, clock } = this.#options;
    const names = Object.keys(agreed).filter((name) => own[name] !== agreed[name]);
    comparing.say(
      { index, verdict, other, at: clock.now() },
      `the tables (${names.join(', ')}) as of entry ${index} are others here than ${other} had agreed; ${why}`,
    );
  }

  /** @returns undefined where it is of no use any more */
  async #hashed(encoding: Encoding, tables: ReadonlyTables): Promise<Roots | undefined> {
    const rest = this.#pace({ tables });
    do {
      const step = encoding.next();
      if (step.done === true) return step.value.roots;
    } while (await rest());
    return undefined;
  }

  /** Rests for the time that was worked since. The way to it says whether to go on. */
  #pace(agreement: Pick<Agreement, 'tables'>): () => Promise<boolean> {
    const { clock, breathe } = this.#options;
    let began = clock.monotonic();
    return async () => {
      await breathe();
      await this.#rest(clock.monotonic() - began);
      began = clock.monotonic();
      return !this.#isOver(agreement);
    };
  }

  async #rest(spent: number): Promise<void> {
    if (spent <= 0) return;
    await new Promise<void>((resolve) => {
      this.#options.clock.after(spent * REST_SHARE, resolve);
    });
  }
}

function isAgreedRoot({ entry, outcome }: Pick<AppliedEntry, 'entry' | 'outcome'>): boolean {
  return entry.type === 'state_root' && outcome.kind === 'applied';
}

/** What a leader's tables hashed to, and ours that have to. */
interface Agreement {
  readonly index: number;
  readonly other: string;
  readonly agreed: Roots;
  readonly tables: ReadonlyTables;
}

interface Difference extends Agreement {
  readonly own: Roots;
}

/** Ours as of the index, from the snapshot of an entry and the log. */
interface DecidedAgain {
  readonly from: number;
  readonly machine: Machine;
  readonly roots: Roots;
}

const WORDS = {
  wrong: 'the log says so, too: they are made anew from the disk',
  trimmed: 'the log was trimmed too far to tell which are right',
  same: 'the log leads to the same here: its tables are wrong, or the builds differ',
  others: 'the log leads to others again here: nothing tells which are right',
  outcomes: 'outcomes differ, too, and those are judged first',
};
