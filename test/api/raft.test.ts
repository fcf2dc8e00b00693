import { afterEach, describe, expect, test } from 'vitest';
import { until } from '../end-to-end/condition.ts';
import { Asking } from './ask.ts';
import { joined, type Member, startCluster, started, votersIn } from './running-cluster.ts';
import { type RunningNode, startNode } from './running-node.ts';

describe('a node on its own', () => {
  let running: RunningNode;
  async function asking(): Promise<Asking> {
    running = await startNode();
    return new Asking(running.server);
  }
  afterEach(() => running.stop());

  test('says how it agrees with nobody, under the names of the source system and its own', async () => {
    const ask = await asking();
    const { status, body } = await ask.get('/raft/status');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      node_id: 'n1',
      raft_enabled: false,
      raft_available: true,
      raft_initialized: true,
      consensus_mode: 'solo',
      config: { bind_port: null },
      work_queue: { is_ready: true, is_leader: true, leader_address: null },
      job_assignments: { is_ready: true, is_leader: true, leader_address: null },
      cluster_health: 'disabled',
      timestamp: expect.any(Number),
      role: 'leader',
      term: 1,
      leader_id: 'n1',
      commit_index: 1,
      applied_index: 1,
      last_index: 1,
      voters: [{ id: 'n1', store: expect.any(String), addresses: [] }],
      learners: [],
      peers: [],
      last_election: null,
      last_divergence: null,
      links: [],
      groups: [{ group: 'main', role: 'leader', term: 1, applied_index: 1 }],
    });
    expect((await ask.get('/v1/raft')).body).toMatchObject({ node_id: 'n1', role: 'leader' });
  });

  test('has one voter for ever, and says so', async () => {
    const ask = await asking();
    for (const said of [
      await ask.put('/v1/voters', { voters: ['n1', 'n2'] }),
      await ask.post('/v1/raft/transfer', { to: 'n2' }),
    ])
      expect(said.body).toMatchObject({ code: 'conflict', voters: ['n1'], leader_id: 'n1' });
  });

  test('takes a snapshot when told to', async () => {
    const ask = await asking();
    await ask.post('/v1/work', { work_id: 'w' });
    const { body } = await ask.post('/v1/raft/snapshot');
    expect(body).toMatchObject({ index: 2, snapshots: { taken: 1, last_index: 2 } });
  });

  test.each([
    ['/v1/voters', { voters: [] }, '/voters'],
    ['/v1/voters', { voters: ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] }, '/voters'],
    ['/v1/voters', { voters: ['a'], learners: ['not an id'] }, '/learners/0'],
    ['/v1/voters', {}, '/voters'],
    ['/v1/voters', { voters: ['a'], voter: 'b' }, '/voter'],
  ])('%s does not take %j', async (path, body, pointer) => {
    const ask = await asking();
    const said = await ask.put(path, body);
    expect(said.body).toMatchObject({ code: 'validation-failed', errors: [{ pointer }] });
  });

  test('a read of one thing is linearizable; a list is local and says how old it may be', async () => {
    const ask = await asking();
    await ask.post('/v1/work?forward=false', { work_id: 'w' });
    expect((await ask.get('/v1/work/w')).headers['quorate-age']).toBeUndefined();
    expect((await ask.get('/v1/work')).headers['quorate-age']).toBe('0.000');
    expect((await ask.get('/v1/work/w?consistency=local')).headers['quorate-age']).toBe('0.000');
    expect((await ask.get('/v1/work?consistency=linearizable')).headers).not.toHaveProperty(
      'quorate-age',
    );
  });
});

describe('three nodes', () => {
  /** Another change is under way, nobody leads at the moment, or it was not heard what became of it. */
  const LATER = [409, 503, 504];

  async function leaderOf(member: Member): Promise<unknown> {
    return (await member.raft())['leader_id'];
  }

  /** Changes follow each other: the next one is asked for until the one before is over. */
  async function setVoters(member: Member, body: object): Promise<void> {
    await until('the voters are changed', async () => {
      const { status, body: said } = await member.ask('/v1/voters', body, 'PUT');
      if (![200, ...LATER].includes(status)) throw new Error(JSON.stringify(said));
      return status === 200;
    });
  }

  test('any of them takes writes and answers reads of what was written anywhere', async () => {
    const members = await startCluster(3);
    for (const member of members) {
      const { status, headers } = await member.ask('/v1/work?timeout=60s', {
        work_id: `by-${member.id}`,
      });
      expect(status).toBe(200);
      expect(headers.get('quorate-leader')).toBe('n1');
      expect(headers.get('quorate-node')).toBe(member.id);
      // Linearizable: without any wait, at every other node.
      for (const reader of members)
        expect((await reader.ask(`/v1/work/by-${member.id}`)).status).toBe(200);
    }
  });

  test('one that follows says who leads, when the caller would rather ask the leader', async () => {
    const [leader, follower] = (await startCluster(2)) as [Member, Member];
    for (const [path, body] of Object.entries(WRITES)) {
      const { status, body: said } = await follower.ask(`${path}?forward=false`, body);
      expect({ status, said }).toMatchObject({
        status: 421,
        said: { code: 'not-leader', leader_id: 'n1' },
      });
    }
    const batch = { commands: [{ type: 'add_work', data: { work_id: 'b' } }] };
    const { body } = await follower.ask('/v1/commands/batch?forward=false', batch);
    expect(body['results']).toMatchObject([{ problem: { code: 'not-leader', leader_id: 'n1' } }]);
    expect((await leader.ask('/v1/work?forward=false', {})).status).toBe(200);
    expect((await follower.ask('/v1/work?dry_run=true&forward=false', {})).status).toBe(200);
  });

  const WRITES = {
    '/v1/work': {},
    '/v1/commands': { type: 'add_work', data: { work_id: 'w' } },
    '/v1/work/claim': { node_id: 'a', work_id: 'w' },
    '/v1/work/extend': { items: [{ work_id: 'w', token: 1, lease_seconds: 10 }] },
  };

  test('each shows what it knows: the leader how far the others are, all of them the links and the members', async () => {
    const members = await startCluster(3);
    const [leader, follower] = members as [Member, Member, Member];
    await leader.ask('/v1/work?timeout=60s', {});
    const seen = await until('everybody has everything', async () => {
      const raft = await leader.raft();
      const peers = raft['peers'] as readonly {
        readonly lag: number;
        in_flight_messages: number;
      }[];
      // Its own disk may be later than those of the others.
      if (peers.length < 2 || raft['persisted'] !== raft['last_index']) return false;
      return peers.every((peer) => peer.lag === 0 && peer.in_flight_messages === 0) && raft;
    });
    const last = Number(seen['last_index']);
    expect(seen).toMatchObject({
      raft_enabled: true,
      consensus_mode: 'raft',
      cluster_health: 'healthy',
      role: 'leader',
      disk: 'working',
      persisted: last,
      last_election: { node_id: 'n1', why: expect.any(String), term: 1, at: expect.any(Number) },
      ticks: { wakes: expect.any(Number), late: expect.any(Number) },
    });
    expect(seen['peers']).toEqual(
      ['n2', 'n3'].map((id) => ({
        id,
        state: 'replicate',
        match: last,
        next: last + 1,
        lag: 0,
        in_flight_messages: 0,
        in_flight_bytes: 0,
        last_contact_ms: expect.any(Number),
        paused: false,
        recent_active: true,
      })),
    );
    const told = await follower.raft();
    expect(told).toMatchObject({ role: 'follower', leader_id: 'n1', peers: [] });
    // Who follows has asked its leader why it leads.
    const { last_election: asked } = seen;
    const known = await until('it knows why', async () => {
      const { last_election: heard } = await follower.raft();
      return heard !== null && { heard };
    });
    expect(known.heard).toEqual(asked);
    expect(told['work_queue']).toEqual({
      is_ready: true,
      is_leader: false,
      leader_address: await leader.address(),
    });
    expect(votersIn(told).toSorted()).toEqual(['n1', 'n2', 'n3']);
    for (const member of members) {
      const links = await until('both links are up', async () => {
        const found = (await member.raft())['links'] as readonly { readonly state: string }[];
        return found.length === 2 && found.every(({ state }) => state === 'up') && found;
      });
      expect(links).toHaveLength(2);
    }
    const age = (await follower.ask('/v1/work')).headers.get('quorate-age');
    expect(Number(age)).toBeLessThan(60);
    expect((await leader.ask('/status')).body['peers']).toMatchObject([{ id: 'n2' }, { id: 'n3' }]);
  });

  test('leadership is handed over by whoever is asked, to a voter only', async () => {
    const members = await startCluster(3);
    const [first, , third] = members as [Member, Member, Member];
    // Who is told to lead may lose to another: then that is said, and it is asked for again.
    await until('n2 leads', async () => {
      const { status, body } = await third.ask('/v1/raft/transfer', { to: 'n2' });
      if (status !== 200) expect(LATER, JSON.stringify(body)).toContain(status);
      return status === 200 && body['leader_id'] === 'n2';
    });
    await until('all follow n2', async () =>
      (await Promise.all(members.map(leaderOf))).every((leader) => leader === 'n2'),
    );
    const stranger = await first.ask('/v1/raft/transfer', { to: 'n9' });
    expect(stranger).toMatchObject({ status: 409, body: { code: 'conflict', leader_id: 'n2' } });
    await until('the furthest leads', async () => {
      await first.ask('/v1/raft/transfer', {});
      return (await leaderOf(first)) !== 'n2';
    });
  });

  test('voters become learners and voters again; who takes no part cannot', async () => {
    const members = await startCluster(3);
    const [leader, , third] = members as [Member, Member, Member];
    await setVoters(third, { voters: ['n1', 'n2'], learners: ['n3'] });
    await until('n3 only follows', async () => (await third.raft())['role'] === 'learner');
    // Left out, learners stay what they are.
    await setVoters(leader, { voters: ['n2', 'n1'] });
    expect((await leader.ask('/v1/voters', { voters: ['n1', 'n9'] }, 'PUT')).body).toMatchObject({
      code: 'conflict',
      detail: expect.stringContaining('n9 takes no part yet'),
      learners: ['n3'],
    });
    await leader.ask('/v1/work?timeout=60s', { work_id: 'w' });
    expect((await third.ask('/v1/work/w')).status).toBe(200);
    await setVoters(leader, { voters: ['n1', 'n2', 'n3'] });
    await until('n3 votes', async () => (await third.raft())['role'] === 'follower');
  });

  test('who alone holds the beginning of the log is not let go, unless it is stopped first', async () => {
    const [founder] = (await startCluster(1)) as [Member];
    const trimming = await joined(founder, 'n2', { LOG_RETENTION: '1 entries' });
    for (let batch = 0; batch < 5; batch++) await founder.ask('/v1/work?timeout=60s', {});
    await trimming.ask('/v1/raft/snapshot', {});
    const { missing } = await until('it has trimmed its log', async () => {
      const history = (await trimming.raft())['history'] as { state: string; missing: number };
      return history.state === 'trimmed' && history;
    });
    expect(missing).toBeGreaterThan(0);
    expect((await trimming.ask('/readyz')).body).toMatchObject({ history: { state: 'trimmed' } });
    const { group } = (await founder.ask('/status')).body;
    expect(group).toMatchObject({ history: { state: 'whole', missing: 0 } });
    for (const asked of [founder, trimming]) {
      const { status, body } = await asked.ask('/v1/voters', { voters: ['n2'] }, 'PUT');
      expect({ status, body }).toMatchObject({
        status: 409,
        body: { code: 'conflict', detail: expect.stringContaining('n1 alone holds the entries') },
      });
    }
    // With another that has it all, nothing is lost.
    await joined(founder, 'n3');
    await setVoters(founder, { voters: ['n2', 'n3'] });
  });

  test('any group can be looked at, with its members and its peers; where some are not shown, it is said', async () => {
    const [first, second] = (await startCluster(2)) as [Member, Member];
    const names = Array.from({ length: 101 }, (_, place) => `job/${place}`);
    const commands = names.map((id) => ({
      type: 'create_group',
      data: { id, kind: 'job', voters: [] },
    }));
    await until('they are created', async () => {
      const { status, body } = await first.ask('/v1/commands/batch?timeout=60s', { commands });
      return status === 200 && JSON.stringify(body['results']).includes('"outcome":"applied"');
    });
    // Both at once: who leads may change while the machine is busy.
    const { leader, other, body, follower } = await until(
      'one leads, the other follows',
      async () => {
        for (const [leader, other] of [
          [first, second],
          [second, first],
        ] as const) {
          const { body } = await leader.ask('/raft/status?group=job/7');
          const { body: follower } = await other.ask('/v1/raft?group=job/7');
          const roles = [body['role'], follower['role']];
          // Who has just begun to lead a new group has nothing of it on the disk yet.
          const hasBegun = JSON.stringify(body['history'] ?? '').includes('whole');
          if (roles.join() === 'leader,follower' && hasBegun)
            return { leader, other, body, follower };
        }
        return false;
      },
    );
    expect(body).toMatchObject({
      node_id: leader.id,
      group: 'job/7',
      incarnation: expect.any(Number),
      leader_id: leader.id,
      peers: [{ id: other.id, lag: expect.any(Number), last_contact_ms: expect.any(Number) }],
      history: { state: 'whole', missing: 0 },
    });
    expect(votersIn(body).toSorted()).toEqual(['n1', 'n2']);
    expect(follower).toMatchObject({ group: 'job/7', role: 'follower', peers: [] });
    expect((await first.ask('/raft/status?group=main')).body).toMatchObject({ group: 'main' });
    expect((await first.ask('/raft/status?group=job/none')).body).toMatchObject({
      code: 'unknown-group',
    });
    expect((await first.ask('/raft/status?grup=main')).body).toMatchObject({
      code: 'validation-failed',
      errors: [{ pointer: expect.stringContaining('grup') }],
    });
    // All that are in memory: those shown, and those that are only counted.
    await until('more are in memory than are shown', async () => {
      const raft = await leader.raft();
      const shown = (raft['groups'] as readonly unknown[]).length;
      const counts = raft['group_counts'] as { readonly awake: number };
      expect(shown).toBeLessThanOrEqual(100);
      // `main` is one of those shown.
      return counts.awake >= 100 && raft['groups_not_shown'] === counts.awake + 1 - shown;
    });
  });

  test('two of three decide, one does not, and says that nobody leads', async () => {
    const members = await startCluster(3);
    const [first, second, third] = members as [Member, Member, Member];
    await third.node.stop();
    expect((await second.ask('/v1/work?timeout=60s', { work_id: 'w' })).status).toBe(200);
    await until(
      'a link is missed',
      async () => (await first.raft())['cluster_health'] === 'partial',
    );
    await second.node.stop();
    await until('nobody leads', async () => (await leaderOf(first)) === null);
    const read = await first.ask('/v1/work/w?timeout=2s');
    expect(read).toMatchObject({ status: 503, body: { code: 'no-leader' } });
    expect(read.headers.get('retry-after')).toBe('1');
    for (const path of ['/v1/work', '/v1/work?forward=false'])
      expect((await first.ask(path, {})).body).toMatchObject({ code: 'no-leader' });
    expect((await first.ask('/v1/voters', { voters: ['n1'] }, 'PUT')).body).toMatchObject({
      code: 'no-leader',
    });
    expect((await first.raft())['cluster_health']).toBe('unavailable');
    // What it holds can be read, and is said to be old.
    const list = await first.ask('/v1/work');
    expect(list.body['items']).toHaveLength(1);
    expect(Number(list.headers.get('quorate-age'))).toBeGreaterThan(0);
  });

  test('a node that is told not to vote stays a learner', async () => {
    const [founder] = (await startCluster(1)) as [Member];
    const [, port] = (await founder.address()).split(':');
    const quiet = await started('quiet', { PEERS: `n1@127.0.0.1:1:${port}`, P2P_VOTERS: 'n1' });
    const joining = await until('it has arrived', async () => {
      const { body } = await quiet.ask('/status');
      const loops = body['background_loops'] as readonly { name: string; status: string }[];
      return loops.find(({ name, status }) => name === 'joining' && status === 'stopped');
    });
    expect(joining).toBeDefined();
    expect(await quiet.raft()).toMatchObject({ role: 'learner', learners: [{ id: 'quiet' }] });
    expect(votersIn(await quiet.raft())).toEqual(['n1']);
  });
});
