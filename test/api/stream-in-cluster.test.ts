/** The stream of a cluster: a client that goes on at another node, which may not have come as far yet. */
import { expect, test } from 'vitest';
import { Listening } from './listening.ts';
import { startCluster } from './running-cluster.ts';

test('I6: a client goes on at any node behind what the leader has just told it, and no node calls that another history', async () => {
  const [leader, ...followers] = await startCluster(3);
  let told = 0;
  for (let times = 0; times < 20; times++) {
    const { body } = await leader!.ask('/v1/work?timeout=60s', { work_id: `w${times}` });
    told = Number(body['index']);
    const listening = await Promise.all(
      followers.map(({ node }) => Listening.connect(node.url, `after=${told}`)),
    );
    for (const listener of listening) {
      expect(await listener.hears('subscribed')).toMatchObject({ after: told });
      listener.socket.terminate();
    }
  }
});

test('a cursor beyond everything that is committed is of another history, at a follower as at the leader', async () => {
  const members = await startCluster(3);
  for (const { node } of members) {
    const listening = await Listening.connect(node.url, 'after=1000');
    expect(await listening.ends()).toMatchObject({ code: 4412 });
    expect(listening.of('diverged')).toMatchObject([{ requested: 1000 }]);
  }
});

test('a node that reaches nobody says so to a client that is ahead of it, and does not call that another history', async () => {
  const [first, second, alone] = await startCluster(3);
  for (const { node } of [first!, second!]) await node.stop();
  const { status, body } = await alone!.ask('/v1/stream?after=1000');
  expect([status, body['code']]).toEqual([503, 'no-leader']);
});
