/** Groups besides `main` on real processes: made, used, resting, led again, ended, and made anew. */
import { expect, test } from 'vitest';
import { Archive } from '../../src/log/archive.ts';
import { cloneStopped } from '../../src/log/clone.ts';
import type { GroupId } from '../../src/log/group.ts';
import { ask, fetched } from './ask.ts';
import { ClusterProcesses } from './cluster-processes.ts';
import { until } from './condition.ts';
import { quorate } from './quorate-command.ts';

const JOB = 'job/1';
const OTHER = 'job/2';
/** A cluster that loses one node in three needs a moment; so does a machine with other things to do. */
const RETRIED = [409, 503, 504];

/** A group as a node lists it. */
interface Line {
  readonly group: string;
  readonly state: 'awake' | 'resting';
  readonly leader_id?: string;
}

interface Written {
  readonly results?: readonly { readonly incarnation: number }[];
}

interface Entry {
  readonly data: { readonly name?: string };
  readonly outcome: string;
}

/** The groups of a cluster, as a client has them that retries until it is answered. */
class Jobs {
  readonly cluster: ClusterProcesses;
  #keys = 0;

  constructor(cluster: ClusterProcesses) {
    this.cluster = cluster;
  }

  /** Proposes in a group at a node until it is answered; its key makes that once. @returns the answer */
  async tell(at: string, group: string, type: string, data: object = {}): Promise<Written> {
    this.#keys += 1;
    const headers = { 'idempotency-key': `key-${this.#keys}` };
    const body = { group, type, data };
    return until(`${type} in ${group} is answered at ${at}`, async () => {
      const reply = await ask(`${this.cluster.node(at).url}/v1/commands`, { body, headers });
      if (reply.status === 200) return JSON.parse(reply.text) as Written;
      if (!RETRIED.includes(reply.status)) throw new Error(reply.text);
      return undefined;
    });
  }

  /** Creates a group, and waits until every node that runs has it. @returns its incarnation */
  async create(at: string, id: string): Promise<number> {
    const { results } = await this.tell(at, 'main', 'create_group', { id, kind: 'job' });
    for (const node of this.cluster.ids)
      await until(`${node} has ${id}`, async () => (await this.line(node, id)) !== undefined);
    return Number(results?.[0]?.incarnation);
  }

  async lock(at: string, group: string, name: string): Promise<string> {
    await this.tell(at, group, 'acquire_lock', { name, owner: 'ann', ttl_seconds: 3_600 });
    return name;
  }

  async line(at: string, id: string): Promise<Line | undefined> {
    const { items } = await fetched(`${this.cluster.node(at).url}/v1/groups`);
    return (items as readonly Line[]).find(({ group }) => group === id);
  }

  /** Who leads a group that is in memory, once those who run and have it there agree. */
  leader(id: string): Promise<string> {
    return until(`${id} is led`, async () => {
      const lines = await Promise.all(this.cluster.ids.map((at) => this.line(at, id)));
      const [leader, ...others] = new Set(lines.map((line) => line?.leader_id));
      return others.length === 0 && leader !== undefined && this.cluster.ids.includes(leader)
        ? leader
        : undefined;
    });
  }

  /** The locks that the log of a group says were taken, at one node; waits until these are among them. */
  taken(at: string, group: string, wanted: readonly string[]): Promise<readonly string[]> {
    const path = `/v1/groups/${encodeURIComponent(group)}/log?type=acquire_lock&limit=1000`;
    return until(`${at} has ${wanted.length} locks of ${group}`, async () => {
      const reply = await ask(`${this.cluster.node(at).url}${path}`);
      if (reply.status !== 200) return undefined;
      const { items } = JSON.parse(reply.text) as { readonly items: readonly Entry[] };
      const applied = items.filter(({ outcome }) => outcome === 'applied');
      const names = applied.map(({ data }) => String(data.name));
      return wanted.every((name) => names.includes(name)) && names.toSorted();
    });
  }

  untilResting(id: string): Promise<boolean> {
    return until(`${id} rests at every node`, async () => {
      const lines = await Promise.all(this.cluster.ids.map((at) => this.line(at, id)));
      return lines.every((line) => line?.state === 'resting');
    });
  }
}

/** What the disk of a node that is stopped holds besides `main`. */
async function groupsOn(directory: string): Promise<readonly GroupId[]> {
  const clone = await cloneStopped(directory, () => false);
  try {
    const opened = await Archive.open(clone.directory);
    if (opened.kind !== 'archive') throw new Error('the log cannot be read');
    const groups = opened.archive.groups().filter(({ id }) => id !== 'main');
    await opened.archive.close();
    return groups;
  } finally {
    await clone.dispose();
  }
}

test('I1, I7: a group is written at every node, rests, is woken, loses its leader, ends, and its name is used anew', async () => {
  const jobs = new Jobs(await ClusterProcesses.foundWith({ GROUP_REST: '1s' }, 'a', 'b', 'c'));
  const { cluster } = jobs;
  const ids = [...cluster.ids];
  const before = await jobs.create('a', JOB);
  await jobs.create('b', OTHER);
  const locks: string[] = [];
  for (const at of ids) locks.push(await jobs.lock(at, JOB, `first-${at}`));
  const leader = await jobs.leader(JOB);
  await jobs.untilResting(JOB);

  const [one = '', two = ''] = ids.filter((id) => id !== leader);
  locks.push(await jobs.lock(one, JOB, 'woken'));
  const led = await jobs.leader(JOB);
  const others = ids.filter((id) => id !== led);
  const writing = others.map(async (at) => {
    for (let place = 0; place < 20; place++)
      locks.push(await jobs.lock(at, JOB, `later-${at}-${place}`));
  });
  await until('some are written', () => locks.length > 10);
  await cluster.kill(led);
  await Promise.all(writing);
  expect(others).toContain(await jobs.leader(JOB));
  await cluster.start(led);
  for (const at of ids) expect(await jobs.taken(at, JOB, locks)).toEqual(locks.toSorted());

  // One of them is away while both of them end; of the first there is a new one when it is back.
  await cluster.kill(two);
  await jobs.tell(one, JOB, 'seal');
  await jobs.tell(one, 'main', 'destroy_group', { id: OTHER });
  await until('both are over', async () => {
    const lines = [await jobs.line(one, JOB), await jobs.line(one, OTHER)];
    return lines.every((line) => line === undefined);
  });
  const after = await jobs.create(one, JOB);
  expect(after).toBeGreaterThan(before);
  await jobs.lock(one, JOB, 'anew');
  await cluster.start(two);
  for (const at of ids) expect(await jobs.taken(at, JOB, ['anew'])).toEqual(['anew']);
  for (const at of ids) expect(await jobs.line(at, OTHER)).toBeUndefined();
  await cluster.stop();
  for (const id of ids)
    expect(await groupsOn(cluster.directory(id))).toEqual([{ id: JOB, incarnation: after }]);
  const [first = ''] = ids;
  const words = ['--data-dir', cluster.directory(first), '--group', JOB];
  expect(await quorate('log', 'verify', ...words)).toMatchObject({ code: 0 });
  expect(await quorate('log', 'replay', ...words)).toMatchObject({ code: 0 });
});
