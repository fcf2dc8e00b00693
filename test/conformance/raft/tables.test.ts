/**
 * Tables in text: what majorities have reached and decided, alone and joint, and which changes of members there
 * are. Every line is held by the core, and by a model that is the definition and nothing else.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Member } from '../../../src/protocols/raft/core/configuration.ts';
import { RaftCore } from '../../../src/protocols/raft/core/core.ts';
import { jointReached, jointVote } from '../../../src/protocols/raft/core/quorum.ts';
import { play } from './scenario.ts';

const FOLDER = join(import.meta.dirname, 'tables');
const EVERYBODY = Array.from('abcdefghijklmnopqrstuvwxyz');

function linesOf(table: string): readonly string[] {
  const lines = readFileSync(join(FOLDER, `${table}.txt`), 'utf8').split('\n');
  return lines.filter((line) => line !== '' && !line.startsWith('#'));
}

function idsOf(text = ''): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== '' && word !== '-');
}

/** What stands in a line after a word, up to the next of these words. */
function after(line: string, word: string): string {
  const found = new RegExp(`\\b${word} (.*?)(?= (?:outgoing|marks|votes|reached|learners)\\b|;|$)`);
  return found.exec(line)?.[1] ?? '';
}

function pairsOf(text: string): ReadonlyMap<string, string> {
  return new Map(idsOf(text).map((pair) => pair.split('=') as [string, string]));
}

function membersOf(ids: readonly string[]): readonly Member[] {
  return ids.map((id) => ({ id, store: `${id}/1`, addresses: [] }));
}

interface Halves {
  readonly voters: readonly string[];
  readonly outgoing: readonly string[];
}

interface Case extends Halves {
  readonly line: string;
  readonly said: ReadonlyMap<string, string>;
  readonly result: string;
}

function casesOf(table: string, what: 'marks' | 'votes'): readonly Case[] {
  return linesOf(table).map((line) => ({
    line,
    voters: idsOf(after(line, 'voters')),
    outgoing: idsOf(after(line, 'outgoing')),
    said: pairsOf(after(line, what)),
    result: line.split(' ').at(-1) ?? '',
  }));
}

/** Every set of more than half of them. */
function majorities(ids: readonly string[]): readonly (readonly string[])[] {
  const sets = Array.from({ length: 2 ** ids.length }, (_, bits) =>
    ids.filter((_id, place) => bits & (1 << place)),
  );
  return sets.filter((set) => set.length * 2 > ids.length);
}

function markIn({ said }: Case, id: string): number {
  return Number(said.get(id) ?? 0);
}

function reachedByDefinition(given: Case, ids: readonly string[]): number {
  if (ids.length === 0) return Infinity;
  const least = majorities(ids).map((set) => Math.min(...set.map((id) => markIn(given, id))));
  return Math.max(...least);
}

function voteByDefinition({ said }: Case, ids: readonly string[]): string {
  const sets = majorities(ids);
  if (ids.length === 0 || sets.some((set) => set.every((id) => said.get(id) === 'yes')))
    return 'won';
  return sets.some((set) => set.every((id) => said.get(id) !== 'no')) ? 'pending' : 'lost';
}

function jointByDefinition(given: Case): string {
  const halves = [given.voters, given.outgoing].map((half) => voteByDefinition(given, half));
  return ['lost', 'pending', 'won'].find((result) => halves.includes(result)) ?? '';
}

function reachedBy({ voters, outgoing }: Halves, given: Case): number {
  const configuration = {
    voters: membersOf(voters),
    outgoing: membersOf(outgoing),
    learners: [],
  };
  return jointReached(configuration, ({ id }) => markIn(given, id));
}

function voteBy({ voters, outgoing }: Halves, { said }: Case): string {
  const votes: Record<string, boolean> = { yes: true, no: false };
  const configuration = {
    voters: membersOf(voters),
    outgoing: membersOf(outgoing),
    learners: [],
  };
  return jointVote(configuration, ({ id }) => votes[said.get(id) ?? '']);
}

/** Nobody in the half that was asked before means that there is none. */
function turned({ voters, outgoing }: Case): Halves {
  return outgoing.length === 0 ? { voters, outgoing } : { voters: outgoing, outgoing: voters };
}

test.each([
  ['majority-commit', 16],
  ['joint-commit', 50],
] as const)(
  '%s: every line says what majorities have reached, whichever half is first',
  (table, count) => {
    const cases = casesOf(table, 'marks');
    expect(new Set(cases.map(({ line }) => line)).size).toBe(count);
    for (const given of cases) {
      const stated = given.result === 'everything' ? Infinity : Number(given.result);
      const halves = [given.voters, given.outgoing];
      const defined = Math.min(...halves.map((half) => reachedByDefinition(given, half)));
      expect([given.line, defined]).toEqual([given.line, stated]);
      expect([given.line, reachedBy(given, given)]).toEqual([given.line, stated]);
      expect([given.line, reachedBy(turned(given), given)]).toEqual([given.line, stated]);
    }
  },
);

test.each([
  ['majority-vote', 22],
  ['joint-vote', 39],
] as const)(
  '%s: every line says what majorities have decided, whichever half is first',
  (table, count) => {
    const cases = casesOf(table, 'votes');
    expect(new Set(cases.map(({ line }) => line)).size).toBe(count);
    for (const given of cases) {
      expect([given.line, jointByDefinition(given)]).toEqual([given.line, given.result]);
      expect([given.line, voteBy(given, given)]).toEqual([given.line, given.result]);
      expect([given.line, voteBy(turned(given), given)]).toEqual([given.line, given.result]);
    }
  },
);

interface Wanted {
  readonly now: readonly string[];
  readonly learners: readonly string[];
  readonly voters: readonly string[];
  readonly nextLearners: readonly string[];
}

function wantedIn(line: string): Wanted {
  const [now = '', wanted = ''] = line.split(';');
  return {
    now: idsOf(after(now, 'now')),
    learners: idsOf(after(now, 'learners')),
    voters: idsOf(after(wanted, 'wanted')),
    nextLearners: idsOf(after(wanted, 'learners')),
  };
}

/** What becomes of it, from sets alone. */
function wayByDefinition({ now, learners, voters, nextLearners }: Wanted): string {
  const all = [...voters, ...nextLearners];
  if (new Set(all).size < all.length || voters.length < 1) return 'refused invalid_members';
  if (voters.length > 7 || nextLearners.length > 16) return 'refused invalid_members';
  if (voters.some((id) => !now.includes(id) && !learners.includes(id)))
    return 'refused not_caught_up';
  const sorted = (ids: readonly string[]): string => [...ids].sort().join(' ');
  const shown = (ids: readonly string[]): string => ids.join(' ') || '-';
  const end = `${shown(voters)} | - | ${shown(nextLearners)}`;
  if (sorted(now) === sorted(voters)) return `enters ${end}`;
  return `enters ${shown(voters)} | ${shown(now)} | ${shown(nextLearners)}; leaves ${end}`;
}

/** Those of `now` and its learners are there and know everything; the others are empty stores. */
function beginning({ now, learners }: Wanted): readonly string[] {
  const [leader = ''] = now;
  const known = learners.length === 0 ? [] : ['learners', ...learners];
  return [
    `nodes ${now.join(' ')}`,
    `spare ${EVERYBODY.filter((id) => !now.includes(id)).join(' ')}`,
    'start',
    `campaign ${leader}`,
    'deliver',
    `change ${leader} before voters ${now.join(' ')} ${known.join(' ')}`,
    'deliver',
    'expect before committed',
  ];
}

/** The line as a scenario: a leader is asked for it, seen on the way, and at the end. */
function scenarioOf(line: string): string {
  const wanted = wantedIn(line);
  const { now, learners, voters, nextLearners } = wanted;
  const [leader = ''] = now;
  const way = line.split('; ').slice(2);
  const known = nextLearners.length === 0 ? [] : ['learners', ...nextLearners];
  const asked = [`change ${leader} wish voters ${voters.join(' ')} ${known.join(' ')}`];
  const before = `${now.join(' ')} | - | ${learners.join(' ') || '-'}`;
  const expected = way[0]?.startsWith('refused')
    ? [`expect wish ${way[0]}`, 'deliver', `expect ${leader} members ${before}`]
    : [
        `deliver ${[leader, ...voters.filter((id) => !now.includes(id))].join(' ')}`,
        `expect ${leader} members ${way[0]?.replace('enters ', '')}`,
        `disk ${leader} goes on`,
        'deliver',
        `expect ${voters[0]} members ${way.at(-1)?.replace(/^(enters|leaves) /, '')}`,
        'expect wish committed',
      ];
  return [...beginning(wanted), `disk ${leader} waits`, ...asked, ...expected].join('\n');
}

test('changes: every line is the way that a leader goes which is asked for it', () => {
  const lines = linesOf('changes');
  expect(new Set(lines).size).toBe(58);
  for (const line of lines) {
    expect([line, wayByDefinition(wantedIn(line))]).toEqual([
      line,
      line.split('; ').slice(2).join('; '),
    ]);
    play(scenarioOf(line), (options, now) => new RaftCore(options, now));
  }
});

test('one change of several voters ends where changes of one voter each end', () => {
  const anyOthers = fc.subarray(['b', 'c', 'd', 'e', 'f', 'g']);
  fc.assert(
    fc.property(anyOthers, anyOthers, (before, after_) => {
      const now = ['a', ...before];
      const wanted = ['a', ...after_];
      const learners = after_.filter((id) => !before.includes(id));
      const arriving = learners.map((_id, at) => [...now, ...learners.slice(0, at + 1)]);
      const all = [...now, ...learners];
      const leaving = before.filter((id) => !after_.includes(id));
      const departing = leaving.map((_id, at) =>
        all.filter((id) => !leaving.slice(0, at + 1).includes(id)),
      );
      const single = [...arriving, ...departing].flatMap((voters, at) => {
        const waiting = learners.filter((id) => !voters.includes(id));
        const asked = waiting.length === 0 ? '' : `learners ${waiting.join(' ')}`;
        return [`change a x${at} voters ${voters.join(' ')} ${asked}`, 'deliver'];
      });
      const begin = beginning({ now, learners, voters: wanted, nextLearners: [] });
      const joint = [`change a x voters ${wanted.join(' ')}`, 'deliver'];
      for (const steps of [joint, single]) {
        // The same voters in the order in which the last change named them.
        const last = steps === joint ? wanted : (departing.at(-1) ?? arriving.at(-1) ?? now);
        expect(new Set(last)).toEqual(new Set(wanted));
        const seen = `expect a members ${last.join(' ')} | - | -`;
        play([...begin, ...steps, seen].join('\n'), (options, at) => new RaftCore(options, at));
      }
    }),
    { numRuns: 40 },
  );
});
