import { expect, test } from 'vitest';
import { TickHealth } from '../../../src/protocols/raft/tick-health.ts';

test('wake-ups that come fifty milliseconds late or later are counted; a little early is not late', () => {
  const ticks = new TickHealth();
  for (const lateness of [0, 49, 50, 120, -1]) ticks.woken(lateness);
  expect(ticks.report()).toEqual({ wakes: 5, late: 2, last_late_ms: 0, max_late_ms: 120 });
});
