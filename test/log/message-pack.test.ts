import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { packr } from '../../src/log/command.ts';
import { unpack } from '../../src/log/message-pack.ts';

/** What a reader makes of bytes: a value, or what it throws. */
function readBy(reader: (bytes: Buffer) => unknown, bytes: Buffer): unknown {
  try {
    return { value: reader(bytes) };
  } catch (error) {
    return { thrown: (error as Error).message };
  }
}

const byMsgpackr = (bytes: Buffer): unknown => readBy((all) => packr.unpack(all), bytes);
const byUs = (bytes: Buffer): unknown => readBy((all) => unpack(all), bytes);

const text = fc.oneof(
  fc.constantFrom('type', 'data', 'kind', 'applied', 'facts', 'name', 'owner', 'token', ''),
  fc.string({ maxLength: 45 }),
  fc.string({ unit: 'binary', maxLength: 300 }),
);
const number = fc.oneof(
  fc.integer({ min: -200, max: 300 }),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'medium' },
    text,
    number,
    fc.constantFrom(null, true, false),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(text, tie('value'), { maxKeys: 18 }),
    fc.uint8Array({ maxLength: 5 }),
  ),
}));

describe('what is packed', () => {
  test('is read as msgpackr reads it, value by value and key by key', () => {
    fc.assert(
      fc.property(value, (given) => {
        const bytes = Buffer.from(packr.pack(given));
        const read = unpack(bytes);
        expect(read).toStrictEqual(packr.unpack(bytes));
        expect(JSON.stringify(read)).toBe(JSON.stringify(packr.unpack(bytes)));
      }),
      { numRuns: 2000 },
    );
  });

  test('is read where it lies behind something else, as a plain Uint8Array too', () => {
    fc.assert(
      fc.property(value, fc.uint8Array({ maxLength: 40 }), (given, before) => {
        const packed = Buffer.from(packr.pack(given));
        const whole = Buffer.concat([before, packed]);
        expect(unpack(whole, before.length)).toStrictEqual(packr.unpack(packed));
        const plain = new Uint8Array(packed);
        expect(unpack(plain)).toStrictEqual(packr.unpack(plain));
      }),
    );
  });

  test('once more is the same text, and texts of one sum do not stand in for each other', () => {
    const names = Array.from({ length: 20_000 }, (_, number) => `worker-${number % 9_000}`);
    for (const name of names) expect(unpack(packr.pack(name))).toBe(name);
    for (const name of ['ab', 'ba', 'aXb', 'aYb', 'a'.repeat(40), 'a'.repeat(41), 'é', '\u0000'])
      expect(unpack(packr.pack([name, name]))).toEqual([name, name]);
  });
});

describe('what is not MessagePack, or not as we write it', () => {
  test('is read or refused as msgpackr does, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const given = Buffer.from(bytes);
        expect(byUs(given)).toStrictEqual(byMsgpackr(given));
      }),
      { numRuns: 5000 },
    );
  });

  test('is the same to both where a packed value was cut, lengthened or changed', () => {
    const spoilt = fc.record({ value, at: fc.nat(), byte: fc.nat({ max: 255 }) });
    fc.assert(
      fc.property(spoilt, ({ value: given, at, byte }) => {
        const bytes = Buffer.from(packr.pack(given));
        const changed = Buffer.from(bytes);
        changed[at % changed.length] = byte;
        const cut = bytes.subarray(0, at % bytes.length);
        for (const wrong of [changed, cut, Buffer.concat([bytes, Buffer.of(byte)])])
          expect(byUs(wrong)).toStrictEqual(byMsgpackr(wrong));
      }),
      { numRuns: 2000 },
    );
  });

  test('names no prototype: a key that would is renamed as msgpackr renames it', () => {
    const bytes = Buffer.from(packr.pack(new Map([['__proto__', { spoilt: true }]])));
    expect(unpack(bytes)).toStrictEqual(packr.unpack(bytes));
    expect(Object.getPrototypeOf(unpack(bytes))).toBe(Object.prototype);
  });

  test('does not reserve room for an array that is not there', () => {
    const claimed = Buffer.of(0xdd, 0x7f, 0xff, 0xff, 0xff, 0x01);
    expect(byUs(claimed)).toStrictEqual(byMsgpackr(claimed));
    expect(byUs(claimed)).toHaveProperty('thrown');
  });
});
