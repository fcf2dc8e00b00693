import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../end-to-end/condition.ts';
import { echo, LISTENING } from './echo-process.ts';
import { ChildUnderTest } from './processes.ts';
import { Told } from './told.ts';

async function echoing(): Promise<{ child: ChildUnderTest; port: () => Promise<number> }> {
  const folder = await mkdtemp(join(tmpdir(), 'quorate-process-'));
  const outputFile = join(folder, 'output');
  const child = new ChildUnderTest(echo(outputFile));
  onTestFinished(async () => {
    await child.kill();
    await rm(folder, { recursive: true });
  });
  await child.start();
  const port = (): Promise<number> =>
    until('it listens', async () => {
      const output = await readFile(outputFile, 'utf8');
      return Number(LISTENING.exec(output)?.groups?.['port'] ?? 0) || undefined;
    });
  return { child, port };
}

test('a killed process is gone at once, whoever talked to it sees that, and it can be started again', async () => {
  const { child, port } = await echoing();
  const told = await Told.connect(await port());
  const first = child.pid;
  expect(await child.kill()).toEqual({ code: null, signal: 'SIGKILL' });
  expect(child.isRunning).toBe(false);
  await until('the connection is over', () => told.end !== undefined);
  await child.start();
  expect(child.isRunning).toBe(true);
  expect(child.pid).not.toBe(first);
});

test('a frozen process says nothing and loses nothing: when it thaws it answers what came meanwhile', async () => {
  const { child, port } = await echoing();
  const told = await Told.connect(await port());
  told.say('before ');
  await until('it answers', () => told.heard === 'before ');
  await child.freeze();
  told.say('during ');
  const other = await Told.connect(await port());
  other.say('connected by the kernel alone');
  expect([told.heard, other.heard]).toEqual(['before ', '']);
  child.thaw();
  await until('it answers', () => told.heard === 'before during ');
});

test('a frozen process can be killed, and one that is told to stop thaws first', async () => {
  const { child, port } = await echoing();
  await port();
  await child.freeze();
  expect((await child.kill()).signal).toBe('SIGKILL');
  await child.start();
  await until('it listens again', async () => {
    const output = await readFile(child.outputFile, 'utf8');
    return output.split('listening').length === 3;
  });
  await child.freeze();
  expect(await child.stop()).toEqual({ code: 0, signal: null });
});

test('what runs is not started twice, and what was never started has no pid', async () => {
  const { child } = await echoing();
  await expect(child.start()).rejects.toThrow(/runs already/);
  const never = new ChildUnderTest(echo('/dev/null'));
  expect(() => never.pid).toThrow(/never started/);
  expect(never.isRunning).toBe(false);
});
