/**
 * Bugs that other implementations of Raft, and stores built on it, shipped or were warned of: what a drill makes
 * anew. The numbers are ours and stay with their bug, so there are gaps. Each is made by a mutation that
 * names it; or it is looked for by tests, where no small patch of ours would make it; or it cannot be here, and
 * why is said. `test/tools/drill.test.ts` holds the list to that.
 *
 * Where a source is only a number, it is an issue, a pull request or a commit of that project:
 * etcd-io/etcd, etcd-io/raft, hashicorp/raft, databendlabs/openraft, bakwc/PySyncObj, tikv/tikv, tikv/raft-rs,
 * microsoft/CCF, RedisLabs/redisraft, canonical/raft, redpanda-data/redpanda, markwylde/liferaft, camunda/camunda.
 */
export interface Bug {
  readonly number: string;
  /** What went wrong, as one would see it. */
  readonly what: string;
  /** Where it is on record. */
  readonly source: string;
  /** Tests or scenarios that look for it without a mutation. */
  readonly tests?: readonly string[];
  /** Why it cannot be here. */
  readonly absent?: string;
}

export const BUGS: readonly Bug[] = [
  {
    number: 'B01',
    what: 'A node forgets its vote when it follows a leader of the same term, and votes again in that term.',
    source: 'CCF #5891; etcd-io/raft 9d2a465',
  },
  {
    number: 'B02',
    what: 'The vote is forgotten on the way through a pre-candidacy.',
    source: 'CCF, scenario pre_vote_double_leader',
  },
  {
    number: 'B03',
    what: 'Term and vote do not survive a restart of everybody, and an old log overwrites what was committed since.',
    source: 'PySyncObj #84, #202',
  },
  {
    number: 'B05',
    what: 'Nodes with and without pre-votes together never elect anybody.',
    source: 'etcd-io/raft 3c7359d; raft-rs #42',
    absent: 'pre-votes are part of every version and cannot be turned off, so no cluster is mixed',
  },
  {
    number: 'B06',
    what: 'Nodes of a lower term are only ever refused, and never learn the term that is the reason.',
    source: 'openraft #1796',
  },
  {
    number: 'B09',
    what: 'The loss of a pre-vote arrives after the election was won, and deposes the leader.',
    source: 'redpanda #21345; openraft 511f33c7',
  },
  {
    number: 'B10',
    what: 'Logs are compared by length alone, by the wrong term, or by both at once instead of one after the other.',
    source: 'openraft a48a3282; liferaft #10',
  },
  {
    number: 'B11',
    what: 'Who still believes it is a learner refuses the vote without which nobody can lead.',
    source: 'etcd-io/raft abb533c, db54973',
  },
  {
    number: 'B12',
    what: 'A node that was removed obeys an order to take over, and begins an election.',
    source: 'etcd-io/raft 816fc51',
  },
  {
    number: 'B14',
    what: 'Where links are missing, leaders depose each other without end.',
    source:
      'Howard & Abraham, "Raft does not guarantee liveness in the face of network faults", 2020',
  },
  {
    number: 'B15',
    what: 'A leader that reaches no majority stays, and the one node that does is not elected.',
    source: 'Ng et al., "Omni-Paxos", EuroSys 2023',
  },
  {
    number: 'B16',
    what: 'A leader whose disk fails or hangs goes on with its heartbeats, and nothing is ever committed.',
    source: 'hashicorp/raft #503, #614, #683; etcd #15247',
  },
  {
    number: 'B17',
    what: 'Timers of several nodes fall into step, and votes are split again and again.',
    source: 'openraft 5e15946d; hashicorp/raft cda1ee8; etcd-io/raft 780bbb2',
  },
  {
    number: 'B19',
    what: 'A candidate that becomes a pre-candidate keeps the votes it had.',
    source: 'etcd-io/raft 8edd37a, a0f9a7b; raft-rs #83, #84',
  },
  {
    number: 'B20',
    what: 'An entry of an older term is committed because a majority has it, and is overwritten later.',
    source: 'Ongaro & Ousterhout 2014, §5.4.2; liferaft 1.0.0',
  },
  {
    number: 'B21',
    what: 'A quorum is counted wrongly: even sizes, joint configurations, indices sorted as text, an answer counted twice.',
    source: 'openraft #1802, d60f1e85; hashicorp/raft 163a55f; liferaft 1.0.0',
  },
  {
    number: 'B22',
    what: 'An entry is on the disk before the term it belongs to.',
    source: 'openraft, docs/protocol/io_ordering.md',
  },
  {
    number: 'B23',
    what: 'A write that ends late confirms entries that have taken the place of those it held.',
    source: 'etcd-io/raft, testdata/async_storage_writes_append_aba_race.txt',
  },
  {
    number: 'B25',
    what: 'A single node calls committed what its disk does not have.',
    source: 'etcd #14370',
  },
  {
    number: 'B26',
    what: 'A follower shortens its log before it knows that anything in it is wrong.',
    source: 'openraft 9540c904',
  },
  {
    number: 'B28',
    what: 'A late answer takes back what a follower is known to have.',
    source: 'etcd-io/raft 57b3274, 91ff7cd, #149; openraft fbbf37b1',
  },
  {
    number: 'B29',
    what: 'The term of a place that is compacted is the same as that of a place that is missing.',
    source: 'etcd-io/raft 76f1249',
  },
  {
    number: 'B30',
    what: 'Looking for the place where two logs part fails at what is compacted.',
    source: 'etcd-io/raft 0c22de0',
  },
  {
    number: 'B31',
    what: 'Bytes on their way are counted for ever after a change of state, and a follower is sent nothing any more.',
    source: 'etcd-io/raft e419ba5, a370b6f, 3701923',
  },
  {
    number: 'B32',
    what: 'A follower that was paused is spoken to again only when somebody writes.',
    source: 'etcd-io/raft 1ee3589, 42419da',
  },
  {
    number: 'B33',
    what: 'Committed entries are handed over in pages, and one is skipped or comes twice where pages meet.',
    source: 'etcd-io/raft 8ecce32',
  },
  {
    number: 'B34',
    what: 'The commit index is on the disk and the entries are not, and the node cannot start.',
    source: 'PySyncObj #197',
  },
  {
    number: 'B35',
    what: 'A follower commits up to what its leader says, beyond what it knows to be the same.',
    source:
      'CCF, scenario follower_overcommit_partial_verified; etcd-io/raft, testdata lagging_commit',
  },
  {
    number: 'B36',
    what: 'A wrong message takes back entries that are applied already.',
    source: 'canonical/raft #355; zmq-raft, RAFT.md',
  },
  {
    number: 'B37',
    what: 'A leader that fails to read its log sends entries after the wrong place.',
    source: 'openraft #1795',
  },
  {
    number: 'B39',
    what: 'A smaller quorum is reached already, and nobody looks.',
    source: 'etcd-io/raft 2902537',
  },
  {
    number: 'B40',
    what: 'A proposal that came from another node is sent on once more, in circles or twice.',
    source: 'etcd #11466; etcd-io/raft 8608063',
  },
  {
    number: 'B41',
    what: 'A log with many foreign terms is walked back one entry at a time.',
    source: 'openraft 6d53aa12; etcd-io/raft 3984dc6',
  },
  {
    number: 'B42',
    what: 'An idle group syncs its disk over and over.',
    source: 'etcd-io/raft 0675f3d',
  },
  {
    number: 'B43',
    what: 'After a snapshot in a quiet group a follower is not known to be up to date.',
    source: 'etcd-io/raft 769f8a0',
  },
  {
    number: 'B44',
    what: 'A follower that can go on from what it has is made to wait for the snapshot that was asked for.',
    source: 'etcd-io/raft d87942f',
  },
  {
    number: 'B45',
    what: 'A snapshot wipes a longer log that agrees with it.',
    source: 'etcd-io/raft 80615be; openraft 71a290cd',
  },
  {
    number: 'B47',
    what: 'What asks for a snapshot while one is being taken is forgotten.',
    source: 'openraft #1829',
  },
  {
    number: 'B49',
    what: 'The members are not taken from the snapshot where the entry that named them is gone.',
    source: 'openraft #1808, dba24036; etcd-io/raft e515a67',
  },
  {
    number: 'B50',
    what: 'Who waits for an entry that a snapshot jumps over is never answered.',
    source: 'openraft #1761',
  },
  {
    number: 'B51',
    what: 'A crash while a snapshot is written or renamed leaves a directory that cannot be started.',
    source: 'redisraft #43, #654',
  },
  {
    number: 'B52',
    what: 'A receiver refuses a snapshot without reading it to the end, and takes its rest for the next message.',
    source: 'hashicorp/raft #212',
    tests: ['test/protocols/transport/transfers.test.ts'],
  },
  {
    number: 'B54',
    what: 'Reading or hashing a large snapshot at once holds up the heartbeats.',
    source: 'camunda #6269',
  },
  {
    number: 'B55',
    what: 'A leader that has committed nothing yet changes members, and two majorities do not meet.',
    source: 'Ongaro, "bug in single-server membership changes", raft-dev, 2015',
  },
  {
    number: 'B56',
    what: 'The way out of a joint configuration is proposed twice, or by no later leader.',
    source: 'etcd-io/raft bd3c759, a8de18f',
  },
  {
    number: 'B57',
    what: 'Of two members one is removed without hearing of it, and neither can do anything.',
    source: 'etcd-io/raft, doc.go; TiKV #10595',
  },
  {
    number: 'B59',
    what: 'Leadership goes to somebody who does not vote yet, or not any more, and the transfer never ends.',
    source: 'openraft #1805; etcd-io/raft 8b0d0e9; hashicorp/raft #581',
  },
  {
    number: 'B60',
    what: 'What was asked of a deposed leader is called done, or lost, when it is neither.',
    source: 'redisraft #17, #28, #44; Jepsen: RethinkDB 2.2.3',
  },
  {
    number: 'B62',
    what: 'Who takes part is said in two places, and they differ after a restart.',
    source: 'PySyncObj #133',
  },
  {
    number: 'B63',
    what: 'Late words of an earlier term, or of a node that is gone, are acted upon.',
    source: 'CCF, scenarios retired_* and late_nomination',
  },
  {
    number: 'B64',
    what: 'A node comes back under its id with an empty disk, and is counted as if it kept its promises.',
    source: 'etcd-io/raft, doc.go',
  },
  {
    number: 'B65',
    what: 'A new leader answers reads before it knows what is committed.',
    source: 'etcd #12680; etcd-io/raft 3189a66',
  },
  {
    number: 'B67',
    what: 'Reads are answered while leadership is handed over.',
    source: 'openraft #1747',
  },
  {
    number: 'B68',
    what: 'That a leader leads is proved first and the state is read later, or the proof is older than the question.',
    source: 'hashicorp/raft #603',
  },
  {
    number: 'B69',
    what: 'A leader that was stopped, or whose clock jumped, answers from a lease that is over.',
    source: 'Jepsen: etcd and Consul, 2014',
  },
  {
    number: 'B70',
    what: 'A node is told to forget its leader though its lease still counts on it.',
    source: 'etcd-io/raft, testdata/forget_leader_read_only_lease_based.txt',
    absent:
      'reads rest on no lease: each is proved by a round of messages that began after it came',
  },
  {
    number: 'B71',
    what: 'What is acknowledged is not on the disk, and a power cut takes it.',
    source: 'Jepsen: NATS 2.12.1; PySyncObj #98',
  },
  {
    number: 'B72',
    what: 'A flipped bit in a log or a snapshot is taken for data.',
    source: 'Jepsen: NATS 2.12.1; Alagappan et al., "Protocol-aware recovery", FAST 2018',
  },
  {
    number: 'B73',
    what: 'Damage in front of whole entries is taken for a torn end, and those entries are cut off.',
    source: 'Alagappan et al., FAST 2018; TigerBeetle, replica_test.zig',
  },
  {
    number: 'B75',
    what: 'After a crash between applying and noting it, an entry is applied twice, or an index comes again.',
    source: 'etcd #13766, #14685, #17780',
  },
  {
    number: 'B76',
    what: 'A subscriber of a node that is cut off is told nothing, or is taken back in time by the next one.',
    source: 'etcd #8470, #8980, #15271',
  },
  {
    number: 'B77',
    what: 'A progress mark is ahead of the events, or events are lost or doubled where a slow subscriber catches up.',
    source: 'etcd #15220, #17529, #18089, #19179, #20221, #17247',
  },
  {
    number: 'B78',
    what: 'What is asked again after an unknown outcome is done twice.',
    source: 'Ongaro 2014 (dissertation), §6.3; TigerBeetle, replica_test.zig; zmq-raft, RAFT.md',
  },
  {
    number: 'B79',
    what: 'Who slept past its lease goes on as if it held the lock.',
    source: 'Jepsen: etcd 3.4.3',
  },
  {
    number: 'B80',
    what: 'A process that stood still campaigns before it has read what arrived meanwhile.',
    source: 'our own reasoning',
  },
];
