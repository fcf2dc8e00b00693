/** The network of a node towards others, with the settings of its cluster and the real clock. */
import type { Logger } from 'pino';
import type { ClusterConfig } from './config/cluster.ts';
import { readTls, type TlsTexts } from './config/tls-files.ts';
import { dialWebsocket } from './dial-websocket.ts';
import { Exchange } from './protocols/raft/exchange.ts';
import { TcpNetwork } from './protocols/transport/tcp-network.ts';
import { breathe, realClock } from './real-clock.ts';

export interface ClusterNetworkOptions {
  readonly nodeId: string;
  readonly storeId: string;
  /** Undefined until the store has learned it. */
  readonly clusterId: () => string | undefined;
  readonly cluster: ClusterConfig;
  readonly listen: { readonly host: string; readonly port: number };
  readonly logger: Logger;
}

export interface ClusterNetwork {
  readonly exchange: Exchange;
  readonly network: TcpNetwork;
}

/** @throws TlsFault, or where the port is taken or the address is not ours */
export async function startNetwork(options: ClusterNetworkOptions): Promise<ClusterNetwork> {
  const { nodeId, cluster, logger } = options;
  const exchange = new Exchange({
    nodeId,
    clock: realClock,
    breathe,
    tick: cluster.tickMs,
    onNoise: (from, error) => logger.warn({ from, err: error }, 'peer_not_understood'),
  });
  const network = await TcpNetwork.start({
    ...options,
    secret: cluster.secret,
    ...(await tlsOf(cluster, nodeId)),
    websocket: dialWebsocket,
    clock: realClock,
    random: Math.random,
    events: exchange,
    onError: (error) => logger.warn({ err: error }, 'network'),
  });
  exchange.use(network);
  return { exchange, network };
}

async function tlsOf({ tls }: ClusterConfig, nodeId: string): Promise<{ readonly tls?: TlsTexts }> {
  return tls === undefined ? {} : { tls: await readTls(tls, nodeId) };
}
