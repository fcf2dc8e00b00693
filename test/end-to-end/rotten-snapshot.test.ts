/**
 * A bit of the newest snapshot flips on the disk of a node of three that is down. The log says all that the
 * snapshot said, so the node begins with an older one and keeps its store: it says so in one line and serves.
 */
import { access } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { ask } from './ask.ts';
import { ClusterProcesses } from './cluster-processes.ts';
import { until } from './condition.ts';
import { flipInSnapshot } from './damaging.ts';
import { audited, Ledger, NO_BREACHES } from './ledger.ts';
import { Load } from './load.ts';

/** @returns its index */
function taken(url: string): Promise<number> {
  return until('a snapshot is taken', async () => {
    const { status, text } = await ask(`${url}/v1/raft/snapshot`, { method: 'POST' });
    return status === 200 && (JSON.parse(text) as { readonly index: number }).index;
  });
}

test('I1, I3: a follower and a leader with a rotten newest snapshot begin with an older one, and lose nothing', async () => {
  const cluster = await ClusterProcesses.found('a', 'b', 'c');
  const ledger = new Ledger();
  for (const who of ['follower', 'leader']) {
    const leader = await cluster.leader();
    const victim = who === 'leader' ? leader : cluster.ids.find((id) => id !== leader)!;
    const beside = cluster.ids.find((id) => id !== victim)!;
    const { stores } = await cluster.members(beside);
    const load = await Load.start(cluster.node(beside).url, { ledger, http: 2, pipelined: 2 });
    await load.reaches(100);
    const older = await taken(cluster.node(victim).url);
    await load.reaches(300);
    const newest = await taken(cluster.node(victim).url);
    expect(newest).toBeGreaterThan(older);
    await cluster.node(victim).stop();
    const path = await flipInSnapshot(cluster.directory(victim));
    expect(path).toMatch(`/${newest}.snapshot`);
    await cluster.start(victim);
    await load.stop();
    await cluster.agreed();
    const { output, url } = cluster.node(victim);
    const said = output.split('\n').filter((line) => line.includes(`${newest}.snapshot`));
    expect(said, who).toEqual([
      expect.stringMatching(
        `"level":50.*${path} is damaged: it is kept as .*\\.damaged, and the snapshot of entry ${older} and the log`,
      ),
    ]);
    await access(path.replace(/snapshot$/, 'damaged'));
    expect(output).not.toContain('store_set_aside');
    expect((await cluster.members(beside)).stores, 'nobody is another store').toEqual(stores);
    expect(await audited(url, ledger), who).toEqual(NO_BREACHES);
    expect(await cluster.reads(victim, await cluster.write(victim))).toBe(200);
  }
});
