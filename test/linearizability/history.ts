/**
 * What clients asked of a system and what they heard, as it happened: the evidence that is checked.
 *
 * An operation begins with a call and ends with one of three things. *Answered*: it took effect, once, at
 * some moment between call and answer. *Without effect*: the system said that nothing happened, and nothing
 * may have. *Open*: nobody heard; it may take effect at any later time, or never.
 *
 * On disk a history is one JSON object per line, in the order in which things happened, so that it survives
 * the process that wrote it, and half a last line is no harm:
 *
 * ```
 *  {"call":17,"at":81203341,"client":"c3","key":"lock/a","input":{"kind":"acquire",…}}
 *  {"answer":17,"at":81204120,"output":{"kind":"granted","token":42}}
 *  {"nothing":18,"at":81204150}
 * ```
 *
 * `at` is in microseconds of a clock that never goes back and is the same for every process of one machine.
 */
import { once } from 'node:events';
import { createReadStream, createWriteStream, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';

export type Answer<Output = unknown> =
  | { readonly kind: 'answered'; readonly at: number; readonly output: Output }
  | { readonly kind: 'open' };

export interface Operation<Input = unknown, Output = unknown> {
  readonly id: number;
  readonly client: string;
  /** What the operation is about: histories of different keys are checked apart. */
  readonly key: string;
  readonly input: Input;
  readonly calledAt: number;
  readonly answer: Answer<Output>;
  /** The idempotency key it was asked under, however often; undefined: it had none. */
  readonly once?: string | undefined;
}

export type Asked = Pick<Operation, 'client' | 'key' | 'input' | 'once'>;

type Line =
  | ({ readonly call: number; readonly at: number } & Asked)
  | { readonly answer: number; readonly at: number; readonly output: unknown }
  | { readonly nothing: number; readonly at: number };

/** Microseconds since the machine started. */
export function microseconds(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

/** Writes down a history while it happens. One for all clients of a process. */
export class Recorder {
  readonly #file: WriteStream;
  readonly #now: () => number;
  #calls = 0;
  #answers = 0;

  private constructor(file: WriteStream, now: () => number) {
    this.#file = file;
    this.#now = now;
  }

  /** @throws when there is such a file: evidence is never written over */
  static async open(path: string, now: () => number = microseconds): Promise<Recorder> {
    const file = createWriteStream(path, { flags: 'wx' });
    await once(file, 'open');
    return new Recorder(file, now);
  }

  get calls(): number {
    return this.#calls;
  }

  get answers(): number {
    return this.#answers;
  }

  /** To be called before anything is sent. @returns the operation's number, for its end */
  call(asked: Asked): number {
    this.#calls += 1;
    this.#write({ call: this.#calls, at: this.#now(), ...asked });
    return this.#calls;
  }

  /** To be called once the whole answer is there. */
  answered(call: number, output: unknown): void {
    this.#answers += 1;
    this.#write({ answer: call, at: this.#now(), output });
  }

  /** The system said that nothing happened. */
  withoutEffect(call: number): void {
    this.#write({ nothing: call, at: this.#now() });
  }

  async close(): Promise<void> {
    this.#file.end();
    await once(this.#file, 'close');
  }

  #write(line: Line): void {
    this.#file.write(`${JSON.stringify(line)}\n`);
  }
}

/** The operations of a written history that may have had an effect, in the order of their calls. */
export async function readHistory(path: string): Promise<readonly Operation[]> {
  const collector = new Collector();
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity });
  for await (const text of lines) {
    const line = parsed(text);
    if (line !== undefined) collector.take(line);
  }
  return collector.operations();
}

/** The process may have been killed while it wrote the last line. */
function parsed(text: string): Line | undefined {
  try {
    return JSON.parse(text) as Line;
  } catch {
    return undefined;
  }
}

/** Puts calls and answers together. */
class Collector {
  readonly #operations = new Map<number, Operation>();

  take(line: Line): void {
    if ('call' in line) {
      const { call: id, at: calledAt, client, key, input, once } = line;
      const answer = { kind: 'open' } as const;
      this.#operations.set(id, { id, client, key, input, once, calledAt, answer });
    } else if ('answer' in line) {
      const { at, output } = line;
      const asked = this.#called(line.answer);
      this.#operations.set(asked.id, { ...asked, answer: { kind: 'answered', at, output } });
    } else {
      this.#operations.delete(this.#called(line.nothing).id);
    }
  }

  operations(): readonly Operation[] {
    return [...this.#operations.values()];
  }

  #called(id: number): Operation {
    const asked = this.#operations.get(id);
    if (asked === undefined) throw new Error(`operation ${id} ended and was never called`);
    return asked;
  }
}

/** The operations of each key, keys in the order of their first call. */
export function byKey(operations: Iterable<Operation>): ReadonlyMap<string, readonly Operation[]> {
  const groups = new Map<string, Operation[]>();
  for (const operation of operations) {
    const group = groups.get(operation.key);
    if (group === undefined) groups.set(operation.key, [operation]);
    else group.push(operation);
  }
  return groups;
}

/** When the operation was over; an open one never is. */
export function answeredAt({ answer }: Operation): number {
  return answer.kind === 'open' ? Number.POSITIVE_INFINITY : answer.at;
}
