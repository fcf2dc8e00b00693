/**
 * How the nodes of a group agree, as `GET /raft/status` shows it: the fields of the source system, and what
 * a person asks next: who follows how far behind, over which links, why there was an election, how punctual
 * this process is.
 */
import type { Member } from '../../log/members.ts';
import type { Group } from '../../protocols/coordinator/group.ts';
import type { HostingStatus } from '../../protocols/coordinator/groups.ts';
import type { EngineReport, EngineStatus } from '../../protocols/engine.ts';
import type { LinkStatus } from '../../protocols/transport/network.ts';
import type { ServedNode } from '../served-node.ts';
import { partOf, removalOf } from './part-taken.ts';

/** What of an engine's report is shown as it is; null where an engine has no such thing. */
const REPORTED = [
  'role_since',
  'role_why',
  'last_election',
  'peers',
  'ticks',
  'disk',
  'persisted',
  'quiesced',
  'transfer',
] as const;

export function raftView(node: ServedNode): object {
  const { main, nodeId, clock } = node;
  const status = main.status();
  return {
    node_id: nodeId,
    ...ofSourceSystem(node, status),
    timestamp: clock.now(),
    role: partOf(node),
    removed: removalOf(node),
    term: status.term,
    leader_id: status.leader_id ?? null,
    commit_index: status.commit_index,
    applied_index: main.machine.position.index,
    last_index: status.last_index,
    ...main.members(),
    ...reported(main.report()),
    history: status.history,
    last_divergence: main.comparing.divergences.last,
    ...amongOthers(node),
    groups: node.groups().slice(0, GROUPS_SHOWN).map(summary),
    groups_not_shown: Math.max(0, node.groups().length - GROUPS_SHOWN),
    group_counts: countsOf(node),
    links: linksOf(node),
  };
}

/** What a node has to ask others about itself. */
function amongOthers({ peering }: ServedNode): object {
  if (peering === undefined) return { clock: null, last_election: null };
  return { clock: peering.clock, last_election: peering.lastElection };
}

/** One group as the node sees it, whichever it is: who takes part, and of a leader, how far each peer is. */
export function groupView({ nodeId, clock }: ServedNode, group: Group): object {
  return {
    node_id: nodeId,
    timestamp: clock.now(),
    ...summary(group),
    ...group.members(),
    ...reported(group.report()),
    history: group.status().history,
  };
}

/** Groups in memory whose agreement is shown; `GET /v1/groups` lists all, and each can be asked for by its name. */
const GROUPS_SHOWN = 100;

/** How many groups there are besides `main`, and how many of them are in memory. */
function countsOf({ hosting }: ServedNode): HostingStatus | null {
  return hosting === undefined ? null : hosting.status();
}

/** The rows of the source system's status, under its names. */
function ofSourceSystem(node: ServedNode, status: EngineStatus): object {
  const { main, peering } = node;
  const replicated = {
    is_ready: status.leader_id !== undefined,
    is_leader: main.isLeader,
    leader_address: leaderAddress(main),
  };
  return {
    raft_enabled: status.engine === 'raft',
    raft_available: true,
    // The name of the library it asked for; what it asks is whether Raft can be had here.
    pysyncobj_available: true,
    raft_initialized: replicated.is_ready,
    consensus_mode: status.engine,
    config: { bind_port: peering === undefined ? null : peering.port },
    work_queue: replicated,
    job_assignments: replicated,
    cluster_health: health(node, status),
  };
}

/** Where other nodes reach the leader; null where nobody leads, or no other node reaches it. */
export function leaderAddress(group: Group): string | null {
  const { leader_id } = group.status();
  const leader = group.members().voters.find(({ id }) => id === leader_id);
  return addressesOf(leader)[0] ?? null;
}

function addressesOf(member: Member | undefined): readonly string[] {
  return member === undefined ? [] : member.addresses;
}

type Health = 'disabled' | 'healthy' | 'partial' | 'unavailable';

function health(node: ServedNode, { engine, leader_id, voters }: EngineStatus): Health {
  if (engine === 'solo') return 'disabled';
  if (leader_id === undefined) return 'unavailable';
  const reached = new Set([
    node.nodeId,
    ...linksOf(node)
      .filter(isUp)
      .map((link) => link.node_id),
  ]);
  return voters.every((voter) => reached.has(voter)) ? 'healthy' : 'partial';
}

function isUp({ state }: LinkStatus): boolean {
  return state === 'up';
}

function linksOf({ peering }: ServedNode): readonly LinkStatus[] {
  return peering === undefined ? [] : peering.links();
}

function reported(report: EngineReport): object {
  return Object.fromEntries(REPORTED.map((name) => [name, report[name] ?? null]));
}

function summary(group: Group): object {
  const { role, term, leader_id, commit_index, last_index } = group.status();
  const { id, incarnation } = group.id;
  const applied_index = group.machine.position.index;
  const leader = leader_id ?? null;
  return {
    group: id,
    incarnation,
    role,
    term,
    leader_id: leader,
    commit_index,
    applied_index,
    last_index,
  };
}
