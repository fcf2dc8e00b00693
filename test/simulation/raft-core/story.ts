/** The story of a run of cores: every input of every core is a part of it. */
import type { Input } from '../../../src/protocols/raft/core/input.ts';
import { Story } from '../story.ts';

export class CoreStory extends Story {
  step(at: number, id: string, input: Input): void {
    this.mix(Math.floor(at * 1000));
    this.mix(id.charCodeAt(1));
    this.mix(input.kind.length * 31 + input.kind.charCodeAt(0));
    this.note(at, () => `  ${id} ◀ ${inputTold(input)}`);
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
