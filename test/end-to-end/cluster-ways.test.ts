/** The ways between nodes: websockets on the HTTP port, TLS, and who is not let in by either. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { portsFrom } from '../../src/cli/cluster/ports.ts';
import { fetched } from './ask.ts';
import { ClusterProcesses } from './cluster-processes.ts';
import { until } from './condition.ts';

const CLEAN = { code: 0, signal: null };
const CERTIFICATES = join(import.meta.dirname, 'certificates');
const CLUSTER_SECRET = 'the secret of these tests';

type Settings = Readonly<Record<string, string>>;

/** Settings of nodes that have a free port each, and are told of all of them in one form. */
async function settingsFor(
  ids: readonly string[],
  placeOf: (port: string) => string,
  portsOf: (port: string) => Settings,
): Promise<ReadonlyMap<string, Settings>> {
  const ports = (await portsFrom(0, ids.length)).map(String);
  const PEERS = ids.map((id, place) => `${id}@${placeOf(ports[place]!)}`).join(',');
  return new Map(ids.map((id, place) => [id, { PEERS, ...portsOf(ports[place]!) }]));
}

/** Only the HTTP ports are known to others. */
function byWebsocket(...ids: readonly string[]): Promise<ReadonlyMap<string, Settings>> {
  return settingsFor(
    ids,
    (port) => `ws://127.0.0.1:${port}/v1/peers`,
    (P2P_PORT) => ({ P2P_PORT, RAFT_PORT: '0' }),
  );
}

function byTcp(...ids: readonly string[]): Promise<ReadonlyMap<string, Settings>> {
  return settingsFor(
    ids,
    (port) => `127.0.0.1:1:${port}`,
    (RAFT_PORT) => ({ RAFT_PORT }),
  );
}

/** @param name of the node, or of another certificate for it */
function certified(name: string): Settings {
  return {
    CLUSTER_TLS_KEY: join(CERTIFICATES, `${name}.key`),
    CLUSTER_TLS_CERT: join(CERTIFICATES, `${name}.crt`),
    CLUSTER_TLS_CA: join(CERTIFICATES, 'ca.crt'),
  };
}

async function startedWith(
  settings: ReadonlyMap<string, Settings>,
  more: (id: string) => Settings,
): Promise<ClusterProcesses> {
  const cluster = await ClusterProcesses.none();
  await Promise.all([...settings].map(([id, its]) => cluster.start(id, { ...its, ...more(id) })));
  return cluster;
}

/** Writes at every node and reads at every node; kills the leader meanwhile and brings it back. */
async function goesOnWithoutItsLeader(
  cluster: ClusterProcesses,
  settingsOf: (id: string) => Settings,
): Promise<void> {
  const { ids } = cluster;
  await Promise.all(ids.map((id) => cluster.isReady(id)));
  const written = await Promise.all(ids.map((id) => cluster.write(id)));
  const leader = await cluster.leader();
  await cluster.kill(leader);
  const survivor = ids.find((id) => id !== leader)!;
  written.push(await cluster.write(survivor));
  await cluster.start(leader, settingsOf(leader));
  await cluster.isReady(leader);
  for (const id of ids) for (const work of written) expect(await cluster.reads(id, work)).toBe(200);
  await cluster.agreed();
}

async function addressesSeenBy(cluster: ClusterProcesses, id: string): Promise<readonly string[]> {
  const { voters } = await fetched(`${cluster.node(id).url}/raft/status`);
  return (voters as readonly { readonly addresses: readonly string[] }[]).flatMap(
    ({ addresses }) => addresses,
  );
}

test('three nodes that reach each other by nothing but websockets on their HTTP ports found a cluster, elect, and let in a fourth', async () => {
  const settings = await byWebsocket('a', 'b', 'c');
  const settingsOf = (id: string): Settings => ({ CLUSTER_SECRET, ...settings.get(id) });
  const cluster = await startedWith(settings, settingsOf);
  await goesOnWithoutItsLeader(cluster, settingsOf);
  for (const address of await addressesSeenBy(cluster, 'a'))
    expect(address).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/v1\/peers$/);

  const [port] = await portsFrom(0, 1);
  await cluster.start('d', {
    CLUSTER_SECRET,
    RAFT_PORT: '0',
    P2P_PORT: String(port),
    PEERS: `d@ws://127.0.0.1:${port}`,
    P2P_VOTERS: 'd',
    JOIN: `ws://127.0.0.1:${settings.get('b')!['P2P_PORT']}`,
  });
  await until('d votes', async () => (await cluster.members('d')).voters.includes('d'));
  await cluster.agreed();
});

test('a node that stops keeps the websockets other nodes came by until it has handed over, and then lets go of them', async () => {
  const settings = await byWebsocket('a', 'b', 'c');
  const cluster = await startedWith(settings, () => ({ RAFT_ELECTION: '5s' }));
  await Promise.all(cluster.ids.map((id) => cluster.isReady(id)));
  const leader = await cluster.leader();
  expect(await cluster.node(leader).stop()).toEqual(CLEAN);
  const next = await until('another leads', async () => {
    const seen = await Promise.all(cluster.ids.map((id) => cluster.members(id)));
    const now = seen.map((members) => members.leader).find((id) => id !== leader && id !== null);
    return now ?? undefined;
  });
  // Not: because the old leader had been silent for too long.
  const handed = /"role":"candidate".*leadership was handed to it/;
  await until('it says why', () => handed.test(cluster.node(next).output));
  await cluster.write(next);
  expect(await cluster.stop()).toEqual([CLEAN, CLEAN]);
});

test('three nodes with certificates of one authority found a cluster without any secret, over TLS', async () => {
  const settings = await byTcp('a', 'b', 'c');
  const settingsOf = (id: string): Settings => ({ ...certified(id), ...settings.get(id) });
  const cluster = await startedWith(settings, settingsOf);
  await goesOnWithoutItsLeader(cluster, settingsOf);
  expect(await cluster.stop()).toEqual([CLEAN, CLEAN, CLEAN]);
});

test('a node whose certificate another authority has signed is refused by name, and both sides say so', async () => {
  const settings = await byTcp('a', 'c');
  const cluster = await startedWith(settings, (id) => certified(id === 'c' ? 'foreign-c' : id));
  const named = /wrong-certificate: the authority of this node's cluster has not signed it/;
  await until('both say so', () => ['a', 'c'].every((id) => named.test(cluster.node(id).output)));
  const refused = 'refused there, wrong-certificate';
  await until('it was told', () => cluster.node('c').output.includes(refused));
  expect(await cluster.stop()).toEqual([CLEAN, CLEAN]);
});

test.each([
  ['over TCP', byTcp],
  ['by websockets', byWebsocket],
])('a node with another secret is refused by name, and both sides say so: %s', async (_, by) => {
  const settings = await by('a', 'c');
  const cluster = await startedWith(settings, (id) => ({
    CLUSTER_SECRET: id === 'c' ? 'another secret than the others' : CLUSTER_SECRET,
  }));
  const named = /wrong-secret: the secrets of the two nodes differ/;
  await until('both say so', () => ['a', 'c'].every((id) => named.test(cluster.node(id).output)));
  expect(await cluster.stop()).toEqual([CLEAN, CLEAN]);
});
