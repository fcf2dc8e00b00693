/** Defences beyond the core of who hosts it: its disk, its machine, its snapshots, what it carries to the leader. */
import type { Mutation } from './mutation.ts';

export const HOST_MUTATIONS: readonly Mutation[] = [
  {
    name: 'host-answers-before-the-disk',
    why: 'What a core wants to say once its write is on the disk leaves at once.',
    bugs: ['B71'],
    patches: [
      {
        file: 'protocols/raft/core-host.ts',
        find: 'snapshot === undefined ? durable :',
        replace: 'snapshot === undefined ? Promise.resolve(void durable.catch(() => 0)) :',
      },
    ],
  },
  {
    name: 'pages-of-committed-entries-overlap',
    why: 'What is read from the disk to be applied begins with the entry applied last.',
    bugs: ['B33'],
    patches: [
      {
        file: 'protocols/raft/applying.ts',
        find: 'log.read(group, this.#applied + 1, {',
        replace: 'log.read(group, Math.max(1, this.#applied), {',
      },
    ],
  },
  {
    name: 'pages-of-committed-entries-leave-one-out',
    why: 'What is read from the disk to be applied begins one entry too late.',
    bugs: ['B33'],
    patches: [
      {
        file: 'protocols/raft/applying.ts',
        find: 'log.read(group, this.#applied + 1, {',
        replace: 'log.read(group, this.#applied + 2, {',
      },
    ],
  },
  {
    name: 'applied-entry-comes-again-after-a-start',
    why: 'A start applies the last entry of its snapshot once more.',
    bugs: ['B75'],
    patches: [
      {
        file: 'protocols/raft/applying.ts',
        find: '    this.#applied = options.applied;\n',
        replace: '    this.#applied = Math.max(0, options.applied - 1);\n',
      },
    ],
  },
  {
    name: 'forwarded-proposals-are-forwarded',
    why: 'Who is taken for the leader carries on what it was sent, to whom it takes for the leader.',
    bugs: ['B40'],
    patches: [
      {
        file: 'protocols/raft/raft-engine.ts',
        find: '      propose: (frame, traffic) => this.#proposeHere(frame, traffic),',
        replace: '      propose: (frame, traffic) => this.propose(frame, traffic),',
      },
    ],
    tests: ['test/protocols/raft/raft-engine.test.ts'],
  },
  {
    name: 'waiting-is-not-told-of-snapshots',
    why: 'Who waits for an entry that a snapshot jumps over waits on.',
    bugs: ['B50'],
    patches: [
      {
        file: 'protocols/raft/applying.ts',
        find: '    this.#committed = Math.max(this.#committed, index);\n    this.#options.onApplied(index);',
        replace: '    this.#committed = Math.max(this.#committed, index);',
      },
    ],
    tests: ['test/protocols/raft/applying.test.ts'],
  },
  {
    name: 'log-during-a-snapshot-is-not-counted',
    why: 'What is applied while a snapshot is written does not count towards the next one.',
    bugs: ['B47'],
    patches: [
      {
        file: 'protocols/coordinator/snapshots.ts',
        find: '    this.#taken += 1;\n    this.#lastIndex = index;',
        replace: '    this.#taken += 1;\n    this.#bytesSince = 0;\n    this.#lastIndex = index;',
      },
    ],
    tests: ['test/protocols/coordinator/snapshots.test.ts'],
  },
  {
    name: 'snapshots-are-written-at-once',
    why: 'A snapshot is encoded and hashed without letting anything else happen.',
    bugs: ['B54'],
    patches: [
      {
        file: 'protocols/coordinator/snapshots.ts',
        find: '      await this.#rest(this.#options.clock.monotonic() - began);\n',
        replace: '      if (began < 0) await this.#rest(began);\n',
      },
    ],
    tests: ['test/protocols/coordinator/snapshots.test.ts'],
  },
  {
    name: 'members-are-in-the-log-only',
    why: 'Who takes part is not written with the hard state: a start knows the members of before.',
    bugs: ['B62'],
    patches: [
      {
        file: 'protocols/raft/writing.ts',
        find: '  return sinceCommitted([...kept, ...(changes as MembersAt[])], committed);',
        replace:
          '  return sinceCommitted(kept.length > 0 ? kept : (changes as MembersAt[]), committed);',
      },
    ],
  },
  {
    name: 'members-of-a-snapshot-are-not-written',
    why: 'Who takes part is taken from a snapshot in memory, and is another after a start.',
    bugs: ['B49', 'B62'],
    patches: [
      {
        file: 'protocols/raft/writing.ts',
        find: '  if (snapshot !== undefined)\n    return [{',
        replace: '  if (snapshot !== undefined && members.length === 0)\n    return [{',
      },
    ],
    tests: ['test/protocols/raft/writing.test.ts'],
  },
];
