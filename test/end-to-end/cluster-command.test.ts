/** `quorate cluster`: several nodes on one machine, for whoever wants to see them agree. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ask, fetched } from './ask.ts';
import { until, within } from './condition.ts';
import { temporaryFolder } from './folder.ts';
import { quorate } from './quorate-command.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'dist', 'cli', 'main.js');

interface Row {
  readonly node_id: string;
  readonly url: string;
  readonly role: string;
  readonly pid: number;
}

class ClusterCommand {
  readonly child: ChildProcess;
  readonly #ended: Promise<readonly [number | null]>;
  out = '';
  err = '';

  constructor(...words: readonly string[]) {
    const env = { PATH: process.env['PATH'] };
    const ports = ['--port', '0', '--raft-port', '0'];
    this.child = spawn(process.execPath, [MAIN, 'cluster', ...ports, ...words], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.out += text));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.err += text));
    this.#ended = once(this.child, 'close') as Promise<[number | null]>;
    onTestFinished(async () => {
      this.child.kill('SIGTERM');
      await this.#ended;
    });
  }

  async ended(): Promise<number | null> {
    const [code] = await within('the command ends', this.#ended);
    return code;
  }

  rows(): Promise<readonly Row[]> {
    return until(
      `the cluster is ready; it says ${this.err}`,
      () => /^\}$/m.test(this.out) && (JSON.parse(this.out) as { nodes: readonly Row[] }).nodes,
    );
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test.each(['SIGTERM', 'SIGINT'] as const)(
  'it starts three nodes that found a cluster, tells what they are, and %s stops them all',
  async (signal) => {
    const directory = await temporaryFolder();
    const command = new ClusterCommand('--dir', directory, '-o', 'json');
    const rows = await command.rows();
    expect(rows.map(({ node_id }) => node_id)).toEqual(['node-1', 'node-2', 'node-3']);
    for (const { url } of rows)
      await until('it is ready', async () => (await ask(`${url}/readyz`)).status === 200);
    await until('who leads is told', () =>
      /node-\d │ leads in term \d+: a majority voted for it/.test(command.err),
    );
    command.child.kill(signal);
    expect(await command.ended()).toBe(0);
    expect(rows.filter(({ pid }) => isAlive(pid))).toEqual([]);
  },
);

test('a node that is killed is told with its last words and stays away; the others go on', async () => {
  const command = new ClusterCommand('--dir', await temporaryFolder(), '-o', 'json');
  const rows = await command.rows();
  // Each was asked for its role in its turn: while they elect, none may have said that it leads.
  const leader = rows.find(({ role }) => role === 'leader') ?? rows[0]!;
  const others = rows.filter((row) => row !== leader);
  process.kill(leader.pid, 'SIGKILL');
  await until('it is told', () =>
    command.err.includes(`${leader.node_id} │ ended by itself (SIGKILL)`),
  );
  // One line behind the other: the second may come in a piece of its own.
  await until('what to do is told', () =>
    /start it again: quorate start --node-id node-\d --data-dir \S+/.test(command.err),
  );
  await until('another leads', async () => {
    const reply = await ask(`${others[0]!.url}/v1/work`, { body: { work_id: 'after' } });
    return [200, 409].includes(reply.status);
  });
  for (const { pid } of others) expect(isAlive(pid)).toBe(true);
  expect(isAlive(leader.pid)).toBe(false);

  // What the operator's commands say of the rest.
  const [one] = others as [Row];
  await until('who leads is shown, and that one is missed', async () => {
    const { code, stdout } = await quorate('raft', 'status', '--url', one.url);
    return code === 0 && /leader +node-\d, term \d+ \(raft\)\ncluster +partial/.test(stdout);
  });
  const shown = await quorate('voters', 'show', '--url', one.url, '-o', 'json');
  expect((JSON.parse(shown.stdout) as { voters: unknown[] }).voters).toHaveLength(3);
  // While nobody leads, nobody can say so.
  await until('a stranger is refused', async () => {
    const { code, stderr } = await quorate('raft', 'transfer', 'node-9', '--url', one.url);
    return code === 1 && /only a voter/.test(stderr);
  });
  const status = await fetched(`${one.url}/status`);
  const words = await quorate('status', '--url', one.url);
  expect(words.stdout).toContain((status['cluster'] as { cluster_id: string }).cluster_id);

  command.child.kill('SIGTERM');
  expect(await command.ended()).toBe(0);
});

test('a node that cannot start stops them all, says why, and its exit code is theirs', async () => {
  const directory = await temporaryFolder();
  const first = new ClusterCommand('--dir', directory, '-o', 'json');
  const rows = await first.rows();
  const second = new ClusterCommand('--dir', directory, '-o', 'json');
  expect(await second.ended()).toBe(74);
  expect(second.out).toBe('');
  expect(second.err).toMatch(/did not start; the others were stopped/);
  expect(second.err).toMatch(/is in use by the node at http/);
  for (const { url } of rows) expect((await ask(`${url}/livez`)).status).toBe(200);
});
