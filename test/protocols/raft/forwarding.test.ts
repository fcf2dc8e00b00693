/** What only the leader can do, asked for over a link. */
import { expect, test } from 'vitest';
import { Exchange } from '../../../src/protocols/raft/exchange.ts';
import { Forwarding } from '../../../src/protocols/raft/forwarding.ts';
import { breathe, realClock } from '../../../src/real-clock.ts';
import { LocalNetworks } from './local-network.ts';

const NOBODY = () => Promise.reject(new Error('nobody asks this node'));

test('a peer that has no such group any more has no digest of it, and does not seem to have decided differently', async () => {
  const networks = new LocalNetworks();
  const [here] = ['n1', 'n2'].map((nodeId) => {
    const exchange = new Exchange({ nodeId, clock: realClock, breathe, onNoise: () => undefined });
    exchange.use(networks.join({ nodeId, storeId: nodeId, clusterId: undefined }, exchange));
    return exchange;
  });
  const forwarding = new Forwarding({
    exchange: here!,
    group: { id: 'job/1', incarnation: 5 },
    propose: NOBODY,
    change: NOBODY,
    transfer: NOBODY,
    digestAt: NOBODY,
  });
  expect(await forwarding.digestOf('n2', 1)).toBeUndefined();
});
