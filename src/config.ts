/**
 * The configuration of a node: what flags, environment and file say becomes one typed, frozen value, or
 * the list of everything that is wrong with it. Nothing else in the house reads the environment.
 */
import assert from 'node:assert/strict';
import type { z } from 'zod';
import {
  type ConfigFile,
  type Fault,
  fromEnvironment,
  fromFile,
  fromFlags,
  fromTable,
  type Said,
  type Source,
} from './config/sources.ts';
import { type ClusterConfig, clusterContradictions, clusterOf } from './config/cluster.ts';
import {
  SETTING_NAMES,
  type Setting,
  type SettingName,
  SETTINGS,
  type Values,
} from './config/settings.ts';
import type { LogLevel } from './config/values.ts';
import type { Retention } from './log/retention.ts';
import type { Milliseconds } from './log/time.ts';

export interface Config {
  readonly nodeId: string;
  /** Undefined: the cluster the data directory remembers, or a new one. */
  readonly clusterId: string | undefined;
  readonly dataDir: string;
  readonly host: string;
  /** 0: the system chooses. */
  readonly port: number;
  readonly logLevel: LogLevel;
  readonly snapshotIntervalMs: Milliseconds;
  /** After so long without anything new a group besides `main` leaves memory. */
  readonly groupRestMs: Milliseconds;
  readonly retention: Retention;
  /** What snapshots beyond the newest may take on the disk. */
  readonly historyBytes: number;
  /** Recent entries in memory, over all groups. */
  readonly window: { readonly entries: number; readonly bytes: number };
  /** Recent changes in memory, of each group. */
  readonly undo: { readonly entries: number; readonly bytes: number };
  /** Shares of the disk in use. */
  readonly disk: { readonly throttle: number; readonly reject: number };
  /** Undefined: every queue has the limits its own configuration says. */
  readonly workQueue: WorkQueueLimits | undefined;
  readonly stopTimeoutMs: Milliseconds;
  /** Undefined: a node of its own, that no other can reach. */
  readonly cluster: ClusterConfig | undefined;
}

export interface WorkQueueLimits {
  readonly soft: number;
  readonly hard: number;
  readonly recovery: number;
}

/** Where the value of a setting comes from, and how it was written. */
export interface Origin {
  readonly name: SettingName;
  /** Undefined: left open. Of a secret, only that it was said. */
  readonly text: string | undefined;
  readonly kind: Said['kind'];
  /** The name under which it was said: a flag, a variable, a key of the file. */
  readonly as: string;
}

export type Loaded =
  | { readonly kind: 'ok'; readonly config: Config; readonly origins: readonly Origin[] }
  | { readonly kind: 'faults'; readonly faults: readonly Fault[] };

export interface ConfigSources {
  readonly env: NodeJS.ProcessEnv;
  readonly flags: Readonly<Partial<Record<SettingName, string>>>;
  readonly file?: ConfigFile | undefined;
}

/** The limits of the source system, which hold as soon as one of the three is said. */
const WORK_QUEUE: WorkQueueLimits = { soft: 500, hard: 1000, recovery: 200 };

/** Reads all sources; earlier ones win. Reports every fault, not the first. */
export function loadConfig({ env, flags, file }: ConfigSources): Loaded {
  const files = file === undefined ? [] : [fromFile(file)];
  const sources = [fromFlags(flags), fromEnvironment(env), ...files, fromTable()];
  const read = SETTING_NAMES.map((name) => readSetting(name, sources));
  const misread = [
    ...sources.flatMap((source) => source.faults),
    ...read.flatMap(({ faults }) => faults),
  ];
  if (misread.length > 0) return { kind: 'faults', faults: misread };
  // Each name is paired with what its own schema made of the text.
  const values = Object.fromEntries(read.map(({ name, value }) => [name, value])) as Values;
  const contradictions = CONTRADICTIONS.flatMap((find) => find(values));
  if (contradictions.length > 0) return { kind: 'faults', faults: contradictions };
  return { kind: 'ok', config: assembled(values), origins: read.map(({ origin }) => origin) };
}

interface Reading {
  readonly name: SettingName;
  readonly value: unknown;
  readonly origin: Origin;
  readonly faults: readonly Fault[];
}

function readSetting(name: SettingName, sources: readonly Source[]): Reading {
  const said = sources.flatMap((source) => source.said.get(name) ?? [])[0];
  assert(said !== undefined, 'the table says something about every setting');
  const { kind, text, as, example } = said;
  const { data: value, error } = schemaOf(name).safeParse(text);
  const issues = error === undefined ? [] : error.issues;
  const shown = shownText(name, text);
  const faults = issues.map(({ message }) => ({
    name: as,
    problem: `is "${shown}", which ${message}`,
    example,
  }));
  return { name, value, origin: { name, kind, text: shown, as }, faults };
}

/** What stands for a secret wherever settings are shown. */
const MASK = '********';

/** The only form in which the text of a setting leaves this file, besides its value. */
function shownText(name: SettingName, text: string | undefined): string | undefined {
  const { isSecret = false }: Setting<unknown> = SETTINGS[name];
  return isSecret && text !== undefined ? MASK : text;
}

/** The schemas differ in what they give; here they only have to read. */
function schemaOf(name: SettingName): z.ZodType {
  return SETTINGS[name].schema;
}

/** What each setting may say alone but not beside another. */
const CONTRADICTIONS: readonly ((values: Values) => readonly Fault[])[] = [
  ({ DISK_THROTTLE, DISK_REJECT }) =>
    DISK_THROTTLE < DISK_REJECT
      ? []
      : [
          {
            name: 'DISK_THROTTLE',
            problem: `is ${DISK_THROTTLE}, which is not below DISK_REJECT, ${DISK_REJECT}`,
            example: 'QUORATE_DISK_THROTTLE=0.85 QUORATE_DISK_REJECT=0.92',
          },
        ],
  (values) => {
    const { soft, hard, recovery } = workQueueOf(values) ?? WORK_QUEUE;
    if (recovery < soft && soft <= hard) return [];
    const problem = `has recovery ${recovery}, soft limit ${soft}, hard limit ${hard}; they must rise in this order`;
    const example =
      'QUORATE_WORK_QUEUE_RECOVERY=200 QUORATE_WORK_QUEUE_SOFT_LIMIT=500 QUORATE_WORK_QUEUE_HARD_LIMIT=1000';
    return [{ name: 'WORK_QUEUE', problem, example }];
  },
  clusterContradictions,
];

function workQueueOf(values: Values): WorkQueueLimits | undefined {
  const said = {
    soft: values.WORK_QUEUE_SOFT_LIMIT,
    hard: values.WORK_QUEUE_HARD_LIMIT,
    recovery: values.WORK_QUEUE_RECOVERY,
  };
  const given = Object.entries(said).filter(([, limit]) => limit !== undefined);
  return given.length === 0 ? undefined : { ...WORK_QUEUE, ...Object.fromEntries(given) };
}

function assembled(values: Values): Config {
  const workQueue = workQueueOf(values);
  return Object.freeze({
    nodeId: values.NODE_ID,
    clusterId: values.CLUSTER_ID,
    dataDir: values.DATA_DIR,
    host: values.HOST,
    port: values.P2P_PORT,
    logLevel: values.LOG_LEVEL,
    snapshotIntervalMs: values.RAFT_SNAPSHOT_INTERVAL,
    groupRestMs: values.GROUP_REST,
    retention: Object.freeze(values.LOG_RETENTION),
    historyBytes: values.HISTORY_BUDGET,
    window: Object.freeze({ entries: values.LOG_WINDOW_ENTRIES, bytes: values.LOG_WINDOW_BYTES }),
    undo: Object.freeze({ entries: values.UNDO_ENTRIES, bytes: values.UNDO_BYTES }),
    disk: Object.freeze({ throttle: values.DISK_THROTTLE, reject: values.DISK_REJECT }),
    workQueue: workQueue === undefined ? undefined : Object.freeze(workQueue),
    stopTimeoutMs: values.STOP_TIMEOUT,
    cluster: clusterOf(values),
  });
}
