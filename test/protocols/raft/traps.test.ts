/** Defects of the first version's Raft that show in whole nodes (`core/traps.test.ts` has the others). */
import { expect, test } from 'vitest';
import { encodeCommand, packr } from '../../../src/log/command.ts';
import { ENVELOPE_BYTES, FRAME_HEADER_BYTES } from '../../../src/log/frame.ts';
import { add, asked, sumOf } from '../coordinator/hosted-group.ts';
import { LocalCluster } from './local-cluster.ts';

test('first version 8 to 10: whatever changes anything goes through the log, so every replica holds the same', async () => {
  const cluster = await LocalCluster.founded(3);
  const places = [...cluster.members.values()];
  await Promise.all(
    Array.from({ length: 60 }, (_, place) =>
      asked(places[place % 3]!.group, add(`name ${place % 7}`, { by: place })),
    ),
  );
  await cluster.untilEqual();
  const digests = places.map(({ group }) => group.machine.digest());
  expect(new Set(digests).size).toBe(1);
  expect(sumOf(places[0]!.group, 'name 0')).toBe([0, 7, 14, 21, 28, 35, 42, 49, 56].reduce(sum));
});

test('first version 12: what is written is standard MessagePack without extensions, that any language reads', () => {
  const command = { type: 'add', data: { name: 'é', by: 7, of: [1, null, true] }, actor: 'ann' };
  const body = encodeCommand(command).subarray(FRAME_HEADER_BYTES + ENVELOPE_BYTES);
  expect(extensionsIn(body)).toBe(0);
  expect(packr.unpack(body)).toMatchObject(command);
});

const sum = (total: number, next: number): number => total + next;

/** First bytes of MessagePack's extensions: what only the language that wrote them understands. */
function extensionsIn(body: Uint8Array): number {
  return body.filter((byte) => (byte >= 0xc7 && byte <= 0xc9) || (byte >= 0xd4 && byte <= 0xd8))
    .length;
}
