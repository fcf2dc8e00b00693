/** Defences of elections: terms, votes, pre-votes, stickiness, the quorum a leader needs. */
import type { Mutation } from './mutation.ts';

export const ELECTION_MUTATIONS: readonly Mutation[] = [
  {
    name: 'vote-twice-in-a-term',
    why: 'A second candidate of the same term gets the vote that another one has: two leaders.',
    bugs: ['B01'],
    patches: [
      {
        file: 'protocols/raft/core/election.ts',
        find: "  return !message.pre && vote !== '' && vote !== nameOf(senderOf(message));",
        replace: '  return false && vote === nameOf(senderOf(message));',
      },
    ],
  },
  {
    name: 'vote-forgotten-on-following',
    why: 'Who follows a leader of the term it voted in forgets the vote, and gives another one.',
    bugs: ['B01'],
    patches: [
      {
        file: 'protocols/raft/core/following.ts',
        find: '  raft.stale = false;\n',
        replace: "  raft.stale = false;\n  raft.vote = '';\n",
      },
    ],
  },
  {
    name: 'vote-forgotten-as-pre-candidate',
    why: 'Asking whether one would win clears the vote that was given in the term.',
    bugs: ['B02'],
    patches: [
      {
        file: 'protocols/raft/core/election.ts',
        find: "  raft.role = { kind: 'pre_candidate', votes: new Map(), deadline: drawDeadline(raft) };",
        replace:
          "  raft.vote = '';\n  raft.role = { kind: 'pre_candidate', votes: new Map(), deadline: drawDeadline(raft) };",
      },
    ],
  },
  {
    name: 'vote-compares-length-only',
    why: 'A longer log of older terms wins and overwrites what is committed.',
    bugs: ['B10'],
    patches: [
      {
        file: 'protocols/raft/core/election.ts',
        find: '  return one.term === other.term ? one.index > other.index : one.term > other.term;',
        replace: '  return one.index > other.index;',
      },
    ],
  },
  {
    name: 'vote-refused-only-if-both-are-newer',
    why: 'A log is called behind only when its last term and its length both are.',
    bugs: ['B10'],
    patches: [
      {
        file: 'protocols/raft/core/election.ts',
        find: '  return one.term === other.term ? one.index > other.index : one.term > other.term;',
        replace: '  return one.index > other.index && one.term > other.term;',
      },
    ],
  },
  {
    name: 'vote-ignores-the-log',
    why: 'A candidate that lacks committed entries is elected.',
    bugs: ['B03', 'B10'],
    patches: [
      {
        file: 'protocols/raft/core/election.ts',
        find: "  { why: 'the log is behind', applies: ({ log }, { last }) => isNewer(log.last, last) },",
        replace:
          "  { why: 'the log is behind', applies: ({ log }, { last }) => isNewer(log.last, last) && last.index < 0 },",
      },
    ],
  },
  {
    name: 'votes-counted-without-voter',
    why: 'The same answer delivered twice counts twice.',
    bugs: ['B21'],
    patches: [
      {
        file: 'protocols/raft/core/election.ts',
        find: '  if (!votes.has(name)) votes.set(name, message.granted);',
        replace:
          '  if (!votes.has(name)) votes.set(name, message.granted);\n  else votes.set(nameOf({ id: message.to, store: `${message.to}/1` }), true);',
      },
    ],
    excused:
      'votes are tallied by asking for each member, so that a vote under a name nobody has is not counted',
  },
  {
    name: 'real-votes-of-older-terms-count',
    why: 'A vote given in an earlier term elects a leader of this one.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/election.ts',
        find: '  candidate: ({ term }, { pre, term: theirs }) => !pre && theirs === term,',
        replace: '  candidate: ({ term }, { pre, term: theirs }) => !pre && theirs <= term,',
      },
    ],
  },
  {
    name: 'pre-votes-elect',
    why: 'A candidate counts late pre-votes as votes.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/election.ts',
        find: '  candidate: ({ term }, { pre, term: theirs }) => !pre && theirs === term,',
        replace: '  candidate: ({ term }, { term: theirs }) => theirs === term,',
      },
    ],
  },
  {
    name: 'no-pre-vote',
    why: 'A node that was cut off raises the term and deposes a leader everybody else hears.',
    bugs: ['B14'],
    patches: [
      {
        file: 'protocols/raft/core/election.ts',
        find: '  raft.role.votes.set(nameOf(raft), true);\n  for (const to of otherVoters(raft)) raft.outbox.send(voteRequest(raft, to, { pre: true }));\n  tally(raft, raft.role);',
        replace: "  stand(raft, raft.election?.why ?? '', false);",
      },
    ],
  },
  {
    name: 'pre-vote-despite-a-leader',
    why: 'Who hears a leader grants pre-votes, so one node that hears none can depose it.',
    bugs: ['B14'],
    patches: [
      {
        file: 'protocols/raft/core/election.ts',
        find: '  return !transfer && hasLeader(raft);',
        replace: '  return transfer && hasLeader(raft);',
      },
    ],
  },
  {
    name: 'transfer-is-sticky',
    why: 'Followers refuse who was told to take over, because they hear the leader that told it.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/election.ts',
        find: '  return !transfer && hasLeader(raft);',
        replace: '  return hasLeader(raft) || (transfer && hasLeader(raft));',
      },
    ],
  },
  {
    name: 'suspicion-changes-the-term',
    why: 'One wrong word that a leader is dead starts an election instead of a question.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/waking.ts',
        find: "  if (role.kind !== 'leader' && now >= role.deadline) campaign(raft, why);",
        replace:
          "  if (role.kind === 'follower' && role.leader !== undefined && raft.suspected.has(role.leader)) stand(raft, why, true);\n  else if (role.kind !== 'leader' && now >= role.deadline) campaign(raft, why);",
      },
      {
        file: 'protocols/raft/core/waking.ts',
        find: "import { campaign } from './election.ts';",
        replace: "import { campaign, stand } from './election.ts';",
      },
    ],
  },
  {
    name: 'suspicion-is-ignored',
    why: 'A leader that a majority knows to be dead is waited for all the same.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/election.ts',
        find: '  if (leader === undefined || raft.suspected.has(leader)) return false;',
        replace: '  if (leader === undefined) return false;',
      },
    ],
  },
  {
    name: 'no-check-quorum',
    why: 'A leader that reaches nobody leads on for ever.',
    bugs: ['B15'],
    patches: [
      {
        file: 'protocols/raft/core/leading.ts',
        find: '  if (raft.now - heard < patience) leader.quorumDue = heard + patience;',
        replace: '  if (raft.now - heard < Infinity) leader.quorumDue = raft.now + patience;',
      },
    ],
  },
  {
    name: 'lower-terms-are-heard',
    why: 'A deposed leader goes on appending to those who moved on.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/following.ts',
        find: '  if (message.term < raft.term) refuse(raft, message, message.previous);',
        replace: '  if (message.term < raft.term - 1) refuse(raft, message, message.previous);',
      },
    ],
  },
  {
    name: 'higher-terms-of-votes-are-not-adopted',
    why: 'A vote is given in a term that the voter never entered.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/election.ts',
        find: '  return !message.pre && !isStale(raft, message) && !isUnwelcome(raft, message);',
        replace: '  return false && !isStale(raft, message) && !isUnwelcome(raft, message);',
      },
    ],
  },
  {
    name: 'answers-to-earlier-pre-votes-count',
    why: 'A late word that the asker is no member, said when it was none, puts a voter to rest for ever.',
    bugs: ['B63'],
    patches: [
      {
        file: 'protocols/raft/core/election.ts',
        find: '  pre_candidate: ({ question }, { pre, question: asked }) => pre && asked === question,',
        replace:
          '  pre_candidate: ({ term }, { pre, granted, term: theirs }) => pre && (!granted || theirs === term + 1),',
      },
    ],
  },
  {
    name: 'answers-do-not-teach-terms',
    why: 'A node with a lower term is refused for ever, and never learns why.',
    bugs: ['B06'],
    patches: [
      {
        file: 'protocols/raft/core/receiving.ts',
        find: '  request_vote_response: (raft, message) => !isPromise(message) && isFromMember(raft, message),',
        replace: '  request_vote_response: () => false,',
      },
    ],
  },
  {
    name: 'pre-vote-answers-raise-the-term',
    why: 'The term of a question is taken for one that exists.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/receiving.ts',
        find: '!isPromise(message) && isFromMember(raft, message)',
        replace: 'isFromMember(raft, message) || isPromise(message)',
      },
    ],
  },
  {
    name: 'timeouts-are-equal',
    why: 'Everybody asks for votes at once, again and again.',
    bugs: ['B17'],
    patches: [
      {
        file: 'protocols/raft/core/roles.ts',
        find: '  return raft.now + (least + raft.options.random() * (most - least)) * beats;',
        replace: '  return raft.now + ((least + most) / 2) * beats;',
      },
    ],
  },
  {
    name: 'emptied-store-votes',
    why: 'A voter that lost its disk votes again: what it had acknowledged is overwritten.',
    bugs: ['B64'],
    patches: [
      {
        file: 'protocols/raft/core/election.ts',
        find: '  return configuration.voters.length === 0 || isReplaced(configuration, raft);',
        replace: '  return isReplaced(configuration, raft) && configuration.voters.length < 0;',
      },
    ],
    excused:
      'the answer of a store that is no member is not counted either; votes-counted-by-id takes both away',
  },
  {
    name: 'votes-counted-by-id',
    why: 'The vote of an emptied store counts for the store it was.',
    bugs: ['B64'],
    patches: [
      {
        file: 'protocols/raft/core/election.ts',
        find: '(member) => role.votes.get(nameOf(member)));',
        replace:
          '(member) => [...role.votes].find(([name]) => name.startsWith(`${member.id}@`))?.[1]);',
      },
      {
        file: 'protocols/raft/core/election.ts',
        find: '  if (!isMember(configurationOf(raft), senderOf(message))) return;\n',
        replace: '',
      },
      {
        file: 'protocols/raft/core/election.ts',
        find: '  return configuration.voters.length === 0 || isReplaced(configuration, raft);',
        replace: '  return isReplaced(configuration, raft) && configuration.voters.length < 0;',
      },
    ],
  },
  {
    name: 'timeout-now-of-an-older-term',
    why: 'A late order to take over deposes the leader of a newer term.',
    bugs: ['B63'],
    patches: [
      {
        file: 'protocols/raft/core/receiving.ts',
        find: "  if (term !== raft.term || raft.role.kind !== 'follower') return;",
        replace: "  if (term > raft.term || raft.role.kind !== 'follower') return;",
      },
    ],
  },
  {
    name: 'anybody-campaigns',
    why: 'Learners and removed nodes ask for votes.',
    bugs: ['B12'],
    patches: [
      {
        file: 'protocols/raft/core/roles.ts',
        find: '  return isVoter(configurationOf(raft), raft) || isVoter(history.at(commit).configuration, raft);',
        replace: '  return history.at(commit).index >= 0;',
      },
    ],
  },
  {
    name: 'removed-before-committed-does-not-campaign',
    why: 'Who is being removed rests too early: others lack an entry that only it has, and nobody can lead.',
    bugs: ['B57'],
    patches: [
      {
        file: 'protocols/raft/core/roles.ts',
        find: ' || isVoter(history.at(commit).configuration, raft);',
        replace: ' && history.at(commit).index >= 0;',
      },
    ],
  },
  {
    name: 'stale-members-are-not-told',
    why: 'A removed node asks for votes for ever, and raises terms when it is listened to.',
    bugs: ['B57'],
    patches: [
      {
        file: 'protocols/raft/core/election.ts',
        find: '    stale_member: isStale(raft, request),',
        replace: '    stale_member: false,',
      },
    ],
  },
  {
    name: 'lost-pre-vote-deposes',
    why: 'A refusal of the round of questions that is over deposes who was elected since.',
    bugs: ['B09'],
    patches: [
      {
        file: 'protocols/raft/core/election.ts',
        find: "  if (!('votes' in role) || message.asker !== store) return undefined;\n  return COUNTS[role.kind](raft, message) ? role : undefined;",
        replace:
          "  if (!('votes' in role) || message.asker !== store) return undefined;\n  if (message.pre && !message.granted) return role;\n  return COUNTS[role.kind](raft, message) ? role : undefined;",
      },
    ],
  },
  {
    name: 'learner-refuses-its-vote',
    why: 'Who believes it is a learner refuses the vote that its promotion makes necessary.',
    bugs: ['B11'],
    patches: [
      {
        file: 'protocols/raft/core/election.ts',
        find: '  return configuration.voters.length === 0 || isReplaced(configuration, raft);',
        replace: '  return !isVoter(configuration, raft) || isReplaced(configuration, raft);',
      },
      {
        file: 'protocols/raft/core/election.ts',
        find: "import { isReplaced, isMember, nameOf, votersOf, type Member } from './configuration.ts';",
        replace:
          "import { isReplaced, isMember, isVoter, nameOf, votersOf, type Member } from './configuration.ts';",
      },
    ],
  },
  {
    name: 'order-to-take-over-is-always-obeyed',
    why: 'Who was removed, or is a learner, campaigns because it is told to.',
    bugs: ['B12', 'B59'],
    patches: [
      {
        file: 'protocols/raft/core/receiving.ts',
        find: '  if (mayCampaign(raft)) stand(',
        replace: '  if (mayCampaign(raft) || raft.term > 0) stand(',
      },
    ],
  },
  {
    name: 'votes-survive-into-the-pre-candidacy',
    why: 'Who asks again counts the votes of its candidacy before as answers.',
    bugs: ['B19'],
    patches: [
      {
        file: 'protocols/raft/core/election.ts',
        find: "  raft.role = { kind: 'pre_candidate', votes: new Map(), deadline: drawDeadline(raft) };",
        replace:
          "  const votes = 'votes' in raft.role ? raft.role.votes : new Map();\n  raft.role = { kind: 'pre_candidate', votes, deadline: drawDeadline(raft) };",
      },
    ],
  },
  {
    name: 'one-link-is-enough-to-lead',
    why: 'A leader is content to hear one other node, however many there are.',
    bugs: ['B15'],
    patches: [
      {
        file: 'protocols/raft/core/leading.ts',
        find: '  const heard = quorumMark(raft, leader, (progress) => progress.lastContact, raft.now);',
        replace:
          '  const contacts = [...leader.progress.values()].map(({ lastContact }) => lastContact);\n  const heard = contacts.length < 2 ? raft.now : Math.max(...contacts);',
      },
    ],
  },
  {
    name: 'split-vote-waits-out-its-patience',
    why: 'Two that split the vote behind a dead leader wait for its answer as long as for a leader.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/election.ts',
        find: "    if (role.kind === 'candidate' && isSplit(raft, role))",
        replace: "    if (role.kind === 'candidate' && raft.log.last.index < 0)",
      },
    ],
  },
  {
    name: 'vote-in-a-known-term-not-written',
    why: 'A vote is written with the term it was first heard in, and not where that is known already.',
    bugs: ['B03'],
    patches: [
      {
        file: 'protocols/raft/core/election.ts',
        find: '    raft.vote = nameOf(senderOf(message));\n    raft.disk.changeHardState();',
        replace: '    raft.vote = nameOf(senderOf(message));',
      },
    ],
  },
];
