/** The commands that ask a running node: a whole node in this process, reached over a real socket. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningNode, startNode } from '../api/running-node.ts';
import { asked, quorate } from './command.ts';

let node: RunningNode;
let url = '';

async function work(rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    const data = { name: `lock-${round % 17}`, owner: `owner-${round}`, ttl_seconds: 300 };
    await node.group.propose(
      { type: 'acquire_lock', data: { ...data, lock_delay_seconds: 0 }, actor: 'test' },
      'data',
    );
  }
}

beforeAll(async () => {
  node = await startNode();
  url = await node.server.listen({ host: '127.0.0.1', port: 0 });
  await work(700);
  await node.group.snapshots.take();
  await work(700);
});
afterAll(() => node.stop());

describe('log commands on a running node', () => {
  test('I3: log replay folds what the node serves and comes to the digest the node has', async () => {
    const replayed = await asked(['log', 'replay', '--url', url]);
    const { index } = node.group.machine.position;
    expect(replayed).toMatchObject({ exit: 0, index, digest: node.group.machine.digest() });
    expect(replayed['comparisons']).toEqual([
      expect.objectContaining({ with: 'the node itself', index, equal: true }),
      expect.objectContaining({ with: expect.stringMatching(/agreed/), equal: true }),
    ]);
  });

  test('log replay --redecide decides what the node decided', async () => {
    expect(await asked(['log', 'replay', '--url', url, '--redecide'])).toMatchObject({
      exit: 0,
      stop: null,
    });
  });

  test.each(['stat', 'verify', 'dump', 'export'])('log %s reads from the node', async (command) => {
    expect(await quorate(['log', command, '--url', url])).toMatchObject({ exit: 0, err: '' });
  });

  test('the address may come from the environment', async () => {
    const { exit, out } = await quorate(['log', 'stat'], { QUORATE_URL: url });
    expect(exit).toBe(0);
    expect(out).toContain(url);
  });

  test('a directory and a node at once is one too many', async () => {
    const ended = await quorate(['log', 'stat', '--url', url, '--data-dir', node.directory]);
    expect(ended).toMatchObject({ exit: 2, err: expect.stringMatching(/name one of them/) });
  });

  test('a group the node does not have is said to be unknown', async () => {
    const ended = await quorate(['log', 'stat', '--url', url, '--group', 'job/9']);
    expect(ended.exit).not.toBe(0);
    expect(ended.err).toMatch(/the node answers \d+: /);
  });
});

describe('status', () => {
  test('shows position, digest and loops, and ends well while the node is well', async () => {
    const { exit, out } = await quorate(['status', '--url', url]);
    expect(exit).toBe(0);
    expect(out).toContain(node.group.machine.digest());
    expect(out).toMatch(/snapshots main +running/);
  });

  test('gives what the node gave as JSON', async () => {
    const status = await asked(['status', '--url', `${url}/`]);
    expect(status).toMatchObject({ node_id: 'n1', digest: node.group.machine.digest() });
  });

  test('nothing at the address is one line that says what to do, and an exit code of its own', async () => {
    const ended = await quorate(['status', '--url', 'http://127.0.0.1:9']);
    expect(ended).toMatchObject({ exit: 3, out: '' });
    expect(ended.err.trim().split('\n')).toHaveLength(1);
    expect(ended.err).toMatch(/nothing answers at http:\/\/127.0.0.1:9.*quorate start/);
  });

  test('what is no address is not asked', async () => {
    expect(await quorate(['status', '--url', 'node-1'])).toMatchObject({ exit: 2 });
  });
});
