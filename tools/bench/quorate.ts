/** Three of our nodes, as an operator would start them: their defaults, and a list of peers. */
import { join } from 'node:path';
import { portsFrom } from '../../src/cli/cluster/ports.ts';
import { NodeProcess } from '../node-process.ts';
import { asked, type Cluster, type Founding, type Member, type Standing } from './cluster.ts';
import type { Settings } from './benchmark.ts';

const NODES = 3;

class QuorateMember implements Member {
  readonly id: string;
  readonly directory: string;
  readonly #process: NodeProcess;

  constructor(id: string, directory: string, process: NodeProcess) {
    this.id = id;
    this.directory = directory;
    this.#process = process;
  }

  get url(): string {
    return this.#process.url;
  }

  get pid(): number {
    return this.#process.pid;
  }

  get isRunning(): boolean {
    return this.#process.isRunning;
  }

  start(): Promise<number> {
    return this.#process.start();
  }

  kill(): Promise<void> {
    return this.#process.kill();
  }

  terminate(): Promise<number | null> {
    return this.#process.terminate();
  }

  async standing(): Promise<Standing | undefined> {
    const text = await asked(`${this.url}/status`);
    if (text === undefined) return undefined;
    const { position, group } = JSON.parse(text) as {
      readonly position: { readonly index: number };
      readonly group: { readonly term: number; readonly leader_id?: string };
    };
    return { leader: group.leader_id ?? '', term: group.term, index: position.index };
  }

  async fsyncs(): Promise<number> {
    const { log } = JSON.parse((await asked(`${this.url}/status`)) ?? '') as {
      readonly log: { readonly totals: { readonly fsyncs: number } };
    };
    return log.totals.fsyncs;
  }

  transfer(): Promise<string | undefined> {
    return asked(`${this.url}/v1/raft/transfer`, {});
  }
}

export const quorate: Founding = (directory, settings) => founded(directory, settings, {});

/** With settings of its own. */
export function quorateWith(env: Readonly<Record<string, string>>): Founding {
  return (directory, settings) => founded(directory, settings, env);
}

async function founded(
  directory: string,
  { program, profile }: Settings,
  env: Readonly<Record<string, string>>,
): Promise<Cluster> {
  const ports = await portsFrom(0, NODES);
  const peers = ports.map((port, at) => `node-${at + 1}@127.0.0.1:1:${port}`).join(',');
  const members = ports.map((port, at) => {
    const id = `node-${at + 1}`;
    const process = new NodeProcess({
      directory: join(directory, id),
      outputFile: join(directory, `${id}.log`),
      program,
      execArguments: profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profile],
      env: {
        ...env,
        QUORATE_NODE_ID: id,
        QUORATE_PEERS: peers,
        QUORATE_RAFT_PORT: String(port),
      },
    });
    return new QuorateMember(id, join(directory, id), process);
  });
  return { label: 'Quorate', members };
}
