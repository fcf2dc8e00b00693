/**
 * Whether our tables are what the group agreed on: a `state_root` says what those of the leader hashed to when
 * it took a snapshot. Outcomes are compared every second, but a row that is wrong shows in none before
 * somebody decides by it.
 *
 * ```
 *  a state_root is applied ─▶ our tables at its index, hashed in slices ── the same ─▶ agreed
 *     │ the undo ring does not reach       │ others
 *     ▼ not looked at                      ▼
 *                      decided again from the disk, from where it last agreed
 *                          ├─ others than ours: a row was wrong in memory ─▶ what was decided again takes its place
 *                          └─ ours: the leader is wrong, or one of us folds with other rules ─▶ said, and we go on
 * ```
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
import type { Snapshots } from './snapshots.ts';

/** How long it rests for the time it worked. */
const REST_SHARE = 2;

export interface RootCheckingOptions {
  readonly machine: Machine;
  readonly clock: Clock;
  readonly breathe: () => Promise<void>;
  readonly engine: () => Pick<Engine, 'status' | 'whilePaused'>;
  readonly rebuilding: Pick<Rebuilding, 'decidedAgain' | 'replace'>;
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
    const own = await this.#hashed(encoding);
    if (isDeepStrictEqual(own, agreement.agreed)) this.#agree(agreement.index);
    else if (own !== undefined && !this.#isUnknown) await this.#judge({ ...agreement, own });
  }

  #agree(index: number): void {
    this.#options.comparing.agreedRoot = index;
    this.#isUnknown = false;
  }

  async #judge(difference: Difference): Promise<void> {
    const { index, own } = difference;
    const machine = await this.#decidedAgain(index);
    if (machine === undefined) return this.#giveUp(difference, WORDS.trimmed);
    // Nothing was applied to it beyond the index: the ring is not asked.
    const again = await this.#hashed(rootsAt(machine, index) as Encoding);
    if (isDeepStrictEqual(again, own)) this.#giveUp(difference, WORDS.unknown);
    else if (again !== undefined) await this.#mend(difference, machine);
  }

  /** @returns undefined where the log was trimmed above what was agreed upon last */
  async #decidedAgain(index: number): Promise<Machine | undefined> {
    const { rebuilding, comparing } = this.#options;
    const isWanted = (): boolean => !this.#stopped;
    try {
      return await rebuilding.decidedAgain(comparing.agreedRoot + 1, index, isWanted);
    } catch (error) {
      if (error instanceof Compacted) return undefined;
      throw error;
    }
  }

  #giveUp(difference: Difference, why: string): void {
    this.#isUnknown = true;
    this.#say(difference, 'unknown', why);
  }

  /** Snapshots above the last index that was agreed upon are of what was wrong. */
  async #mend(difference: Difference, machine: Machine): Promise<void> {
    const { snapshots, engine, comparing } = this.#options;
    const above = comparing.agreedRoot;
    let upTo: number | undefined;
    await engine().whilePaused(async () => {
      upTo = await this.#replaced(difference, machine);
    });
    if (upTo !== undefined) await snapshots.replaceWrong({ above, upTo });
  }

  /** Whatever is thrown here, the node goes on. @returns as of which entry; undefined where it was not */
  async #replaced(difference: Difference, again: Machine): Promise<number | undefined> {
    const { machine, rebuilding, snapshots, onError } = this.#options;
    // A snapshot of the leader has come meanwhile, or they were made anew: other tables than those that differed.
    if (machine.tables !== difference.tables) return undefined;
    try {
      await rebuilding.replace(again);
    } catch (error) {
      onError(error);
      return undefined;
    }
    snapshots.distrust();
    this.#say(difference, 'wrong', WORDS.wrong);
    return machine.position.index;
  }

  #say({ index, other, own, agreed }: Difference, verdict: Verdict, why: string): void {
    const { comparing, clock } = this.#options;
    const names = Object.keys(agreed).filter((name) => own[name] !== agreed[name]);
    comparing.say(
      { index, verdict, other, at: clock.now() },
      `the tables (${names.join(', ')}) as of entry ${index} are others here than ${other} had agreed; ${why}`,
    );
  }

  /** @returns undefined where it was told to stop meanwhile */
  async #hashed(encoding: Encoding): Promise<Roots | undefined> {
    const { clock, breathe } = this.#options;
    while (!this.#stopped) {
      const began = clock.monotonic();
      const step = encoding.next();
      if (step.done === true) return step.value.roots;
      await breathe();
      await this.#rest(clock.monotonic() - began);
    }
    return undefined;
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

const WORDS = {
  wrong: 'the log says so, too: they are made anew from the disk',
  trimmed: 'the log was trimmed too far to tell which are right',
  unknown: 'the log leads to the same here: its tables are wrong, or the builds differ',
};
