/** What the rule for one entry sees, and the facts it emits: a class, because one is made per entry. */
import type { Entry } from '../log/command.ts';
import type { Fact } from './outcome.ts';
import type { Moment, ReadonlyTables, Ruling } from './projection.ts';
import type { TermStart } from './term-start.ts';

export class EntryRuling implements Ruling {
  readonly facts: Fact[] = [];
  readonly index: number;
  readonly term: number;
  readonly at: number;
  readonly term_start: TermStart;
  readonly token: number;
  readonly rules: number;
  readonly data: unknown;
  readonly tables: ReadonlyTables;
  readonly actor: string;
  readonly #moment: Moment;
  readonly #fold: (fact: Fact, moment: Moment) => void;

  constructor(
    tables: ReadonlyTables,
    entry: Entry,
    moment: Moment,
    fold: (fact: Fact, moment: Moment) => void,
  ) {
    this.index = moment.index;
    this.term = moment.term;
    this.at = moment.at;
    this.term_start = moment.term_start;
    this.token = moment.token;
    this.rules = moment.rules;
    this.data = moment.data;
    this.tables = tables;
    this.actor = entry.actor ?? '';
    this.#moment = moment;
    this.#fold = fold;
  }

  emit(fact: Fact): void {
    this.facts.push(fact);
    this.#fold(fact, this.#moment);
  }
}
