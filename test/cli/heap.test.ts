import { expect, test } from 'vitest';
import { growthPercent } from '../../src/cli/heap.ts';

const MIB = 1024 * 1024;

test('a small heap may grow by 48 MiB, however little lives, up to five times what lives', () => {
  expect(growthPercent(48 * MIB)).toBe(100);
  expect(growthPercent(24 * MIB)).toBe(200);
  expect(growthPercent(4 * MIB)).toBe(400);
});

test('a large heap may grow by two fifths', () => {
  expect(growthPercent(120 * MIB)).toBe(40);
  expect(growthPercent(4096 * MIB)).toBe(40);
});
