/**
 * What `/status` shows: everything a person asks first. It may be slow, and parts of it may fail; each part
 * is gathered by itself, and a part that throws or takes too long says so in its own place.
 */
import type { Identity } from '../../log/identity.ts';
import type { RecoveryReport } from '../../log/opening.ts';
import type { Group } from '../../protocols/coordinator/group.ts';
import type { LoopStatus } from '../../protocols/coordinator/loop.ts';
import type { LoopSource, ServedNode } from '../served-node.ts';
import { answeredWithin } from './deadline.ts';
import { partOf, removalOf, wordsOfRemoval } from './part-taken.ts';

/** How long one part is waited for. */
const PART_MS_MAX = 2000;
const LATE: unique symbol = Symbol('late');

type Part = (node: ServedNode) => unknown;

const PARTS: Readonly<Record<string, Part>> = {
  node_id: ({ nodeId }) => nodeId,
  version: ({ version }) => version,
  uptime_seconds: (node) => uptimeSeconds(node),
  cluster: ({ log }) => clusterLine(log.identity),
  group: (node) => ({ ...node.main.status(), role: partOf(node) }),
  removed: removalOf,
  voter_config: ({ peering }) => peering?.voterConfig ?? null,
  position: ({ main }) => main.machine.position,
  digest: ({ main }) => main.machine.digest(),
  rules_version: ({ main }) => main.machine.momentAt(0).rules,
  unknown_entries: ({ main }) => main.machine.position.skipped,
  rule_faults: ({ main }) => main.machine.position.faults,
  fault: ({ main }) => main.fault?.message ?? null,
  log: ({ log }) => log.usage(),
  bounds: ({ log, main }) => log.bounds(main.id),
  recovery: ({ log }) => recoveryLine(log.recovery),
  snapshots: ({ main }) => main.snapshotStatus,
  divergences: ({ main }) => main.comparing.divergences,
  duties: ({ main }) => main.dutiesStatus,
  peers: ({ main }) => main.report()['peers'],
  links: ({ peering }) => (peering === undefined ? [] : peering.links()),
  background_loops: ({ loops }) => loops.flatMap(statusesOf),
};

function clusterLine({ clusterId, storeId, formatVersion, createdAt }: Identity): object {
  return {
    cluster_id: clusterId,
    store_id: storeId,
    format_version: formatVersion,
    created_at: createdAt,
  };
}

function recoveryLine(report: RecoveryReport): object {
  const { startedEmpty, uncleanExit, groups, batches, tornTail, ...bytes } = report;
  return {
    started_empty: startedEmpty,
    unclean_exit: uncleanExit,
    groups,
    batches,
    torn_tail: tornTail ?? null,
    dropped_bytes: bytes.droppedBytes,
    unread_bytes: bytes.unreadBytes,
  };
}

type LoopLine = LoopStatus | { readonly name: string; readonly status: 'unknown'; error: string };

/** Loops of one place; a place that cannot tell does not hide the others. */
function statusesOf(source: LoopSource): readonly LoopLine[] {
  try {
    return source.loops();
  } catch (error) {
    return [{ name: source.name, status: 'unknown', error: String(error) }];
  }
}

export function uptimeSeconds({ clock, startedAt }: ServedNode): number {
  return Math.floor((clock.monotonic() - startedAt) / 1000);
}

/** Gathers every part, this node's own and what others added. */
export async function gatherStatus(node: ServedNode): Promise<Readonly<Record<string, unknown>>> {
  const parts = { ...PARTS, ...node.sections };
  const gathered = Object.entries(parts).map(async ([name, part]) => [
    name,
    await gather(part, node),
  ]);
  return Object.fromEntries(await Promise.all(gathered)) as Readonly<Record<string, unknown>>;
}

async function gather(part: Part, node: ServedNode): Promise<unknown> {
  try {
    const limit = { clock: node.clock, within: PART_MS_MAX, otherwise: LATE };
    const found = await answeredWithin(Promise.resolve(part(node)), limit);
    return found === LATE ? { error: `no answer within ${PART_MS_MAX} ms` } : found;
  } catch (error) {
    return { error: String(error) };
  }
}

/** Why the node cannot serve yet, if it cannot. */
export function unreadiness(node: ServedNode): string | undefined {
  return REASONS.map((reason) => reason(node)).find((reason) => reason !== undefined);
}

/** The first that holds is given: who was removed may still know a leader, or none. */
const REASONS: readonly ((node: ServedNode) => string | undefined)[] = [
  ({ isStopping }) => (isStopping ? 'it is stopping' : undefined),
  ({ main }) => (main.fault === undefined ? undefined : 'its rules do not fit the log'),
  (node) => {
    const removal = removalOf(node);
    return removal === null ? undefined : wordsOfRemoval(removal);
  },
  ({ main }) => (leaderOf(main) === undefined ? 'no leader is known' : undefined),
];

export function leaderOf(group: Group): string | undefined {
  return group.status().leader_id;
}
