/**
 * Three nodes of etcd from the distribution's packages, with its defaults: a data directory each, fsynced as
 * etcd does it. Its JSON gateway says who leads, its metrics how often it flushed.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { portsFrom } from '../../src/cli/cluster/ports.ts';
import { until } from '../../test/end-to-end/condition.ts';
import { ChildUnderTest, type Exit } from '../../test/faults/processes.ts';
import { asked, type Founding, type Member, type Standing } from './cluster.ts';

const PROGRAM = 'etcd';
const NODES = 3;
const READY_MS_MAX = 60_000;
/** Above what any round writes; the default of 2 GiB would end a long one. */
const QUOTA_BYTES = 8_000_000_000;
/** What etcd flushes: its write-ahead log, and now and then the store of its pages. */
const FLUSHES =
  /^etcd_disk_(?:wal_fsync|backend_commit)_duration_seconds_count (\d+(?:\.\d+)?(?:e\+\d+)?)/gm;

export interface EtcdTiming {
  readonly heartbeatMs: number;
  readonly electionMs: number;
}

export class EtcdIsMissing extends Error {
  constructor() {
    super('etcd is not here to compare with; on Debian: apt-get install etcd-server');
  }
}

interface Ports {
  readonly client: number;
  readonly peer: number;
}

class EtcdMember implements Member {
  readonly directory: string;
  readonly url: string;
  readonly #child: ChildUnderTest;
  /** The number that leaders are named by; known once it has answered. */
  #id = '';

  constructor(name: string, directory: string, words: readonly string[], { client }: Ports) {
    this.directory = join(directory, name);
    this.url = urlOf(client);
    this.#child = new ChildUnderTest({
      program: PROGRAM,
      words: ['--name', name, '--data-dir', this.directory, ...words],
      outputFile: join(directory, `${name}.log`),
    });
  }

  get id(): string {
    return this.#id;
  }

  get pid(): number {
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.#child.isRunning;
  }

  /** It answers only when a leader is known: the first of three waits for another. */
  async start(): Promise<void> {
    await this.#child.start();
    await until(
      `etcd answers at ${this.url}; see ${this.#child.outputFile}`,
      async () => (await this.standing()) !== undefined,
      READY_MS_MAX,
    );
  }

  kill(): Promise<Exit> {
    return this.#child.kill();
  }

  terminate(): Promise<Exit> {
    return this.#child.stop();
  }

  async standing(): Promise<Standing | undefined> {
    const text = await asked(`${this.url}/v3/maintenance/status`, {});
    if (text === undefined) return undefined;
    const { header, leader, raftTerm, raftIndex } = JSON.parse(text) as {
      readonly header: { readonly member_id: string };
      readonly leader?: string;
      readonly raftTerm?: string;
      readonly raftIndex?: string;
    };
    this.#id = header.member_id;
    return { leader: leader ?? '', term: Number(raftTerm ?? 0), index: Number(raftIndex ?? 0) };
  }

  async fsyncs(): Promise<number> {
    const metrics = (await asked(`${this.url}/metrics`)) ?? '';
    return [...metrics.matchAll(FLUSHES)].reduce((sum, [, count]) => sum + Number(count), 0);
  }

  transfer(): Promise<never> {
    return Promise.reject(new Error('leadership of etcd is not handed over here'));
  }
}

/** @throws EtcdIsMissing */
export function etcdVersion(): string {
  try {
    const [line = ''] = execFileSync(PROGRAM, ['--version'], { encoding: 'utf8' }).split('\n');
    return line.replace('etcd Version: ', 'etcd ');
  } catch {
    throw new EtcdIsMissing();
  }
}

/** @param timing its defaults when not given: 100 and 1 000 ms */
export function etcd(timing?: EtcdTiming): Founding {
  return async (directory) => {
    etcdVersion();
    const free = await portsFrom(0, 2 * NODES);
    const ports = Array.from({ length: NODES }, (_, at) => ({
      client: free[2 * at]!,
      peer: free[2 * at + 1]!,
    }));
    const list = ports.map(({ peer }, at) => `etcd-${at + 1}=${urlOf(peer)}`).join(',');
    return {
      label: 'etcd',
      members: ports.map((own, at) => {
        const words = [...wordsOf(own), '--initial-cluster', list, ...timingWords(timing)];
        return new EtcdMember(`etcd-${at + 1}`, directory, words, own);
      }),
    };
  };
}

function wordsOf({ client, peer }: Ports): readonly string[] {
  const words = {
    'listen-client-urls': urlOf(client),
    'advertise-client-urls': urlOf(client),
    'listen-peer-urls': urlOf(peer),
    'initial-advertise-peer-urls': urlOf(peer),
    'log-level': 'warn',
    'quota-backend-bytes': String(QUOTA_BYTES),
  };
  return Object.entries(words).map(([name, value]) => `--${name}=${value}`);
}

function timingWords(timing: EtcdTiming | undefined): readonly string[] {
  if (timing === undefined) return [];
  const { heartbeatMs, electionMs } = timing;
  return ['--heartbeat-interval', `${heartbeatMs}`, '--election-timeout', `${electionMs}`];
}

function urlOf(port: number): string {
  return `http://127.0.0.1:${port}`;
}
