/**
 * Disks that give back something else than was written, under nodes of a cluster that is written to all the
 * while: the node says what it found, puts the store aside, and comes back as another store that has no vote
 * before it holds everything. Nothing that was acknowledged is lost, anywhere.
 */
import { randomUUID } from 'node:crypto';
import { access, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ask, fetched } from './ask.ts';
import { ClusterProcesses } from './cluster-processes.ts';
import { until } from './condition.ts';
import {
  type Damaging,
  flipInLog,
  flipInTable,
  loseBatch,
  loseDirectory,
  loseOldBlock,
  misfile,
  tearInLog,
} from './damaging.ts';
import { audited, auditedLog, Ledger, NO_BREACHES } from './ledger.ts';
import { Load } from './load.ts';
import { markDamaged } from '../../src/log/set-aside.ts';
import { NodeProcess } from './node-process.ts';
import { expectOneClearLine } from './one-clear-line.ts';

const DISK_FAULT = 74;
/** Generous: what is waited for takes some seconds, and machines are busy. */
const PATIENCE_MS = 120_000;

const JOB = 'job/1';

type Who = 'leader' | 'follower';

interface Victim {
  readonly id: string;
  /** Of the node's store before. */
  readonly store: string;
}

/** A cluster that is written to, and what its clients were promised. */
class Stage {
  readonly cluster: ClusterProcesses;
  readonly ledger = new Ledger();

  constructor(cluster: ClusterProcesses) {
    this.cluster = cluster;
  }

  /** A group beside `main`, of all nodes. */
  async createGroup(): Promise<void> {
    await this.propose(this.cluster.ids[0]!, {
      type: 'create_group',
      data: { id: JOB, kind: 'job', voters: [] },
    });
  }

  /** Takes a lock of that group at a node, again and again until it has it. */
  lock(at: string, name: string): Promise<void> {
    const data = { name, owner: 'ann', ttl_seconds: 3_600, lock_delay_seconds: 0 };
    return this.propose(at, { type: 'acquire_lock', group: JOB, data });
  }

  async propose(
    at: string,
    body: { readonly type: string; readonly [field: string]: unknown },
  ): Promise<void> {
    const headers = { 'idempotency-key': randomUUID() };
    const { url } = this.cluster.node(at);
    const isDone = async (): Promise<boolean> => {
      const reply = await ask(`${url}/v1/commands`, { body, headers });
      if (reply.status === 400) throw new Error(reply.text);
      return reply.status === 200;
    };
    await until(`${body.type} at ${at}`, isDone, PATIENCE_MS);
  }

  /** A node has a vote again in the group beside `main`, too. */
  async votesInGroup({ id }: Victim): Promise<void> {
    const isBack = async (): Promise<boolean> => {
      const { group_counts } = await fetched(`${this.cluster.node(id).url}/raft/status`);
      const { hosted, waking, returning } = group_counts as Readonly<Record<string, number>>;
      return hosted === 1 && waking === 0 && returning === 0;
    };
    await until(`${id} has a vote in ${JOB}`, isBack, PATIENCE_MS);
  }

  async choose(who: Who): Promise<Victim> {
    const leader = await this.cluster.leader();
    const id = who === 'leader' ? leader : this.cluster.ids.find((one) => one !== leader)!;
    const { stores } = await this.cluster.members(leader);
    return { id, store: stores[id]! };
  }

  /** Writes at another node than the victim, from before it falls until it is whole again. */
  async under({ id }: Victim, work: () => Promise<void>): Promise<void> {
    const at = this.cluster.ids.findLast((one) => one !== id)!;
    const { url } = this.cluster.node(at);
    const load = await Load.start(url, { ledger: this.ledger, http: 2, pipelined: 2 });
    await load.reaches(200);
    await work();
    await load.stop();
  }

  /** Its new store votes, and everybody holds the same, and everything that was promised. */
  async expectWhole({ id, store }: Victim): Promise<void> {
    const { cluster } = this;
    await cluster.agreed();
    const { stores } = await cluster.members(id);
    expect(stores[id]).not.toBe(store);
    expect(await audited(cluster.node(id).url, this.ledger), id).toEqual(NO_BREACHES);
    expectNoVoteBeforeWhole(cluster.node(id).output, id);
  }

  /** Waits until the new store of a node votes. */
  async votes({ id, store }: Victim): Promise<void> {
    await until(
      `the new store of ${id} votes`,
      async () => {
        const { stores } = await this.cluster.members(await this.cluster.leader());
        return stores[id] !== undefined && stores[id] !== store;
      },
      PATIENCE_MS,
    );
  }
}

interface Line {
  readonly msg: string;
  readonly role?: string;
  readonly configuration?: { readonly voters: readonly { readonly id: string }[] };
}

/** In the lines of its log a node neither stands for election nor leads before it is a voter again. */
function expectNoVoteBeforeWhole(output: string, id: string): void {
  // The last line may still be on its way.
  const whole = output.split('\n').slice(0, -1);
  const lines = whole.flatMap((line) => (line.startsWith('{') ? [parsed(line)] : []));
  const voting = lines.findIndex(
    ({ msg, configuration }) =>
      msg === 'raft_configuration' && configuration?.voters.some((voter) => voter.id === id),
  );
  const standing = lines.findIndex(
    ({ msg, role }) => msg === 'raft_became' && role !== 'follower' && role !== undefined,
  );
  expect(voting, output).not.toBe(-1);
  expect(standing === -1 || voting < standing, output).toBe(true);
}

function parsed(line: string): Line {
  return JSON.parse(line) as Line;
}

interface Aside {
  readonly directory: string;
  readonly reason: string;
}

/** What lies aside, by the node's own word; it is removed, as an operator would after looking at the disk. */
async function takeEvidence(cluster: ClusterProcesses, id: string): Promise<readonly Aside[]> {
  const found = await until(`${id} says what lies aside`, async () => {
    const { set_aside } = await fetched(`${cluster.node(id).url}/status`);
    // A part that took too long says so in its place.
    return Array.isArray(set_aside) && (set_aside as readonly Aside[]);
  });
  for (const { directory } of found) {
    await access(join(directory, 'log'));
    await rm(directory, { recursive: true });
  }
  return found;
}

const KINDS: readonly (readonly [string, Who, 'stop' | 'kill', Damaging, RegExp])[] = [
  ['a flipped bit in a record of the .log', 'follower', 'kill', flipInLog, /\.log, byte \d+/],
  ['a misfiled frame', 'leader', 'stop', misfile, /not what was written|next block starts/],
  ['a lost batch', 'follower', 'stop', loseBatch, /the batch chain breaks at batch \d+/],
  ['a record cut short in the middle of the .log', 'leader', 'kill', tearInLog, /\.log, byte \d+/],
];

/** Who was a follower is the leader, and the other way round: each kind happens to both. */
const OTHER: Readonly<Record<Who, Who>> = { leader: 'follower', follower: 'leader' };
const AS_LISTED: Readonly<Record<Who, Who>> = { leader: 'leader', follower: 'follower' };
const CASTS = [
  ['', AS_LISTED],
  [', roles swapped', OTHER],
] as const;

test.each(CASTS)(
  'I1, I2: a damaged store of a follower or of the leader is put aside, and its node learns everything anew%s',
  async (_which, cast) => {
    const stage = new Stage(await ClusterProcesses.found('a', 'b', 'c'));
    const { cluster } = stage;
    await stage.createGroup();
    for (const [round, [kind, who, end, damage, says]] of KINDS.entries()) {
      await stage.lock(await cluster.leader(), `lock-${round}`);
      const victim = await stage.choose(cast[who]);
      await stage.under(victim, async () => {
        await cluster.node(victim.id)[end]();
        await damage(cluster.directory(victim.id));
        // Whoever leads the others is asked whether they can do without it.
        await cluster.leader();
        await cluster.start(victim.id);
        expect(cluster.node(victim.id).output, kind).toMatch(/"msg":"store_set_aside"/);
        await stage.votes(victim);
      });
      await stage.expectWhole(victim);
      await stage.votesInGroup(victim);
      const [aside, ...others] = await takeEvidence(cluster, victim.id);
      expect(aside?.reason, kind).toMatch(says);
      expect(others, kind).toEqual([]);
    }
    // All three stores are others than at the beginning, and any two of them decide in the group.
    const leader = await cluster.leader();
    const [gone = '', left = ''] = cluster.ids.filter((id) => id !== leader);
    await cluster.kill(gone);
    await stage.lock(left, 'last-lock');
  },
);

test('I1: damage that only a running node meets ends it in one clear line, and its next start puts the store aside', async () => {
  const stage = new Stage(await ClusterProcesses.found('a', 'b', 'c'));
  const { cluster } = stage;
  const victim = await stage.choose('follower');
  await stage.under(victim, async () => {
    // A start reads the log from its newest snapshot on; what lies before is out of its sight.
    await until('a snapshot is taken', async () => {
      const url = `${cluster.node(victim.id).url}/v1/raft/snapshot`;
      return (await ask(url, { method: 'POST' })).status === 200;
    });
    await cluster.node(victim.id).stop();
    await loseOldBlock(cluster.directory(victim.id));
    await cluster.start(victim.id);
    // It runs like any other, until somebody reads what is not there.
    const node = cluster.node(victim.id);
    const read = (): Promise<unknown> => auditedLog(node.url, stage.ledger, 0);
    const ended = async (): Promise<boolean> => {
      await read().catch(() => undefined);
      return !node.isRunning;
    };
    await until('somebody has read it', ended, PATIENCE_MS);
    const { code } = await node.ended();
    expect(code).toBe(DISK_FAULT);
    expect(node.output).toMatch(/the node ended: group main, entry \d+:/);
    await cluster.leader();
    await cluster.start(victim.id);
    expect(cluster.node(victim.id).output).toMatch(/"msg":"store_set_aside"/);
    await stage.votes(victim);
  });
  await stage.expectWhole(victim);
  const [aside] = await takeEvidence(cluster, victim.id);
  expect(aside?.reason).toMatch(/^group main, entry \d+: /);
});

test('I3: a store from which its node decided otherwise than most goes aside though its bytes are whole', async () => {
  const stage = new Stage(await ClusterProcesses.found('a', 'b', 'c'));
  const { cluster } = stage;
  const victim = await stage.choose('leader');
  const reason = 'this node decides entry 7 differently from a majority';
  await stage.under(victim, async () => {
    await cluster.node(victim.id).stop();
    await cluster.leader();
    // A mark that is not certain is examined, and nothing is found.
    await markDamaged(cluster.directory(victim.id), { found_at: 0, reason });
    await cluster.start(victim.id);
    expect(cluster.node(victim.id).output).toMatch(/"msg":"store_examined"/);
    expect(cluster.node(victim.id).output).not.toMatch(/"msg":"store_set_aside"/);
    await cluster.node(victim.id).stop();
    await cluster.leader();
    await markDamaged(cluster.directory(victim.id), { found_at: 0, reason, certain: true });
    await cluster.start(victim.id);
    expect(cluster.node(victim.id).output).toMatch(/"msg":"store_set_aside"/);
    expect(cluster.node(victim.id).output).not.toMatch(/"msg":"store_examined"/);
    await stage.votes(victim);
  });
  await stage.expectWhole(victim);
  const [aside, ...others] = await takeEvidence(cluster, victim.id);
  expect(aside).toMatchObject({ reason, certain: true });
  expect(others).toEqual([]);
});

test.each(CASTS)(
  'I1: two of five lose their stores one after another, one to a rotten table and one with its directory%s',
  async (_which, cast) => {
    const stage = new Stage(await ClusterProcesses.found('a', 'b', 'c', 'd', 'e'));
    const { cluster } = stage;
    const first = await stage.choose(cast.leader);
    await stage.under(first, async () => {
      await cluster.node(first.id).stop();
      await flipInTable(cluster.directory(first.id));
      const second = await stage.choose(cast.follower);
      await cluster.kill(second.id);
      await loseDirectory(cluster.directory(second.id));
      await cluster.leader();
      await cluster.start(first.id);
      await cluster.start(second.id);
      await stage.votes(first);
      await stage.votes(second);
    });
    await stage.expectWhole(first);
    const [aside] = await takeEvidence(cluster, first.id);
    expect(aside?.reason).toMatch(/\.ldb, byte \d+/);
  },
);

test('without a majority beside it a damaged store stays where it is, and so it does where the settings say so', async () => {
  const cluster = await ClusterProcesses.found('a', 'b', 'c');
  await cluster.write('a');
  await Promise.all(['a', 'b'].map((id) => cluster.node(id).stop()));
  await flipInTable(cluster.directory('a'));
  const before = await readdir(cluster.directory('a'));

  const on = (settings: Readonly<Record<string, string>>): NodeProcess =>
    NodeProcess.launch({
      directory: cluster.directory('a'),
      nodeId: 'a',
      settings: { RAFT_PORT: '0', JOIN: cluster.address('c'), ...settings },
    });
  const forbidden = on({ REPAIR_FROM_PEERS: 'off' });
  const alone = on({});
  for (const node of [forbidden, alone]) expect((await node.ended()).code).toBe(DISK_FAULT);
  expectOneClearLine(forbidden.output, /\.ldb, byte \d+: .*quorate log repair/);
  expect(alone.output).toMatch(/it was not put aside, because the other nodes may need it/);
  expect(await readdir(cluster.directory('a'))).toEqual(before);
});
