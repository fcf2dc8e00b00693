import { expect, test } from 'vitest';
import { PENDING_MAX } from '../../../src/protocols/transport/asks.ts';
import { BODY_BYTES_MAX } from '../../../src/protocols/transport/frames.ts';
import { AskTimeout, LinkLost, PeerRefused } from '../../../src/protocols/transport/network.ts';
import { until } from '../../end-to-end/condition.ts';
import { VirtualClock } from '../virtual-clock.ts';
import { stopNodesAfterEach, TalkingNode, type Wishes } from './node.ts';

stopNodesAfterEach();

async function linked(ofA: Wishes = {}, ofB: Wishes = {}): Promise<[TalkingNode, TalkingNode]> {
  const [a, b] = [await TalkingNode.start('a', ofA), await TalkingNode.start('b', ofB)];
  a.network.connect([b.peer]);
  await until('the link is up', () => a.linkTo('b') === 'up' && b.linkTo('a') === 'up');
  return [a, b];
}

/** Never answers. */
const silent: Wishes = { events: { question: () => new Promise(() => undefined) } };

test('ten thousand questions at once each get their own answer', async () => {
  const [a, b] = await linked();
  const numbers = Array.from({ length: 5_000 }, (_, number) => number);
  const answers = await Promise.all(
    numbers.flatMap((number) => [a.ask('b', `${number}`), b.ask('a', `${number}`)]),
  );
  expect(answers).toEqual(numbers.flatMap((number) => [`a asked ${number}`, `b asked ${number}`]));
});

test('answers may come in another order than the questions', async () => {
  const waiting: (() => void)[] = [];
  const [a] = await linked(
    {},
    {
      events: {
        question: (_from, question) =>
          new Promise((resolve) => {
            waiting.unshift(() => resolve(question));
          }),
      },
    },
  );
  const answers = ['one', 'two', 'three'].map((text) => a.ask('b', text));
  await until('all are asked', () => waiting.length === 3);
  for (const answer of waiting) answer();
  expect(await Promise.all(answers)).toEqual(['one', 'two', 'three']);
});

test('a question that is not answered in time fails, and its late answer hurts nobody', async () => {
  const clock = new VirtualClock();
  let answer = (): void => undefined;
  const late: Wishes = {
    events: {
      question: (_from, question) =>
        new Promise((resolve) => {
          answer = () => resolve(question);
        }),
    },
  };
  const [a] = await linked({ clock }, late);
  const asked = a.ask('b', 'slow', 700);
  const failed = expect(asked).rejects.toThrow(AskTimeout);
  await clock.advance(700);
  await failed;
  answer();
  const again = a.ask('b', 'again');
  await until('it is asked', () => answer.length === 0 && a.linkTo('b') === 'up');
  await until('it is answered', async () => {
    answer();
    return (await Promise.race([again, Promise.resolve('')])) === 'again';
  });
});

test('when the link drops, every question fails at once', async () => {
  const [a, b] = await linked({}, silent);
  const asked = Array.from({ length: 100 }, () => a.ask('b', 'well?', 3_600_000));
  const failed = Promise.allSettled(asked);
  await b.network.stop();
  const results = await failed;
  expect(results.every((result) => isFailure(result, LinkLost))).toBe(true);
});

function isFailure(result: PromiseSettledResult<unknown>, kind: typeof LinkLost): boolean {
  return result.status === 'rejected' && result.reason instanceof kind;
}

test('a question to a node without a link fails at once', async () => {
  const a = await TalkingNode.start('a');
  await expect(a.ask('b', '?')).rejects.toThrow(LinkLost);
  a.network.connect([{ nodeId: 'b', addresses: ['127.0.0.1:1'] }]);
  await expect(a.ask('b', '?')).rejects.toThrow(LinkLost);
});

test('whose answering fails says so to the one that asked, and to its own operator', async () => {
  const [a, b] = await linked(
    {},
    {
      events: {
        question: () => {
          throw new Error('no idea');
        },
      },
    },
  );
  await expect(a.ask('b', '?')).rejects.toThrow(PeerRefused);
  expect(b.errors).toEqual(['no idea']);
  expect(a.linkTo('b')).toBe('up');
});

test('beyond the bound of questions that wait, the next is refused at once', async () => {
  const [a] = await linked({}, silent);
  const waiting = Array.from({ length: PENDING_MAX }, () =>
    a.ask('b', '?', 3_600_000).catch((error: unknown) => error),
  );
  await expect(a.ask('b', 'one more', 3_600_000)).rejects.toThrow(PeerRefused);
  await a.network.stop();
  expect((await Promise.all(waiting)).every((error) => error instanceof LinkLost)).toBe(true);
});

test('what is too long for a frame is the fault of who sends it', async () => {
  const [a] = await linked();
  const long = Buffer.alloc(BODY_BYTES_MAX + 1);
  expect(() => a.network.send('b', long)).toThrow(RangeError);
  await expect(a.network.ask('b', long, 120_000)).rejects.toThrow(RangeError);
  const longest = await a.network.ask('b', Buffer.alloc(4 * 1024 * 1024, 'x'), 120_000);
  expect(longest.length).toBe('a asked '.length + 4 * 1024 * 1024);
});

test('an answer too long for a frame is refused in its place', async () => {
  const [a, b] = await linked(
    {},
    { events: { question: async () => Buffer.alloc(BODY_BYTES_MAX + 1) } },
  );
  await expect(a.ask('b', '?')).rejects.toThrow(PeerRefused);
  expect(b.errors).toEqual([expect.stringContaining('more than a frame holds')]);
});

test('a question can be put to an address whose node is not known', async () => {
  const a = await TalkingNode.start('a', { clusterId: () => undefined });
  const b = await TalkingNode.start('b');
  const answer = await a.network.askAddress(b.address, Buffer.from('may I join?'), 120_000);
  expect(String(answer)).toBe('a asked may I join?');
  expect([a.network.links(), b.network.links(), a.ups, b.ups]).toEqual([[], [], [], []]);
});

test('a question to an address fails when nobody is there, when nobody answers, and when the node stops', async () => {
  const a = await TalkingNode.start('a');
  const b = await TalkingNode.start('b', silent);
  const question = Buffer.from('?');
  await expect(a.network.askAddress('127.0.0.1:1', question, 120_000)).rejects.toThrow(
    /ECONNREFUSED/,
  );
  await expect(a.network.askAddress('nowhere', question, 120_000)).rejects.toThrow(/no address/);
  await expect(a.network.askAddress(b.address, question, 200)).rejects.toThrow(AskTimeout);
  const asked = expect(a.network.askAddress(b.address, question, 3_600_000)).rejects.toThrow(
    LinkLost,
  );
  await a.network.stop();
  await asked;
  await expect(a.network.askAddress(b.address, question, 120_000)).rejects.toThrow(LinkLost);
});
