/** Defences of reads, of quiet groups, and of time. */
import type { Mutation } from './mutation.ts';

export const READ_MUTATIONS: readonly Mutation[] = [
  {
    name: 'reads-without-a-round',
    why: 'A leader that was replaced answers reads from what it knows.',
    bugs: ['B68', 'B69'],
    patches: [
      {
        file: 'protocols/raft/core/read-rounds.ts',
        find: '    const proven = this.#open.filter(({ number }) => number <= reached);\n    this.#open = this.#open.filter(({ number }) => number > reached);',
        replace: '    const proven = reached >= 0 ? this.#open : [];\n    this.#open = [];',
      },
    ],
  },
  {
    name: 'rounds-of-older-terms-echo',
    why: 'A message of an earlier term that comes late is refused with its round, which confirms a read of a leader that is none.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/following.ts',
        find: "request.kind === 'append_entries' && request.term === term ? request.round : NO_ROUND;",
        replace: "request.kind === 'append_entries' && term > 0 ? request.round : NO_ROUND;",
      },
    ],
  },
  {
    name: 'reads-share-an-older-round',
    why: 'An answer to a message that left before the read came confirms it.',
    bugs: ['B68'],
    patches: [
      {
        file: 'protocols/raft/core/read-rounds.ts',
        find: '    this.#newest += 1;\n    this.#open.push({ number: this.#newest,',
        replace:
          '    this.#newest = Math.max(1, this.#newest);\n    this.#open.push({ number: this.#newest,',
      },
    ],
  },
  {
    name: 'reads-before-term-start',
    why: 'A new leader answers reads before it knows what is committed.',
    bugs: ['B65'],
    patches: [
      {
        file: 'protocols/raft/core/leading.ts',
        find: '  if (raft.commit < leader.termStart) return;\n',
        replace: '',
      },
    ],
  },
  {
    name: 'reads-while-transferring',
    why: 'Reads are answered while leadership is handed over, and their rounds keep followers from voting.',
    bugs: ['B67'],
    patches: [
      {
        file: 'protocols/raft/core/asking.ts',
        find: "  if (handingOver !== undefined) return 'transferring';\n",
        replace: "  if (handingOver !== undefined && reads.size < 0) return 'transferring';\n",
      },
    ],
  },
  {
    name: 'reads-count-emptied-stores',
    why: 'The answer of an emptied store confirms that a leader leads.',
    bugs: ['B64'],
    patches: [
      {
        file: 'protocols/raft/core/leading.ts',
        find: '  return progress?.store === store ? markOf(progress) : 0;',
        replace: "  return progress !== undefined && store !== '' ? markOf(progress) : 0;",
      },
    ],
    excused: 'answers of other stores are not heard in the first place; two places defend it',
  },
  {
    name: 'reads-are-lost-with-leadership',
    why: 'Who waits for a read at a leader that steps down hears nothing.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/roles.ts',
        find: '  for (const reader of office.reads.abandon()) answerReader(raft, reader, undefined);\n',
        replace: '',
      },
    ],
  },
  {
    name: 'forwarded-reads-never-expire',
    why: 'A question to a leader that died is waited for for ever.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/waking.ts',
        find: "  for (const id of raft.forwarded.expired(before)) refuse(raft, id, 'no_leader');",
        replace:
          "  for (const id of raft.forwarded.expired(before - 1e9)) refuse(raft, id, 'no_leader');",
      },
    ],
  },
  {
    name: 'late-answers-to-forwarded-reads',
    why: 'An answer to an older question answers a newer one.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/forwarded-reads.ts',
        find: '    return this.#remove((question) => question.number === number);',
        replace: '    return this.#remove((question) => question.number >= number);',
      },
    ],
  },
  {
    name: 'reads-answered-by-who-led-before',
    why: 'A follower is told a place by somebody who led when it was asked, and does not any more.',
    bugs: ['B68'],
    patches: [
      {
        file: 'protocols/raft/core/asking.ts',
        find: '  if (leads && readRefusal(raft, role) === undefined) role.reads.add(reader);\n  else answerReader(raft, reader, undefined);',
        replace:
          '  if (leads && readRefusal(raft, role) === undefined) role.reads.add(reader);\n  else answerReader(raft, reader, raft.commit);',
      },
    ],
  },
  {
    name: 'sleeps-before-all-have-everything',
    why: 'A group stops its clocks while a follower is behind.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/quiescence.ts',
        find: '  return commit === index && [...progress.values()].every(({ match }) => match === index);',
        replace: '  return commit === index && [...progress.values()].length >= 0;',
      },
    ],
  },
  {
    name: 'followers-sleep-without-everything',
    why: 'A follower stops its clock though it does not know what is committed.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/following.ts',
        find: '  if (message.quiesce && isComplete(raft, message)) fallAsleep(follower);',
        replace: '  if (message.quiesce || isComplete(raft, message)) fallAsleep(follower);',
      },
    ],
  },
  {
    name: 'sleepers-are-not-woken',
    why: 'A proposal to a group that sleeps is never sent.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/quiescence.ts',
        find: '  if (isQuiesced(role)) WAKE[role.kind](raft);',
        replace: "  if (isQuiesced(role) && role.kind !== 'leader') WAKE[role.kind](raft);",
      },
    ],
  },
  {
    name: 'left-out-heartbeats-are-missed',
    why: 'A follower does not wait longer for a leader that said it would leave every second heartbeat out.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/following.ts',
        find: 'drawDeadline(raft, message.eased ? EASED_BEATS : 1)',
        replace: 'drawDeadline(raft, message.eased ? 1 : 1)',
      },
    ],
  },
  {
    name: 'heartbeats-stay-away-when-something-happens',
    why: 'What is asked of a group in which nothing happened is followed by silence.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/quiescence.ts',
        find: "  if (role.kind === 'leader') hasten(raft, role);",
        replace: "  if (role.kind === 'leader' && !isEased(raft, role)) hasten(raft, role);",
      },
    ],
  },
  {
    name: 'time-goes-on-while-stopped',
    why: 'A process that was stopped campaigns before it has read what its leader sent meanwhile.',
    bugs: ['B80'],
    patches: [
      {
        file: 'protocols/raft/core/lived-time.ts',
        find: '    this.#skipped += gap;',
        replace: '    this.#skipped += Math.min(0, gap);',
      },
    ],
  },
];
