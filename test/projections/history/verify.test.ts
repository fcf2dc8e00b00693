import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeEntry, packr } from '../../../src/log/command.ts';
import { sealFrame } from '../../../src/log/frame.ts';
import type { SeenEntry, Sighting } from '../../../src/log/sighting.ts';
import { type Evidence, FINDINGS_MAX } from '../../../src/projections/history/evidence.ts';
import { replay, type ReplayOptions } from '../../../src/projections/history/replay.ts';
import { survey } from '../../../src/projections/history/survey.ts';
import { verify } from '../../../src/projections/history/verify.ts';
import { Recorded, replaced, seen } from './recorded.ts';

const silent = (): void => undefined;
const unseen = { surveying: silent, replaying: silent };

/** About a hundred entries with a snapshot in the middle, which was agreed. */
function recorded(): { log: Recorded; snapshot: number } {
  const log = new Recorded();
  log.work(30);
  const root = log.snapshot();
  log.work(5);
  log.agree(root);
  log.work(30);
  return { log, snapshot: root.at_index };
}

async function problems(evidence: Evidence): Promise<readonly string[]> {
  const { findings } = await verify(evidence, unseen);
  return findings.map(({ index, problem }) => `${index}: ${problem}`);
}

function placed(
  entry: SeenEntry,
  place: { term?: number; index?: number; at?: number },
): SeenEntry {
  const { term, index, at, ...command } = decodeEntry(entry.frame);
  return seen(command, { term, index, at, ...place }, entry.outcome);
}

describe('verify', () => {
  test('a log as it was recorded has no findings, and its agreed root and snapshot are compared', async () => {
    const { log } = recorded();
    const verified = await verify(log.evidence(), unseen);
    expect(verified.findings).toEqual([]);
    expect(verified.compared).toBe(2);
  });

  test('a missing entry is one finding, wherever it is missing', async () => {
    const { log } = recorded();
    const last = log.machine.position.index;
    for (const index of [2, 50, last]) {
      const found = await problems(log.evidence(replaced(index, () => [])));
      expect(found).toEqual([`${index}: entry ${index} is missing`]);
    }
  });

  test('an entry that is there twice, or in another’s place, is named', async () => {
    const { log } = recorded();
    const twice = log.evidence(replaced(20, (entry) => [entry, entry]));
    expect(await problems(twice)).toContain(
      '21: it lies where entry 21 should be, but is entry 20',
    );
  });

  test('terms and stamps that fall are named', async () => {
    const { log } = recorded();
    const term = log.evidence(replaced(10, (entry) => [placed(entry, { term: 9 })]));
    expect(await problems(term)).toContain('11: its term is 1, after 9');
    const stamp = log.evidence(replaced(10, (entry) => [placed(entry, { at: 99_000 })]));
    expect(await problems(stamp)).toContain('11: its stamp is 88000 ms before the one before it');
  });

  test('a command no build of this version can read is named, and stops the replay', async () => {
    const { log } = recorded();
    const evidence = log.evidence(
      replaced(10, (entry) => {
        const frame = Buffer.from(entry.frame);
        frame[24] = 2;
        sealFrame(frame, { term: 1, index: 10, at: 10_000 });
        return [{ ...entry, frame }];
      }),
    );
    expect(await problems(evidence)).toEqual(['10: its command cannot be read by this build']);
  });

  test('an outcome that cannot be folded is a finding of the replay', async () => {
    const { log } = recorded();
    const outcome = packr.pack({ kind: 'applied', facts: [{ type: 'nothing_folds_this' }] });
    const evidence = log.evidence(replaced(10, (entry) => [{ ...entry, outcome }]));
    expect((await problems(evidence))[0]).toMatch(/^10: .*nothing_folds_this/);
  });

  test('a changed outcome contradicts the agreed root and the snapshot behind it', async () => {
    const { log, snapshot } = recorded();
    const outcome = packr.pack({ kind: 'applied', facts: [] });
    const found = await problems(log.evidence(replaced(1, (entry) => [{ ...entry, outcome }])));
    expect(found).toEqual(
      expect.arrayContaining([
        expect.stringMatching(`by replay, the state at ${snapshot} has another digest`),
        `${snapshot}: by replay, the state at ${snapshot} has another digest`,
      ]),
    );
  });

  test('an agreed root that says something else is named by its entry', async () => {
    const log = new Recorded();
    log.work(10);
    const root = log.snapshot();
    const said = log.agree({ ...root, roots: { ...root.roots, locks: '0'.repeat(64) } });
    expect(await problems(log.evidence())).toEqual([
      `${said}: by replay, the state at ${root.at_index} has another root of locks`,
    ]);
  });

  test('a snapshot that is cut off, or whose rows are not those it is sealed with, is named', async () => {
    const log = new Recorded();
    log.work(10);
    log.snapshot();
    const [whole] = log.snapshots;
    if (whole === undefined) throw new Error('no snapshot');
    const slices: Uint8Array[] = [];
    for await (const slice of whole.content()) slices.push(slice);
    const content = async function* () {
      yield* await Promise.resolve(slices.slice(0, -1));
    };
    log.snapshots.splice(0, 1, { ...whole, content });
    expect(await problems(log.evidence())).toEqual([
      expect.stringMatching(/the snapshot ends before its roots/),
    ]);
  });

  test('a log trimmed below its only snapshot is replayed from the snapshot', async () => {
    const { log, snapshot } = recorded();
    const evidence = log.evidence((all) => all.slice(snapshot - 5));
    const verified = await verify(evidence, unseen);
    expect(verified.findings).toEqual([]);
    expect(verified.replayed).toEqual([{ after: snapshot, index: log.machine.position.index }]);
  });

  test('a log whose beginning is gone without a snapshot is surveyed and not replayed', async () => {
    const log = new Recorded();
    log.work(10);
    const verified = await verify(
      log.evidence((all) => all.slice(5)),
      unseen,
    );
    expect(verified).toMatchObject({ findings: [], replayed: [] });
  });

  test('findings beyond the limit are counted and not kept', async () => {
    const log = new Recorded();
    const damage = (index: number): Sighting => ({
      kind: 'damage',
      what: 'entry',
      index,
      where: 'memory',
      offset: 0,
      reason: 'gone',
    });
    const shredded = Array.from({ length: FINDINGS_MAX + 5 }, (_, at) => damage(at + 1));
    const { findings } = await survey(
      log.evidence(() => shredded),
      silent,
    );
    expect(findings.count).toBe(FINDINGS_MAX + 5);
    expect(findings.listed).toHaveLength(FINDINGS_MAX);
  });
});

describe('replay', () => {
  const options: ReplayOptions = {
    start: undefined,
    until: Number.MAX_SAFE_INTEGER,
    redecide: false,
    checkpoints: new Set(),
    progress: silent,
  };

  test('I3: recorded outcomes, decisions made again and both mixed come to the same state', async () => {
    const { log } = recorded();
    const digest = log.machine.digest();
    const whole = await replay(log.evidence(), options);
    expect(whole.state.digest).toBe(digest);
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.boolean()), async (known) => {
        const evidence = log.evidence((all) =>
          all.map((it) =>
            it.kind === 'entry' && known.next().value ? { ...it, outcome: undefined } : it,
          ),
        );
        const mixed = await replay(evidence, options);
        expect(mixed.state).toEqual(whole.state);
      }),
      { numRuns: 20 },
    );
    const decided = await replay(log.evidence(), { ...options, redecide: true });
    expect(decided.state).toEqual(whole.state);
    expect(decided.decided).toBe(log.machine.position.index);
  });

  test('I3: a replay from any snapshot comes to the same state as one from the beginning', async () => {
    const { log } = recorded();
    const whole = await replay(log.evidence(), options);
    const evidence = log.evidence();
    for (const start of evidence.snapshots)
      expect((await replay(evidence, { ...options, start })).state).toEqual(whole.state);
  });

  test('it stops at the index it was told, and not an entry later', async () => {
    const { log } = recorded();
    for (const until of [0, 1, 7, 8, 50])
      expect((await replay(log.evidence(), { ...options, until })).index).toBe(until);
  });

  test('roots are noted at the indices asked for, the first and the last included', async () => {
    const { log } = recorded();
    const last = log.machine.position.index;
    const checkpoints = new Set([0, 33, last]);
    const replayed = await replay(log.evidence(), { ...options, checkpoints });
    expect([...replayed.checkpoints.keys()]).toEqual([0, 33, last]);
    expect(replayed.checkpoints.get(last)).toEqual(replayed.state);
  });

  test('deciding again stops at the first entry that is decided otherwise', async () => {
    const { log } = recorded();
    const outcome = packr.pack({ kind: 'applied', facts: [] });
    const evidence = log.evidence(replaced(5, (entry) => [{ ...entry, outcome }]));
    const replayed = await replay(evidence, { ...options, redecide: true });
    expect(replayed.stop).toMatchObject({
      kind: 'difference',
      index: 5,
      recorded: { kind: 'applied', facts: [] },
    });
    expect(replayed.index).toBe(5);
  });

  test('a log whose rules are newer than this build stops with the advice to upgrade', async () => {
    const log = new Recorded();
    log.work(3);
    const index = log.machine.position.index + 1;
    const raised = seen(
      { type: 'raise_rules_version', data: { version: 2 } },
      { term: 1, index, at: 99_000 },
    );
    const outcome = packr.pack({
      kind: 'applied',
      facts: [{ type: 'rules_version_raised', version: 2 }],
    });
    const next = seen(
      { type: 'no_op', data: { leader_id: 'n' } },
      { term: 1, index: index + 1, at: 99_001 },
    );
    const evidence = log.evidence((all) => [...all, { ...raised, outcome }, next]);
    const replayed = await replay(evidence, options);
    expect(replayed.stop).toMatchObject({ kind: 'broken', index: index + 1 });
    expect(replayed.stop).toMatchObject({ problem: expect.stringMatching(/upgrade this node/) });
  });
});
