import { expect, test } from 'vitest';
import { Durations } from '../../src/api/durations.ts';

test('durations are counted in every bucket they are below, a bound included, and summed', () => {
  const durations = new Durations('quorate_test_seconds', 'A test.');
  for (const milliseconds of [0.2, 1, 1.1, 6000]) durations.observe('', milliseconds);
  const lines = durations.text().split('\n');
  expect(lines.slice(0, 2)).toEqual([
    '# HELP quorate_test_seconds A test.',
    '# TYPE quorate_test_seconds histogram',
  ]);
  expect(lines).toContain('quorate_test_seconds_bucket{le="0.0005"} 1');
  expect(lines).toContain('quorate_test_seconds_bucket{le="0.001"} 2');
  expect(lines).toContain('quorate_test_seconds_bucket{le="0.0025"} 3');
  expect(lines).toContain('quorate_test_seconds_bucket{le="5"} 3');
  expect(lines).toContain('quorate_test_seconds_bucket{le="+Inf"} 4');
  expect(lines).toContain('quorate_test_seconds_count 4');
  const sum = lines.find((line) => line.startsWith('quorate_test_seconds_sum '));
  expect(Number(sum?.split(' ')[1])).toBeCloseTo(6.0023, 9);
});

test('durations of different labels are kept apart', () => {
  const durations = new Durations('quorate_test_seconds', 'A test.');
  durations.observe('method="GET"', 1);
  durations.observe('method="PUT"', 1);
  durations.observe('method="PUT"', 20);
  const lines = durations.text().split('\n');
  expect(lines).toContain('quorate_test_seconds_count{method="GET"} 1');
  expect(lines).toContain('quorate_test_seconds_count{method="PUT"} 2');
  expect(lines).toContain('quorate_test_seconds_bucket{method="PUT",le="0.01"} 1');
});
