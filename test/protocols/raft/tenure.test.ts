import { describe, expect, test } from 'vitest';
import type { PeerStatus } from '../../../src/protocols/raft/core/status.ts';
import { leadershipAge, Tenure } from '../../../src/protocols/raft/tenure.ts';
import { VirtualClock } from '../virtual-clock.ts';

const ELECTION = 300;
const became = (role: 'leader' | 'follower' | 'pre_candidate', why = 'because') =>
  ({ kind: 'became', role, term: 2, why }) as const;

describe('what a node knows of who leads', () => {
  test('is as old as the last word of the leader, and unknown before the first', async () => {
    const clock = new VirtualClock();
    const tenure = new Tenure(clock, ELECTION);
    expect(tenure.silence).toBe(Number.POSITIVE_INFINITY);
    tenure.heard();
    await clock.advance(120);
    expect(tenure.silence).toBe(120);
  });

  test('a leader that steps down was certainly one an election timeout ago, and perhaps not since', async () => {
    const clock = new VirtualClock();
    const tenure = new Tenure(clock, ELECTION);
    tenure.became(became('leader'));
    await clock.advance(5_000);
    tenure.became(became('follower', 'no majority was heard'));
    await clock.advance(10);
    expect(tenure.silence).toBe(ELECTION + 10);
    expect(tenure.report()).toMatchObject({ role_why: 'no majority was heard', asked_at: null });
  });

  test('asking for votes is dated, and so is the role', async () => {
    const clock = new VirtualClock();
    const tenure = new Tenure(clock, ELECTION);
    await clock.advance(50);
    const asked = clock.now();
    tenure.became(became('pre_candidate', 'no leader was heard'));
    await clock.advance(20);
    tenure.became(became('leader', 'a majority voted for it'));
    expect(tenure.report()).toEqual({
      role_since: asked + 20,
      role_why: 'a majority voted for it',
      asked_at: asked,
    });
  });
});

describe('how long ago a leader was certainly one', () => {
  const peer = (id: string, last_contact: number): PeerStatus => ({
    id,
    state: 'replicate',
    match: 0,
    next: 1,
    in_flight_messages: 0,
    in_flight_bytes: 0,
    last_contact,
    paused: false,
    recent_active: true,
  });
  const age = (voters: string, ...peers: PeerStatus[]): number =>
    leadershipAge(
      peers,
      voters.split('').map((id) => ({ id })),
    );

  test('the last of a majority that answered says it; the leader is one of the majority', () => {
    expect(age('a')).toBe(0);
    expect(age('ab', peer('b', 70))).toBe(70);
    expect(age('abc', peer('b', 70), peer('c', 5))).toBe(5);
    expect(age('abcde', peer('b', 70), peer('c', 5), peer('d', 900), peer('e', 30))).toBe(30);
  });

  test('learners say nothing about it, and without a majority it is unknown', () => {
    expect(age('abc', peer('b', 70), peer('c', 60), peer('learner', 1))).toBe(60);
    expect(age('abc', peer('learner', 1))).toBe(Number.POSITIVE_INFINITY);
  });
});
