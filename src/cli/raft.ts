/** `quorate raft …` and `quorate voters …`: how the nodes agree, and the operator's hand on it. */
import { z } from 'zod';
import { EXIT } from './exit.ts';
import type { Asking } from './family.ts';
import type { Invocation } from './invocation.ts';
import { columns, grouped, moment } from './layout.ts';
import { NodeAddress, understood } from './node-address.ts';
import type { Report } from './report.ts';
import type { Screen } from './screen.ts';

const MEMBER = z.object({ id: z.string(), store: z.string(), addresses: z.array(z.string()) });

/** A leader's view of a follower. */
export const PEER = z.object({
  id: z.string(),
  state: z.string(),
  match: z.number(),
  lag: z.number(),
  last_contact_ms: z.number(),
  recent_active: z.boolean(),
});
export type Peer = z.output<typeof PEER>;

/** How much of the log a node holds. */
export const HISTORY = z.object({ state: z.string(), missing: z.number() });

/** Of a node that was taken out of the members: by which entry. */
export const REMOVED = z
  .object({ index: z.number() })
  .nullish()
  .transform((removed) => removed ?? undefined);

/** The node's own clock beside those of the voters. */
const CLOCK = z.object({ offset_ms: z.number(), is_off: z.boolean(), heard: z.number() });

const UNHEARD: z.output<typeof CLOCK> = { offset_ms: 0, is_off: false, heard: 0 };

const LINK = z.object({ node_id: z.string(), state: z.string(), address: z.string().optional() });

/** What is said of any group. */
const GROUP = z.object({
  node_id: z.string(),
  role: z.string(),
  term: z.number(),
  leader_id: z.string().nullable(),
  commit_index: z.number(),
  applied_index: z.number(),
  last_index: z.number(),
  role_since: z.number().nullable(),
  history: HISTORY,
  last_election: z
    .object({ why: z.string(), term: z.number(), at: z.number(), node_id: z.string().optional() })
    .nullable(),
  voters: z.array(MEMBER),
  outgoing: z.array(MEMBER),
  learners: z.array(MEMBER),
  /** Of a follower, nothing. */
  peers: z
    .array(PEER)
    .nullable()
    .transform((peers) => peers ?? []),
  ticks: z.object({ wakes: z.number(), late: z.number(), max_late_ms: z.number() }).nullable(),
});
type GroupStanding = z.output<typeof GROUP>;

/** Of a group that was asked for by its name. */
const NAMED_GROUP = GROUP.extend({ group: z.string(), incarnation: z.number() });

/** Of `main`, and of the node itself. */
const RAFT = GROUP.extend({
  removed: REMOVED,
  consensus_mode: z.string(),
  cluster_health: z.string(),
  links: z.array(LINK),
  clock: CLOCK.nullish().transform((clock) => clock ?? UNHEARD),
});
type Raft = z.output<typeof RAFT>;

export interface StatusOptions extends Asking {
  /** Undefined: `main`, and how the node stands among the others. */
  readonly group?: string;
}

export function raftStatus({ screen }: Invocation, options: StatusOptions): Promise<Report> {
  const { url, group } = options;
  const node = new NodeAddress(url);
  return group === undefined ? statusOfNode(screen, node) : statusOfGroup(screen, node, group);
}

async function statusOfNode(screen: Screen, node: NodeAddress): Promise<Report> {
  const data = await node.json('/v1/raft');
  const raft = understood(RAFT, data);
  const isWell = raft.leader_id !== null && raft.removed === undefined;
  const exit = isWell ? EXIT.fine : EXIT.finding;
  return { exit, data, lines: [...factsOf(screen, raft), '', ...membersOf(screen, raft)] };
}

async function statusOfGroup(screen: Screen, node: NodeAddress, name: string): Promise<Report> {
  const data = await node.json(`/v1/raft?group=${encodeURIComponent(name)}`);
  const standing = understood(NAMED_GROUP, data);
  const exit = standing.leader_id === null ? EXIT.finding : EXIT.fine;
  const { node_id: id, role, role_since, term } = standing;
  const facts = factLines(screen, [
    ['group', `${screen.paint('bold', standing.group)}${originWords(standing)}`],
    ['node', `${id}, ${role} since ${moment(role_since)}`],
    ['leader', `${leaderWords(screen, standing)}, term ${term}`],
    ...commonFacts(standing),
  ]);
  return { exit, data, lines: [...facts, '', ...membersOf(screen, standing)] };
}

/** `main` is there from the beginning. */
function originWords({ incarnation }: z.output<typeof NAMED_GROUP>): string {
  return incarnation === 0 ? '' : `, created by entry ${grouped(incarnation)} of main`;
}

type Fact = readonly [label: string, text: string];

function factsOf(screen: Screen, raft: Raft): readonly string[] {
  const { term, consensus_mode: engine } = raft;
  return factLines(screen, [
    ['node', `${screen.paint('bold', raft.node_id)}, ${roleWords(screen, raft)}`],
    ['leader', `${leaderWords(screen, raft)}, term ${term} (${engine})`],
    ['cluster', raft.cluster_health],
    ...commonFacts(raft),
    ['clock', clockWords(screen, raft.clock)],
  ]);
}

function factLines(screen: Screen, facts: readonly Fact[]): readonly string[] {
  return columns(facts.map(([label, text]) => [screen.paint('dim', label), text]));
}

function commonFacts(standing: GroupStanding): readonly Fact[] {
  const { commit_index: commit, applied_index: applied, last_index: last } = standing;
  return [
    ['log', `committed ${grouped(commit)}, applied ${grouped(applied)}, last ${grouped(last)}`],
    ['history', historyWords(standing.history)],
    ['last election', electionWords(standing.last_election)],
    ['timer', timerWords(standing.ticks)],
  ];
}

function roleWords(screen: Screen, { role, role_since, removed }: Raft): string {
  if (removed === undefined) return `${role} since ${moment(role_since)}`;
  return screen.paint('red', removalWords(removed));
}

/** Whoever reads this can do something about it. */
export function removalWords({ index }: { readonly index: number }): string {
  return `removed from the members by entry ${grouped(index)}: stop it, or start it emptied and with --join`;
}

const HISTORY_WORDS: Readonly<Record<string, string>> = {
  copying: 'are being copied from others',
  waiting: 'are to be copied from others, who do not answer',
  missing: 'are not here, and nobody who takes part has them',
  trimmed: 'were trimmed',
};

/** @param history as `/status` shows it */
export function historyWords({ state, missing }: z.output<typeof HISTORY>): string {
  const words = HISTORY_WORDS[state];
  return words === undefined ? state : `entries 1 to ${grouped(missing)} ${words}`;
}

function leaderWords(screen: Screen, { leader_id: leader }: GroupStanding): string {
  return leader === null ? screen.paint('red', 'nobody leads') : screen.paint('green', leader);
}

function electionWords(election: GroupStanding['last_election']): string {
  if (election === null) return 'none is known';
  const { node_id: id = 'it', term, at, why } = election;
  return `${id} asked for term ${term} at ${moment(at)}: ${why}`;
}

function timerWords(ticks: GroupStanding['ticks']): string {
  if (ticks === null) return 'none';
  const { wakes, late, max_late_ms: most } = ticks;
  return `${grouped(wakes)} wake-ups, ${grouped(late)} of them late, ${most} ms at most`;
}

function clockWords(screen: Screen, clock: Raft['clock']): string {
  const { offset_ms: offset, is_off, heard } = clock;
  if (heard === 0) return 'no other is known';
  const way = offset < 0 ? 'behind' : 'ahead of';
  const words = `${grouped(Math.abs(offset))} ms ${way} the middle of the voters`;
  return is_off ? screen.paint('red', `${words}: set it right; others lead meanwhile`) : words;
}

/** Links are the node's: where only a group was asked for, they are not said. */
type Standing = GroupStanding & Partial<Pick<Raft, 'links'>>;

/** Everybody who takes part; how far they are is known where the leader is asked. */
function membersOf(screen: Screen, standing: Standing): readonly string[] {
  const link = standing.links === undefined ? [] : ['LINK'];
  const titles = ['MEMBER', 'PART', 'ADDRESS', ...link, 'MATCH', 'LAG', 'HEARD'];
  const head = titles.map((title) => screen.paint('dim', title));
  const parts = [
    ...standing.voters.map((member) => ({ ...member, part: 'voter' })),
    ...standing.outgoing.map((member) => ({ ...member, part: 'leaving' })),
    ...standing.learners.map((member) => ({ ...member, part: 'learner' })),
  ];
  const rows = parts.map(({ id, part, addresses }) => [
    id,
    part,
    addresses.join(' '),
    ...linkWords(standing, id),
    ...progressWords(standing, id),
  ]);
  const ways = titles.map((title) => (NUMBERS.has(title) ? 'right' : 'left'));
  return columns([head, ...rows], ways);
}

const NUMBERS = new Set(['MATCH', 'LAG', 'HEARD']);

function linkWords({ links, node_id }: Standing, id: string): readonly string[] {
  if (links === undefined) return [];
  if (id === node_id) return ['itself'];
  return [links.filter((link) => link.node_id === id).map(({ state }) => state)[0] ?? 'none'];
}

function progressWords(standing: GroupStanding, id: string): readonly string[] {
  const { peers, last_index, role, node_id } = standing;
  if (role === 'leader' && id === node_id) return [grouped(last_index), '0', '-'];
  const known = peers.filter((peer) => peer.id === id).map(wordsOfPeer);
  return known[0] ?? ['-', '-', '-'];
}

export function wordsOfPeer({ match, lag, last_contact_ms: silence }: Peer): readonly string[] {
  return [grouped(match), grouped(lag), `${grouped(silence)} ms ago`];
}

/** What a change led to. */
const STANDING = z.object({
  leader_id: z.string().optional(),
  voters: z.array(z.string()),
  learners: z.array(z.string()),
});

export interface TransferOptions extends Asking {
  /** Undefined: the voter that is furthest. */
  readonly to?: string;
}

export async function raftTransfer(_: Invocation, { url, to }: TransferOptions): Promise<Report> {
  const data = await new NodeAddress(url).send('POST', '/v1/raft/transfer', { to });
  const { leader_id: leader = 'nobody yet' } = understood(STANDING, data);
  return { exit: EXIT.fine, data, lines: [`leadership was handed over; ${leader} leads`] };
}

export async function raftSnapshot(_: Invocation, { url }: Asking): Promise<Report> {
  const data = await new NodeAddress(url).send('POST', '/v1/raft/snapshot', {});
  const { index } = understood(z.object({ index: z.number() }), data);
  return { exit: EXIT.fine, data, lines: [`a snapshot of entry ${grouped(index)} was taken`] };
}

export async function votersShown({ screen }: Invocation, { url }: Asking): Promise<Report> {
  const raft = understood(RAFT, await new NodeAddress(url).json('/v1/raft'));
  const { voters, outgoing, learners } = raft;
  const data = { voters, outgoing, learners };
  return { exit: EXIT.fine, data, lines: membersOf(screen, raft) };
}

export interface VotersOptions extends Asking {
  readonly voters: readonly string[];
  /** Undefined: those who are, except who is to vote. */
  readonly learners?: readonly string[];
}

export async function votersSet(
  _: Invocation,
  { url, voters, learners }: VotersOptions,
): Promise<Report> {
  const data = await new NodeAddress(url).send('PUT', '/v1/voters', { voters, learners });
  const standing = understood(STANDING, data);
  const lines = columns([
    ['voters', standing.voters.join(', ')],
    ['learners', standing.learners.join(', ') || 'none'],
  ]);
  return { exit: EXIT.fine, data, lines };
}
