import { describe, expect, test } from 'vitest';
import { newsIn } from '../../../src/cli/cluster/node-line.ts';
import { portsFrom } from '../../../src/cli/cluster/ports.ts';

const line = (msg: string, members: object = {}, level = 30): string =>
  JSON.stringify({ level, time: 1, node_id: 'node-1', msg, ...members });
const member = (id: string): object => ({ id, store: 's', addresses: [] });

describe('what a person reads of a node', () => {
  test.each([
    [
      line('raft_became', { role: 'leader', term: 3, why: 'a majority voted for it' }),
      'leads in term 3: a majority voted for it',
    ],
    [
      line('raft_became', { role: 'pre_candidate', term: 2, why: 'no leader was heard' }),
      'asks whether it would win an election: no leader was heard',
    ],
    [line('raft_became', { role: 'candidate', term: 3, why: '' }), 'asks for votes in term 3'],
    [
      line('raft_configuration', {
        configuration: {
          voters: [member('a'), member('b')],
          outgoing: [member('a'), member('c')],
          learners: [member('d')],
        },
      }),
      'voters a b, instead of a c, learners d',
    ],
    [line('joining', { what: 'waiting for b' }), 'waiting for b'],
    [line('stopping', { signal: 'SIGTERM' }), 'stops (SIGTERM)'],
    [line('network', { err: { message: 'no link to b' } }, 40), 'network: no link to b'],
    [line('something', {}, 50), 'something'],
    ['quorate: 127.0.0.1:1 is taken', 'quorate: 127.0.0.1:1 is taken'],
  ])('%s', (text, said) => {
    expect(newsIn(text)?.text).toBe(said);
  });

  test.each([
    ['lines that only machines read', line('listening', { url: 'http://127.0.0.1:1' })],
    ['the welcome of a node', 'Three things to try from another terminal:'],
    ['an empty line', ''],
    ['a line of a kind it knows, made differently', line('raft_became', { role: 'king' })],
    ['numbers', '42'],
  ])('%s are left out', (_what, text) => {
    expect(newsIn(text)).toBeUndefined();
  });

  test('that nodes do not find each other yet is no news while they start; that one cannot go on is', () => {
    expect(newsIn(line('network', {}, 40))?.early).toBe(false);
    expect(newsIn(line('node_fault', {}, 60))?.early).toBe(true);
  });
});

describe('ports', () => {
  test('follow each other from the first', async () => {
    expect(await portsFrom(9000, 3)).toEqual([9000, 9001, 9002]);
  });

  test('that the system chooses differ', async () => {
    const ports = await portsFrom(0, 7);
    expect(new Set(ports).size).toBe(7);
    expect(ports.every((port) => port > 0)).toBe(true);
  });
});
