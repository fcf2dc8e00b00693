/** `quorate start` as a process: how it begins, and every way it ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../api/running-node.ts';
import { temporaryDirectory, writtenDirectory } from './written-directory.ts';

const PROGRAM = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  out(): string;
  err(): string;
}

function start(directory: string, ...words: readonly string[]): Started {
  const settings = ['--data-dir', directory, '--p2p-port', '0', '--node-id', 'node-1', ...words];
  const child = spawn(process.execPath, ['--import', 'tsx', PROGRAM, 'start', ...settings], {
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const printed = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (printed.err += text));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return { child, ended, out: () => printed.out, err: () => printed.err };
}

async function listening(node: Started): Promise<string> {
  const url = (): string | undefined => /"url":"([^"]+)","msg":"listening"/.exec(node.out())?.[1];
  await until(`the node listens; it says ${node.err()}`, () => url() !== undefined);
  return String(url());
}

test.each(['SIGTERM', 'SIGINT'] as const)(
  'a node says where it listens, serves, and ends well at %s, leaving no file that says it runs',
  async (signal) => {
    const directory = join(await temporaryDirectory(), 'data');
    const node = start(directory);
    const url = await listening(node);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    node.child.kill(signal);
    expect(await node.ended).toBe(0);
    expect(node.err()).toMatch(/three things to try/i);
    await expect(access(join(directory, 'node.json'))).rejects.toThrow(/ENOENT/);
  },
);

test('a second node on the same directory names the first, and the first goes on', async () => {
  const directory = join(await temporaryDirectory(), 'data');
  const first = start(directory);
  const url = await listening(first);
  const second = start(directory);
  expect(await second.ended).toBe(74);
  expect(second.err()).toContain(`in use by the node at ${url}`);
  expect((await fetch(`${url}/livez`)).status).toBe(200);
});

test('a node that was killed starts again on its directory', async () => {
  const directory = join(await temporaryDirectory(), 'data');
  const first = start(directory);
  await listening(first);
  first.child.kill('SIGKILL');
  await first.ended;
  await access(join(directory, 'node.json'));
  const second = start(directory);
  expect((await fetch(`${await listening(second)}/health`)).status).toBe(200);
});

test('settings that are wrong end it before it begins, all of them in one message', async () => {
  const directory = join(await temporaryDirectory(), 'data');
  const node = start(directory, '--host', '0.0.0.0', '--log-level', 'loud');
  expect(await node.ended).toBe(78);
  expect(node.err()).toMatch(/2 settings are wrong:/);
  expect(node.err()).toMatch(/without authentication/);
  await expect(readdir(directory)).rejects.toThrow(/ENOENT/);
});

test('a port that is taken is the configuration’s fault, in one line', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const node = start(join(await temporaryDirectory(), 'data'), '--p2p-port', String(port));
  expect(await node.ended).toBe(78);
  expect(node.err().trim()).toMatch(
    new RegExp(`^quorate: 127.0.0.1:${port} is taken .*--p2p-port`),
  );
});

test('a directory of another node is refused by name', async () => {
  const { directory } = await writtenDirectory(4);
  const node = start(directory, '--node-id', 'node-9');
  expect(await node.ended).toBe(78);
  expect(node.err().trim().split('\n')).toEqual([
    expect.stringMatching(/node node-1, not to node-9/),
  ]);
});

test('trap 14: a node does not start on a damaged log; it says where, and what can be done', async () => {
  const { directory } = await writtenDirectory(60);
  const store = join(directory, 'log');
  const file = (await readdir(store)).find((name) => name.endsWith('.log')) as string;
  const bytes = await readFile(join(store, file));
  bytes[2_000] = (bytes[2_000] as number) ^ 1;
  await writeFile(join(store, file), bytes);
  const node = start(directory);
  expect(await node.ended).toBe(74);
  expect(node.err().trim().split('\n')).toEqual([
    expect.stringMatching(new RegExp(`${file}, byte \\d+: .*quorate log repair`)),
  ]);
});
