/**
 * How a node takes part in a cluster, made of what the settings say, and what they may not say together.
 *
 * A node that is told of others, or of a port for them, is one of a cluster; any other is on its own.
 * Beyond loopback nobody is talked to who has not proved to know the secret, or by a certificate.
 */
import type { Milliseconds } from '../log/time.ts';
import { isLoopback, parseAddress, type Target } from '../protocols/transport/address.ts';
import { SETTINGS, type Values } from './settings.ts';
import type { Fault } from './sources.ts';
import { type ConfiguredPeer, RAFT_PORT } from './values.ts';

export interface ClusterConfig {
  readonly host: string;
  /** 0: the system chooses. */
  readonly port: number;
  readonly advertiseHost: string;
  /** Where others were told to find this node; empty: at `advertiseHost` and its port. */
  readonly advertised: readonly string[];
  /** Undefined: without certificates, loopback only. */
  readonly secret: string | undefined;
  readonly tls: TlsFiles | undefined;
  /** The others, whether or not the list said names this node too. */
  readonly peers: readonly ConfiguredPeer[];
  /** Who votes in a new cluster. */
  readonly voters: readonly string[];
  /** Whether somebody said them: a node that was only told of a port, or of whom to join, names none. */
  readonly saysVoters: boolean;
  readonly join: readonly string[];
  /** Whoever is due is woken at the next multiple of it. */
  readonly tickMs: Milliseconds;
  readonly heartbeatMs: Milliseconds;
  /** The least; the most is twice as long. */
  readonly electionMs: Milliseconds;
  /** Whether a damaged store is put aside, and taken anew from others: where there are any, and it may. */
  readonly repairsFromPeers: boolean;
}

/** What proves a node by TLS, as paths of PEM files. */
export interface TlsFiles {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
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
    tls: tlsIn(values),
    peers: othersIn(values),
    voters: values.P2P_VOTERS ?? everybodyIn(values),
    saysVoters: saysVoters(values),
    join,
    tickMs: values.RAFT_TICK,
    heartbeatMs: values.RAFT_HEARTBEAT,
    electionMs: values.RAFT_ELECTION,
    repairsFromPeers: values.REPAIR_FROM_PEERS && knowsOthers(values),
  };
}

function saysVoters({ PEERS, P2P_VOTERS }: Values): boolean {
  return PEERS !== undefined || P2P_VOTERS !== undefined;
}

function knowsOthers(values: Values): boolean {
  return othersIn(values).length > 0 || values.JOIN !== undefined;
}

function tlsIn(values: Values): TlsFiles | undefined {
  const { CLUSTER_TLS_KEY: key, CLUSTER_TLS_CERT: cert, CLUSTER_TLS_CA: ca } = values;
  if (key === undefined || cert === undefined || ca === undefined) return undefined;
  return { key, cert, ca };
}

type Whereabouts = Pick<ClusterConfig, 'host' | 'port' | 'advertiseHost' | 'advertised'>;

function whereabouts(values: Values): Whereabouts {
  const {
    RAFT_HOST: host,
    RAFT_PORT: port = RAFT_PORT,
    ADVERTISE_HOST: advertiseHost = host,
  } = values;
  return { host, port, advertiseHost, advertised: advertisedIn(values) };
}

/** A list that was given to every node says of this one, too, how it is reached. */
function advertisedIn({ ADVERTISE_HOST, PEERS = [], NODE_ID }: Values): readonly string[] {
  if (ADVERTISE_HOST !== undefined) return [];
  return PEERS.filter(({ id }) => id === NODE_ID).flatMap(({ addresses }) => addresses);
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
  halfOfTls,
  unprovenStrangers,
  unprovenWebsockets,
  unreachable,
  namesakes,
  unknownVoters,
  coarseTick,
  impatientElection,
];

const TLS_NAMES = ['CLUSTER_TLS_KEY', 'CLUSTER_TLS_CERT', 'CLUSTER_TLS_CA'] as const;

function halfOfTls(values: Values): readonly Fault[] {
  const missing = TLS_NAMES.filter((name) => values[name] === undefined);
  if (missing.length === TLS_NAMES.length) return [];
  return missing.map((name) => ({
    name,
    problem: 'is not said; TLS between nodes needs its key, its certificate and the authority',
    example: `QUORATE_${name}=${SETTINGS[name].example}`,
  }));
}

function unprovenStrangers(values: Values): readonly Fault[] {
  const beyond = placesIn(values).find(({ host }) => !isLoopback(host));
  if (isProven(values) || beyond === undefined) return [];
  return [
    secretNeeded(
      `${beyond.name} ${beyond.host} is beyond loopback: nodes of other machines have to prove that they belong here`,
    ),
  ];
}

function isProven({ CLUSTER_SECRET, CLUSTER_TLS_KEY }: Values): boolean {
  return CLUSTER_SECRET !== undefined || CLUSTER_TLS_KEY !== undefined;
}

/** TLS on the way of a websocket ends at whoever carries it: no certificate is seen behind that. */
function unprovenWebsockets(values: Values): readonly Fault[] {
  const websocket = placesIn(values).find(({ kind }) => kind === 'websocket');
  const needsProof = values.CLUSTER_TLS_KEY !== undefined && values.CLUSTER_SECRET === undefined;
  if (!needsProof || websocket === undefined) return [];
  return [secretNeeded('a websocket shows no certificate: who comes by one has to know a secret')];
}

function secretNeeded(why: string): Fault {
  const example = 'QUORATE_CLUSTER_SECRET=a-long-random-text';
  return { name: 'CLUSTER_SECRET', problem: `is not said, and ${why}`, example };
}

interface NamedPlace {
  /** Of the setting that says it. */
  readonly name: string;
  readonly kind: Target['kind'];
  readonly host: string;
}

function placesIn({ RAFT_HOST, PEERS = [], JOIN = [] }: Values): readonly NamedPlace[] {
  const peers = PEERS.flatMap(({ addresses }) => addresses);
  return [
    { name: 'RAFT_HOST', kind: 'tcp', host: RAFT_HOST },
    ...targetsOf(peers).map(({ kind, host }) => ({ name: 'a peer at', kind, host })),
    ...targetsOf(JOIN).map(({ kind, host }) => ({ name: 'JOIN', kind, host })),
  ];
}

function targetsOf(addresses: readonly string[]): readonly Target[] {
  return addresses.flatMap((address) => parseAddress(address) ?? []);
}

function unreachable(values: Values): readonly Fault[] {
  const { RAFT_HOST, ADVERTISE_HOST } = values;
  const isNamed = advertisedIn(values).length > 0;
  if (isNamed || !WILDCARDS.includes(ADVERTISE_HOST ?? RAFT_HOST)) return [];
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

/** Heartbeats would come as seldom as the node is woken, and not as often as was said. */
function coarseTick({ RAFT_TICK: tick, RAFT_HEARTBEAT: heartbeat }: Values): readonly Fault[] {
  if (tick <= heartbeat) return [];
  const problem = `is ${tick}ms, which is more than RAFT_HEARTBEAT, ${heartbeat}ms: nobody is woken between two ticks`;
  return [{ name: 'RAFT_TICK', problem, example: 'QUORATE_RAFT_TICK=10ms' }];
}

/** One heartbeat that is lost, and one that is late, shall cost no election. */
const HEARTBEATS_OF_PATIENCE = 3;

function impatientElection(values: Values): readonly Fault[] {
  const { RAFT_ELECTION: election, RAFT_HEARTBEAT: heartbeat } = values;
  const least = heartbeat * HEARTBEATS_OF_PATIENCE;
  if (election >= least) return [];
  const problem = `is ${election}ms, which is less than ${HEARTBEATS_OF_PATIENCE} times RAFT_HEARTBEAT, ${heartbeat}ms: a heartbeat that is late would cost a leader its office`;
  return [{ name: 'RAFT_ELECTION', problem, example: `QUORATE_RAFT_ELECTION=${least}ms` }];
}
