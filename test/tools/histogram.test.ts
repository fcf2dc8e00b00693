import { assert as always, double, property } from 'fast-check';
import { expect, test } from 'vitest';
import { Histogram } from '../../tools/bench/histogram.ts';
import { series } from '../../tools/bench/series.ts';

test('a latency is known to two percent, from a microsecond to a minute', () => {
  always(
    property(double({ min: 0.01, max: 60_000, noNaN: true }), (milliseconds) => {
      const histogram = new Histogram();
      histogram.record(milliseconds);
      const known = histogram.quantile(0.5);
      // Below 64 µs the step is one microsecond.
      const step = Math.max(milliseconds * 0.02, 0.001);
      expect(Math.abs(known - milliseconds)).toBeLessThanOrEqual(step);
    }),
  );
});

test('quantiles of many values lie where a sorted list has them', () => {
  const histogram = new Histogram();
  for (let at = 1; at <= 1000; at++) histogram.record(at / 10);
  expect(histogram.quantile(0.5)).toBeCloseTo(50, -0.3);
  expect(histogram.quantile(0.99) / 99).toBeCloseTo(1, 1);
});

test('the median of an even number of rounds lies between the middle two', () => {
  expect(series([4, 1, 3, 2])).toMatchObject({ median: 2.5, least: 1, most: 4 });
});
