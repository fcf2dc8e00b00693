/**
 * Links that stay cut: any of those between five nodes. A node that reaches a majority can lead, and Raft as it
 * was published lets others depose it for ever (Jensen, Howard and Mortier 2021; Ng, Haridi and Carbone 2023).
 */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { RaftCore } from '../../../src/protocols/raft/core/core.ts';
import { type Actor, Stage } from './stage.ts';

const IDS = ['a', 'b', 'c', 'd', 'e'];
const LINKS = IDS.flatMap((one, at) => IDS.slice(at + 1).map((other) => [one, other] as const));
const ALL = new Set(IDS);

/** The longest election timeout of the rules. */
const TIMEOUT_MS = 300;

/** Draws of a generator that is the same for the same seed. */
function drawsOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Five with equal logs, and one of them in office. */
function ledBy(first: string, draw: () => number): Stage {
  const stage = new Stage((options, now) => new RaftCore(options, now));
  stage.found(IDS);
  for (const actor of stage.actors.values()) {
    actor.draw = draw;
    stage.start(actor);
  }
  const { core } = stage.actor(first);
  stage.pass(TIMEOUT_MS, new Set([first]), () => core?.status().role !== 'follower');
  stage.deliver(ALL);
  stage.live(TIMEOUT_MS, ALL);
  expect(core?.status().role).toBe('leader');
  return stage;
}

function cut(stage: Stage, links: readonly (readonly [string, string])[]): void {
  for (const [one, other] of links) stage.cut.add(`${one}>${other}`).add(`${other}>${one}`);
}

function reachesMajority({ cut: gone }: Stage, id: string): boolean {
  return IDS.filter((other) => !gone.has(`${id}>${other}`)).length * 2 > IDS.length;
}

/** The leader of the newest term: one of an older one may not have heard of it. */
function leaderOf({ actors }: Stage): Actor | undefined {
  const leaders = [...actors.values()].filter(({ core }) => core?.status().role === 'leader');
  return leaders.sort((left, right) => termOf(right) - termOf(left))[0];
}

function termOf({ core }: Actor): number {
  return core?.status().term ?? 0;
}

/** Whether what is asked of it now is committed soon. */
function commits(stage: Stage, leader: Actor): boolean {
  const before = leader.core?.status().commit ?? 0;
  const proposals = [{ id: stage.named('x', leader), frame: new Uint8Array(8) }];
  stage.step(leader, { kind: 'propose', proposals });
  stage.live(TIMEOUT_MS, ALL);
  return leader.core?.status().commit === before + 1;
}

const anyCut = fc.subarray(LINKS, { minLength: 1 });
const anySeed = fc.nat();

test('whatever links stay cut, where a node reaches a majority one such leads within five timeouts, stays, and commits', () => {
  fc.assert(
    fc.property(anyCut, fc.constantFrom(...IDS), anySeed, (links, first, seed) => {
      const stage = ledBy(first, drawsOf(seed));
      cut(stage, links);
      fc.pre(IDS.some((id) => reachesMajority(stage, id)));
      stage.live(5 * TIMEOUT_MS, ALL);
      const leader = leaderOf(stage);
      expect(leader).toBeDefined();
      expect(reachesMajority(stage, leader!.id)).toBe(true);
      const term = termOf(leader!);
      expect(commits(stage, leader!)).toBe(true);
      stage.live(10 * TIMEOUT_MS, ALL);
      expect([leaderOf(stage)?.id, termOf(leader!)]).toEqual([leader!.id, term]);
      expect(commits(stage, leader!)).toBe(true);
    }),
  );
});

test('whatever links stay cut, a leader that reaches a majority is not disturbed', () => {
  fc.assert(
    fc.property(anyCut, fc.constantFrom(...IDS), anySeed, (links, first, seed) => {
      const stage = ledBy(first, drawsOf(seed));
      cut(stage, links);
      const before = leaderOf(stage)!;
      fc.pre(reachesMajority(stage, before.id));
      const term = termOf(before);
      stage.live(20 * TIMEOUT_MS, ALL);
      expect([leaderOf(stage)?.id, termOf(before)]).toEqual([before.id, term]);
    }),
  );
});

test('where no node reaches a majority nobody leads, and nothing is committed', () => {
  fc.assert(
    fc.property(anyCut, fc.constantFrom(...IDS), anySeed, (links, first, seed) => {
      const stage = ledBy(first, drawsOf(seed));
      cut(stage, links);
      fc.pre(!IDS.some((id) => reachesMajority(stage, id)));
      const before = [...stage.actors.values()].map(({ applied }) => applied);
      stage.live(10 * TIMEOUT_MS, ALL);
      expect(leaderOf(stage)).toBeUndefined();
      expect([...stage.actors.values()].map(({ applied }) => applied)).toEqual(before);
    }),
  );
});

test('when the links are back there is one leader within ten timeouts, and all have applied the same', () => {
  fc.assert(
    fc.property(anyCut, fc.constantFrom(...IDS), anySeed, (links, first, seed) => {
      const stage = ledBy(first, drawsOf(seed));
      cut(stage, links);
      stage.live(5 * TIMEOUT_MS, ALL);
      stage.cut.clear();
      stage.live(10 * TIMEOUT_MS, ALL);
      const leader = leaderOf(stage);
      expect(leader).toBeDefined();
      expect(commits(stage, leader!)).toBe(true);
      expect(new Set([...stage.actors.values()].map(({ digest }) => digest)).size).toBe(1);
    }),
  );
});
