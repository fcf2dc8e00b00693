/**
 * Idle groups cost nothing. When nothing has happened for some heartbeats, and everybody has everything,
 * the leader says so once and all clocks of the group stop; whoever did not hear it asks for votes in
 * time, and that wakes the others. Anything but silence wakes: a client, a message, a word about the leader.
 *
 * A group that is never to stop is eased meanwhile: each heartbeat says that the next is left out, and whoever
 * hears it waits twice as long before it asks for votes. What happens next is said at the usual pace again.
 *
 * ```
 *   usual  ▌ ▌ ▌ ▌ ▌▌▌ ▌ ▌          a deadline is drawn from [least, most)
 *   eased            ▌   ▌   ▌▌▌     from [2 · least, 2 · most)
 *                  └ ease_after beats without news
 * ```
 */
import { type AppendEntriesResponse, EASED_BEATS, type Message } from './messages.ts';
import { drawDeadline, post } from './roles.ts';
import type { Follower, Leader, Raft, RoleState } from './state.ts';

/** Of a question that nobody here has: its answer is nobody's. */
const NO_ROUND = 0;

/** Something happened. A follower that is woken counts its leader as heard: it has not missed anything. */
export function stir(raft: Raft): void {
  const { role } = raft;
  if (role.kind === 'leader') hasten(raft, role);
  if (isQuiesced(role)) WAKE[role.kind](raft);
}

/** The next heartbeat is not left out, whatever the last one said. */
function hasten(raft: Raft, leader: Leader): void {
  if (isEased(raft, leader)) leader.heartbeatDue = Math.min(leader.heartbeatDue, nextBeat(raft, 1));
  leader.idleBeats = 0;
}

/** Nothing happened for so long that every second heartbeat is left out. */
export function isEased({ options }: Raft, { idleBeats }: Leader): boolean {
  return idleBeats > options.timing.ease_after;
}

/** From one heartbeat to the next. */
export function beatsApart(raft: Raft, leader: Leader): number {
  return isEased(raft, leader) ? EASED_BEATS : 1;
}

/** All leaders of a node beat together, whenever they took office, so that their heartbeats can leave together. */
export function nextBeat({ now, options }: Raft, beats: number): number {
  const apart = options.timing.heartbeat * beats;
  return (Math.floor(now / apart) + 1) * apart;
}

/**
 * @returns whether a message wants something. A leader's own wake its followers by what they say, and
 * answers only tell a leader that somebody lacks something, if they are of its term and not left over.
 */
export function stirs(raft: Raft, message: Message): boolean {
  if (message.kind === 'append_entries_response') return reportsLack(raft, message);
  return message.kind === 'request_vote' || message.kind === 'read_index';
}

/** Nothing happened for long enough, nothing is open, and everybody has everything. */
export function mayQuiesce(raft: Raft, leader: Leader): boolean {
  if (leader.idleBeats <= raft.options.timing.quiesce_after) return false;
  return !isBusy(raft, leader) && isLevel(raft, leader);
}

export function isQuiesced(role: RoleState): role is Follower | Leader {
  return 'quiesced' in role && role.quiesced;
}

function reportsLack({ term, log }: Raft, message: AppendEntriesResponse): boolean {
  if (message.term !== term) return false;
  return !message.success || message.match < log.last.index;
}

function isBusy({ disk }: Raft, { transfer, promotion, reads }: Leader): boolean {
  const isOpen = transfer !== undefined || promotion !== undefined;
  return isOpen || reads.size > 0 || disk.writesUnderWay > 0;
}

function isLevel({ log, commit }: Raft, { progress }: Leader): boolean {
  const { index } = log.last;
  return commit === index && [...progress.values()].every(({ match }) => match === index);
}

/** A question wakes it, whatever it answers: heartbeats go on before they are missed. */
function wakeLeader(raft: Raft, { leader: to }: Follower): void {
  const { id: from, store, term } = raft;
  if (to !== undefined) post(raft, { kind: 'read_index', from, store, to, term, round: NO_ROUND });
}

const WAKE: Record<'follower' | 'leader', (raft: Raft) => void> = {
  follower: (raft) => {
    const { role } = raft;
    if (role.kind !== 'follower') return;
    role.quiesced = false;
    role.heard = raft.now;
    role.deadline = drawDeadline(raft);
    wakeLeader(raft, role);
  },
  leader: (raft) => {
    const { role, now, options } = raft;
    if (role.kind !== 'leader') return;
    role.quiesced = false;
    role.heartbeatDue = now;
    role.quorumDue = now + options.timing.quorum_patience;
    for (const progress of role.progress.values()) progress.lastContact = now;
  },
};
