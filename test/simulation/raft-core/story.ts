/**
 * What happened in a run: a fingerprint always (same seed, same fingerprint), lines for people when it is
 * recorded, and counts by which a test sees that the run was not idle.
 */
import type { Input } from '../../../src/protocols/raft/core/input.ts';

export class Figures {
  readonly #counts = new Map<string, number>();

  count(what: string, by = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + by);
  }

  of(what: string): number {
    return this.#counts.get(what) ?? 0;
  }

  entries(): readonly (readonly [string, number])[] {
    return [...this.#counts].sort(([one], [other]) => (one < other ? -1 : 1));
  }
}

/** A story longer than this keeps its end. */
const LINES_MOST = 200_000;

export class Story {
  readonly figures = new Figures();
  readonly lines: string[] = [];
  readonly #recorded: boolean;
  #fingerprint = 0;

  constructor(recorded: boolean) {
    this.#recorded = recorded;
  }

  get fingerprint(): number {
    return this.#fingerprint >>> 0;
  }

  step(at: number, id: string, input: Input): void {
    this.#mix(Math.floor(at * 1000));
    this.#mix(id.charCodeAt(1));
    this.#mix(input.kind.length * 31 + input.kind.charCodeAt(0));
    if (this.#recorded) this.#tell(at, `  ${id} ◀ ${inputTold(input)}`);
  }

  note(at: number, text: () => string): void {
    if (this.#recorded) this.#tell(at, text());
  }

  #tell(at: number, text: string): void {
    if (this.lines.length >= LINES_MOST) this.lines.splice(0, LINES_MOST / 2);
    this.lines.push(`${at.toFixed(2).padStart(9)}  ${text}`);
  }

  #mix(value: number): void {
    this.#fingerprint = Math.imul(this.#fingerprint ^ value, 0x01000193) + 1;
  }
}

function inputTold(input: Input): string {
  const short = JSON.stringify(input, (key, value: unknown) => shortened(key, value));
  return `${input.kind} ${short}`;
}

const LEFT_OUT = new Set(['kind', 'to', 'addresses']);

function shortened(key: string, value: unknown): unknown {
  if (LEFT_OUT.has(key)) return undefined;
  if (key === 'frame') return undefined;
  return value;
}
