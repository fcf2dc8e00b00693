import { expect, test } from 'vitest';
import { until } from '../../end-to-end/condition.ts';
import { stopNodesAfterEach, TalkingNode } from './node.ts';

stopNodesAfterEach();

test('two nodes that want each other have one link, and messages arrive in order', async () => {
  const [a, b] = [await TalkingNode.start('a'), await TalkingNode.start('b')];
  a.network.connect([b.peer]);
  b.network.connect([a.peer]);
  await until('both are up', () => a.linkTo('b') === 'up' && b.linkTo('a') === 'up');
  const said = Array.from({ length: 1_000 }, (_, number) => `message ${number}`);
  for (const text of said) a.say('b', text);
  await until('all are heard', () => b.messages.length === said.length);
  expect(b.messages).toEqual(said.map((text) => `a: ${text}`));
  expect(a.ups).toEqual([{ nodeId: 'b', storeId: 'store of b', clusterId: 'c' }]);
  expect(b.ups).toHaveLength(1);
  expect([a.downs, b.downs, a.errors, b.errors]).toEqual([[], [], [], []]);
});

test('a question is answered by whom it was asked', async () => {
  const [a, b] = [await TalkingNode.start('a'), await TalkingNode.start('b')];
  a.network.connect([b.peer]);
  await until('the link is up', () => a.linkTo('b') === 'up' && b.linkTo('a') === 'up');
  expect(await a.ask('b', 'why?')).toBe('a asked why?');
  // The link is one connection: who was dialled asks over it too.
  expect(await b.ask('a', 'how?')).toBe('b asked how?');
});
