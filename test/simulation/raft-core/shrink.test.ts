/** A core that is wrong on purpose is caught, and what is told of it is short enough to be read. */
import { expect, test } from 'vitest';
import { RaftCore } from '../../../src/protocols/raft/core/core.ts';
import type { Effects } from '../../../src/protocols/raft/core/input.ts';
import type { Message } from '../../../src/protocols/raft/core/messages.ts';
import type { Core, CoreMaker } from './core-under-test.ts';
import { drawPlan } from './plan.ts';
import { run } from './run.ts';
import { toldStory } from '../shrinking.ts';
import { shrink } from './shrink.ts';
import { told } from './trouble.ts';

/** Says everything at once, whether the disk has it or not. */
class Hasty implements Core {
  readonly core: RaftCore;

  constructor(core: RaftCore) {
    this.core = core;
  }

  step(...input: Parameters<Core['step']>): void {
    this.core.step(...input);
  }

  take(): Effects {
    const effects = this.core.take();
    const writes = effects.writes.map((write) => ({ ...write, then: [] }));
    return {
      ...effects,
      writes,
      send: [...effects.send, ...effects.writes.flatMap(({ then }) => then)],
    };
  }

  entry(index: number): ReturnType<Core['entry']> {
    return this.core.entry(index);
  }

  status(): ReturnType<Core['status']> {
    return this.core.status();
  }
}

/** Says that its log is much longer than it is, and is voted for. */
class Boastful extends Hasty {
  override take(): Effects {
    const effects = this.core.take();
    const boasting = (message: Message): Message =>
      message.kind === 'request_vote'
        ? { ...message, last: { term: message.term, index: message.last.index + 1_000 } }
        : message;
    const writes = effects.writes.map((write) => ({ ...write, then: write.then.map(boasting) }));
    return { ...effects, writes, send: effects.send.map(boasting) };
  }
}

const boastful: CoreMaker = (options, now) => new Boastful(new RaftCore(options, now));

const hasty: CoreMaker = (options, now) => new Hasty(new RaftCore(options, now));

test('I1: a core that answers before its disk has it breaks a law, and the story is short', async () => {
  const plan = drawPlan(3, { voters: 5 });
  const before = run(plan, hasty);
  expect(before.violations[0]?.law).toBe('durable before answer');

  const shrunk = await shrink(plan, hasty);
  expect(shrunk.outcome.violations[0]?.law).toBe('durable before answer');
  expect(shrunk.plan.happenings).toEqual([]);
  expect(shrunk.plan.voters).toBeLessThanOrEqual(3);
  const story = toldStory(shrunk, told, 40);
  expect(story.split('\n').length).toBeLessThan(45);
  expect(story).toContain('✗ durable before answer');
});

test('I2: cores that claim longer logs than they have are voted for, and a law says so', () => {
  const laws = Array.from({ length: 40 }, (_, at) => run(drawPlan(at + 1), boastful)).flatMap(
    ({ violations }) => violations.map(({ law }) => law),
  );
  expect(laws).toContain('leader up to date');
});
