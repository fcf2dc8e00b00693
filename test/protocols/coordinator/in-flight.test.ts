import { expect, test } from 'vitest';
import type { Command } from '../../../src/log/command.ts';
import { InFlight } from '../../../src/protocols/coordinator/in-flight.ts';

function keyed(key: string, actor?: string): Command {
  const command = { type: 'say', data: {}, once: { key, print: 'p' } };
  return actor === undefined ? command : { ...command, actor };
}

function sequenced(session: number, seq: number): Command {
  return { type: 'say', data: {}, once: { session, seq } };
}

test('a command with a key that is under way does not enter a second time, until it leaves', () => {
  const inFlight = new InFlight();
  expect(inFlight.enter(keyed('k', 'ann'))).toBe(true);
  expect(inFlight.enter(keyed('k', 'ann'))).toBe(false);
  inFlight.leave(keyed('k', 'ann'));
  expect(inFlight.enter(keyed('k', 'ann'))).toBe(true);
});

test('a key is its actor’s own: two clients never stand in each other’s way', () => {
  const inFlight = new InFlight();
  expect(inFlight.enter(keyed('k', 'ann'))).toBe(true);
  expect(inFlight.enter(keyed('k', 'bob'))).toBe(true);
  expect(inFlight.enter(keyed('k'))).toBe(true);
});

test('a sequence number of a session is under way once, others of the session beside it', () => {
  const inFlight = new InFlight();
  expect(inFlight.enter(sequenced(7, 1))).toBe(true);
  expect(inFlight.enter(sequenced(7, 2))).toBe(true);
  expect(inFlight.enter(sequenced(71, 1))).toBe(true);
  expect(inFlight.enter(sequenced(7, 1))).toBe(false);
});

test('commands without a mark of their own enter as often as they like', () => {
  const inFlight = new InFlight();
  const plain = { type: 'say', data: {} };
  expect(inFlight.enter(plain)).toBe(true);
  expect(inFlight.enter(plain)).toBe(true);
  inFlight.leave(plain);
});
