/** `quorate cluster`: several real nodes on this machine, until a signal or the end of all of them. */
import { join, resolve } from 'node:path';
import { EXIT, type Exit } from '../exit.ts';
import type { Reporting } from '../family.ts';
import type { Invocation } from '../invocation.ts';
import { columns } from '../layout.ts';
import { type Report, show } from '../report.ts';
import type { Screen } from '../screen.ts';
import { LocalCluster, type NodePlan } from './local-cluster.ts';
import type { LocalNode, NodeEnding } from './local-node.ts';
import { portsFrom } from './ports.ts';

export interface ClusterOptions {
  readonly nodes: number;
  readonly dir: string;
  /** Of the first node; the others have the next ones. 0: the system chooses. */
  readonly port: number;
  readonly raftPort: number;
}

export async function cluster(
  { screen, env }: Invocation,
  options: ClusterOptions & Reporting,
): Promise<Exit> {
  const local = LocalCluster.launch(screen, await plans(options, env));
  const release = stopOnSignals(local);
  try {
    if (await local.ready()) show(screen, await overview(screen, local.nodes), options.output);
    await local.ended;
    return exitOf(await local.stop());
  } finally {
    release();
  }
}

async function plans(
  { nodes, dir, port, raftPort }: ClusterOptions,
  env: NodeJS.ProcessEnv,
): Promise<readonly NodePlan[]> {
  const ports = await portsFrom(port, nodes);
  const raftPorts = await portsFrom(raftPort, nodes);
  const places = ports.map((http, place) => ({
    id: `node-${place + 1}`,
    port: http,
    raftPort: Number(raftPorts[place]),
  }));
  const peers = places.map((one) => `${one.id}@127.0.0.1:${one.port}:${one.raftPort}`).join(',');
  return places.map((one) => ({
    ...one,
    directory: join(resolve(dir), one.id),
    peers,
    env: ownEnvironment(env),
  }));
}

/** Settings of another cluster, which these nodes are not to take part in. */
const FOREIGN = ['QUORATE_JOIN', 'QUORATE_P2P_VOTERS', 'RINGRIFT_P2P_VOTERS'];

function ownEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !FOREIGN.includes(name)));
}

/** Those that were told to stop did so; without any, all had ended by themselves. */
function exitOf(endings: readonly NodeEnding[]): Exit {
  const stopped = endings.length > 0 && endings.every(({ code }) => code === 0);
  return stopped ? EXIT.fine : EXIT.finding;
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** A terminal sends Ctrl-C to the nodes as well; being told twice changes nothing for them. */
function stopOnSignals(local: LocalCluster): () => void {
  const onSignal = (): void => void local.stop();
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return () => {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
}

interface Row {
  readonly node_id: string;
  readonly url: string;
  readonly role: string;
  readonly pid: number | undefined;
}

async function overview(screen: Screen, nodes: readonly LocalNode[]): Promise<Report> {
  const rows = await Promise.all(nodes.map(rowOf));
  return { exit: EXIT.fine, data: { nodes: rows }, rows, lines: linesOf(screen, rows) };
}

async function rowOf(node: LocalNode): Promise<Row> {
  const { role = 'unknown' } = (await node.asked('/health')) ?? {};
  return { node_id: node.id, url: node.url, role: String(role), pid: node.pid };
}

function linesOf(screen: Screen, rows: readonly Row[]): readonly string[] {
  const head = ['NODE', 'URL', 'ROLE', 'PID'].map((title) => screen.paint('dim', title));
  const table = rows.map(({ node_id, url, role, pid }) => [
    screen.paint('bold', node_id),
    screen.paint('cyan', url),
    role === 'leader' ? screen.paint('green', role) : role,
    String(pid),
  ]);
  return ['', ...columns([head, ...table]), '', ...invitation(screen, rows)];
}

function invitation(screen: Screen, rows: readonly Row[]): readonly string[] {
  const leads = ({ role }: Row): boolean => role === 'leader';
  const [follower] = rows.filter((row) => !leads(row)).map(({ url }) => url);
  const toLeader = rows
    .filter(leads)
    .flatMap(({ url, pid }) => [
      `  curl ${url}/v1/work/w1`,
      `  kill -9 ${pid}    # the leader; the others elect another and go on`,
    ]);
  const item = '{"work_id":"w1","work_type":"training"}';
  return [
    'To try from another terminal:',
    `  npx quorate raft status --url ${follower}`,
    `  curl ${follower}/v1/work -H 'content-type: application/json' -d '${item}'`,
    ...toLeader,
    '',
    screen.paint('dim', 'Ctrl-C stops them all.'),
    '',
  ];
}
