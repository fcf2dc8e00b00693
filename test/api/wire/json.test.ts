import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { JSON_DEPTH_MAX, readJson } from '../../../src/api/wire/json.ts';

test('what is within bounds is read as it is', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 10 }), (value) => {
      const text = JSON.stringify(value);
      fc.pre(!text.includes('__proto__'));
      expect(readJson(text)).toEqual({ kind: 'json', value: JSON.parse(text) });
    }),
  );
});

test('no text makes it throw', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(['json', 'malformed']).toContain(readJson(text).kind);
    }),
  );
});

test.each([
  ['arrays', '[', ']'],
  ['objects', '{"a":', '}'],
])('%s are read down to the last level allowed, and no deeper', (_what, open, close) => {
  const nested = (levels: number): string => `${open.repeat(levels)}1${close.repeat(levels)}`;
  expect(readJson(nested(JSON_DEPTH_MAX)).kind).toBe('json');
  expect(readJson(nested(JSON_DEPTH_MAX + 1)).kind).toBe('malformed');
  expect(readJson(nested(100_000)).kind).toBe('malformed');
});

test.each(['{"__proto__":{"a":1}}', '{"a":[{"__proto__":1}]}', '{"\\u005f_proto__":1}'])(
  'a prototype cannot be smuggled in: %s',
  (text) => {
    expect(readJson(text)).toEqual({ kind: 'malformed', detail: 'a member named __proto__' });
  },
);
