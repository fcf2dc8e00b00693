/**
 * What every engine promises, as one suite: each engine's test is a call of it with a world to live in.
 *
 * A world is a disk that outlives the engines started on it, a clock, and a gate in front of the disk, so
 * that the suite decides what becomes durable and when.
 */
import { describe, expect, onTestFinished, test } from 'vitest';
import { encodeCommand, type Entry } from '../../src/log/command.ts';
import { COMMAND_BYTES_MAX, FRAME_HEADER_BYTES } from '../../src/log/frame.ts';
import { QUEUE_ENTRIES_MAX } from '../../src/log/backpressure.ts';
import type { Engine, Proposed } from '../../src/protocols/engine.ts';
import { until } from '../end-to-end/condition.ts';
import type { Gate } from './gated-store.ts';
import { turns, type VirtualClock } from './virtual-clock.ts';

export interface Start {
  /** What the sink has from a snapshot already. */
  readonly applied?: number;
  readonly appliedAt?: number;
  /** Holds every write back once the log is open. */
  readonly held?: boolean;
}

export interface Life {
  readonly engine: Engine;
  /** What the sink was given, in order. */
  readonly delivered: readonly Entry[];
  /** A clean end: engine, then disk. */
  end(): Promise<void>;
}

export interface EngineWorld {
  readonly clock: VirtualClock;
  readonly gate: Gate;
  /** Starts an engine on the disk as it is. */
  start(start?: Start): Promise<Life>;
  /** What is left after a power cut at this moment: a world with what the disk had, and nothing else. */
  crashed(): Promise<EngineWorld>;
}

export function command(text: string): Buffer {
  return encodeCommand({ type: 'say', data: { text } });
}

function propose(engine: Engine, text: string): Promise<Proposed> {
  return engine.propose(command(text), 'data');
}

/** What was said, without the entries of the engine's own. */
function said(entries: readonly Entry[]): readonly unknown[] {
  return entries.filter(({ type }) => type === 'say').map(({ data }) => data['text']);
}

function indices(entries: readonly Entry[]): readonly number[] {
  return entries.map(({ index }) => index);
}

/** Settled or not, without waiting for it. */
function watched<Value>(promise: Promise<Value>): { readonly settled: boolean } {
  const watch = { settled: false };
  const settle = (): void => {
    watch.settled = true;
  };
  promise.then(settle, settle);
  return watch;
}

function exactly(bytes: number): Buffer {
  const overhead = command('').length - FRAME_HEADER_BYTES;
  // A long string takes four more bytes to say how long it is than an empty one.
  return command('x'.repeat(bytes - overhead - 4));
}

export function engineContract(name: string, world: () => Promise<EngineWorld>): void {
  describe(name, () => {
    test('entries are committed in the order in which they were proposed, each exactly once', async () => {
      const { engine, delivered } = await (await world()).start();
      const texts = Array.from({ length: 500 }, (_, place) => `word ${place}`);
      const answers = await Promise.all(texts.map((text) => propose(engine, text)));
      expect(said(delivered)).toEqual(texts);
      expect(indices(delivered)).toEqual(delivered.map((_, place) => place + 1));
      const answered = answers.map((answer) => answer.kind === 'committed' && answer.index);
      const placed = delivered.filter(({ type }) => type === 'say');
      expect(answered).toEqual(indices(placed));
    });

    test('I1: nothing is answered, delivered or readable before it is durable', async () => {
      const { gate, start } = await world();
      const { engine, delivered } = await start();
      const before = [...delivered];
      const read = await engine.read();
      gate.hold();
      const proposed = propose(engine, 'not yet');
      const watch = watched(proposed);
      await until('the write waits', () => gate.waiting === 1);
      await turns();
      expect(watch.settled).toBe(false);
      expect(delivered).toEqual(before);
      expect(await engine.read()).toEqual(read);
      gate.release();
      expect(await proposed).toMatchObject({ kind: 'committed' });
      expect(said(delivered)).toEqual(['not yet']);
    });

    test('whoever is answered finds the entry applied', async () => {
      const { engine, delivered } = await (await world()).start();
      const answer = await propose(engine, 'here');
      expect(answer).toEqual({
        kind: 'committed',
        index: delivered.at(-1)?.index,
        term: delivered.at(-1)?.term,
      });
    });

    test('trap 1: what was acknowledged survives a crash, what was not acknowledged may be gone', async () => {
      const before = await world();
      const { engine } = await before.start();
      const acknowledged = await propose(engine, 'acknowledged');
      before.gate.hold();
      const lost = watched(propose(engine, 'never written'));
      await until('the write waits', () => before.gate.waiting === 1);
      const after = await (await before.crashed()).start();
      expect(acknowledged.kind).toBe('committed');
      expect(lost.settled).toBe(false);
      expect(said(after.delivered)).toEqual(['acknowledged']);
    });

    test('what was durable is delivered at the next start, before anything new', async () => {
      const { start } = await world();
      const first = await start();
      for (const text of ['a', 'b', 'c']) await propose(first.engine, text);
      await first.end();
      const second = await start();
      expect(said(second.delivered)).toEqual(['a', 'b', 'c']);
      await propose(second.engine, 'd');
      expect(said(second.delivered)).toEqual(['a', 'b', 'c', 'd']);
      expect(indices(second.delivered)).toEqual(second.delivered.map((_, place) => place + 1));
    });

    test('what a snapshot holds already is not delivered again', async () => {
      const { start } = await world();
      const first = await start();
      for (const text of ['a', 'b', 'c']) await propose(first.engine, text);
      const { index: applied, at: appliedAt } = first.delivered[2]!;
      const rest = first.delivered.slice(3);
      await first.end();
      const second = await start({ applied, appliedAt });
      expect(second.delivered.slice(0, rest.length)).toEqual(rest);
    });

    test('each start has a term of its own, and every entry carries the term it was proposed in', async () => {
      const { start } = await world();
      const terms: number[] = [];
      for (let life = 0; life < 3; life++) {
        const { engine, delivered, end } = await start();
        terms.push(engine.status().term);
        const answer = await propose(engine, `life ${life}`);
        expect(answer).toMatchObject({ term: engine.status().term });
        expect(delivered.at(-1)?.term).toBe(engine.status().term);
        await end();
      }
      expect(terms.every((term, life) => life === 0 || term > terms[life - 1]!)).toBe(true);
    });

    test('it says that it leads as its status does, and no more when it is stopped', async () => {
      const { engine, end } = await (await world()).start();
      expect([engine.isLeader, engine.status().role]).toEqual([true, 'leader']);
      await end();
      expect([engine.isLeader, engine.status().role]).toEqual([false, 'stopped']);
    });

    test('a term is durable before anything is done in it', async () => {
      const { gate, start, crashed } = await world();
      const starting = start({ held: true });
      const watch = watched(starting);
      await until('the first write waits', () => gate.waiting === 1);
      await turns();
      expect(watch.settled).toBe(false);
      const other = await (await crashed()).start();
      gate.release();
      const { engine } = await starting;
      // The term that never became durable may be given again: nobody saw it.
      expect(engine.status().term).toBe(other.engine.status().term);
    });

    test('stamps never run backwards, though the wall clock jumps back', async () => {
      const { clock, start } = await world();
      const { engine, delivered } = await start();
      for (const jump of [0, 5_000, -3_600_000, 1, -1, 7_200_000, -86_400_000]) {
        clock.jump(jump);
        await propose(engine, 'when');
      }
      const stamps = delivered.map(({ at }) => at);
      expect(stamps).toEqual([...stamps].sort((one, other) => one - other));
    });

    test('a wall clock set an hour back or forward neither freezes nor ends what runs for a minute', async () => {
      for (const jump of [-3_600_000, 3_600_000]) {
        const { clock, start } = await world();
        const { engine, delivered } = await start();
        await propose(engine, 'begins');
        const begun = delivered.at(-1)!.at;
        clock.jump(jump);
        await clock.advance(60_000);
        const now = engine.now();
        await propose(engine, 'ends');
        const took = delivered.at(-1)!.at - begun;
        expect(now).toBe(delivered.at(-1)!.at);
        expect(took).toBeGreaterThanOrEqual(54_000);
        expect(took).toBeLessThanOrEqual(66_000);
      }
    });

    test('stamps never run backwards from one start to the next', async () => {
      const { clock, start } = await world();
      const first = await start();
      await propose(first.engine, 'before');
      const { at, index: applied } = first.delivered.at(-1)!;
      await first.end();
      clock.jump(-86_400_000);
      const second = await start();
      expect(second.delivered.at(-1)?.at).toBeGreaterThanOrEqual(at);
      await second.end();
      const third = await start({ applied, appliedAt: at });
      expect(third.delivered.at(-1)?.at).toBeGreaterThanOrEqual(at);
    });

    test('a command above the limit is refused as too large, and nothing is appended', async () => {
      const { engine, delivered } = await (await world()).start();
      const last = engine.status().last_index;
      const answer = await engine.propose(exactly(COMMAND_BYTES_MAX + 1), 'data');
      expect(answer).toEqual({ kind: 'refused', code: 'too-large' });
      expect(engine.status().last_index).toBe(last);
      expect(said(delivered)).toEqual([]);
      const largest = exactly(COMMAND_BYTES_MAX);
      expect(largest.length - FRAME_HEADER_BYTES).toBe(COMMAND_BYTES_MAX);
      expect(await engine.propose(largest, 'data')).toMatchObject({ kind: 'committed' });
    });

    test('a full queue refuses with backpressure, still takes control, and loses nothing it took', async () => {
      const { gate, start } = await world();
      const { engine, delivered } = await start();
      gate.hold();
      const proposed = Array.from({ length: QUEUE_ENTRIES_MAX }, (_, place) =>
        propose(engine, `${place}`),
      );
      const control = engine.propose(command('control'), 'control');
      gate.release();
      const answers = await Promise.all(proposed);
      const taken = answers.flatMap(({ kind }, place) => (kind === 'committed' ? [place] : []));
      const refused = answers.filter(({ kind }) => kind === 'refused');
      expect(refused.length).toBeGreaterThan(0);
      expect(refused[0]).toEqual({ kind: 'refused', code: 'backpressure' });
      expect(taken.length + refused.length).toBe(QUEUE_ENTRIES_MAX);
      expect(await control).toMatchObject({ kind: 'committed' });
      expect(said(delivered)).toEqual([...taken.map(String), 'control']);
      expect(await propose(engine, 'drained')).toMatchObject({ kind: 'committed' });
    });

    test('a failed write answers unknown, and nothing is committed after it', async () => {
      const { gate, start } = await world();
      const { engine, delivered } = await start();
      await propose(engine, 'before');
      const { commit_index } = engine.status();
      gate.fail(new Error('EIO'));
      const answers = await Promise.all(['x', 'y'].map((text) => propose(engine, text)));
      expect(answers).toEqual([{ kind: 'unknown' }, { kind: 'unknown' }]);
      expect(await propose(engine, 'later')).toEqual({ kind: 'unknown' });
      expect(said(delivered)).toEqual(['before']);
      expect(engine.status().commit_index).toBe(commit_index);
    });

    test('an engine whose first writes fail does not start', async () => {
      for (const writes of [0, 1]) {
        const { gate, start } = await world();
        const starting = start({ held: true });
        starting.catch(() => undefined);
        await until('the first write waits', () => gate.waiting === 1);
        gate.fail(new Error('EIO'), writes);
        gate.release();
        await expect(starting).rejects.toThrow();
      }
    });

    test('a read waits for everything that was acknowledged before it', async () => {
      const { engine, delivered } = await (await world()).start();
      for (const text of ['a', 'b', 'c']) {
        const answer = await propose(engine, text);
        const read = await engine.read();
        expect(answer.kind).toBe('committed');
        expect(read.kind).toBe('at');
        if (answer.kind === 'committed' && read.kind === 'at')
          expect(read.index).toBeGreaterThanOrEqual(answer.index);
      }
      expect(await engine.read()).toEqual({ kind: 'at', index: delivered.at(-1)?.index });
    });

    test('its status says how far it is, and who takes part', async () => {
      const { engine, delivered } = await (await world()).start();
      await propose(engine, 'a');
      const status = engine.status();
      expect(status.commit_index).toBe(delivered.at(-1)?.index);
      expect(status.last_index).toBeGreaterThanOrEqual(status.commit_index);
      expect(status.role).toBe('leader');
      expect(status.voters).toContain(status.leader_id);
    });

    test('after stop everything is refused, what was under way is settled, and stopping again is harmless', async () => {
      const { gate, start, clock } = await world();
      const { engine, delivered } = await start();
      gate.hold();
      const underWay = propose(engine, 'under way');
      await until('the write waits', () => gate.waiting === 1);
      const stopping = engine.stop();
      expect(await propose(engine, 'too late')).toEqual({
        kind: 'refused',
        code: 'shutting-down',
      });
      expect(await engine.read()).toEqual({ kind: 'refused', code: 'shutting-down' });
      gate.release();
      await stopping;
      await engine.stop();
      expect(await underWay).toMatchObject({ kind: 'committed' });
      expect(said(delivered)).toEqual(['under way']);
      expect(engine.status().role).toBe('stopped');
      expect(clock.waiting, 'I9: no timer is left').toBe(0);
    });

    test('a stop in the middle of a failed disk ends all the same', async () => {
      const { gate, start } = await world();
      const { engine } = await start();
      gate.fail(new Error('EIO'));
      await propose(engine, 'x');
      await engine.stop();
      expect(engine.status().role).toBe('stopped');
    });
  });
}

/** Cleans up after a world whatever a test left it in: held writes would keep the log from closing. */
export function releasedAtTheEnd(gate: Gate): void {
  onTestFinished(() => gate.release());
}
