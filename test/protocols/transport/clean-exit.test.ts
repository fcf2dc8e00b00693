import { expect, test } from 'vitest';
import { until } from '../../end-to-end/condition.ts';
import { VirtualClock } from '../virtual-clock.ts';
import { TalkingNode } from './node.ts';
import { dial, RawPeer } from './raw-peer.ts';
import { Wire } from './wire.ts';

/** What keeps the process alive because of networks. */
function handles(): readonly string[] {
  return process.getActiveResourcesInfo().filter((name) => /TCP|TLS|Timeout|Immediate/.test(name));
}

test('I9: stopping leaves no socket, no timer and no promise, whatever was under way', async () => {
  const before = handles().length;
  const clock = new VirtualClock();
  const a = await TalkingNode.start('a', { clock });
  const b = await TalkingNode.start('b', {
    clock,
    events: {
      question: () => new Promise(() => undefined),
      transfer: async (_from, _header, chunks) => {
        for await (const _chunk of chunks) await new Promise(() => undefined);
        return Buffer.alloc(0);
      },
    },
  });
  const nowhere = await Wire.to(1);
  const silent = await Wire.to(b.network.port);
  silent.hold();
  a.network.connect([
    b.peer,
    { nodeId: 'unreachable', addresses: ['127.0.0.1:1'] },
    { nodeId: 'silent', addresses: [silent.address] },
    { nodeId: 'nowhere', addresses: [nowhere.address] },
  ]);
  await until('the link is up', () => a.linkTo('b') === 'up' && b.linkTo('a') === 'up');
  async function* endless(): AsyncGenerator<Buffer, void> {
    for (;;) yield Buffer.alloc(100_000);
  }
  const question = Buffer.from('?');
  const underWay = [
    a.ask('b', '?', 3_600_000),
    a.network.askAddress(b.address, question, 3_600_000),
    a.network.askAddress(silent.address, question, 3_600_000),
    a.network.transfer('b', question, endless()),
  ];
  const [stranger, stalled] = [await dial(b.network.port), await RawPeer.connect(b.network.port)];
  await until('it is up', () => b.linkTo('raw') === 'up');
  for (let number = 0; number < 200; number++) b.network.send('raw', Buffer.alloc(100_000));
  const settled = Promise.allSettled(underWay);
  const stopping = [a.network.stop(), b.network.stop(), b.network.stop()];
  // The peer that takes nothing is given a moment for the last word, and no more.
  await clock.advance(1_000);
  await Promise.all(stopping);
  expect((await settled).map(({ status }) => status)).toEqual(underWay.map(() => 'rejected'));
  expect(clock.waiting).toBe(0);
  stranger.destroy();
  stalled.socket.destroy();
  await Promise.all([nowhere.close(), silent.close()]);
  await until('nothing is left', () => handles().length <= before);
  expect([a.network.links(), b.network.links(), a.downs, b.downs]).toEqual([[], [], [], []]);
});

test('a network that could not have its port leaves nothing behind', async () => {
  const a = await TalkingNode.start('a');
  const listen = { host: '127.0.0.1', port: a.network.port };
  await expect(TalkingNode.start('b', { listen })).rejects.toThrow(/EADDRINUSE/);
  await a.network.stop();
  await a.network.stop();
});

test('after a stop nothing is sent, taken in or kept', async () => {
  const [a, b] = [await TalkingNode.start('a'), await TalkingNode.start('b')];
  await a.network.stop();
  a.network.connect([b.peer]);
  a.say('b', 'nothing');
  await expect(a.ask('b', '?')).rejects.toThrow(/no link/);
  expect(a.network.links()).toEqual([]);
  await b.network.stop();
  expect(b.ups).toEqual([]);
});
