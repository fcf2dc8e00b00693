import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readHistory, Recorder } from './history.ts';

async function file(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'quorate-history-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return join(folder, 'history.ndjson');
}

function clock(): () => number {
  let now = 0;
  return () => (now += 10);
}

const ASKED = { client: 'c1', key: 'lock/a', input: { kind: 'read' } };

test('a history is read as it was written: answered, open, and nothing of what had no effect', async () => {
  const path = await file();
  const recorder = await Recorder.open(path, clock());
  const [first, second, third] = [1, 2, 3].map(() => recorder.call(ASKED));
  recorder.answered(second!, { kind: 'seen', held: null });
  recorder.withoutEffect(first!);
  await recorder.close();
  expect(await readHistory(path)).toEqual([
    {
      id: second,
      ...ASKED,
      calledAt: 20,
      answer: { kind: 'answered', at: 40, output: { kind: 'seen', held: null } },
    },
    { id: third, ...ASKED, calledAt: 30, answer: { kind: 'open' } },
  ]);
  expect([recorder.calls, recorder.answers]).toEqual([3, 1]);
});

test('half a last line, left by a process that was killed, is no harm: that operation is open', async () => {
  const path = await file();
  const recorder = await Recorder.open(path, clock());
  const call = recorder.call(ASKED);
  await recorder.close();
  await appendFile(path, `{"answer":${call},"at":30,"outp`);
  expect((await readHistory(path)).map(({ answer }) => answer.kind)).toEqual(['open']);
});

test('evidence is never written over', async () => {
  const path = await file();
  const recorder = await Recorder.open(path, clock());
  recorder.call(ASKED);
  await recorder.close();
  await expect(Recorder.open(path)).rejects.toThrow(/EEXIST/);
  expect(await readFile(path, 'utf8')).not.toBe('');
});

test('an answer to a question nobody asked is a broken recorder, not a history', async () => {
  const path = await file();
  const recorder = await Recorder.open(path, clock());
  recorder.answered(5, {});
  await recorder.close();
  await expect(readHistory(path)).rejects.toThrow(/never called/);
});
