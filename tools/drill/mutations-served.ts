/** Defences beyond the core of what clients are told: tokens, retries, streams. */
import type { Mutation } from './mutation.ts';

export const SERVICE_MUTATIONS: readonly Mutation[] = [
  {
    name: 'older-tokens-hold-a-lock',
    why: "Who held a lock before, and slept, renews or releases what is another's by now.",
    bugs: ['B79'],
    patches: [
      {
        file: 'projections/locks/locks.ts',
        find: 'row.token === token;\n}',
        replace: 'row.token >= token;\n}',
      },
    ],
    tests: ['test/projections/locks/locks.test.ts'],
  },
  {
    name: 'older-tokens-hold-work',
    why: 'Who held an item before, and slept, completes it for whoever holds it by now.',
    bugs: ['B79'],
    patches: [
      {
        file: 'projections/work-queue/holding.ts',
        find: ' : token === row.token;',
        replace: ' : token <= row.token;',
      },
    ],
  },
  {
    name: 'sequence-numbers-are-not-remembered',
    why: 'A session does not know what it was asked before.',
    bugs: ['B78'],
    patches: [
      {
        file: 'projections/sessions.ts',
        find: 'put({ ...row, last_seq: seq, last_at: moment.at });',
        replace: 'put({ ...row, last_at: moment.at });',
      },
    ],
  },
  {
    name: 'keys-are-lost-by-snapshots',
    why: 'What was asked with a key is asked anew of a node that began from a snapshot.',
    bugs: ['B78'],
    patches: [
      {
        file: 'projections/snapshot.ts',
        find: '    .map((table) => ({ definition: table.definition, ...table.all() }));',
        replace:
          "    .map((table) => ({ definition: table.definition, ...(table.definition.name === 'keys' ? { keys: [], kept: [] } : table.all()) }));",
      },
    ],
    tests: ['test/projections/sessions.test.ts'],
  },
  {
    name: 'unknown-outcomes-are-asked-again',
    why: 'A command without a key whose outcome is not known is proposed once more.',
    bugs: ['B78'],
    patches: [
      {
        file: 'protocols/coordinator/answering.ts',
        find: 'return once !== undefined;',
        replace: 'return once !== null;',
      },
    ],
    tests: ['test/protocols/raft/raft-engine.test.ts'],
  },
  {
    name: 'cursors-ahead-are-of-another-history',
    why: 'A client that heard more from another node is sent away, instead of being waited for.',
    bugs: ['B76'],
    patches: [
      {
        file: 'api/stream/ahead.ts',
        find: '  if (cursor <= group.machine.position.index) return undefined;',
        replace: "  if (cursor >= 0 || group.id.id === '') return undefined;",
      },
    ],
    tests: ['test/api/stream-in-cluster.test.ts'],
  },
  {
    name: 'cut-off-nodes-are-silent',
    why: 'Who resumes at a node that is cut off is not told that nobody can say how far the group is.',
    bugs: ['B76'],
    patches: [
      {
        file: 'api/stream/ahead.ts',
        find: "  if (point.kind === 'refused')\n    return problem(",
        replace:
          "  if (point.kind === 'refused') return undefined;\n  if (point.kind === 'refused')\n    return problem(",
      },
    ],
    tests: ['test/api/stream-in-cluster.test.ts'],
  },
  {
    name: 'progress-is-ahead-of-events',
    why: 'A progress mark names what is applied, not what was told.',
    bugs: ['B77'],
    patches: [
      {
        file: 'api/stream/subscription.ts',
        find: '      covered: this.#covered,\n      head,',
        replace: '      covered: head,\n      head,',
      },
    ],
    tests: ['test/api/stream.test.ts'],
  },
  {
    name: 'catching-up-repeats-an-entry',
    why: 'A subscriber that fell behind is told the last entry again.',
    bugs: ['B77'],
    patches: [
      {
        file: 'api/stream/subscription.ts',
        find: 'group.history.read(this.#covered + 1, {})',
        replace: 'group.history.read(Math.max(1, this.#covered), {})',
      },
    ],
    tests: ['test/api/stream.test.ts'],
  },
  {
    name: 'the-hub-reaches-too-far',
    why: 'Where the newest entries begin, a subscriber that is one behind misses one.',
    bugs: ['B77'],
    patches: [
      {
        file: 'api/stream/hub.ts',
        find: '    return after >= this.#first - 1;',
        replace: '    return after >= this.#first - 2;',
      },
      {
        file: 'api/stream/hub.ts',
        find: '    for (let index = after + 1; index',
        replace: '    for (let index = Math.max(after + 1, this.#first); index',
      },
    ],
    tests: ['test/api/stream.test.ts'],
  },
];
