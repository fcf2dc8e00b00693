import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Command, encodeCommand } from '../../../src/log/command.ts';
import { command, projection } from '../../../src/projections/projection.ts';
import type { Answer } from '../../../src/protocols/coordinator/answer.ts';
import { Divergence } from '../../../src/protocols/coordinator/comparing.ts';
import type { Group } from '../../../src/protocols/coordinator/group.ts';
import type { TickReport } from '../../../src/protocols/raft/tick-health.ts';
import { realClock } from '../../../src/real-clock.ts';
import { until } from '../../end-to-end/condition.ts';
import { framesOf, MAIN } from '../../log/fixtures.ts';
import { stateRoot } from '../../simulation/whole-node/state-root.ts';
import * as hosted from '../coordinator/hosted-group.ts';
import { add, PROJECTIONS, sumOf } from '../coordinator/hosted-group.ts';
import { TALLIES } from '../../projections/tally.ts';
import { LocalCluster, type Member } from './local-cluster.ts';

/** Longer than any change of leaders on a machine that is busy with other things. */
const PATIENCE = 120_000;

/** A machine that stood still may change leaders at any moment: who asks waits for the next one. */
function asked(group: Group, command: Command): Promise<Answer> {
  return hosted.asked(group, command, PATIENCE);
}

function addMany(group: Group, count: number): Promise<void> {
  return hosted.addMany(group, count, PATIENCE);
}

/** A rule that looks at something outside the log: what no rule may do. */
function moody(mood: { bad: boolean }) {
  return projection<{ readonly type: 'felt'; readonly mood: string }>({
    name: 'moody',
    summary: 'Decides by its mood.',
    tables: [],
    commands: {
      feel: command({
        summary: 'Says how it feels.',
        origin: 'client',
        role: 'admin',
        traffic: 'data',
        schema: z.object({}),
        decide: (ruling) => {
          ruling.emit({ type: 'felt', mood: mood.bad ? 'bad' : 'good' });
          return undefined;
        },
      }),
    },
    folds: { felt: () => undefined },
  });
}

const FEEL = { type: 'feel', data: {} };

function feeling(mood: { bad: boolean }) {
  return { projections: [...PROJECTIONS, moody(mood)] };
}

/** A bit of a row flips in memory: no entry did that, so nothing knows how it was. */
function flip({ machine }: Group, name: string): void {
  const table = machine.allTables().find(({ definition }) => definition.name === TALLIES.name)!;
  table.restore(name, { ...(table.get(name) as object), sum: 4_097 });
}

/** Where a bit of a snapshot flips, by the bytes of its file. */
const ROTTEN: readonly (readonly [string, (bytes: Buffer) => number])[] = [
  ['in its manifest', () => 0],
  ['in the name of a field of its manifest', (bytes) => bytes.indexOf('position')],
  ['in its rows', ({ length }) => Math.floor(length / 2)],
  ['in what it ends with', ({ length }) => length - 1],
  ['in its sum', ({ length }) => length - 20],
];

describe('three nodes', () => {
  test('any of them takes what is proposed, and all apply the same', async () => {
    const cluster = await LocalCluster.founded(3);
    for (const { group } of cluster.members.values())
      expect(await asked(group, add('a'))).toMatchObject({
        kind: 'answered',
        outcome: { kind: 'applied' },
      });
    await cluster.untilEqual();
    for (const { group } of cluster.members.values()) expect(sumOf(group, 'a')).toBe(3);
  });

  test('a read at any of them sees what was answered before', async () => {
    const cluster = await LocalCluster.founded(3);
    const [follower, other] = cluster.followers;
    await asked(follower!.group, add('a'));
    expect(await other!.group.read()).toMatchObject({ kind: 'at' });
    expect(sumOf(other!.group, 'a')).toBe(1);
  });

  test('who is sent a proposal and does not lead refuses it, and carries it to nobody', async () => {
    const cluster = await LocalCluster.founded(3);
    const [one, other] = cluster.followers;
    const last = cluster.leader!.log.bounds(MAIN).last;
    const values = ['data', encodeCommand(add('a'))];
    const question = { group: MAIN, topic: 'forward', values };
    const answer = await one!.exchange.ask(other!.id, question, PATIENCE);
    expect([answer.text(), answer.text()]).toEqual(['refused', 'not-leader']);
    expect(cluster.leader!.log.bounds(MAIN).last).toBe(last);
  });

  test('trap 1: what was answered outlives its leader', async () => {
    const cluster = await LocalCluster.founded(3);
    const leader = cluster.leader!;
    await addMany(leader.group, 100);
    cluster.networks.isolate(leader.id);
    cluster.members.delete(leader.id);
    const next = await cluster.untilLed();
    for (let place = 0; place < 100; place++) expect(sumOf(next.group, `name ${place}`)).toBe(1);
  });

  test('trap 1: what a leader has alone is not answered as done, and may be gone with it', async () => {
    const cluster = await LocalCluster.founded(3);
    const leader = cluster.leader!;
    cluster.networks.isolate(leader.id);
    const answer = hosted.asked(leader.group, add('alone'));
    cluster.members.delete(leader.id);
    const next = await cluster.untilLed();
    await asked(next.group, add('after'));
    cluster.networks.mend(leader.id);
    await cluster.untilEqual([leader, next]);
    expect((await answer).kind).not.toBe('answered');
    expect(sumOf(next.group, 'alone')).toBeUndefined();
    expect(sumOf(leader.group, 'after')).toBe(1);
  });

  test('trap 4: a minority elects nobody and answers nothing', async () => {
    const cluster = await LocalCluster.founded(3);
    const [follower] = cluster.followers;
    cluster.networks.isolate(follower!.id);
    await until('it knows no leader', () => follower!.group.status().leader_id === undefined);
    const { term } = follower!.group.status();
    expect(await hosted.asked(follower!.group, add('a'))).toEqual({
      kind: 'refused',
      code: 'no-leader',
    });
    await addMany(cluster.leader!.group, 10);
    expect(follower!.group.status()).toMatchObject({
      term,
      role: expect.not.stringMatching('leader'),
    });
    cluster.networks.mend(follower!.id);
    await cluster.untilEqual();
  });

  test('a leader that stops hands over first', async () => {
    const cluster = await LocalCluster.founded(3);
    const leader = cluster.leader!;
    await asked(leader.group, add('a'));
    await leader.stop();
    cluster.members.delete(leader.id);
    const next = await cluster.untilLed();
    const became = next.traces.findLast(({ kind }) => kind === 'became');
    expect(became).toMatchObject({ role: 'leader' });
    expect(sumOf(next.group, 'a')).toBe(1);
  });

  test('a node that starts again has what it had, and catches up', async () => {
    const cluster = await LocalCluster.founded(3);
    const [follower] = cluster.followers;
    await addMany(cluster.leader!.group, 20);
    await follower!.stop();
    cluster.members.delete(follower!.id);
    await addMany((await cluster.untilLed()).group, 20);
    await cluster.start(follower!.id, { directory: follower!.directory });
    await cluster.untilEqual();
    expect(sumOf(cluster.at(follower!.id).group, 'name 7')).toBe(2);
  });
});

test('a grid that is coarse makes nobody late', async () => {
  const cluster = await LocalCluster.founded(1, { n1: { tick: 250 } });
  const ticks = (): TickReport => cluster.at('n1').engine.report()['ticks'] as TickReport;
  await until('it was woken for some heartbeats', () => ticks().wakes > 8);
  const { wakes, late } = ticks();
  // The machine may be late now and then.
  expect(late).toBeLessThan(wakes / 2);
});

test('whether it leads, a group knows without all that a status tells', async () => {
  const cluster = await LocalCluster.founded(1);
  const { engine, group, stop } = cluster.at('n1');
  const status = engine.status.bind(engine);
  let told = 0;
  engine.status = () => {
    told += 1;
    return status();
  };
  expect([group.isLeader, told]).toEqual([true, 0]);
  await stop();
  expect([group.isLeader, group.status().role]).toEqual([false, 'stopped']);
});

describe('a change of leaders', () => {
  test('writes that meet it are carried to the next leader, each applied once', async () => {
    const cluster = await LocalCluster.founded(3);
    const leader = cluster.leader!;
    const [asker] = cluster.followers;
    const changing = asked(asker!.group, add('before'));
    const handedOver = leader.group.transfer(undefined);
    const answers = [];
    for (let place = 0; place < 200; place++) {
      answers.push(asker!.group.propose(add(`name ${place}`), 'data', PATIENCE));
      await new Promise(setImmediate);
    }
    await changing;
    expect(await handedOver).toMatchObject({ kind: 'changed' });
    for (const answer of await Promise.all(answers))
      expect(answer).toMatchObject({ kind: 'answered', replayed: false });
    await cluster.untilEqual();
    for (let place = 0; place < 200; place++) expect(sumOf(asker!.group, `name ${place}`)).toBe(1);
  });

  test('I4: what may be in the log of a leader that was lost is carried on where it has a key, and is applied once', async () => {
    const cluster = await LocalCluster.founded(3);
    const leader = cluster.leader!;
    const [asker] = cluster.followers;
    const answers = Array.from({ length: 100 }, (_, place) =>
      asker!.group.propose(
        { ...add(`name ${place}`), once: { key: `key ${place}`, print: 'same' } },
        'data',
        PATIENCE,
      ),
    );
    await new Promise(setImmediate);
    cluster.networks.isolate(leader.id);
    cluster.members.delete(leader.id);
    for (const answer of await Promise.all(answers))
      expect(answer).toMatchObject({ kind: 'answered', outcome: { kind: 'applied' } });
    for (let place = 0; place < 100; place++) expect(sumOf(asker!.group, `name ${place}`)).toBe(1);
  });

  test('I4: what may be in the log of a leader that was lost, and has no key, is not asked again', async () => {
    const cluster = await LocalCluster.founded(3);
    const leader = cluster.leader!;
    const [asker] = cluster.followers;
    const answers = Array.from({ length: 100 }, (_, place) =>
      asker!.group.propose(add(`name ${place}`), 'data', PATIENCE),
    );
    await new Promise(setImmediate);
    cluster.networks.isolate(leader.id);
    cluster.members.delete(leader.id);
    const kinds = (await Promise.all(answers)).map(({ kind }) => kind);
    expect(kinds).toContain('unknown');
  });

  test('where no leader comes, a write that was never sent is refused as that, without a hint at nobody', async () => {
    const cluster = await LocalCluster.founded(3);
    const [asker] = cluster.followers;
    cluster.networks.isolate(asker!.id);
    const answer = await asker!.group.propose(add('a'), 'data', 100);
    expect(answer).toEqual({ kind: 'refused', code: 'no-leader' });
  });

  test('who waits for a leader is sent away when the node stops', async () => {
    const cluster = await LocalCluster.founded(3);
    const [asker] = cluster.followers;
    cluster.networks.isolate(asker!.id);
    await until('it knows no leader', () => asker!.group.status().leader_id === undefined);
    const answer = asker!.group.propose(add('a'), 'data', PATIENCE);
    await asker!.stop();
    expect(await answer).toEqual({ kind: 'refused', code: 'no-leader' });
  });
});

describe('taking part', () => {
  test('a node alone founds a cluster, and another that is told of it comes to vote', async () => {
    const cluster = await LocalCluster.founded(1);
    await addMany(cluster.leader!.group, 300);
    const second = await cluster.start('n2', { join: ['n1'] });
    await until('it votes', () => second.group.status().voters.includes('n2'));
    await cluster.untilEqual();
    expect(second.log.identity.clusterId).toBe(cluster.at('n1').log.identity.clusterId);
    expect(await asked(second.group, add('a'))).toMatchObject({ kind: 'answered' });
  });

  test('a node that goes while it is a learner on its way goes on asking for its vote in its next life', async () => {
    const cluster = await LocalCluster.founded(1);
    const second = await cluster.start('n2', { join: ['n1'] });
    await until('it learns', () => second.group.status().learners.includes('n2'));
    await second.stop();
    const { leader } = cluster;
    cluster.members.delete('n2');
    const again = await cluster.start('n2', { directory: second.directory });
    await until('it votes', () => again.group.status().voters.includes('n2'));
    await until('and needs to ask no more', () => again.log.identity.isJoining === false);
    // Who is made a learner on purpose stays one, in whatever life.
    await until('it is made a learner', async () => {
      const change = await leader!.group.change({ voters: ['n1'], learners: ['n2'] });
      return change.kind === 'changed';
    });
    await until('it knows', () => again.group.status().learners.includes('n2'));
    await again.stop();
    cluster.members.delete('n2');
    const third = await cluster.start('n2', { directory: second.directory });
    await cluster.untilEqual();
    expect(third.group.status().learners).toEqual(['n2']);
    expect(third.log.identity.isJoining).toBe(false);
  });

  test('first version 7: who is too far behind for the log gets a snapshot, and goes on from it', async () => {
    const cluster = await LocalCluster.founded(1, {
      n1: { group: { retention: { kind: 'entries', entries: 10 } } },
    });
    const { group, log } = cluster.leader!;
    for (let round = 0; round < 5; round++) await addMany(group, 300);
    await group.snapshots.take();
    await until('the log was trimmed', () => log.bounds(group.id).first > 300);
    const second = await cluster.start('n2', { join: ['n1'] });
    await until('it votes', () => second.group.status().voters.includes('n2'));
    await cluster.untilEqual();
    expect(second.log.bounds(group.id).first).toBeGreaterThan(300);
    await asked(second.group, add('name 7'));
    expect(sumOf(second.group, 'name 7')).toBe(6);
    await second.stop();
    cluster.members.delete('n2');
    await cluster.start('n2', { directory: second.directory });
    await cluster.untilEqual();
    expect(sumOf(cluster.at('n2').group, 'name 7')).toBe(6);
  });

  test.each(ROTTEN)(
    'a leader whose newest snapshot rots, %s, hands it to nobody: another is taken and sent',
    async (_where, place) => {
      const cluster = await LocalCluster.founded(1, {
        n1: { group: { retention: { kind: 'entries', entries: 10 } } },
      });
      const { group, log, loopErrors } = cluster.leader!;
      for (let round = 0; round < 5; round++) await addMany(group, 300);
      await group.snapshots.take();
      await until('the log was trimmed', () => log.bounds(group.id).first > 300);
      const [newest] = await log.snapshots(group.id).list();
      const bytes = await readFile(newest!.path);
      bytes[place(bytes)]! ^= 0x10;
      await writeFile(newest!.path, bytes);
      const second = await cluster.start('n2', { join: ['n1'] });
      await until('it votes', () => second.group.status().voters.includes('n2'));
      await cluster.untilEqual();
      expect(stateRoot(second.group.machine)).toBe(stateRoot(group.machine));
      const words = loopErrors.map(String);
      expect(words).toEqual([expect.stringMatching('is damaged: it is kept as .*another is sent')]);
      const indices = async ({ log: its }: Member): Promise<number[]> =>
        (await its.snapshots(group.id).list()).map(({ index }) => index);
      expect(await indices(cluster.at('n1'))).not.toContain(newest!.index);
      expect(await indices(second)).not.toContain(newest!.index);
    },
  );

  test('a snapshot that is gone is taken anew, though nothing was applied since', async () => {
    const cluster = await LocalCluster.founded(2);
    await addMany(cluster.leader!.group, 50);
    await cluster.untilEqual();
    const [{ group, log }] = cluster.followers as [Member];
    const index = await group.snapshots.take();
    expect(await group.snapshots.take()).toBe(index);
    expect(group.snapshotStatus.taken).toBe(1);
    await log.snapshots(group.id).discard(index, 'damaged');
    expect(await group.snapshots.take()).toBe(index);
    expect(await log.snapshots(group.id).list()).toMatchObject([{ index }]);
  });

  test('who keeps its whole log fetches what its snapshot jumped over from whoever has it', async () => {
    const cluster = await LocalCluster.founded(2, {
      n1: { group: { retention: { kind: 'entries', entries: 10 } } },
    });
    const [first, second] = [cluster.at('n1'), cluster.at('n2')];
    for (let round = 0; round < 5; round++) await addMany(first.group, 300);
    await until('n1 leads', async () => {
      if (!first.group.isLeader) await second.engine.transfer('n1');
      return first.group.isLeader;
    });
    await first.group.snapshots.take();
    await until('n1 has trimmed its log', () => first.log.bounds(first.group.id).first > 300);
    const third = await cluster.start('n3', { join: ['n1'] });
    await until('it has the first entry', () => {
      const { first: oldest, last } = third.log.bounds(third.group.id);
      return oldest === 1 && last > 0;
    });
    await cluster.untilEqual();
    for (const index of [1, 256, 257, 700, 1_024])
      expect(await third.group.history.digestAt(index)).toBe(
        await second.group.history.digestAt(index),
      );
    expect(await framesOf(third.log, third.group.id, 1, { to: 1_000 })).toEqual(
      await framesOf(second.log, second.group.id, 1, { to: 1_000 }),
    );
  });

  test('a voter that lost its disk comes back as a learner, and votes when it has everything', async () => {
    const cluster = await LocalCluster.founded(3);
    const [lost] = cluster.followers;
    await addMany(cluster.leader!.group, 50);
    await lost!.stop();
    cluster.members.delete(lost!.id);
    await until('it is missed', () => cluster.leader !== undefined);
    const again = await cluster.start(lost!.id);
    const store = again.log.identity.storeId;
    await until(
      'its new store votes',
      () => cluster.leader?.engine.members().voters.some((voter) => voter.store === store) ?? false,
    );
    await cluster.untilEqual();
    expect(cluster.leader!.group.status().voters).toHaveLength(3);
    expect(sumOf(again.group, 'name 7')).toBe(1);
  });
});

/** This member leads. */
async function ledBy(cluster: LocalCluster, id: string): Promise<void> {
  await until(`${id} leads`, async () => {
    if (cluster.leader?.id !== id) await cluster.leader?.engine.transfer(id);
    return cluster.at(id).group.isLeader;
  });
}

/** A difference is found within a few rounds, each a second. */
const NAMED_MS_MAX = 5_000;

/** Waits until a member has said that it decided the entry of this answer differently. */
async function named({ loopErrors }: Member, answer: Answer): Promise<void> {
  const began = realClock.monotonic();
  const index = answer.kind === 'answered' ? answer.index : 0;
  const words = `entry ${index} was decided differently here`;
  await until(words, () => (loopErrors as Error[]).some(({ message }) => message === words));
  expect(realClock.monotonic() - began).toBeLessThan(NAMED_MS_MAX);
}

/** Somebody else than this member leads. */
async function ledByAnother(cluster: LocalCluster, id: string): Promise<void> {
  await until(`another than ${id} leads`, async () => {
    if (cluster.leader?.id === id) await cluster.leader.engine.transfer(undefined);
    return cluster.leader !== undefined && cluster.leader.id !== id;
  });
}

describe('digests', () => {
  test('an entry that was decided differently is named by its index, and decided again', async () => {
    const mood = { bad: false };
    const cluster = await LocalCluster.founded(3, {
      n1: feeling({ bad: false }),
      n2: feeling({ bad: false }),
      n3: feeling(mood),
    });
    await ledByAnother(cluster, 'n3');
    const { group } = cluster.leader!;
    await addMany(group, 600);
    mood.bad = true;
    const answer = await asked(group, FEEL);
    await addMany(group, 300);
    const third = cluster.at('n3');
    await until('it has applied the entry', () => third.group.machine.position.index > 900);
    mood.bad = false;
    await named(third, answer);
    await cluster.untilEqual();
    expect(third.faults).toEqual([]);
  });

  test('I3: a row that is wrong in the memory of a follower is found by the next agreed root, and made anew', async () => {
    const cluster = await LocalCluster.founded(3);
    const { group: leader } = await cluster.untilLed();
    await addMany(leader, 300);
    await cluster.untilEqual();
    const [{ group, log, loopErrors }] = cluster.followers as [Member];
    const sound = await group.snapshots.take();
    const agreed = await leader.snapshots.take();
    await until(
      'its tables are as agreed',
      () => group.comparing.divergences.agreed_root === agreed,
    );
    await asked(leader, add('name 7'));
    await cluster.untilEqual();
    // No outcome shows it: what is answered are facts.
    flip(group, 'name 9');
    expect(sumOf(group, 'name 9')).not.toBe(sumOf(leader, 'name 9'));
    const wrong = await group.snapshots.take();
    await asked(leader, add('name 8'));
    const at = await leader.snapshots.take();
    await until('its tables are the leader’s', () => sumOf(group, 'name 9') === 1);
    await cluster.untilEqual();
    expect(stateRoot(group.machine)).toBe(stateRoot(leader.machine));
    expect(group.comparing.divergences).toMatchObject({
      found: 1,
      last: { index: at, verdict: 'wrong', other: leader.status().leader_id },
    });
    expect(loopErrors.map(String)).toEqual([
      expect.stringMatching(`the tables \\(tally\\) as of entry ${at} are others here than n\\d`),
    ]);
    // A start would begin with it: one of the right tables has taken the place of that of the wrong ones.
    const left = await until('the wrong one is gone', async () => {
      const listed = (await log.snapshots(group.id).list()).map(({ index }) => index);
      return !listed.includes(wrong) && listed;
    });
    expect(left).toEqual([expect.toSatisfy((index: number) => index >= at), sound]);
    // It goes on, and the next root finds nothing.
    await asked(group, add('name 9'));
    const next = await leader.snapshots.take();
    await until('its tables are as agreed', () => group.comparing.divergences.agreed_root === next);
    expect(group.comparing.divergences.found).toBe(1);
  });

  test('where the log was trimmed above the last right snapshot, a root that differs is said, and nobody ends', async () => {
    const trims = { group: { retention: { kind: 'entries', entries: 10 } } } as const;
    const cluster = await LocalCluster.founded(2, { n1: trims, n2: trims });
    const { group: leader } = await cluster.untilLed();
    await addMany(leader, 300);
    await cluster.untilEqual();
    const [{ group, log, faults, loopErrors }] = cluster.followers as [Member];
    flip(group, 'name 9');
    await group.snapshots.take();
    await until('its log was trimmed', () => log.floor(group.id).index > 0);
    const at = await leader.snapshots.take();
    await until('it is said', () => group.comparing.divergences.found === 1);
    expect(group.comparing.divergences.last).toMatchObject({ index: at, verdict: 'unknown' });
    expect(loopErrors.map(String)).toEqual([
      expect.stringMatching('the log leads to the same here'),
    ]);
    expect(faults).toEqual([]);
  });

  test('where the log leads to the same tables again, a root that differs is said, and nobody ends', async () => {
    const cluster = await LocalCluster.founded(3);
    const { group: leader } = await cluster.untilLed();
    await addMany(leader, 20);
    await cluster.untilEqual();
    flip(leader, 'name 9');
    const at = await leader.snapshots.take();
    for (const { group, faults } of cluster.followers) {
      await until('it is said', () => group.comparing.divergences.found === 1);
      expect(group.comparing.divergences.last).toMatchObject({ index: at, verdict: 'unknown' });
      expect(sumOf(group, 'name 9')).toBe(1);
      expect(faults).toEqual([]);
    }
    await asked(leader, add('name 1'));
    await leader.snapshots.take();
    await cluster.untilEqual();
    // As long as they differ it is said once.
    for (const { group } of cluster.followers) expect(group.comparing.divergences.found).toBe(1);
  });

  test('a leader that decided an entry differently hands over, and decides it again', async () => {
    const mood = { bad: false };
    const cluster = await LocalCluster.founded(3, {
      n1: feeling(mood),
      n2: feeling({ bad: false }),
      n3: feeling({ bad: false }),
    });
    await ledBy(cluster, 'n1');
    const first = cluster.at('n1');
    await addMany(first.group, 300);
    mood.bad = true;
    const answer = await asked(first.group, FEEL);
    mood.bad = false;
    await named(first, answer);
    await until('another leads', () => cluster.leader !== undefined && cluster.leader !== first);
    await addMany((await cluster.untilLed()).group, 300);
    await cluster.untilEqual();
    expect(first.group.comparing.divergences.last).toMatchObject({ verdict: 'wrong' });
    for (const { faults } of cluster.members.values()) expect(faults).toEqual([]);
  });

  test('a leader that decides differently again ends alone, and the others go on by what they decided', async () => {
    const cluster = await LocalCluster.founded(3, {
      n1: feeling({ bad: true }),
      n2: feeling({ bad: false }),
      n3: feeling({ bad: false }),
    });
    await ledBy(cluster, 'n1');
    const first = cluster.at('n1');
    const answer = await asked(first.group, FEEL);
    await named(first, answer);
    await until('it is at fault', () => first.faults.length > 0);
    expect(first.faults[0]).toBeInstanceOf(Divergence);
    await first.stop();
    cluster.members.delete('n1');
    await addMany((await cluster.untilLed()).group, 10);
    await cluster.untilEqual();
    const others = [...cluster.members.values()];
    for (const { faults } of others) expect(faults).toEqual([]);
    // They may have found out first, and then said who is wrong.
    const told = others.flatMap(({ loopErrors }) => loopErrors as Error[]);
    expect(told.map(({ message }) => message)).not.toContainEqual(
      expect.stringContaining('decided differently here'),
    );
  });

  test('who decides differently again does not go on', async () => {
    const cluster = await LocalCluster.founded(3, {
      n1: feeling({ bad: false }),
      n2: feeling({ bad: false }),
      n3: feeling({ bad: true }),
    });
    await ledByAnother(cluster, 'n3');
    const answer = await asked(cluster.leader!.group, FEEL);
    const third = cluster.at('n3');
    await until('it is at fault', () => third.faults.length > 0);
    expect(third.faults[0]?.message).toContain(
      `decides entry ${answer.kind === 'answered' ? answer.index : 0} differently`,
    );
  });
});
