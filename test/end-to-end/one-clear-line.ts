/** What a person reads when a node does not start, or ends: the cause, once, in words, without a stack. */
import { expect } from 'vitest';

export function expectOneClearLine(output: string, words: RegExp): void {
  const lines = output.split('\n').filter((line) => !line.startsWith('{'));
  expect(output).toMatch(words);
  expect(lines.filter((line) => words.test(line))).toHaveLength(1);
  expect(lines.filter((line) => /^\s+at /.test(line))).toEqual([]);
}
