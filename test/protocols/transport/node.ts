/** A node that only talks: a network on a free port of this machine, and everything it has heard. */
import { afterEach } from 'vitest';
import { realClock } from '../../../src/real-clock.ts';
import { dialWebsocket } from '../../../src/dial-websocket.ts';
import type {
  NetworkEvents,
  Peer,
  PeerIdentity,
} from '../../../src/protocols/transport/network.ts';
import {
  TcpNetwork,
  type TcpNetworkOptions,
} from '../../../src/protocols/transport/tcp-network.ts';

export const SECRET = 'the secret of these tests';

/** What a test may say differently; the rest is as in a cluster called `c`. */
export type Wishes = Partial<Omit<TcpNetworkOptions, 'nodeId' | 'events'>> & {
  readonly events?: Partial<NetworkEvents>;
};

const open: TcpNetwork[] = [];

/** Stops every node a test has started. */
export function stopNodesAfterEach(): void {
  afterEach(async () => {
    await Promise.all(open.splice(0).map((network) => network.stop()));
  });
}

export class TalkingNode {
  readonly nodeId: string;
  readonly network: TcpNetwork;
  readonly messages: string[];
  readonly ups: PeerIdentity[];
  readonly downs: string[];
  readonly errors: string[];

  private constructor(nodeId: string, network: TcpNetwork, heard: Heard) {
    this.nodeId = nodeId;
    this.network = network;
    ({ messages: this.messages, ups: this.ups, downs: this.downs, errors: this.errors } = heard);
  }

  static async start(nodeId: string, wishes: Wishes = {}): Promise<TalkingNode> {
    const heard: Heard = { messages: [], ups: [], downs: [], errors: [] };
    const network = await TcpNetwork.start({
      storeId: `store of ${nodeId}`,
      clusterId: () => 'c',
      listen: { host: '127.0.0.1', port: 0 },
      secret: SECRET,
      clock: realClock,
      random: Math.random,
      websocket: dialWebsocket,
      onError: (error) => heard.errors.push(error.message),
      ...wishes,
      nodeId,
      events: { ...hearing(heard), ...wishes.events },
    });
    open.push(network);
    return new TalkingNode(nodeId, network, heard);
  }

  get address(): string {
    return `127.0.0.1:${this.network.port}`;
  }

  get peer(): Peer {
    return { nodeId: this.nodeId, addresses: [this.address] };
  }

  /** The state of the link to another node. */
  linkTo(nodeId: string): string | undefined {
    return this.network.links().find(({ node_id }) => node_id === nodeId)?.state;
  }

  say(to: string, text: string): void {
    this.network.send(to, Buffer.from(text));
  }

  async ask(to: string, text: string, within = 120_000): Promise<string> {
    return String(await this.network.ask(to, Buffer.from(text), within));
  }
}

interface Heard {
  readonly messages: string[];
  readonly ups: PeerIdentity[];
  readonly downs: string[];
  readonly errors: string[];
}

function hearing(heard: Heard): NetworkEvents {
  return {
    message: (from, message) => heard.messages.push(`${from.nodeId}: ${String(message)}`),
    question: async (from, question) => Buffer.from(`${from.nodeId} asked ${String(question)}`),
    transfer: async (_from, _header, chunks) => {
      let bytes = 0;
      for await (const chunk of chunks) bytes += chunk.length;
      return Buffer.from(`${bytes} bytes`);
    },
    up: (peer) => heard.ups.push(peer),
    down: (nodeId, reason) => heard.downs.push(`${nodeId}: ${reason}`),
  };
}
