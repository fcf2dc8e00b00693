/** Defences of replication, commits, snapshots and compaction. */
import type { Mutation } from './mutation.ts';

export const REPLICATION_MUTATIONS: readonly Mutation[] = [
  {
    name: 'older-terms-commit-by-counting',
    why: 'An entry of an older term on a majority is committed, and then overwritten (figure 8).',
    bugs: ['B20'],
    patches: [
      {
        file: 'protocols/raft/core/leading.ts',
        find: '  if (reached <= raft.commit || raft.log.termOf(reached) !== raft.term) return;',
        replace: '  if (reached <= raft.commit) return;',
      },
    ],
  },
  {
    name: 'quorum-one-too-small',
    why: 'Half of an even number of voters commits.',
    bugs: ['B21'],
    patches: [
      {
        file: 'protocols/raft/core/quorum.ts',
        find: '  return marks[voters.length >> 1] ?? Number.POSITIVE_INFINITY;',
        replace: '  return marks[(voters.length - 1) >> 1] ?? Number.POSITIVE_INFINITY;',
      },
    ],
  },
  {
    name: 'marks-sorted-as-text',
    why: 'Indices sorted the way text is: 9 is above 10.',
    bugs: ['B21'],
    patches: [
      {
        file: 'protocols/raft/core/quorum.ts',
        find: '  const marks = voters.map(markOf).sort(downwards);',
        replace: '  const marks = voters.map(markOf).sort().reverse();',
      },
    ],
  },
  {
    name: 'votes-one-too-few',
    why: 'Half of an even number of voters elects.',
    bugs: ['B21'],
    patches: [
      {
        file: 'protocols/raft/core/quorum.ts',
        find: '  const majority = (voters.length >> 1) + 1;',
        replace: '  const majority = (voters.length + 1) >> 1;',
      },
    ],
  },
  {
    name: 'no-entry-at-term-start',
    why: 'A new leader commits nothing of its own: what older leaders left is committed by nobody until a client writes.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/leading.ts',
        find: '  appendOwn(raft, leader, options.frames.noOp());',
        replace: '  leader.recount = options.frames !== undefined;',
      },
    ],
  },
  {
    name: 'previous-term-not-compared',
    why: 'Entries are appended after a place that has another term.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/following.ts',
        find: '  return index < commit || log.termOf(index) === term;',
        replace: "  return index < commit || (log.termOf(index) !== 'beyond' && term >= 0);",
      },
    ],
  },
  {
    name: 'compacted-matches-missing',
    why: 'A place that is unknown is taken for one that matches.',
    bugs: ['B29'],
    patches: [
      {
        file: 'protocols/raft/core/following.ts',
        find: '  return index < commit || log.termOf(index) === term;',
        replace:
          "  return index < commit || log.termOf(index) === term || log.termOf(index) === 'beyond';",
      },
    ],
  },
  {
    name: 'truncates-on-every-append',
    why: 'A late message shortens the log: what was acknowledged is gone.',
    bugs: ['B26'],
    patches: [
      {
        file: 'protocols/raft/core/following.ts',
        find: '  return first === -1 ? [] : entries.slice(first);',
        replace: '  return entries.slice(committed);',
      },
    ],
  },
  {
    name: 'truncates-to-the-end-of-the-message',
    why: 'What lies behind the entries of a late message is taken back, though nothing contradicts it.',
    bugs: ['B26'],
    patches: [
      {
        file: 'protocols/raft/core/following.ts',
        find: '  adopt(raft, end - fresh.length + 1, fresh);',
        replace:
          '  adopt(raft, end - fresh.length + 1, fresh);\n  if (end > raft.commit && end < raft.log.last.index) takeBack(raft, end + 1);',
      },
    ],
  },
  {
    name: 'conflicts-are-kept',
    why: 'Entries that contradict the leader stay where they are.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/following.ts',
        find: '    ({ index, term }, at) => at >= committed && log.termOf(index) !== term,',
        replace: "    ({ index }, at) => at >= committed && log.termOf(index) === 'beyond',",
      },
    ],
  },
  {
    name: 'follower-commits-what-it-was-told',
    why: "A follower commits up to the leader's commit, though its own log may differ there.",
    bugs: ['B35'],
    patches: [
      {
        file: 'protocols/raft/core/following.ts',
        find: '  commitTo(raft, Math.min(message.commit, match));',
        replace: '  commitTo(raft, Math.min(message.commit, raft.log.last.index));',
      },
    ],
  },
  {
    name: 'follower-acknowledges-its-whole-log',
    why: 'A follower says it has all of its log, of which the leader knows nothing.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/following.ts',
        find: '  const match = Math.max(raft.commit, end);',
        replace: '  const match = raft.log.last.index;',
      },
    ],
  },
  {
    name: 'match-falls',
    why: 'A late acknowledgement lowers what a follower is known to have.',
    bugs: ['B28'],
    patches: [
      {
        file: 'protocols/raft/core/progress.ts',
        find: '    this.match = Math.max(this.match, match);',
        replace: '    this.match = match;',
      },
    ],
  },
  {
    name: 'late-refusals-count',
    why: 'A refusal that was overtaken sets the follower back.',
    bugs: ['B28'],
    patches: [
      {
        file: 'protocols/raft/core/progress.ts',
        find: '    if (this.#isLate(previous)) return;\n    this.probe(Math.min(previous, hint + 1));',
        replace:
          '    this.match = Math.min(this.match, hint);\n    this.probe(Math.min(previous, hint + 1));',
      },
    ],
  },
  {
    name: 'answers-of-older-terms-count',
    why: 'What a follower acknowledged in an earlier term is taken for this one, whose log may differ.',
    bugs: ['B63'],
    patches: [
      {
        file: 'protocols/raft/core/replication.ts',
        find: '  return message.term === term && message.store === store;',
        replace: '  return message.term <= term && message.store === store;',
      },
    ],
  },
  {
    name: 'answers-counted-by-id',
    why: 'What an emptied store says it has counts for the store it was.',
    bugs: ['B64'],
    patches: [
      {
        file: 'protocols/raft/core/replication.ts',
        find: '  return message.term === term && message.store === store;',
        replace: "  return message.term === term && store !== '';",
      },
    ],
  },
  {
    name: 'no-in-flight-limit',
    why: 'A follower that does not answer is sent everything: memory and network have no bound.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/progress.ts',
        find: '    flight.messages >= bounds.in_flight_messages ||\n    flight.bytes >= bounds.in_flight_bytes,',
        replace: '    flight.messages >= Infinity || bounds.in_flight_bytes < 0,',
      },
    ],
  },
  {
    name: 'in-flight-bytes-leak',
    why: 'Bytes are never taken off the count: after a while the follower is sent nothing any more.',
    bugs: ['B31'],
    patches: [
      {
        file: 'protocols/raft/core/flight.ts',
        find: '      this.#bytes -= this.#sizes.shift() ?? 0;',
        replace: '      this.#sizes.shift();',
      },
    ],
  },
  {
    name: 'flight-survives-probing',
    why: 'What was in flight is counted still when a follower is probed again: its window stays closed.',
    bugs: ['B31'],
    patches: [
      {
        file: 'protocols/raft/core/progress.ts',
        find: '    this.next = Math.max(next, this.match + 1);\n    this.flight.clear();',
        replace: '    this.next = Math.max(next, this.match + 1);',
      },
    ],
    excused: 'what is sent again is acknowledged, and lands what was in flight before it',
  },
  {
    name: 'probe-is-never-repeated',
    why: 'A probe that was lost leaves its follower behind for ever.',
    bugs: ['B32'],
    patches: [
      {
        file: 'protocols/raft/core/replication.ts',
        find: '  return progress.beatDue || progress.toldRound < reads.newest;',
        replace:
          "  if (progress.state.kind === 'probe' && progress.state.asked) return false;\n  return progress.beatDue || progress.toldRound < reads.newest;",
      },
    ],
  },
  {
    name: 'told-of-another-entry',
    why: 'A follower that is told of a commit takes what it has at that index for the entry that is committed.',
    bugs: ['B35'],
    patches: [
      {
        file: 'protocols/raft/core/commit.ts',
        find: ' && raft.log.termOf(index) === term) commitTo(raft, index);',
        replace: ' && index <= raft.log.last.index && term > 0) commitTo(raft, index);',
      },
    ],
  },
  {
    name: 'hint-is-ignored',
    why: 'A follower that is far behind is probed back one entry at a time.',
    bugs: ['B41'],
    patches: [
      {
        file: 'protocols/raft/core/progress.ts',
        find: '    this.probe(Math.min(previous, hint + 1));',
        replace: '    this.probe(Math.max(previous, Math.min(hint, 0)));',
      },
    ],
  },
  {
    name: 'uncommitted-without-limit',
    why: 'A leader without followers takes proposals until its memory is full.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/asking.ts',
        find: '  if (waiting === 0 || waiting + frame.length <= options.bounds.uncommitted_bytes) return undefined;',
        replace:
          '  if (waiting >= 0 || frame.length <= options.bounds.uncommitted_bytes) return undefined;',
      },
    ],
  },
  {
    name: 'superseded-on-truncation',
    why: 'A proposal whose entry was taken back is called lost, though another disk may still bring it to commit.',
    bugs: ['B60'],
    patches: [
      {
        file: 'protocols/raft/core/following.ts',
        find: '  raft.disk.truncate(from);\n',
        replace:
          "  raft.disk.truncate(from);\n  for (const { id } of raft.waiting.abandon()) raft.outbox.settle({ kind: 'superseded', id });\n",
      },
    ],
  },
  {
    name: 'committed-by-index-alone',
    why: 'A proposal is said to be committed when another entry took its place.',
    bugs: ['B60'],
    patches: [
      {
        file: 'protocols/raft/core/commit.ts',
        find: "  return term === place.term ? { kind: 'committed', id, place } : { kind: 'superseded', id };",
        replace:
          "  return term >= 0 ? { kind: 'committed', id, place } : { kind: 'superseded', id };",
      },
    ],
  },
  {
    name: 'snapshot-wipes-a-longer-log',
    why: 'A snapshot of what a follower has costs it everything it has beyond.',
    bugs: ['B45'],
    patches: [
      {
        file: 'protocols/raft/core/following.ts',
        find: '  if (raft.log.termOf(index) !== term) {',
        replace: '  if (term >= 0) {',
      },
    ],
  },
  {
    name: 'old-snapshots-are-taken',
    why: 'A snapshot behind what is committed takes the node back in time.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/following.ts',
        find: '  if (snapshot.index > raft.commit) takeOver(raft, snapshot);',
        replace: '  if (snapshot.index > 0) takeOver(raft, snapshot);',
      },
    ],
  },
  {
    name: 'snapshot-without-members',
    why: 'Members that are compacted are not taken from the snapshot.',
    bugs: ['B49'],
    patches: [
      {
        file: 'protocols/raft/core/following.ts',
        find: '    raft.history.replace({ index, configuration });\n',
        replace: '',
      },
    ],
  },
  {
    name: 'snapshot-acknowledged-before-the-disk',
    why: 'A snapshot is acknowledged before it is on the disk.',
    bugs: ['B71'],
    patches: [
      {
        file: 'protocols/raft/core/following.ts',
        find: '  if (raft.commit <= raft.disk.persisted) answer(raft, message, outcome);\n  else promise(raft, message, outcome);',
        replace: '  answer(raft, message, outcome);',
      },
    ],
  },
  {
    name: 'snapshot-never-tried-again',
    why: 'A snapshot that was lost on its way is waited for for ever.',
    bugs: ['B32'],
    patches: [
      {
        file: 'protocols/raft/core/replication.ts',
        find: '  else known.progress.snapshotFailed();',
        replace: '  else known.progress.awaitSnapshot(index);',
      },
    ],
  },
  {
    name: 'entries-beside-a-snapshot',
    why: 'A follower that waits for a snapshot is sent entries it cannot place.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/progress.ts',
        find: '  snapshot: () => true,',
        replace:
          '  snapshot: ({ flight }, bounds) => flight.messages >= bounds.in_flight_messages,',
      },
    ],
  },
  {
    name: 'fetched-entries-of-another-log',
    why: 'Entries that were read before they were taken back are sent as those of this term.',
    bugs: ['B37'],
    patches: [
      {
        file: 'protocols/raft/core/replication.ts',
        find: '  return last !== undefined && log.termOf(last.index) === last.term;',
        replace: '  return last !== undefined && log.last.index >= 0;',
      },
    ],
  },
  {
    name: 'fetched-entries-at-any-place',
    why: 'Entries that come late from the disk are sent after the wrong place.',
    bugs: ['B37'],
    patches: [
      {
        file: 'protocols/raft/core/replication.ts',
        find: '  if (progress.next === from && !progress.isPaused(raft.options.bounds))',
        replace: '  if (from > 0 && !progress.isPaused(raft.options.bounds))',
      },
    ],
    excused: 'a follower drops entries that do not follow the place they are said to follow',
  },
  {
    name: 'bytes-in-flight-survive-a-change-of-state',
    why: 'What was in flight is counted for ever once a follower is probed: it is sent one message at a time, and then none.',
    bugs: ['B31'],
    patches: [
      {
        file: 'protocols/raft/core/flight.ts',
        find: '    this.#sizes = [];\n    this.#bytes = 0;\n',
        replace: '    this.#sizes = [];\n',
      },
    ],
  },
  {
    name: 'applied-entries-are-taken-back',
    why: 'A wrong message takes back what is committed, and applied.',
    bugs: ['B36'],
    patches: [
      {
        file: 'protocols/raft/core/following.ts',
        find: '    ({ index, term }, at) => at >= committed && log.termOf(index) !== term,',
        replace:
          '    ({ index, term }, at) => at >= Math.min(committed, 0) && log.termOf(index) !== term,',
      },
      {
        file: 'protocols/raft/core/following.ts',
        find: "  invariant(from > raft.commit, 'a committed entry was contradicted');\n",
        replace: "  invariant(from > 0, 'a committed entry was contradicted');\n",
      },
    ],
  },
  {
    name: 'refusals-stop-at-what-is-compacted',
    why: 'Where the logs part is looked for below the floor, and the node ends.',
    bugs: ['B30'],
    patches: [
      {
        file: 'protocols/raft/core/following.ts',
        find: '  const conflict = hint.index < commit ? log.placeOf(commit) : hint;',
        replace:
          '  const conflict = hint.index < commit ? log.placeOf(Math.min(previous.index, commit)) : hint;',
      },
    ],
  },
  {
    name: 'caught-up-only-by-news',
    why: 'A follower that has everything already, from a snapshot in a quiet group, is probed for ever.',
    bugs: ['B43'],
    patches: [
      {
        file: 'protocols/raft/core/progress.ts',
        find: '    if (this.#connects()) this.state = REPLICATE;',
        replace: '    if (news && this.#connects()) this.state = REPLICATE;',
      },
    ],
  },
  {
    name: 'only-its-own-snapshot-connects',
    why: 'A follower whose log connects by other means waits for the snapshot all the same.',
    bugs: ['B44'],
    patches: [
      {
        file: 'protocols/raft/core/progress.ts',
        find: "    return this.state.kind !== 'snapshot' || this.match >= this.state.atLeast;",
        replace: "    return this.state.kind !== 'snapshot' || this.match < 0;",
      },
    ],
  },
  {
    name: 'compacted-is-called-committed',
    why: 'A proposal whose place a snapshot jumped over is said to be committed, though nobody here can tell.',
    bugs: ['B50'],
    patches: [
      {
        file: 'protocols/raft/core/commit.ts',
        find: "  if (term === 'compacted') return { kind: 'unknown', id };",
        replace: "  if (term === 'compacted') return { kind: 'committed', id, place };",
      },
    ],
  },
];
