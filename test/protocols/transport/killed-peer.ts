/** A process to be killed: a node that answers no question, and prints its port. */
import { TcpNetwork } from '../../../src/protocols/transport/tcp-network.ts';
import { realClock } from '../../../src/real-clock.ts';

const network = await TcpNetwork.start({
  nodeId: 'killed',
  storeId: 'store of killed',
  clusterId: () => 'c',
  listen: { host: '127.0.0.1', port: 0 },
  secret: 'the secret of these tests',
  clock: realClock,
  random: Math.random,
  onError: (error) => console.error(error.message),
  events: {
    message: () => undefined,
    question: () => new Promise(() => undefined),
    transfer: () => new Promise(() => undefined),
    up: () => undefined,
    down: () => undefined,
  },
});
console.log(network.port);
