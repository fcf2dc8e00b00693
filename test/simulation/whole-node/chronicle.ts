/**
 * What was agreed, as seen from outside: the first node that applied an index decides what everybody else
 * must find there, and what it must lead to. No node of the world ever reads it.
 */
import type { GroupId } from '../../../src/log/group.ts';

export interface Decided {
  readonly frame: Buffer;
  readonly outcome: Uint8Array;
  readonly by: string;
}

export class Chronicle {
  readonly group: GroupId;
  readonly #decided: Decided[] = [];

  constructor(group: GroupId) {
    this.group = group;
  }

  get last(): number {
    return this.#decided.length;
  }

  at(index: number): Decided | undefined {
    return this.#decided[index - 1];
  }

  push(decided: Decided): void {
    this.#decided.push(decided);
  }

  frames(): readonly Buffer[] {
    return this.#decided.map(({ frame }) => frame);
  }
}

export class Chronicles {
  readonly #chronicles = new Map<string, Chronicle>();

  of(group: GroupId): Chronicle {
    const name = `${group.id}@${group.incarnation}`;
    const chronicle = this.#chronicles.get(name) ?? new Chronicle(group);
    this.#chronicles.set(name, chronicle);
    return chronicle;
  }

  all(): readonly Chronicle[] {
    return [...this.#chronicles.values()];
  }
}
