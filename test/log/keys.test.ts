import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type GroupId, groupBytes, groupName, readGroup } from '../../src/log/group.ts';
import {
  CHAIN_LINKS,
  everyGroup,
  everyNumber,
  groupKeys,
  groupOfKey,
  KIND,
  linkKey,
  numbered,
  numberOf,
} from '../../src/log/keys.ts';
import { JOB, MAIN } from './fixtures.ts';

const anyGroup: fc.Arbitrary<GroupId> = fc.record({
  id: fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
  incarnation: fc.maxSafeNat(),
});

test('a group is read back from its bytes and from every key of it', () => {
  fc.assert(
    fc.property(anyGroup, fc.maxSafeNat(), (group, number) => {
      expect(readGroup(groupBytes(group), 0)?.group).toEqual(group);
      const key = numbered(groupKeys(group).block, number);
      expect(groupOfKey(key).group).toEqual(group);
      expect(numberOf(key)).toBe(number);
    }),
  );
});

test('the order of the keys of a group is the order of its indices', () => {
  const { block } = groupKeys(MAIN);
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (one, other) => {
      const order = Buffer.compare(numbered(block, one), numbered(block, other));
      expect(order).toBe(Math.sign(one - other));
    }),
  );
});

test('the keys of two groups never lie in each other, whatever their ids', () => {
  fc.assert(
    fc.property(anyGroup, anyGroup, fc.maxSafeNat(), (one, other, number) => {
      fc.pre(!groupBytes(one).equals(groupBytes(other)));
      const { from, to } = everyNumber(groupKeys(one).block);
      const key = numbered(groupKeys(other).block, number);
      expect(Buffer.compare(key, from) >= 0 && Buffer.compare(key, to) <= 0).toBe(false);
    }),
  );
});

test('the range of a kind holds the keys of every group and of no other kind', () => {
  const { from, to } = everyGroup(KIND.block);
  const within = (key: Buffer): boolean =>
    Buffer.compare(key, from) >= 0 && Buffer.compare(key, to) <= 0;
  for (const group of [MAIN, JOB]) {
    const keys = groupKeys(group);
    expect(within(numbered(keys.block, Number.MAX_SAFE_INTEGER))).toBe(true);
    for (const key of [keys.hardState, keys.floor, keys.page, keys.tile, linkKey(1)])
      expect(within(key)).toBe(false);
  }
});

test('links share a key 65 536 batches apart', () => {
  expect(linkKey(7)).toEqual(linkKey(7 + CHAIN_LINKS));
  expect(linkKey(7)).not.toEqual(linkKey(8));
});

test('an id of more than 255 bytes is no group', () => {
  expect(() => groupBytes({ id: 'ä'.repeat(128), incarnation: 0 })).toThrow('1 to 255 bytes');
  expect(() => groupBytes({ id: '', incarnation: 0 })).toThrow('1 to 255 bytes');
});

test('a group has a name for people', () => {
  expect(groupName(MAIN)).toBe('main');
  expect(groupName(JOB)).toBe('job/42 (created at 17)');
});
