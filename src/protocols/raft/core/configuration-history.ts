/**
 * The members at every point of the log that is still there. A configuration is in force from the moment
 * its entry is appended, committed or not (Raft §6); when the entry is taken back, so is it.
 *
 * ```
 *   floor ── 3:{A B C} ─────── 8: joint ─── 9:{A B D}          in force: 9, until 9 is truncated: then 8
 * ```
 */
import { NOBODY, type Configuration } from './configuration.ts';

export interface ConfigurationChange {
  readonly index: number;
  readonly configuration: Configuration;
}

export class ConfigurationHistory {
  /** Ascending and never empty: the first is in force at the floor. */
  #changes: ConfigurationChange[];
  #current: ConfigurationChange;

  constructor(floor: number, changes: readonly ConfigurationChange[]) {
    this.#changes = changes.length === 0 ? [{ index: floor, configuration: NOBODY }] : [...changes];
    this.#current = this.#newest();
  }

  /** In force. */
  get current(): ConfigurationChange {
    return this.#current;
  }

  /** @returns what was in force at an index; the oldest known, below it */
  at(index: number): ConfigurationChange {
    const newest = this.#changes.findLast((change) => change.index <= index);
    return newest ?? this.#oldest();
  }

  append(change: ConfigurationChange): void {
    this.#changes.push(change);
    this.#current = change;
  }

  /** Takes back everything from an index on. @returns whether other members are in force now */
  truncate(from: number): boolean {
    if (this.#current.index < from) return false;
    const kept = this.#changes.filter(({ index }) => index < from);
    this.#changes = kept.length === 0 ? [{ index: from - 1, configuration: NOBODY }] : kept;
    this.#current = this.#newest();
    return true;
  }

  /** Forgets what was in force before the floor. */
  compact(floor: number): void {
    const base = this.at(floor);
    this.#changes = this.#changes.filter((change) => change.index >= base.index);
  }

  /** A snapshot took the place of the log. */
  replace(change: ConfigurationChange): void {
    this.#changes = [change];
    this.#current = change;
  }

  #newest(): ConfigurationChange {
    return this.#changes.at(-1) ?? { index: 0, configuration: NOBODY };
  }

  #oldest(): ConfigurationChange {
    return this.#changes[0] ?? this.#current;
  }
}
