/** Defences beyond the core of what is stored: sums, syncs, snapshot files. */
import type { Mutation } from './mutation.ts';

export const STORE_MUTATIONS: readonly Mutation[] = [
  {
    name: 'frame-checksum-skipped',
    why: 'A flipped bit in an entry, on its way or from the disk, is taken for data.',
    bugs: ['B72'],
    patches: [
      {
        file: 'log/frame.ts',
        find: '  if (checksum(frame.subarray(TERM_AT)) !== frame.readUInt32BE(0))',
        replace: '  if (checksum(frame.subarray(TERM_AT)) < 0)',
      },
    ],
    tests: ['test/log/frame.test.ts', 'test/protocols/raft/wire.test.ts'],
  },
  {
    name: 'sealed-values-unchecked',
    why: 'A flipped bit in a block, a hard state or a floor is taken for what was written.',
    bugs: ['B72'],
    patches: [
      {
        file: 'log/sealed-value.ts',
        find: '  return checksum(payload, checksum(key)) === sealOf(value) ? payload : undefined;',
        replace: '  return checksum(payload, checksum(key)) >= 0 ? payload : undefined;',
      },
    ],
    tests: ['test/log/recovery.test.ts'],
  },
  {
    name: 'received-snapshots-are-not-compared',
    why: 'A snapshot that was spoilt on its way is installed.',
    bugs: ['B72'],
    patches: [
      {
        file: 'log/snapshot-file.ts',
        find: '    if (own.equals(digest)) await this.#seal(HELD, own);',
        replace: '    if (digest.length > 0) await this.#seal(HELD, own);',
      },
      {
        file: 'log/snapshot-file.ts',
        find: '    return own.equals(digest);',
        replace: '    return digest.length > 0;',
      },
    ],
    tests: ['test/protocols/raft/snapshot-receiving.test.ts'],
  },
  {
    name: 'snapshots-are-not-checked-when-read',
    why: 'A snapshot that rotted on the disk is restored.',
    bugs: ['B72'],
    patches: [
      {
        file: 'log/snapshot-file.ts',
        find: 'if (!hash.digest().equals(this.#trailer.subarray(0, SHA_BYTES))) throw',
        replace: 'if (hash.digest().length === 0) throw',
      },
    ],
    tests: ['test/log/snapshot-file.test.ts'],
  },
  {
    name: 'broken-chain-is-cut',
    why: 'A batch that is missing in front of others is taken for the end, and what follows is forgotten.',
    bugs: ['B73'],
    patches: [
      {
        file: 'log/recovery.ts',
        find: '  if (broken === undefined) return;',
        replace: '  if (broken === undefined || broken.batch > 0) return;',
      },
    ],
    tests: ['test/log/recovery.test.ts'],
  },
  {
    name: 'damage-is-taken-for-a-torn-end',
    why: 'A record with a bad sum is dropped with every whole one behind it.',
    bugs: ['B73'],
    patches: [
      {
        file: 'log/leveldb-records.ts',
        find: "  return { kind: 'damaged', reason: 'a complete record has a bad checksum' };",
        replace: "  return { kind: 'torn' };",
      },
    ],
    tests: ['test/log/damage.test.ts'],
  },
  {
    name: 'writes-are-not-synced',
    why: 'The disk says it has what only its cache has.',
    bugs: ['B71'],
    patches: [
      {
        file: 'log/writer.ts',
        find: '    await writes.write({ sync: true });',
        replace: '    await writes.write({ sync: store === undefined });',
      },
    ],
  },
  {
    name: 'acknowledged-before-it-is-written',
    why: 'Whoever waits for the disk is told before the disk has begun.',
    bugs: ['B71'],
    patches: [
      {
        file: 'log/writer.ts',
        find: '      const isDurable = await this.#ended(begun);',
        replace: '      work.durable.resolve();\n      const isDurable = await this.#ended(begun);',
      },
    ],
  },
  {
    name: 'snapshot-is-renamed-before-it-is-synced',
    why: 'A snapshot has its name, and after a power cut no content.',
    bugs: ['B51'],
    patches: [
      {
        file: 'log/snapshot-file.ts',
        find: '    await this.#file.sync();\n',
        replace: '',
      },
    ],
  },
  {
    name: 'received-snapshots-are-finished-at-once',
    why: 'A received snapshot has its final name before the log goes on behind it: a crash between the two, and there is no start.',
    bugs: ['B51'],
    patches: [
      {
        file: 'log/snapshot-file.ts',
        find: 'await this.#seal(HELD, own);',
        replace: 'await this.#seal(FINISHED, own);',
      },
    ],
    tests: ['test/protocols/raft/snapshot-receiving.test.ts'],
  },
  {
    name: 'half-written-snapshots-stay',
    why: 'What a crash left of a snapshot lies on the disk for ever.',
    bugs: ['B51'],
    patches: [
      {
        file: 'log/snapshot-file.ts',
        find: 'names.filter((name) => name.endsWith(UNFINISHED));',
        replace: 'names.filter((name) => name === UNFINISHED);',
      },
    ],
    tests: ['test/log/snapshot-file.test.ts'],
  },
];
