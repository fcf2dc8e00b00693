/**
 * How a node takes part in a cluster, made of what the settings say, and what they may not say together.
 *
 * A node that is told of others, or of a port for them, is one of a cluster; any other is on its own.
 * Beyond loopback nobody is talked to who has not proved to know the secret.
 */
import type { Milliseconds } from '../log/time.ts';
import { isLoopback, parseAddress } from '../protocols/transport/address.ts';
import type { Values } from './settings.ts';
import type { Fault } from './sources.ts';
import { type ConfiguredPeer, RAFT_PORT } from './values.ts';

export interface ClusterConfig {
  readonly host: string;
  /** 0: the system chooses. */
  readonly port: number;
  readonly advertiseHost: string;
  /** Undefined: loopback only. */
  readonly secret: string | undefined;
  /** The others, whether or not the list said names this node too. */
  readonly peers: readonly ConfiguredPeer[];
  /** Who votes in a new cluster. */
  readonly voters: readonly string[];
  readonly join: readonly string[];
  readonly heartbeatMs: Milliseconds;
  /** The least; the most is twice as long. */
  readonly electionMs: Milliseconds;
}

/** They stand for every address of a machine, and lead to none. */
const WILDCARDS = ['0.0.0.0', '::'];

/** Undefined: a node of its own, that no other can reach. */
export function clusterOf(values: Values): ClusterConfig | undefined {
  return isOfCluster(values) ? Object.freeze(membership(values)) : undefined;
}

function isOfCluster({ PEERS, JOIN, RAFT_PORT: port }: Values): boolean {
  return [PEERS, JOIN, port].some((said) => said !== undefined);
}

function membership(values: Values): ClusterConfig {
  const { JOIN: join = [] } = values;
  return {
    ...whereabouts(values),
    secret: values.CLUSTER_SECRET,
    peers: othersIn(values),
    voters: values.P2P_VOTERS ?? everybodyIn(values),
    join,
    heartbeatMs: values.RAFT_HEARTBEAT,
    electionMs: values.RAFT_ELECTION,
  };
}

function whereabouts(values: Values): Pick<ClusterConfig, 'host' | 'port' | 'advertiseHost'> {
  const {
    RAFT_HOST: host,
    RAFT_PORT: port = RAFT_PORT,
    ADVERTISE_HOST: advertiseHost = host,
  } = values;
  return { host, port, advertiseHost };
}

/** One list may be given to every node: each leaves itself out. */
function othersIn({ PEERS: peers = [], NODE_ID }: Values): readonly ConfiguredPeer[] {
  return peers.filter(({ id }) => id !== NODE_ID);
}

function everybodyIn(values: Values): readonly string[] {
  return [values.NODE_ID, ...othersIn(values).map(({ id }) => id)];
}

/** What the settings of a cluster may say alone but not beside each other. */
export function clusterContradictions(values: Values): readonly Fault[] {
  return isOfCluster(values) ? CONTRADICTIONS.flatMap((find) => find(values)) : [];
}

const CONTRADICTIONS: readonly ((values: Values) => readonly Fault[])[] = [
  unprovenStrangers,
  unreachable,
  namesakes,
  unknownVoters,
];

function unprovenStrangers(values: Values): readonly Fault[] {
  const beyond = placesIn(values).find(({ host }) => !isLoopback(host));
  if (values.CLUSTER_SECRET !== undefined || beyond === undefined) return [];
  const problem = `is not said, and ${beyond.name} ${beyond.host} is beyond loopback: nodes of other machines have to prove that they belong here`;
  return [
    { name: 'CLUSTER_SECRET', problem, example: 'QUORATE_CLUSTER_SECRET=a-long-random-text' },
  ];
}

interface NamedPlace {
  /** Of the setting that says it. */
  readonly name: string;
  readonly host: string;
}

function placesIn({ RAFT_HOST, PEERS = [], JOIN = [] }: Values): readonly NamedPlace[] {
  const peers = PEERS.flatMap(({ addresses }) => addresses);
  return [
    { name: 'RAFT_HOST', host: RAFT_HOST },
    ...peers.map((address) => ({ name: 'a peer at', host: hostIn(address) })),
    ...JOIN.map((address) => ({ name: 'JOIN', host: hostIn(address) })),
  ];
}

function hostIn(address: string): string {
  const target = parseAddress(address);
  return target === undefined ? address : target.host;
}

function unreachable({ RAFT_HOST, ADVERTISE_HOST }: Values): readonly Fault[] {
  if (!WILDCARDS.includes(ADVERTISE_HOST ?? RAFT_HOST)) return [];
  const problem = `has to say how other nodes reach this one: ${RAFT_HOST} leads nowhere`;
  return [{ name: 'ADVERTISE_HOST', problem, example: 'QUORATE_ADVERTISE_HOST=10.0.0.1' }];
}

function namesakes({ PEERS = [] }: Values): readonly Fault[] {
  const ids = PEERS.map(({ id }) => id);
  const twice = ids.find((id, place) => ids.indexOf(id) < place);
  if (twice === undefined) return [];
  const problem = `names ${twice} more than once; every node has an id of its own`;
  return [{ name: 'PEERS', problem, example: 'QUORATE_PEERS=node-2@10.0.0.2,node-3@10.0.0.3' }];
}

/** Every voter has to be reached, or the nodes would found clusters that differ. */
function unknownVoters(values: Values): readonly Fault[] {
  const known = everybodyIn(values);
  const { P2P_VOTERS: voters = [] } = values;
  return voters
    .filter((voter) => !known.includes(voter))
    .map((voter) => ({
      name: 'P2P_VOTERS',
      problem: `names ${voter}, which is neither this node nor one of PEERS`,
      example: `QUORATE_PEERS=${voter}@10.0.0.2`,
    }));
}
