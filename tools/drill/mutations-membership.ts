/** Defences of changes of members and of transfers of leadership. */
import type { Mutation } from './mutation.ts';

export const MEMBERSHIP_MUTATIONS: readonly Mutation[] = [
  {
    name: 'no-joint-configuration',
    why: 'Voters are replaced at once: the old and the new majority need not meet.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/configuration.ts',
        find: '  const outgoing = sameVoters(current.voters, voters) ? [] : current.voters;',
        replace: '  const outgoing = sameVoters(current.voters, voters) ? [] : [];',
      },
    ],
  },
  {
    name: 'joint-needs-one-majority',
    why: 'While members change, the new majority alone commits.',
    bugs: ['B21'],
    patches: [
      {
        file: 'protocols/raft/core/quorum.ts',
        find: '  return outgoing.length === 0 ? incoming : Math.min(incoming, majorityReached(outgoing, markOf));',
        replace:
          '  return outgoing.length === 0 ? incoming : Math.max(incoming, majorityReached(outgoing, () => 0));',
      },
    ],
  },
  {
    name: 'joint-elects-with-one-majority',
    why: 'While members change, the new majority alone elects.',
    bugs: ['B21'],
    patches: [
      {
        file: 'protocols/raft/core/quorum.ts',
        find: '  const results = [majorityVote(voters, voteOf), majorityVote(outgoing, voteOf)];',
        replace:
          '  const results = [majorityVote(voters, voteOf), majorityVote(outgoing.slice(0, 0), voteOf)];',
      },
    ],
  },
  {
    name: 'two-changes-at-once',
    why: 'The next change is begun while the last one is not committed.',
    bugs: ['B55'],
    patches: [
      {
        file: 'protocols/raft/core/membership.ts',
        find: '  const isOpen = index > commit || isJoint(configuration) || commit < termStart;',
        replace: '  const isOpen = isJoint(configuration) || commit < termStart || index < 0;',
      },
    ],
  },
  {
    name: 'change-while-joint',
    why: 'A change is begun in a joint configuration, of which the older half is forgotten.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/membership.ts',
        find: '  const isOpen = index > commit || isJoint(configuration) || commit < termStart;',
        replace:
          '  const isOpen = index > commit || (isJoint(configuration) && commit < 0) || commit < termStart;',
      },
    ],
    excused:
      'a joint configuration that is committed is left in the same step, so there is always one that is not committed',
  },
  {
    name: 'change-before-term-start',
    why: 'A leader that has committed nothing yet changes members it may not know.',
    bugs: ['B55'],
    patches: [
      {
        file: 'protocols/raft/core/membership.ts',
        find: '  const isOpen = index > commit || isJoint(configuration) || commit < termStart;',
        replace: '  const isOpen = index > commit || isJoint(configuration) || termStart < 0;',
      },
    ],
  },
  {
    name: 'strangers-become-voters',
    why: 'A voter that has nothing yet is waited for by every commit.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/membership.ts',
        find: '  return newVoters(raft, wanted).some((voter) => !isCaughtUp(raft, leader, voter));',
        replace:
          '  return newVoters(raft, wanted).some((voter) => !isCaughtUp(raft, leader, voter)) && false;',
      },
    ],
  },
  {
    name: 'learners-promoted-before-they-know',
    why: 'A learner that does not know yet that it is a member is made a voter, and grants no vote when it is needed.',
    bugs: ['B59'],
    patches: [
      {
        file: 'protocols/raft/core/membership.ts',
        find: ' && known.match >= history.current.index;',
        replace: ' && history.current.index >= 0;',
      },
    ],
  },
  {
    name: 'silent-learners-are-promoted',
    why: 'A learner that does not answer is made a voter, and where its disk is lost the new majority waits for ever.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/membership.ts',
        find: 'known !== undefined && known.round < round;',
        replace: 'known !== undefined && known.round < round && round < 0;',
      },
    ],
  },
  {
    name: 'promotion-is-judged-once',
    why: 'While new voters are waited for, a leader may lose its disk or hand over; it appends all the same.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/membership.ts',
        find: '  leader.promotion = undefined;\n  const { id, wanted } = promotion;\n  const refusal = refusalOf(raft, leader, wanted);',
        replace:
          '  leader.promotion = undefined;\n  const { id, wanted } = promotion;\n  const refusal = raft.now < 0 ? refusalOf(raft, leader, wanted) : undefined;',
      },
    ],
  },
  {
    name: 'invalid-members-are-taken',
    why: 'Members that cannot be are appended, and cannot be refused any more.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/membership.ts',
        find: 'applies: (_raft, _leader, wanted) => !isValid(wanted) }',
        replace:
          'applies: (_raft, _leader, wanted) => !isValid(wanted) && wanted.voters.length > 99 }',
      },
    ],
  },
  {
    name: 'joint-is-never-left',
    why: 'The way out of a joint configuration is not proposed.',
    bugs: ['B56'],
    patches: [
      {
        file: 'protocols/raft/core/leading.ts',
        find: '  if (isJoint(configuration)) leaveJoint(raft, leader);\n  else if',
        replace: '  if (isJoint(configuration)) leaveJoint;\n  else if',
      },
    ],
  },
  {
    name: 'joint-is-left-before-it-is-committed',
    why: 'The joint configuration is left before both majorities have it.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/leading.ts',
        find: '  if (index > raft.commit) return;\n',
        replace: '  if (index < 0) return;\n',
      },
    ],
  },
  {
    name: 'members-not-rolled-back',
    why: 'Members whose entry was taken back stay in force.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/following.ts',
        find: '  if (raft.history.truncate(from))\n',
        replace: '  if (from < 0 && raft.history.truncate(from))\n',
      },
    ],
  },
  {
    name: 'members-in-force-when-committed',
    why: 'Followers hold to the old members until the new ones are committed, the leader does not.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/following.ts',
        find: '  if (entry.configuration !== undefined) putInForce(raft, entry.index, entry.configuration);',
        replace:
          '  if (entry.configuration !== undefined && entry.index <= raft.commit) putInForce(raft, entry.index, entry.configuration);',
      },
    ],
  },
  {
    name: 'shrinking-does-not-recount',
    why: 'Entries that the smaller group has committed wait for the next message.',
    bugs: ['B39'],
    patches: [
      {
        file: 'protocols/raft/core/appending.ts',
        find: '  leader.recount = true;\n',
        replace: '',
      },
    ],
    excused:
      'the entry that shrinks the group has to reach a disk, and everything is counted anew then',
  },
  {
    name: 'removed-leader-counts-itself',
    why: 'A leader that is no voter any more counts its own log towards a majority.',
    bugs: ['B21'],
    patches: [
      {
        file: 'protocols/raft/core/leading.ts',
        find: '    if (member.id === raft.id) return member.store === raft.store ? own : 0;\n    return markOfStore(progress.get(member.id), member, markOf);',
        replace:
          '    if (member.id === raft.id) return own;\n    const mark = markOfStore(progress.get(member.id), member, markOf);\n    return isVoter(configurationOf(raft), raft) ? mark : Math.max(mark, own);',
      },
    ],
  },
  {
    name: 'removed-leader-stays',
    why: 'A leader that was removed leads on.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/leading.ts',
        find: "  resign(raft, leader, 'its removal is committed');",
        replace: "  if (leader.quorumDue < 0) resign(raft, leader, 'its removal is committed');",
      },
    ],
  },
  {
    name: 'transfer-before-the-target-has-everything',
    why: 'Who is told to take over lacks entries, and loses the election it starts.',
    bugs: ['B59'],
    patches: [
      {
        file: 'protocols/raft/core/transfer.ts',
        find: '  return progress.get(id)?.match === disk.sendable(log.last.index);',
        replace: '  return progress.get(id) !== undefined && disk.sendable(log.last.index) >= 0;',
      },
    ],
  },
  {
    name: 'transfer-is-never-given-up',
    why: 'A transfer to somebody who is gone leaves the group without service.',
    bugs: ['B59'],
    patches: [
      {
        file: 'protocols/raft/core/transfer.ts',
        find: '  if (transfer === undefined || raft.now < transfer.deadline) return;',
        replace: '  if (transfer === undefined || raft.now < transfer.deadline + 1e9) return;',
      },
    ],
  },
  {
    name: 'transfer-goes-on-accepting',
    why: 'Proposals are taken while leadership is handed over, and the target never has everything.',
    bugs: [],
    patches: [
      {
        file: 'protocols/raft/core/appending.ts',
        find: "  return leader.transfer === undefined ? undefined : 'transferring';",
        replace: "  return leader.quorumDue >= 0 ? undefined : 'transferring';",
      },
    ],
  },
  {
    name: 'transfer-to-learners',
    why: 'Leadership is handed to somebody who may not lead.',
    bugs: ['B59'],
    patches: [
      {
        file: 'protocols/raft/core/transfer.ts',
        find: '  return voters.some((voter) => voter.id === id && voter.store === store);',
        replace: '  return voters.length > 0 && store !== undefined;',
      },
    ],
  },
  {
    name: 'joint-is-left-by-who-began-it',
    why: 'The next leader does not leave the joint configuration it found.',
    bugs: ['B56'],
    patches: [
      {
        file: 'protocols/raft/core/leading.ts',
        find: '  if (isJoint(configuration)) leaveJoint(raft, leader);\n',
        replace:
          '  if (isJoint(configuration) && index >= leader.termStart) leaveJoint(raft, leader);\n',
      },
    ],
  },
  {
    name: 'joint-is-left-twice',
    why: 'The way out of a joint configuration is proposed twice.',
    bugs: ['B56'],
    patches: [
      {
        file: 'protocols/raft/core/leading.ts',
        find: '  appendOwn(raft, leader, raft.options.frames.configuration(newer), newer);\n',
        replace:
          '  appendOwn(raft, leader, raft.options.frames.configuration(newer), newer);\n  appendOwn(raft, leader, raft.options.frames.configuration(newer), newer);\n',
      },
    ],
  },
  {
    name: 'members-change-while-transferring',
    why: 'Who is told to take over is removed, or made a learner, on the way.',
    bugs: ['B59'],
    patches: [
      {
        file: 'protocols/raft/core/membership.ts',
        find: '  const unfit = unfitness(raft, leader);\n',
        replace: '  const unfit = raft.disk.failed ? unfitness(raft, leader) : undefined;\n',
      },
    ],
  },
];
