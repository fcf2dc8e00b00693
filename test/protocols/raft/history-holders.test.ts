import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { HistoryStatus } from '../../../src/protocols/engine.ts';
import { Exchange } from '../../../src/protocols/raft/exchange.ts';
import { HistoryHolders } from '../../../src/protocols/raft/history-holders.ts';
import { CountingClock, MAIN } from '../../log/fixtures.ts';
import { LocalNetworks } from './local-network.ts';

interface State extends HistoryStatus {
  /** The newest entry, if not the hundredth. */
  readonly last?: number;
}

const WHOLE: State = { state: 'whole', missing: 0 };
const TRIMMED: State = { state: 'trimmed', missing: 50 };
const EMPTY: State = { state: 'waiting', missing: 0, last: 0 };

function lacking(missing: number): State {
  return { state: 'copying', missing };
}

interface Around {
  readonly newestSnapshot?: number;
  readonly silence?: number;
}

/** Nodes n1, n2 …, of which n1 is asked; who is undefined does not answer. */
function holdersOf(
  statuses: readonly (State | undefined)[],
  { newestSnapshot = 0, silence }: Around = {},
): HistoryHolders {
  const networks = new LocalNetworks();
  const all = statuses.map((status, place) => {
    const nodeId = `n${place + 1}`;
    const clock = new CountingClock();
    const exchange = new Exchange({ nodeId, clock, breathe: turn, onNoise: () => undefined });
    exchange.use(networks.join({ nodeId, storeId: `s-${nodeId}`, clusterId: 'c' }, exchange));
    const holders = new HistoryHolders({
      nodeId,
      group: MAIN,
      exchange,
      status: () => status ?? WHOLE,
      last: () => status?.last ?? 100,
      newestSnapshot: () => Promise.resolve(newestSnapshot),
      silenceOf: () => silence,
    });
    exchange.join(MAIN, {
      receive: () => undefined,
      asked: () => Promise.resolve(holders.answer()),
      streamed: () => Promise.resolve([]),
      linkUp: () => undefined,
      linkDown: () => undefined,
    });
    return { nodeId, holders, isSilent: status === undefined };
  });
  for (const { nodeId } of all.filter(({ isSilent }) => isSilent)) networks.isolate(nodeId);
  return all[0]!.holders;
}

test.each([
  ['nobody leaves', [lacking(9), WHOLE], [], ['n1', 'n2']],
  ['one who stays is whole', [WHOLE, WHOLE], ['n2'], ['n1']],
  ['another who stays is whole', [lacking(9), WHOLE, WHOLE], ['n2'], ['n1', 'n3']],
  ['who leaves lacks as much', [lacking(9), lacking(9)], ['n2'], ['n1']],
  ['who leaves lacks more', [lacking(9), lacking(12)], ['n2'], ['n1']],
  ['who leaves trims its log', [lacking(90), TRIMMED], ['n2'], ['n1']],
  ['all trim their logs', [TRIMMED, TRIMMED], ['n1'], ['n2']],
  ['who leaves does not answer', [lacking(9), undefined], ['n2'], ['n1']],
] as const)('nothing goes where %s', async (_what, statuses, leaving, staying) => {
  expect(await holdersOf(statuses).objectionTo(leaving, staying)).toBeUndefined();
});

test.each([
  ['who stays lacks it', [lacking(9), WHOLE], ['n2'], ['n1'], 'n2 alone holds entries 1 to 9:'],
  ['both lack some', [lacking(9), lacking(4)], ['n2'], ['n1'], 'n2 alone holds entries 5 to 9:'],
  ['the leader leaves', [WHOLE, lacking(9)], ['n1'], ['n2'], 'n1 alone holds entries 1 to 9:'],
  ['who stays trims', [TRIMMED, WHOLE], ['n2'], ['n1'], 'n2 alone holds the entries from 1 on:'],
  [
    'who stays and is whole does not answer',
    [lacking(9), WHOLE, undefined],
    ['n2'],
    ['n1', 'n3'],
    'n2 alone holds entries 1 to 9:',
  ],
] as const)('history would go where %s', async (_what, statuses, leaving, staying, words) => {
  const objection = await holdersOf(statuses).objectionTo(leaving, staying);
  expect(objection).toContain(words);
});

test('history would go where who stays is empty, and will be given a snapshot', async () => {
  const holders = holdersOf([lacking(9), EMPTY, WHOLE]);
  expect(await holders.objectionTo(['n3'], ['n1', 'n2'])).toContain(
    'n3 alone holds entries 1 to 9:',
  );
});

test('history would go where who stays is behind the newest snapshot', async () => {
  const behind: State = { state: 'whole', missing: 0, last: 60 };
  const leaves = holdersOf([WHOLE, behind], { newestSnapshot: 80 });
  expect(await leaves.objectionTo(['n1'], ['n2'])).toContain(
    'n1 alone holds the entries from 1 on',
  );
  const near = holdersOf([WHOLE, behind], { newestSnapshot: 50 });
  expect(await near.objectionTo(['n1'], ['n2'])).toBeUndefined();
});

test('who leaves and was heard just now is not taken for gone because it does not answer', async () => {
  const heard = holdersOf([lacking(9), undefined], { silence: 300 });
  expect(await heard.objectionTo(['n2'], ['n1'])).toContain('n2 was heard just now');
  const gone = holdersOf([lacking(9), undefined], { silence: 60_000 });
  expect(await gone.objectionTo(['n2'], ['n1'])).toBeUndefined();
});
