/**
 * The machine of one group: it applies committed entries, one after another, with the same pure rules on
 * every node, and keeps what follows from them.
 *
 * ```
 *               ┌ recognised: retried ──────────▶ replayed / expired
 *  entry ──────▶┼ unknown at the rules in force ▶ skipped
 *               └ decide ┬ facts, folded at once ▶ applied
 *                        ├ refusal ─ rollback ───▶ refused
 *                        └ throw ─── rollback ───▶ refused: rule-fault, and an alarm      (I11)
 * ```
 *
 * The outcome's bytes join the chain, the changed rows the undo ring. Nothing here knows a clock, a disk
 * or how many nodes there are.
 */
import { type Command, type Entry, packr } from '../log/command.ts';
import { unpack } from '../log/message-pack.ts';
import { assert } from './assert.ts';
import { EntryRuling } from './entry-ruling.ts';
import { type ChainState, type FinishedPage, OutcomeChain } from './outcome-chain.ts';
import { type Fact, type Outcome, refuse, type Refusal } from './outcome.ts';
import {
  type CommandRule,
  type Decision,
  type Due,
  type Duty,
  type Fold,
  type Moment,
  NOTHING_DUE,
  type Projection,
  type Reading,
  type ReadonlyTables,
} from './projection.ts';
import { RULES_VERSION, rulesInForce } from './rules.ts';
import { recognise, remember } from './sessions.ts';
import type { Table } from './table.ts';
import { NO_TERM, nextTerm, type TermStart } from './term-start.ts';
import { Tables } from './tables.ts';
import { type Change, UndoRing, type UndoLimits, weightOf } from './undo-ring.ts';

/** One more than the largest index: a token is `epoch · TOKEN_EPOCH + index`, below 2^53. */
export const TOKEN_EPOCH = 2 ** 40;

export interface MachineOptions {
  readonly projections: readonly Projection[];
  readonly epoch?: number;
  readonly undo?: UndoLimits;
  /** False: outcome pages are hashed only; nobody stores them, or asks for the outcomes of recent entries. */
  readonly keepsPages?: boolean;
  /** The newest rules version this machine knows; tests of upgrades build machines of other versions. */
  readonly rules?: number;
}

/** An entry with what it led to. */
export interface AppliedEntry {
  readonly entry: Entry;
  readonly outcome: Outcome;
  readonly outcomeBytes: Uint8Array;
  readonly changes: readonly Change[];
  /** The outcome page this entry finished, to be stored. */
  readonly page: FinishedPage | undefined;
}

/** The log has rules this build does not know: apply stops here and says so. */
export class UpgradeRequired extends Error {
  constructor(inForce: number, known: number) {
    super(`rules version ${inForce} is in force, this build knows ${known}: upgrade this node`);
  }
}

/** Where the machine stands; part of every snapshot. */
export interface Position {
  readonly index: number;
  readonly term: number;
  readonly at: number;
  readonly term_start: TermStart;
  readonly epoch: number;
  readonly skipped: number;
  readonly faults: number;
}

const RULE_FAULT = refuse('rule-fault', 'the rule for this command failed; nothing was changed');

/** Not multiplied where there is nothing to: a product is kept as a floating-point number. */
function tokenOf(epoch: number, index: number): number {
  return epoch === 0 ? index : epoch * TOKEN_EPOCH + index;
}

function isRuleFault(outcome: Outcome): boolean {
  return outcome.kind === 'refused' && outcome.code === 'rule-fault';
}

type Closing = (tables: ReadonlyTables) => Refusal | undefined;

type Recorded = Pick<AppliedEntry, 'outcome' | 'outcomeBytes'>;

function recorded(outcome: Outcome): Recorded {
  return { outcome, outcomeBytes: packr.pack(outcome) };
}

/** A type belongs to one projection: two of them must not silently share it. */
function declare<Rule>(rules: Map<string, Rule>, type: string, rule: Rule): void {
  assert(!rules.has(type), 'one projection declares it', type);
  rules.set(type, rule);
}

export class Machine {
  readonly projections: readonly Projection[];
  #undo: UndoRing;
  #tables: Tables;
  readonly #closing: readonly Closing[];
  readonly #commands = new Map<string, CommandRule>();
  readonly #folds = new Map<string, Fold>();
  #chain: OutcomeChain;
  readonly #rules: number;
  #position: Position;
  readonly #fold = (fact: Fact, moment: Moment): void => {
    const fold = this.#folds.get(fact.type);
    assert(fold !== undefined, 'a projection folds the fact', fact.type);
    fold(this.#tables, fact, moment);
  };

  constructor(options: MachineOptions) {
    const { projections, epoch = 0, undo, keepsPages, rules = RULES_VERSION } = options;
    this.projections = projections;
    this.#chain = new OutcomeChain(keepsPages);
    this.#closing = projections.flatMap(({ closed }) => closed ?? []);
    this.#rules = rules;
    this.#undo = new UndoRing(undo);
    this.#tables = new Tables((table, key, before, after) =>
      this.#undo.record({ table, key, before, after }),
    );
    this.#position = {
      index: 0,
      term: 0,
      at: 0,
      term_start: NO_TERM,
      epoch,
      skipped: 0,
      faults: 0,
    };
    for (const projection of projections) this.#register(projection);
  }

  get tables(): ReadonlyTables {
    return this.#tables;
  }

  get position(): Position {
    return this.#position;
  }

  get undo(): UndoRing {
    return this.#undo;
  }

  command(type: string): CommandRule | undefined {
    return this.#commands.get(type);
  }

  /** The digest of all outcomes up to the position, as hex. */
  digest(): string {
    return this.#chain.digest();
  }

  /** The encoded outcome of a recent entry; undefined where only the store has it. */
  outcomeBytes(index: number): Uint8Array | undefined {
    return this.#chain.outcome(index);
  }

  /** The outcome page that is being filled; undefined while it is empty. */
  unfinishedPage(): FinishedPage | undefined {
    return this.#chain.unfinished();
  }

  /**
   * Applies the next committed entry.
   * @throws UpgradeRequired when the rules in force are newer than this build; nothing was applied.
   */
  apply(entry: Entry): AppliedEntry {
    const moment = this.#momentOf(entry);
    const settled = this.#settle(entry, moment);
    remember(this.#tables, entry, settled.outcome, moment);
    return this.#commit(entry, moment, settled);
  }

  /** Folds an entry with its recorded outcome instead of deciding it: history as it was. */
  applyRecorded(entry: Entry, outcomeBytes: Uint8Array): AppliedEntry {
    const moment = this.#momentOf(entry);
    const outcome = unpack(outcomeBytes) as Outcome;
    if (outcome.kind === 'applied') for (const fact of outcome.facts) this.#fold(fact, moment);
    remember(this.#tables, entry, outcome, moment);
    return this.#commit(entry, moment, { outcome, outcomeBytes });
  }

  /** What is known of a command that was applied before, as of wall time `now`; undefined: nothing. */
  recognise(command: Command, now: number): Outcome | undefined {
    return recognise(this.#tables, command, this.momentAt(now));
  }

  /** What a command would lead to if it were the next entry. Changes nothing. */
  dryRun(command: Omit<Entry, 'index' | 'term'>): Outcome {
    const { index, term, at } = this.#position;
    const entry = { ...command, term, index: index + 1, at: Math.max(at, command.at) };
    const { outcome } = this.#settle(entry, this.#momentOf(entry));
    this.#undo.rollback();
    return outcome;
  }

  /** What time asks for at `at` (clamped to log time). */
  due(at: number): Due {
    if (this.#closed() !== undefined) return NOTHING_DUE;
    const moment = this.momentAt(at);
    const asked = this.projections.map((projection) => projection.due(this.#tables, moment));
    const duties: Duty[] = asked.flatMap((due) => [...due.duties]);
    const next_at = asked.reduce(
      (soonest, due) => Math.min(soonest, due.next_at ?? Number.POSITIVE_INFINITY),
      Number.POSITIVE_INFINITY,
    );
    return { duties, next_at: Number.isFinite(next_at) ? next_at : undefined };
  }

  /** The moment of a question that is asked at log time `at`. */
  readingAt(at: number): Reading {
    const moment = this.momentAt(0);
    return { ...moment, now: Math.max(at, moment.at) };
  }

  /** The moment that an entry stamped `at` would have: log time never runs backwards. */
  momentAt(at: number): Moment {
    const { index, term, at: last, term_start, epoch } = this.#position;
    return {
      index,
      term,
      at: Math.max(at, last),
      term_start,
      token: tokenOf(epoch, index),
      rules: rulesInForce(this.#tables),
      data: undefined,
    };
  }

  chainState(): ChainState {
    return this.#chain.state();
  }

  allTables(): readonly Table<unknown>[] {
    return this.#tables.all();
  }

  /** Takes over the position and chain of a snapshot; its rows were put into the tables before. */
  resume(position: Position, chain: ChainState): void {
    assert(position.index === chain.index, 'position and chain of a snapshot agree');
    this.#position = position;
    this.#chain.restore(chain);
    this.#undo.clear();
  }

  /**
   * Becomes what `other`, of the same projections, has become: a snapshot is restored beside the machine
   * that serves, and takes its place in one step. The other must not be used any more.
   */
  adopt(other: Machine): void {
    this.#undo = other.#undo;
    this.#tables = other.#tables;
    this.#chain = other.#chain;
    this.#position = other.#position;
  }

  #register(projection: Projection): void {
    for (const definition of projection.tables) this.#tables.add(definition);
    for (const [type, rule] of Object.entries(projection.commands))
      declare(this.#commands, type, rule);
    for (const [type, fold] of Object.entries(projection.folds)) declare(this.#folds, type, fold);
  }

  #momentOf(entry: Entry): Moment {
    const { index, term, at, data } = entry;
    const { position } = this;
    assert(index === position.index + 1, 'entries follow each other', index);
    const rules = rulesInForce(this.#tables);
    if (rules > this.#rules) throw new UpgradeRequired(rules, this.#rules);
    return {
      index,
      term,
      at,
      term_start:
        term === position.term
          ? position.term_start
          : nextTerm(position.term_start, position.at, at),
      rules,
      token: tokenOf(this.#position.epoch, index),
      data,
    };
  }

  #settle(entry: Entry, moment: Moment): Recorded {
    const known = recognise(this.#tables, entry, moment);
    if (known !== undefined) return recorded(known);
    const rule = this.#ruleInForce(entry.type, moment.rules);
    if (rule === undefined) return recorded({ kind: 'skipped', type: entry.type });
    try {
      // A fact that cannot be written down is as much a fault of the rule as one that cannot be folded.
      return recorded(this.#decide(rule, entry, moment));
    } catch {
      // The same code throws the same way on every node; what it had changed is taken back.
      this.#undo.rollback();
      return recorded(RULE_FAULT);
    }
  }

  #ruleInForce(type: string, rules: number): CommandRule | undefined {
    const rule = this.#commands.get(type);
    return rule !== undefined && rule.since <= rules ? rule : undefined;
  }

  #decide(rule: CommandRule, entry: Entry, moment: Moment): Outcome {
    const refusal = this.#closedFor(rule) ?? this.#staleCondition(rule, entry);
    if (refusal !== undefined) return refusal;
    const ruling = new EntryRuling(this.#tables, entry, moment, this.#fold);
    return this.#outcomeOf(rule.decide(ruling, entry.data), ruling.facts);
  }

  /** A group that was closed still takes what its engine says. */
  #closedFor({ origin }: CommandRule): Refusal | undefined {
    return origin === 'engine' ? undefined : this.#closed();
  }

  #closed(): Refusal | undefined {
    for (const closed of this.#closing) {
      const refusal = closed(this.#tables);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  /** A conditional command (If-Match) whose subject has changed since the caller looked. */
  #staleCondition(rule: CommandRule, { if_index, data }: Entry): Outcome | undefined {
    if (if_index === undefined) return undefined;
    const index = rule.changed(this.#tables, data);
    if (index === if_index) return undefined;
    return refuse('precondition-failed', 'it has changed since you looked', { index });
  }

  #outcomeOf(decision: Decision, facts: readonly Fact[]): Outcome {
    if (decision === undefined) return { kind: 'applied', facts };
    if ('results' in decision) return { kind: 'applied', facts, results: decision.results };
    this.#undo.rollback();
    return decision;
  }

  #commit(entry: Entry, moment: Moment, { outcome, outcomeBytes }: Recorded): AppliedEntry {
    const page = this.#chain.push(outcomeBytes);
    this.#position = {
      index: entry.index,
      term: entry.term,
      at: entry.at,
      term_start: moment.term_start,
      epoch: this.#position.epoch,
      skipped: this.#position.skipped + Number(outcome.kind === 'skipped'),
      faults: this.#position.faults + Number(isRuleFault(outcome)),
    };
    const bytes = this.#undo.keeps(entry.index) ? weightOf(this.#undo.open) : 0;
    const changes = this.#undo.commit(entry.index, bytes);
    this.#tables.reached(entry.at);
    return { entry, outcome, outcomeBytes, changes, page };
  }
}
