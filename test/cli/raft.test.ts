/** `quorate raft …`, `voters …` and `status` of a cluster, and of a node on its own. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Member, startCluster } from '../api/running-cluster.ts';
import { startNode } from '../api/running-node.ts';
import { until } from '../end-to-end/condition.ts';
import { asked, quorate } from './command.ts';

async function alone(): Promise<string> {
  const { server, stop } = await startNode();
  onTestFinished(stop);
  return server.listen({ port: 0, host: '127.0.0.1' });
}

describe('of a node on its own', () => {
  test('status shows that it leads itself, and that no other reaches it', async () => {
    const url = await alone();
    const { exit, out } = await quorate(['raft', 'status', '--url', url]);
    expect(exit).toBe(0);
    expect(out).toMatch(/leader +n1, term 1 \(solo\)/);
    expect(out).toMatch(/cluster +disabled/);
    expect(out).toMatch(/n1 +voter .* itself +1 +0 +-/);
  });

  test('what cannot be is refused in the words of the node', async () => {
    const url = await alone();
    const words = /one voter for ever; start a cluster/;
    for (const command of [
      ['voters', 'set', 'n1,n2'],
      ['raft', 'transfer', 'n2'],
    ]) {
      const ended = await quorate([...command, '--url', url]);
      expect(ended).toMatchObject({ exit: 1, err: expect.stringMatching(words) });
    }
  });

  test('a snapshot is taken', async () => {
    const { exit, out } = await quorate(['raft', 'snapshot', '--url', await alone()]);
    expect({ exit, out }).toEqual({ exit: 0, out: 'a snapshot of entry 1 was taken\n' });
  });

  test('where nothing answers, it says so', async () => {
    const ended = await quorate(['raft', 'status', '--url', 'http://127.0.0.1:1']);
    expect(ended).toMatchObject({ exit: 3, err: expect.stringMatching(/nothing answers at/) });
  });
});

describe('of one group among many', () => {
  test('status shows it as the node sees it, woken if it rested, and its members without their links', async () => {
    const [first, second] = (await startCluster(2)) as [Member, Member];
    const create = { type: 'create_group', data: { id: 'job/7', kind: 'job', voters: [] } };
    await until(
      'it is created',
      async () => (await first.ask('/v1/commands', create)).status < 300,
    );
    const status = ['raft', 'status', '--group', 'job/7', '--url'] as const;
    const leader = await until('one of them leads it, and knows how far the other is', async () => {
      for (const { node } of [first, second]) {
        const { out } = await quorate([...status, node.url]);
        if (/ voter .* \d+ +0 +\d+ ms ago$/m.test(out)) return { node, out };
      }
      return false;
    });
    const { node, out } = leader;
    expect(out).toMatch(/^group +job\/7, created by entry \d+ of main\n/);
    expect(out).toMatch(new RegExp(`node +${node.nodeId}, leader since \\d{4}-`));
    expect(out).toMatch(new RegExp(`leader +${node.nodeId}, term \\d+\\n`));
    expect(out).toMatch(/history +whole\n/);
    expect(out).toMatch(/^MEMBER +PART +ADDRESS +MATCH +LAG +HEARD$/m);
    expect(out.match(/ voter +127\.0\.0\.1:\d+ /g)).toHaveLength(2);
    expect(await asked([...status, node.url])).toMatchObject({
      exit: 0,
      group: 'job/7',
      leader_id: node.nodeId,
    });
    const { out: main } = await quorate(['raft', 'status', '--group', 'main', '--url', node.url]);
    expect(main).toMatch(/^group +main\n/);
  });

  test('a group that the node does not have is told in the words of the node', async () => {
    const words = ['raft', 'status', '--group', 'job/none', '--url', await alone()];
    expect(await quorate(words)).toMatchObject({
      exit: 3,
      err: expect.stringMatching(/does not have the group/),
    });
  });
});

describe('of a cluster', () => {
  /** Not made yet, or nobody heard what became of it: it is asked for again. */
  const LATER =
    /another change is under way|did not win|nobody leads|leads no more|look before you repeat/;

  async function changed(...words: readonly string[]): Promise<string> {
    return until(words.join(' '), async () => {
      const { exit, out, err } = await quorate(words);
      if (exit !== 0 && !LATER.test(err)) throw new Error(err);
      return exit === 0 && out;
    });
  }

  test('status, voters and transfer say the same at every node', async () => {
    const members = await startCluster(3);
    const [leader, follower] = members as [Member, Member, Member];
    const at = ['--url', follower.node.url];
    await until('the leader knows how far the others are', async () => {
      const { out } = await quorate(['status', '--url', leader.node.url]);
      return /n2 +replicate +\d+ +0 .*\n *n3 +replicate +\d+ +0 /.test(out);
    });
    const { out } = await quorate(['raft', 'status', ...at]);
    expect(out).toMatch(/^node +n2, follower since \d{4}-/);
    expect(out).toMatch(/leader +n1, term \d+ \(raft\)/);
    expect(out.match(/ voter +127\.0\.0\.1:\d+ /g)).toHaveLength(3);

    expect(await changed('voters', 'set', 'n1,n2', ...at)).toMatch(/voters +n1, n2/);
    const shown = await asked(['voters', 'show', ...at]);
    expect(shown['voters']).toMatchObject([{ id: 'n1' }, { id: 'n2' }]);
    expect(await changed('raft', 'transfer', 'n2', ...at)).toBe(
      'leadership was handed over; n2 leads\n',
    );
    expect(await asked(['raft', 'status', ...at])).toMatchObject({ exit: 0, leader_id: 'n2' });
    await follower.node.stop();
    await until('nobody leads', async () => {
      const { exit, out: said } = await quorate(['raft', 'status', '--url', leader.node.url]);
      return exit === 1 && /leader +nobody leads/.test(said);
    });
  });
});
