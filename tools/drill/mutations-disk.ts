/** Defences that have to do with disks: what must be on them before anything leaves, and what they can prove. */
import type { Mutation } from './mutation.ts';

export const DISK_MUTATIONS: readonly Mutation[] = [
  {
    name: 'failed-disk-sends-what-it-lacks',
    why: 'A leader whose disk failed sends on what it never wrote, and never sealed.',
    bugs: ['B16'],
    patches: [
      {
        file: 'protocols/raft/core/disk.ts',
        find: '    return this.#failed ? Math.min(last, this.#issued) : last;',
        replace: '    return this.#failed ? Math.max(last, this.#issued) : last;',
      },
    ],
  },
  {
    name: 'answers-before-the-disk',
    why: 'Votes and acknowledgements leave before what they promise is on the disk.',
    bugs: ['B71'],
    patches: [
      {
        file: 'protocols/raft/core/disk.ts',
        find: '    if (seq <= this.#done) return true;',
        replace: '    if (seq > 0) return true;',
      },
    ],
  },
  {
    name: 'votes-before-the-disk',
    why: 'A vote leaves before the disk has it: after a power cut it is given again.',
    bugs: ['B71'],
    patches: [
      {
        file: 'protocols/raft/core/disk.ts',
        find: '    return this.#rest(message, this.#hardChanged ? this.nextSeq : this.#hardSeq);',
        replace: '    return this.#rest(message, 0);',
      },
    ],
  },
  {
    name: 'appends-before-the-disk',
    why: 'A follower acknowledges entries that its disk does not have.',
    bugs: ['B71'],
    patches: [
      {
        file: 'protocols/raft/core/disk.ts',
        find: '    return this.#rest(message, this.#hasNews(log) ? this.nextSeq : this.#seq);',
        replace:
          "    return this.#rest(message, message.kind === 'append_entries_response' || !this.#hasNews(log) ? this.#done : this.nextSeq);",
      },
    ],
  },
  {
    name: 'duplicates-acknowledged-before-the-disk',
    why: 'A repeated message is acknowledged at once, while its entries are still on their way to the disk.',
    bugs: ['B71'],
    patches: [
      {
        file: 'protocols/raft/core/following.ts',
        find: 'match: Math.min(match, raft.disk.persisted) });',
        replace: 'match });',
      },
    ],
  },
  {
    name: 'vote-not-written',
    why: 'The term is written without the vote that was given in it.',
    bugs: ['B03'],
    patches: [
      {
        file: 'protocols/raft/core/core.ts',
        find: '  return { term: raft.term, vote: raft.vote, commit: durableCommit(raft) };',
        replace: "  return { term: raft.term, vote: '', commit: durableCommit(raft) };",
      },
    ],
  },
  {
    name: 'vote-not-restored',
    why: 'A restart forgets the vote.',
    bugs: ['B03'],
    patches: [
      {
        file: 'protocols/raft/core/core.ts',
        find: '    vote: hard.vote,',
        replace: "    vote: '',",
      },
    ],
  },
  {
    name: 'term-not-restored',
    why: 'A restart forgets the term, and terms begin anew.',
    bugs: ['B03'],
    patches: [
      {
        file: 'protocols/raft/core/core.ts',
        find: '    term: hard.term,',
        replace: '    term: last.term,',
      },
    ],
  },
  {
    name: 'term-not-written',
    why: 'A higher term is adopted and answered without being written.',
    bugs: ['B03'],
    patches: [
      {
        file: 'protocols/raft/core/roles.ts',
        find: "  raft.vote = '';\n  raft.disk.changeHardState();",
        replace: "  raft.vote = '';",
      },
    ],
  },
  {
    name: 'own-vote-counts-at-once',
    why: 'A candidate is elected with a vote for itself that its disk never had.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/election.ts',
        find: "  const ballot = raft.disk.nextSeq;\n  raft.role = { kind: 'candidate', votes: new Map(),",
        replace:
          "  const ballot = raft.disk.nextSeq;\n  raft.role = { kind: 'candidate', votes: new Map([[nameOf(raft), true]]),",
      },
    ],
    excused: 'the requests leave when the disk has the vote, so no answer can come before it',
  },
  {
    name: 'vote-requests-before-the-disk',
    why: 'Votes are asked for in a term that the own disk does not have: the term may be begun twice.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/election.ts',
        find: '    raft.disk.promise(voteRequest(raft, to, { pre: false, transfer }), raft.log);',
        replace: '    raft.outbox.send(voteRequest(raft, to, { pre: false, transfer }));',
      },
    ],
  },
  {
    name: 'leader-counts-what-is-not-on-its-disk',
    why: 'An entry is committed, and acknowledged to clients, before the leader has it on disk; alone, it is lost by a power cut.',
    bugs: ['B25'],
    patches: [
      {
        file: 'protocols/raft/core/leading.ts',
        find: '({ match }) => match, raft.disk.persisted);',
        replace: '({ match }) => match, raft.log.last.index);',
      },
    ],
  },
  {
    name: 'writes-prove-what-was-replaced',
    why: 'A write that ends late acknowledges entries that have replaced those it held (ABA).',
    bugs: ['B23'],
    patches: [
      {
        file: 'protocols/raft/core/disk.ts',
        find: '    for (const write of this.#underWay) write.proves = Math.min(write.proves, index);\n',
        replace: '',
      },
    ],
  },
  {
    name: 'truncation-does-not-clip-what-is-persisted',
    why: 'After a truncation the log is believed to be on the disk up to where it once was.',
    bugs: ['B23'],
    patches: [
      {
        file: 'protocols/raft/core/disk.ts',
        find: '    this.persisted = Math.min(this.persisted, index);\n    for',
        replace: '    for',
      },
    ],
  },
  {
    name: 'truncation-not-written',
    why: 'What was taken back is still on the disk, and comes back with a restart.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/disk.ts',
        find: '    this.#truncateFrom = Math.min(from, this.#truncateFrom ?? from);\n',
        replace: '',
      },
    ],
  },
  {
    name: 'failed-disk-leads',
    why: 'Who cannot write campaigns again, and wins with a log that is never written.',
    bugs: ['B16'],
    patches: [
      {
        file: 'protocols/raft/core/roles.ts',
        find: '  if (stale || disk.failed) return false;',
        replace: '  if (stale) return false;',
      },
      {
        file: 'protocols/raft/core/receiving.ts',
        find: "(disk.failed && role.kind !== 'leader')",
        replace: "(disk.failed && role.kind === 'leader' && to === '')",
      },
    ],
  },
  {
    name: 'failed-disk-answers',
    why: 'What a failed disk never took is promised all the same.',
    bugs: ['B16'],
    patches: [
      {
        file: 'protocols/raft/core/disk.ts',
        find: '    if (this.#failed) return false;\n',
        replace: '    if (this.#failed) return true;\n',
      },
      {
        file: 'protocols/raft/core/receiving.ts',
        find: "(disk.failed && role.kind !== 'leader')",
        replace: "(disk.failed && role.kind === 'leader' && to === '')",
      },
    ],
  },
  {
    name: 'failed-disk-does-not-resign',
    why: 'A leader whose disk failed leads on: nothing it is asked for is ever committed.',
    bugs: ['B16'],
    patches: [
      {
        file: 'protocols/raft/core/distrust.ts',
        find: "  if (raft.role.kind === 'leader') return resign(raft, raft.role, 'its disk failed');",
        replace: "  if (raft.role.kind === 'leader') return;",
      },
    ],
  },
  {
    name: 'hung-disk-leads',
    why: 'A leader whose disk never answers keeps its followers with heartbeats.',
    bugs: ['B16'],
    patches: [
      {
        file: 'protocols/raft/core/waking.ts',
        find: '  if (disk.isStalled(now, options.timing.disk_patience)) handOver(raft, leader);\n',
        replace:
          '  if (disk.isStalled(now, Infinity * options.timing.disk_patience)) handOver(raft, leader);\n',
      },
    ],
  },
  {
    name: 'commit-restored-beyond-the-log',
    why: 'A commit index that reached the disk before its entries makes a restart impossible.',
    bugs: ['B34'],
    patches: [
      {
        file: 'protocols/raft/core/core.ts',
        find: 'Math.min(hard.commit, last.index)),',
        replace: 'hard.commit),',
      },
      {
        file: 'protocols/raft/core/core.ts',
        find: '  return { term: raft.term, vote: raft.vote, commit: durableCommit(raft) };',
        replace: '  return { term: raft.term, vote: raft.vote, commit: raft.commit };',
      },
    ],
  },
  {
    name: 'applied-before-it-is-durable-here',
    why: 'The machine is ahead of its log: after a restart the log does not explain it.',
    bugs: ['B25', 'B75'],
    patches: [
      {
        file: 'protocols/raft/core/core.ts',
        find: '      commit: durableCommit(raft),\n',
        replace: '      commit: raft.commit,\n',
      },
    ],
  },
  {
    name: 'empty-writes',
    why: 'Hard state is written though nothing changed: an idle group syncs its disk for nothing.',
    bugs: ['B42'],
    patches: [
      {
        file: 'protocols/raft/core/disk.ts',
        find: '    if (this.#failed || !this.#hasNews(log)) return NONE;',
        replace: '    if (this.#failed) return NONE;',
      },
    ],
  },
  {
    name: 'hard-state-after-entries',
    why: 'Entries of a term reach the disk before the term.',
    bugs: ['B22'],
    patches: [
      {
        file: 'protocols/raft/core/disk.ts',
        find: '      hard: this.#hardChanged ? hard : undefined,',
        replace:
          '      hard: this.#hardChanged && log.last.index === this.#issued ? hard : undefined,',
      },
    ],
  },
];
