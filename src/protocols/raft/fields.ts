/**
 * Fields of a message that came from outside, taken one after another, each checked for what it must be.
 * Nothing behind this file has to doubt the shape of a message.
 */
import { packr } from '../../log/command.ts';
import type { Member, Members } from '../../log/members.ts';

/** The bytes are no message of ours. The link they came by is not to be trusted further. */
export class BadMessage extends Error {}

/** More members than a group may have, with room for both halves of a change. */
const MEMBERS_MAX = 64;
const ADDRESSES_MAX = 16;

export class Fields {
  readonly #values: readonly unknown[];
  #next = 0;

  private constructor(values: readonly unknown[]) {
    this.#values = values;
  }

  /** @throws BadMessage where the bytes are not one MessagePack array */
  static of(bytes: Buffer): Fields {
    return Fields.#from(unpacked(bytes));
  }

  /** An integer of 0 to 2^53 - 1. */
  whole(): number {
    return this.#take(isWhole, 'a whole number');
  }

  wholeOrNothing(): number | undefined {
    return this.#take(isWholeOrNothing, 'a whole number or nothing') ?? undefined;
  }

  flag(): boolean {
    return this.#take(isFlag, 'true or false');
  }

  text(): string {
    return this.#take(isText, 'a text');
  }

  bytes(): Buffer {
    return this.#take(isBytes, 'bytes');
  }

  /** A list of bytes each. */
  manyBytes(): readonly Buffer[] {
    return this.#take(isManyBytes, 'a list of bytes');
  }

  members(): Members {
    return this.#take(isMembers, 'members of a group');
  }

  /** What is left: lists of fields each. */
  rest(): readonly Fields[] {
    const lists = this.#values.slice(this.#next);
    this.#next = this.#values.length;
    return lists.map((values) => Fields.#from(values));
  }

  /** @throws BadMessage */
  static #from(values: unknown): Fields {
    if (!Array.isArray(values)) throw new BadMessage('not a list of fields');
    return new Fields(values);
  }

  #take<Value>(isExpected: (value: unknown) => value is Value, expected: string): Value {
    const value = this.#values[this.#next];
    this.#next += 1;
    if (isExpected(value)) return value;
    throw new BadMessage(`field ${this.#next} is not ${expected}`);
  }
}

function unpacked(bytes: Buffer): unknown {
  try {
    return packr.unpack(bytes);
  } catch (error) {
    throw new BadMessage('not MessagePack', { cause: error });
  }
}

export function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isWholeOrNothing(value: unknown): value is number | null {
  return value === null || isWhole(value);
}

function isFlag(value: unknown): value is boolean {
  return typeof value === 'boolean';
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isBytes(value: unknown): value is Buffer {
  return Buffer.isBuffer(value);
}

function isManyBytes(value: unknown): value is Buffer[] {
  return Array.isArray(value) && value.every(isBytes);
}

export function isMembers(value: unknown): value is Members {
  const { voters, outgoing, learners } = Object(value) as Partial<Record<string, unknown>>;
  return [voters, outgoing, learners].every(isMemberList);
}

function isMemberList(value: unknown): value is Member[] {
  return Array.isArray(value) && value.length <= MEMBERS_MAX && value.every(isMember);
}

function isMember(value: unknown): value is Member {
  const { id, store, addresses } = Object(value) as Partial<Record<string, unknown>>;
  return isText(id) && isText(store) && isAddresses(addresses);
}

function isAddresses(value: unknown): value is string[] {
  return Array.isArray(value) && value.length <= ADDRESSES_MAX && value.every(isText);
}
