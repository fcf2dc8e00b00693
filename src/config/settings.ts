/**
 * Every setting of a node: one row each. The environment variable is `QUORATE_<NAME>`, the flag is the
 * name in lower case with dashes, the key in a configuration file the name in lower case. Help, checks
 * and `quorate config` are made from this table; a setting is added here and in `config.ts`.
 */
import { hostname } from 'node:os';
import type { z } from 'zod';
import {
  addresses,
  bytes,
  count,
  duration,
  flag,
  fraction,
  host,
  identifier,
  identifiers,
  logLevel,
  loopbackHost,
  path,
  peers,
  retention,
  secret,
} from './values.ts';

export const PREFIX = 'QUORATE_';
/** A fleet of the source system may keep its unit files: these names mean the same. */
export const SOURCE_PREFIX = 'RINGRIFT_';

export interface Setting<Value> {
  /** One line for people. */
  readonly comment: string;
  readonly example: string;
  /** What holds where nobody says anything, written as one would write it; undefined: left open. */
  readonly fallback: string | undefined;
  readonly schema: z.ZodType<Value, string | undefined> | z.ZodType<Value, string>;
  /** The names without prefix under which the source system knows it. */
  readonly source?: readonly string[];
  /** It is shown nowhere: not in lists of settings, not in what was wrong with it. */
  readonly isSecret?: boolean;
}

function setting<Value>(row: Setting<Value>): Setting<Value> {
  return row;
}

export const SETTINGS = {
  NODE_ID: setting({
    comment: 'Name of this node; unless said, the name of the host',
    example: 'node-1',
    fallback: hostname(),
    schema: identifier,
    source: ['NODE_ID'],
  }),
  CLUSTER_ID: setting({
    comment: 'Cluster this node belongs to; unset, the one its directory remembers, or a new one',
    example: 'fleet-a',
    fallback: undefined,
    schema: identifier.optional(),
  }),
  DATA_DIR: setting({
    comment: 'Where the log and the snapshots lie',
    example: '/var/lib/quorate',
    fallback: './data',
    schema: path,
  }),
  HOST: setting({
    comment: 'Address to listen on; loopback only, as long as there is no authentication',
    example: '127.0.0.1',
    fallback: '127.0.0.1',
    schema: loopbackHost,
  }),
  P2P_PORT: setting({
    comment: 'Port of the HTTP interface; 0 lets the system choose',
    example: '8770',
    fallback: '8770',
    schema: count(0, 65_535),
    source: ['P2P_PORT'],
  }),
  PEERS: setting({
    comment:
      'The nodes, as id@host[:http port[:raft port]] or id@ws://host:port, other ways behind |; said, this node is one of a cluster',
    example: 'node-2@10.0.0.2,node-3@10.0.0.3:8770:4321',
    fallback: undefined,
    schema: peers.optional(),
    source: ['PEERS', 'P2P_PEERS'],
  }),
  P2P_VOTERS: setting({
    comment:
      'Who votes in a new cluster; unset, this node and all PEERS. Later the log says who does',
    example: 'node-1,node-2,node-3',
    fallback: undefined,
    schema: identifiers.optional(),
    source: ['P2P_VOTERS'],
  }),
  JOIN: setting({
    comment: 'Addresses of members of a cluster to join, for an empty data directory',
    example: '10.0.0.1:4321',
    fallback: undefined,
    schema: addresses.optional(),
  }),
  RAFT_PORT: setting({
    comment: 'Port for other nodes; unset, 4321 where there are PEERS or JOIN, else none is opened',
    example: '4321',
    fallback: undefined,
    schema: count(0, 65_535).optional(),
    source: ['RAFT_PORT', 'RAFT_BIND_PORT'],
  }),
  RAFT_HOST: setting({
    comment: 'Address to listen on for other nodes; beyond loopback only with a secret or TLS',
    example: '0.0.0.0',
    fallback: '127.0.0.1',
    schema: host,
  }),
  ADVERTISE_HOST: setting({
    comment: 'How other nodes reach this one; unset, as PEERS name it, or RAFT_HOST',
    example: '10.0.0.1',
    fallback: undefined,
    schema: host.optional(),
    source: ['ADVERTISE_HOST'],
  }),
  CLUSTER_SECRET: setting({
    comment: 'What nodes of a cluster prove to each other that they know; at least 16 characters',
    example: 'a-long-random-text',
    fallback: undefined,
    schema: secret.optional(),
    source: ['CLUSTER_SECRET', 'CLUSTER_AUTH_TOKEN'],
    isSecret: true,
  }),
  CLUSTER_TLS_KEY: setting({
    comment:
      'Private key of this node towards other nodes, a PEM file; with the next two: mutual TLS',
    example: '/etc/quorate/node-1.key',
    fallback: undefined,
    schema: path.optional(),
  }),
  CLUSTER_TLS_CERT: setting({
    comment: 'Certificate of this node, a PEM file; it has to name NODE_ID',
    example: '/etc/quorate/node-1.crt',
    fallback: undefined,
    schema: path.optional(),
  }),
  CLUSTER_TLS_CA: setting({
    comment: 'The authority that signs the certificates of this cluster, and no others; a PEM file',
    example: '/etc/quorate/authority.crt',
    fallback: undefined,
    schema: path.optional(),
  }),
  RAFT_TICK: setting({
    comment:
      'The grid on which all groups of a node are woken together: coarser is cheaper and later; at most RAFT_HEARTBEAT',
    example: '10ms',
    fallback: '10ms',
    schema: duration(10),
  }),
  RAFT_HEARTBEAT: setting({
    comment: 'How often a leader speaks when it has nothing to say',
    example: '80ms',
    fallback: '80ms',
    schema: duration(10),
  }),
  RAFT_ELECTION: setting({
    comment:
      'The least silence of a leader after which followers elect another, at most twice as long; at least three of RAFT_HEARTBEAT',
    example: '250ms',
    fallback: '250ms',
    schema: duration(30),
  }),
  REPAIR_FROM_PEERS: setting({
    comment:
      'Whether one of a cluster puts a damaged store aside, and comes back as a new one that learns from the others',
    example: 'off',
    fallback: 'on',
    schema: flag,
  }),
  LOG_LEVEL: setting({
    comment: 'The least important lines that are written',
    example: 'debug',
    fallback: 'info',
    schema: logLevel,
  }),
  RAFT_SNAPSHOT_INTERVAL: setting({
    comment: 'How often a snapshot is considered, when little has happened',
    example: '60s',
    fallback: '60s',
    schema: duration(1_000),
    source: ['RAFT_SNAPSHOT_INTERVAL'],
  }),
  GROUP_REST: setting({
    comment: 'How long a group besides main is quiet before it leaves memory, until it is needed',
    example: '5m',
    fallback: '30s',
    schema: duration(1_000),
  }),
  LOG_RETENTION: setting({
    comment: 'How much of the log stays on the disk',
    example: '30d',
    fallback: 'all',
    schema: retention,
  }),
  HISTORY_BUDGET: setting({
    comment: 'What older snapshots may take on the disk, for time travel',
    example: '1GiB',
    fallback: '1GiB',
    schema: bytes(0),
  }),
  LOG_WINDOW_ENTRIES: setting({
    comment: 'Recent entries kept in memory, over all groups',
    example: '50000',
    fallback: '50000',
    schema: count(1, 100_000_000),
  }),
  LOG_WINDOW_BYTES: setting({
    comment: 'Bytes those entries may take',
    example: '8MiB',
    fallback: '8MiB',
    schema: bytes(64 * 1024),
  }),
  UNDO_ENTRIES: setting({
    comment: 'Entries whose changes are kept in memory, for recent time travel',
    example: '50000',
    fallback: '50000',
    schema: count(1, 100_000_000),
  }),
  UNDO_BYTES: setting({
    comment: 'Bytes those changes may take',
    example: '8MiB',
    fallback: '8MiB',
    schema: bytes(64 * 1024),
  }),
  DISK_THROTTLE: setting({
    comment: 'Share of the disk in use from which callers are slowed down',
    example: '0.85',
    fallback: '0.85',
    schema: fraction,
  }),
  DISK_REJECT: setting({
    comment: 'Share of the disk in use from which new work is refused',
    example: '0.92',
    fallback: '0.92',
    schema: fraction,
  }),
  WORK_QUEUE_SOFT_LIMIT: setting({
    comment:
      'Pending items from which the queue `default` warns; the three limits default together',
    example: '500',
    fallback: undefined,
    schema: count(1, 10_000_000).optional(),
    source: ['WORK_QUEUE_SOFT_LIMIT'],
  }),
  WORK_QUEUE_HARD_LIMIT: setting({
    comment: 'Pending items from which new ones are refused',
    example: '1000',
    fallback: undefined,
    schema: count(1, 10_000_000).optional(),
    source: ['WORK_QUEUE_HARD_LIMIT'],
  }),
  WORK_QUEUE_RECOVERY: setting({
    comment: 'Pending items at which new ones are taken again',
    example: '200',
    fallback: undefined,
    schema: count(0, 10_000_000).optional(),
    source: ['WORK_QUEUE_RECOVERY'],
  }),
  STOP_TIMEOUT: setting({
    comment: 'How long a stopping node waits for what is under way',
    example: '10s',
    fallback: '10s',
    schema: duration(0),
  }),
};

export type SettingName = keyof typeof SETTINGS;
export type Values = {
  readonly [Name in SettingName]: (typeof SETTINGS)[Name] extends Setting<infer Value>
    ? Value
    : never;
};

/** In the order of the table. */
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(SETTINGS, name);
}

/** `P2P_PORT` as it is said on the command line. */
export function flagOf(name: SettingName): string {
  return `--${name.toLowerCase().replaceAll('_', '-')}`;
}
