/**
 * What the rules of the paper come to in every pattern of one round, for one to five voters, and over a thousand
 * draws of patience (Ongaro & Ousterhout 2014, §5.2, §5.3).
 */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { RaftCore } from '../../../../src/protocols/raft/core/core.ts';
import type { Message } from '../../../../src/protocols/raft/core/messages.ts';
import { BOUNDS, Cores, EMPTY, frame, members, TIMING } from './cores.ts';

const IDS = ['a', 'b', 'c', 'd', 'e'];
const SIZES = [1, 2, 3, 4, 5];
const { least: T, most } = TIMING.election;

/** Hosts look at their clocks so often; two that lose patience within it ask together. */
const TICK_MS = 10;
const ROUNDS = 1_000;

function coreOf(id: string, random: () => number): RaftCore {
  const core = new RaftCore(
    {
      id,
      store: `${id}1`,
      timing: TIMING,
      bounds: BOUNDS,
      random,
      frames: { noOp: () => frame(1), configuration: () => frame(5) },
      restored: { ...EMPTY, configurations: [{ index: 0, configuration: members(IDS) }] },
    },
    0,
  );
  return core;
}

/** Woken whenever it wants to be. @returns when it asks for votes the next time */
function patienceOf(core: RaftCore): number {
  const before = core.status().election?.at;
  let now = 0;
  while (core.status().election?.at === before) {
    now = core.take().next_wake ?? Number.NaN;
    core.step({ kind: 'wake' }, now);
  }
  return now;
}

function grant(core: RaftCore, from: string, request: Message): void {
  if (request.kind !== 'request_vote') return;
  const { term, question, pre } = request;
  core.step(
    {
      kind: 'message',
      message: {
        kind: 'request_vote_response',
        from,
        store: `${from}1`,
        to: request.from,
        asker: request.store,
        question,
        term,
        pre,
        granted: true,
        stale_member: false,
      },
    },
    core.status().election?.at ?? 0,
  );
}

/** Its questions whether it would win are answered, and it stands; its real ones are not. */
function candidateOf(random: () => number): { readonly core: RaftCore; readonly since: number } {
  const core = coreOf('a', random);
  const since = patienceOf(core);
  const requests = core.take().send;
  for (const from of ['b', 'c']) grant(core, from, requests[0]!);
  expect(core.status().role).toBe('candidate');
  return { core, since };
}

const anyDraw = fc.integer({ min: 0, max: 999 }).map((thousandths) => thousandths / 1_000);

test('a follower that hears nobody asks for votes after T and before 2T, wherever its draw lies', () => {
  fc.assert(
    fc.property(anyDraw, (drawn) => {
      const patience = patienceOf(coreOf('a', () => drawn));
      expect(patience).toBeGreaterThanOrEqual(T);
      expect(patience).toBeLessThan(2 * T);
      expect(2 * T).toBe(most);
    }),
  );
});

test('a candidate that nobody answers asks again after T and before 2T, wherever its draw lies', () => {
  fc.assert(
    fc.property(anyDraw, (drawn) => {
      const { core, since } = candidateOf(() => drawn);
      const patience = patienceOf(core) - since;
      expect(patience).toBeGreaterThanOrEqual(T);
      expect(patience).toBeLessThan(2 * T);
      expect(core.status()).toMatchObject({ role: 'pre_candidate', term: 1 });
    }),
  );
});

/** Draws of a generator that is the same for the same seed. */
function drawsOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** In how many rounds of five the first who asks does not ask alone. */
function ties(patience: (id: string) => number): number {
  let tied = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const ticks = IDS.map((id) => Math.ceil(patience(id) / TICK_MS));
    const first = Math.min(...ticks);
    if (ticks.filter((tick) => tick === first).length > 1) tied += 1;
  }
  return tied;
}

test('in a thousand rounds of five followers, two are the first to ask in less than three of ten', () => {
  const draw = drawsOf(1);
  const tied = ties((id) => patienceOf(coreOf(id, draw)));
  expect(tied).toBeGreaterThan(0);
  expect(tied).toBeLessThan(0.3 * ROUNDS);
});

test('in a thousand rounds of five candidates, two are the first to ask again in less than three of ten', () => {
  const draw = drawsOf(2);
  const tied = ties(() => {
    const { core, since } = candidateOf(draw);
    return patienceOf(core) - since;
  });
  expect(tied).toBeGreaterThan(0);
  expect(tied).toBeLessThan(0.3 * ROUNDS);
});

/** Who has more than half is a leader; who cannot have it any more follows; else it goes on asking. */
function roleBy(size: number, yes: number, no: number): string {
  if (yes * 2 > size) return 'leader';
  return (size - no) * 2 > size ? 'candidate' : 'follower';
}

test('one to five voters elect in one round whom more than half of them vote for, in every pattern of answers', () => {
  const answers = ['silent', 'yes', 'no'] as const;
  for (const size of SIZES) {
    const [, ...others] = IDS.slice(0, size);
    for (let pattern = 0; pattern < 3 ** others.length; pattern += 1) {
      const cores = new Cores({ voters: IDS.slice(0, size) });
      cores.now = most;
      cores.tell('a', { kind: 'wake' });
      cores.deliver((message) => 'pre' in message && message.pre);
      const given = others.map((_voter, place) => answers[Math.floor(pattern / 3 ** place) % 3]!);
      for (const [place, answer] of given.entries())
        if (answer !== 'silent') cores.vote('a', others[place]!, answer === 'yes');
      const yes = given.filter((answer) => answer === 'yes').length + 1;
      const no = given.filter((answer) => answer === 'no').length;
      const found = { size, given, role: cores.status('a').role };
      expect(found).toEqual({ size, given, role: roleBy(size, yes, no) });
    }
  }
});

test('one to five voters commit what more than half of them acknowledge, in every pattern of answers', () => {
  for (const size of SIZES) {
    const voters = IDS.slice(0, size);
    for (let pattern = 0; pattern < 2 ** (size - 1); pattern += 1) {
      const present = voters.filter((_id, place) => place === 0 || pattern & (1 << (place - 1)));
      const cores = new Cores({ voters });
      cores.elect('a');
      const before = cores.status('a').commit;
      const [asked] = cores.propose('a');
      cores.deliver(({ from, to }) => present.includes(from) && present.includes(to));
      const committed = present.length * 2 > size;
      const found = { size, present, commit: cores.status('a').commit };
      expect(found).toEqual({ size, present, commit: before + (committed ? 1 : 0) });
      expect(cores.outcome('a', asked!)?.kind).toBe(committed ? 'committed' : undefined);
    }
  }
});
