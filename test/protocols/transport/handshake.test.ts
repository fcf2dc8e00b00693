import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { objections, type Origin, stranger } from '../../../src/protocols/transport/admission.ts';
import { type Frame, pack } from '../../../src/protocols/transport/frames.ts';
import {
  Handshake,
  type HandshakeOptions,
  type Side,
  type Step,
} from '../../../src/protocols/transport/handshake.ts';
import {
  decodeHello,
  encodeHello,
  type Hello,
  INSTANCE_BYTES,
  NONCE_BYTES,
  PURPOSES,
} from '../../../src/protocols/transport/hello.ts';

const LOCAL: Origin = { address: '127.0.0.1:1', isLocal: true, proof: { kind: 'none' } };

const anyId = fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' });
const anyHello: fc.Arbitrary<Hello> = fc.record({
  version: fc.nat(255),
  least: fc.nat(255),
  purpose: fc.constantFrom(...PURPOSES),
  nonce: bytes(NONCE_BYTES),
  instance: bytes(INSTANCE_BYTES),
  identity: fc.record({
    nodeId: anyId,
    storeId: anyId,
    clusterId: fc.option(anyId, { nil: undefined }),
  }),
});

function bytes(length: number): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ minLength: length, maxLength: length }).map((array) => Buffer.from(array));
}

function hello(nodeId: string, clusterId: string | undefined = 'c'): Hello {
  return {
    version: 1,
    least: 1,
    purpose: 'messages',
    nonce: Buffer.alloc(NONCE_BYTES, nodeId),
    instance: Buffer.alloc(INSTANCE_BYTES, nodeId),
    identity: { nodeId, storeId: `store of ${nodeId}`, clusterId },
  };
}

type Wishes = Partial<Omit<HandshakeOptions, 'side'>> & { readonly expected?: string };

function side(which: Side, own: Hello, wishes: Wishes = {}): Handshake {
  return new Handshake({
    side: which,
    own,
    secret: 'secret',
    onHello: objections(own, LOCAL, wishes.expected),
    onProof: () => undefined,
    ...wishes,
  });
}

/** The payload a frame carries. */
function payloadOf(frame: Frame): Buffer {
  return Buffer.concat(pack([frame])).subarray(4);
}

function saidBy(step: Step): readonly Frame[] {
  if (step.kind === 'on' || step.kind === 'known') return step.send;
  return step.kind === 'refused' ? [step.send] : [];
}

/** Lets two sides talk until nothing more is said. `alter` is what a third one on the way does to the nth payload. */
function talk(
  dialler: Handshake,
  listener: Handshake,
  alter = (payload: Buffer, _number: number): Buffer => payload,
): { readonly dialler: Step | undefined; readonly listener: Step | undefined } {
  const last: { dialler: Step | undefined; listener: Step | undefined } = {
    dialler: undefined,
    listener: undefined,
  };
  const onTheWay: { readonly to: Side; readonly frame: Frame }[] = [
    { to: 'listener', frame: dialler.begin() },
    { to: 'dialler', frame: listener.begin() },
  ];
  for (let number = 0; onTheWay.length > 0; number++) {
    const { to, frame } = onTheWay.shift()!;
    const [hearing, other] =
      to === 'dialler' ? [dialler, 'listener' as const] : [listener, 'dialler' as const];
    // Who is through with it, one way or the other, listens no more.
    if (last[to] !== undefined && last[to].kind !== 'on') continue;
    const step = hearing.hear(alter(payloadOf(frame), number));
    last[to] = step;
    onTheWay.push(...saidBy(step).map((said) => ({ to: other, frame: said })));
  }
  return last;
}

function reasons(result: ReturnType<typeof talk>): readonly string[] {
  return [result.dialler, result.listener].map((step) =>
    step !== undefined && 'reason' in step ? `${step.kind}: ${step.reason}` : String(step?.kind),
  );
}

test('a hello comes out as it went in, and what a later version appends is ignored', () => {
  fc.assert(
    fc.property(anyHello, fc.uint8Array({ maxLength: 20 }), (said, appended) => {
      expect(decodeHello(Buffer.concat([encodeHello(said), appended]))).toEqual(said);
    }),
  );
});

test('bytes that are no hello are told from one, and never throw', () => {
  fc.assert(
    fc.property(anyHello, fc.nat(), fc.uint8Array({ maxLength: 200 }), (said, cut, noise) => {
      const whole = encodeHello(said);
      expect(decodeHello(whole.subarray(0, cut % whole.length))).toBeUndefined();
      expect(decodeHello(Buffer.from(noise))).toBeUndefined();
    }),
    { numRuns: 1_000 },
  );
});

test('two nodes of one cluster with one secret know each other', () => {
  const { dialler, listener } = talk(side('dialler', hello('a')), side('listener', hello('b')));
  expect(dialler).toMatchObject({ kind: 'known', peer: { identity: { nodeId: 'b' } } });
  expect(listener).toMatchObject({ kind: 'known', peer: { identity: { nodeId: 'a' } } });
});

test('a store without a cluster is let in: that is how it joins', () => {
  const own = { ...hello('a'), identity: { ...hello('a').identity, clusterId: undefined } };
  const { dialler, listener } = talk(side('dialler', own), side('listener', hello('b')));
  expect([dialler?.kind, listener?.kind]).toEqual(['known', 'known']);
});

const REFUSALS: readonly {
  readonly what: string;
  readonly dialler: Handshake;
  readonly listener: Handshake;
  readonly reason: RegExp;
}[] = [
  {
    what: 'another cluster',
    dialler: side('dialler', hello('a', 'red')),
    listener: side('listener', hello('b', 'blue')),
    reason: /wrong-cluster: node . belongs to cluster (red|blue), node . to cluster (red|blue)/,
  },
  {
    what: 'another secret',
    dialler: side('dialler', hello('a'), { secret: 'guess' }),
    listener: side('listener', hello('b')),
    reason: /wrong-secret/,
  },
  {
    what: 'no secret where there is one',
    dialler: side('dialler', hello('a'), { secret: undefined }),
    listener: side('listener', hello('b')),
    reason: /wrong-secret/,
  },
  {
    what: 'a version that is not spoken any more',
    dialler: side('dialler', { ...hello('a'), version: 9, least: 5 }),
    listener: side('listener', hello('b')),
    reason: /version: node . speaks (1 to 1, node . 5 to 9|5 to 9, node . 1 to 1)/,
  },
  {
    what: 'another node than the one that was dialled',
    dialler: side('dialler', hello('a'), { expected: 'c' }),
    listener: side('listener', hello('b')),
    reason: /wrong-node: node b answers at an address of node c/,
  },
  {
    what: 'the node itself',
    dialler: side('dialler', hello('a')),
    listener: side('listener', hello('a')),
    reason: /wrong-node: the node itself/,
  },
  {
    what: 'another node with its name',
    dialler: side('dialler', { ...hello('a'), instance: Buffer.alloc(INSTANCE_BYTES, 'x') }),
    listener: side('listener', hello('a')),
    reason: /wrong-node: another with its name/,
  },
  {
    what: 'one more than there is room for',
    dialler: side('dialler', hello('a')),
    listener: side('listener', hello('b'), {
      onProof: () => ({ code: 'busy', detail: 'full' }),
    }),
    reason: /busy: full/,
  },
];

test.each(REFUSALS)('$what is refused by name, and both sides hear it', (refused) => {
  const [atDialler, atListener] = reasons(talk(refused.dialler, refused.listener));
  expect(atDialler).toMatch(refused.reason);
  expect(atListener).toMatch(refused.reason);
});

test('who alters any byte of a handshake is never taken for a node of the cluster', () => {
  fc.assert(
    fc.property(fc.nat(3), fc.nat(), fc.integer({ min: 1, max: 255 }), (which, place, change) => {
      const result = talk(
        side('dialler', hello('a')),
        side('listener', hello('b')),
        (payload, number) => {
          const altered = Buffer.from(payload);
          const at = place % altered.length;
          if (number === which) altered[at] = altered[at]! ^ change;
          return altered;
        },
      );
      expect([result.dialler?.kind, result.listener?.kind]).not.toEqual(['known', 'known']);
    }),
    { numRuns: 1_000 },
  );
});

test('a proof does not serve a second time, nor its own maker', () => {
  const heard: Buffer[] = [];
  talk(side('dialler', hello('a')), side('listener', hello('b')), (payload) => {
    heard.push(Buffer.from(payload));
    return payload;
  });
  const proofs = heard.filter(([kind]) => kind === 2);
  expect(proofs).toHaveLength(2);
  const fresh = { ...hello('b'), nonce: Buffer.alloc(NONCE_BYTES, 'fresh') };
  for (const proof of proofs) {
    const listener = side('listener', fresh);
    expect(listener.hear(heard[0]!).kind).toBe('on');
    expect(reasons({ dialler: listener.hear(proof), listener: undefined })[0]).toMatch(
      /wrong-secret/,
    );
  }
  const listener = side('listener', hello('b'));
  listener.hear(heard[0]!);
  // The listener's own proof of before, sent back to it.
  expect(listener.hear(proofs[1]!).kind).toBe('refused');
});

test('the listener proves nothing to who has not proved itself', () => {
  const listener = side('listener', hello('b'));
  expect(saidBy(listener.hear(payloadOf(side('dialler', hello('a')).begin())))).toEqual([]);
});

test('whatever is heard in whatever order, a handshake neither throws nor knows a stranger', () => {
  const anyPayload = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 60 }).map((array) => Buffer.from(array)),
    anyHello.map((said) => Buffer.concat([Buffer.from([1]), encodeHello(said)])),
    fc.nat(5).map((kind) => Buffer.concat([Buffer.from([kind]), Buffer.alloc(32)])),
  );
  fc.assert(
    fc.property(
      fc.constantFrom<Side>('dialler', 'listener'),
      fc.array(anyPayload, { maxLength: 6 }),
      (which, payloads) => {
        const handshake = side(which, hello('a'));
        for (const payload of payloads) expect(handshake.hear(payload).kind).not.toBe('known');
      },
    ),
    { numRuns: 2_000 },
  );
});

test('what a peer says of its reasons cannot move the cursor of a terminal', () => {
  const step = side('dialler', hello('a')).hear(Buffer.from('\u0004\u001b[2Jboo\r\n'));
  expect(step).toEqual({ kind: 'refused-there', reason: ' [2Jboo  ' });
});

test('without a secret and without a certificate only this machine is talked to', () => {
  const far: Origin = { ...LOCAL, address: '10.0.0.5:9', isLocal: false };
  expect(stranger(LOCAL, undefined)).toBeUndefined();
  expect(stranger(far, 'secret')).toBeUndefined();
  expect(stranger(far, undefined)).toMatchObject({
    code: 'secret-needed',
    detail: expect.stringContaining('10.0.0.5:9') as string,
  });
});
