/** `quorate status`: how a running node is, on one screen. */
import { z } from 'zod';
import { EXIT, type Exit } from './exit.ts';
import type { Invocation } from './invocation.ts';
import { columns, grouped } from './layout.ts';
import { NodeAddress } from './node-address.ts';
import {
  HISTORY,
  historyWords,
  PEER,
  type Peer,
  removalWords,
  REMOVED,
  wordsOfPeer,
} from './raft.ts';
import type { Report } from './report.ts';
import type { Screen } from './screen.ts';

export interface StatusOptions {
  readonly url: string;
}

const LOOP = z.object({
  name: z.string(),
  status: z.string(),
  runs: z.number().optional(),
  errors: z.number().optional(),
  last_error: z.string().nullish(),
});
type LoopLine = z.output<typeof LOOP>;

/** The part of `/status` that is shown; a part the node could not gather shows as missing. */
const STATUS = z.object({
  node_id: z.string(),
  version: z.string(),
  uptime_seconds: z.number(),
  cluster: z.object({ cluster_id: z.string() }).catch({ cluster_id: 'unknown' }),
  group: z
    .object({
      engine: z.string(),
      role: z.string(),
      leader_id: z.string().nullish(),
      voters: z.array(z.string()),
      history: HISTORY,
    })
    .catch({
      engine: 'unknown',
      role: 'unknown',
      voters: [],
      history: { state: 'unknown', missing: 0 },
    }),
  position: z.object({ index: z.number(), term: z.number() }).catch({ index: 0, term: 0 }),
  digest: z.string().catch('unknown'),
  rules_version: z.number().catch(0),
  unknown_entries: z.number().catch(0),
  rule_faults: z.number().catch(0),
  fault: z.string().nullable().catch('unknown'),
  removed: REMOVED,
  voter_config: z
    .object({ said: z.array(z.string()), matches: z.boolean() })
    .nullish()
    .catch(undefined),
  log: z
    .object({ level: z.string(), entries: z.number(), disk_fraction: z.number() })
    .catch({ level: 'unknown', entries: 0, disk_fraction: Number.NaN }),
  snapshots: z
    .object({ taken: z.number(), last_index: z.number() })
    .catch({ taken: 0, last_index: 0 }),
  recovery: z.object({ unclean_exit: z.boolean() }).catch({ unclean_exit: false }),
  background_loops: z.array(LOOP).catch([]),
  /** A leader's view of the others. */
  peers: z.array(PEER).catch([]),
});
type Status = z.output<typeof STATUS>;

export async function showStatus({ screen }: Invocation, { url }: StatusOptions): Promise<Report> {
  const address = new NodeAddress(url);
  const data = await address.json('/status');
  const status = STATUS.parse(data);
  return { exit: exitOf(status), data, lines: linesOf(screen, address, status) };
}

function isTroubled({ status }: LoopLine): boolean {
  return status === 'error' || status === 'degraded';
}

function exitOf({ fault, removed, background_loops: loops }: Status): Exit {
  const isWell = fault === null && removed === undefined;
  return isWell && !loops.some(isTroubled) ? EXIT.fine : EXIT.finding;
}

function linesOf(screen: Screen, { url }: NodeAddress, status: Status): readonly string[] {
  const { group, position, log, snapshots } = status;
  const facts: readonly (readonly [string, string])[] = [
    ['node', `${screen.paint('bold', status.node_id)}, version ${status.version}, at ${url}`],
    ['cluster', status.cluster.cluster_id],
    [
      'role',
      `${group.role} (${group.engine}), leader ${String(group.leader_id)}, voters ${group.voters.join(', ')}`,
    ],
    [
      'position',
      `entry ${grouped(position.index)}, term ${position.term}, rules version ${status.rules_version}`,
    ],
    ['digest', status.digest],
    [
      'log',
      `backpressure ${log.level}, ${grouped(log.entries)} waiting, disk ${percent(log.disk_fraction)} full`,
    ],
    ['history', historyWords(group.history)],
    [
      'snapshots',
      `${grouped(snapshots.taken)} taken since the start, newest at ${grouped(snapshots.last_index)}`,
    ],
    [
      'entries',
      `${grouped(status.unknown_entries)} unknown, ${grouped(status.rule_faults)} rule faults`,
    ],
    ['up', `${grouped(status.uptime_seconds)} s, ${exitWords(status)}`],
  ];
  return [
    ...columns(facts.map(([label, text]) => [screen.paint('dim', label), text])),
    ...peerLines(screen, status.peers),
    ...loopLines(screen, status.background_loops),
    ...faultLine(screen, status.fault),
    ...removalLine(screen, status.removed),
    ...votersLine(screen, status.voter_config),
  ];
}

function percent(fraction: number): string {
  return `${(fraction * 100).toFixed(0)} %`;
}

function exitWords({ recovery }: Status): string {
  return recovery.unclean_exit ? 'started after an unclean exit' : 'started after a clean exit';
}

/** Who follows how far behind, where the node leads. */
function peerLines(screen: Screen, peers: readonly Peer[]): readonly string[] {
  if (peers.length === 0) return [];
  const titles = ['PEER', 'STATE', 'MATCH', 'LAG', 'HEARD'];
  const head = titles.map((title) => screen.paint('dim', title));
  const rows = peers.map((peer) => [
    peer.id,
    screen.paint(peer.recent_active ? 'green' : 'red', peer.state),
    ...wordsOfPeer(peer),
  ]);
  return ['', ...columns([head, ...rows], ['left', 'left', 'right', 'right', 'right'])];
}

function loopLines(screen: Screen, loops: readonly LoopLine[]): readonly string[] {
  const head = ['LOOP', 'STATUS', 'RUNS', 'ERRORS', ''].map((title) => screen.paint('dim', title));
  const rows = loops.map((loop) => [
    loop.name,
    screen.paint(isTroubled(loop) ? 'red' : 'green', loop.status),
    countOf(loop.runs),
    countOf(loop.errors),
    isTroubled(loop) ? String(loop.last_error) : '',
  ]);
  return ['', ...columns([head, ...rows], ['left', 'left', 'right', 'right'])];
}

function countOf(count: number | undefined): string {
  return count === undefined ? '-' : grouped(count);
}

function faultLine(screen: Screen, fault: string | null): readonly string[] {
  return fault === null ? [] : ['', screen.paint('red', `it does not apply entries: ${fault}`)];
}

function removalLine(screen: Screen, removed: Status['removed']): readonly string[] {
  return removed === undefined ? [] : ['', screen.paint('red', removalWords(removed))];
}

/** Not wrong, since the log rules; but it will be, once somebody founds a cluster with such a list. */
function votersLine(screen: Screen, config: Status['voter_config']): readonly string[] {
  if (config?.matches !== false) return [];
  const words = `the settings name other voters (${config.said.join(', ')}) than the log, which rules`;
  return ['', screen.paint('yellow', words)];
}
