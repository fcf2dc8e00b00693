/**
 * The nodes of a run: one alone, or several that agree, each a process with a directory of its own.
 *
 * ```
 *  planned ── start ──▶ all ready ── the leader is killed, comes back ──▶ settled ── stop ──▶ directories
 * ```
 */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { portsFrom } from '../../src/cli/cluster/ports.ts';
import { NodeProcess } from '../node-process.ts';
import type { Json } from './door.ts';

const LOOK_MS = 20;
const ANSWER_MS_MAX = 5_000;
const LEADER_MS_MAX = 120_000;
/** Between two looks that have to show the same; longer than anything takes that is still under way. */
const SETTLING_MS = 500;
const SETTLED_MS_MAX = 120_000;

export interface DemoNode {
  readonly id: string;
  readonly directory: string;
  readonly output: string;
  readonly process: NodeProcess;
}

/** What a node says of itself once nothing is under way. */
export interface Standing {
  readonly id: string;
  readonly index: number;
  readonly digest: string;
}

export class Nodes {
  readonly all: readonly DemoNode[];

  private constructor(all: readonly DemoNode[]) {
    this.all = all;
  }

  static async planned(folder: string, count: number): Promise<Nodes> {
    const ids = Array.from({ length: count }, (_, place) => `node-${place + 1}`);
    const ports = count === 1 ? [] : await portsFrom(0, count);
    const peers = ports.map((port, place) => `${ids[place]}@127.0.0.1:1:${port}`).join(',');
    const together = (port: number | undefined): Readonly<Record<string, string>> =>
      port === undefined ? {} : { QUORATE_PEERS: peers, QUORATE_RAFT_PORT: String(port) };
    return new Nodes(ids.map((id, place) => planned(folder, id, together(ports[place]))));
  }

  get isCluster(): boolean {
    return this.all.length > 1;
  }

  /** Where they listen, or did before they were killed: nobody who asks is told which ones live. */
  get urls(): readonly string[] {
    return this.all.map(({ process }) => process.url);
  }

  /** Resolves when all are ready. @returns how long that took, ms */
  async start(): Promise<number> {
    const took = await Promise.all(this.all.map(({ process }) => process.start()));
    return Math.max(...took);
  }

  /** Who leads, once all who run say the same. */
  async leader(): Promise<DemoNode> {
    const until = performance.now() + LEADER_MS_MAX;
    while (performance.now() < until) {
      const said = await Promise.all(this.#running().map((node) => asked(node, '/raft/status')));
      const leaders = new Set(said.map((answer) => answer?.['leader_id']));
      const leader = this.all.find(({ id, process }) => leaders.has(id) && process.isRunning);
      if (leaders.size === 1 && leader !== undefined) return leader;
      await pause(LOOK_MS);
    }
    throw new Error('the nodes that run do not agree on who leads');
  }

  /** What each says of itself: the same of all, twice in a row, or what they said when time was up. */
  async settled(): Promise<readonly Standing[]> {
    const until = performance.now() + SETTLED_MS_MAX;
    let before = '';
    for (;;) {
      const standings = await Promise.all(this.all.map(standingOf));
      const now = sameOf(standings);
      if ((now !== '' && now === before) || performance.now() > until) return standings;
      before = now;
      await pause(SETTLING_MS);
    }
  }

  /** Asks those that run to stop. @returns their exit codes, in order; null where one had to be killed */
  stop(): Promise<readonly (number | null)[]> {
    return Promise.all(this.all.map(({ process }) => process.terminate()));
  }

  #running(): readonly DemoNode[] {
    return this.all.filter(({ process }) => process.isRunning);
  }
}

function planned(folder: string, id: string, env: Readonly<Record<string, string>>): DemoNode {
  const directory = join(folder, id);
  const output = join(folder, `${id}.log`);
  const process = new NodeProcess({
    directory,
    outputFile: output,
    env: { QUORATE_NODE_ID: id, QUORATE_RAFT_SNAPSHOT_INTERVAL: '2s', ...env },
  });
  return { id, directory, output, process };
}

async function asked({ process }: DemoNode, path: string): Promise<Json | undefined> {
  try {
    const signal = AbortSignal.timeout(ANSWER_MS_MAX);
    const response = await fetch(`${process.url}${path}`, { signal });
    return (await response.json()) as Json;
  } catch {
    return undefined;
  }
}

/** While a snapshot is taken nothing is settled: index -1. */
async function standingOf(node: DemoNode): Promise<Standing> {
  const status = (await asked(node, '/status')) ?? {};
  const { index = -1 } = (status['position'] ?? {}) as { readonly index?: number };
  const { in_progress: isTaken = false } = (status['snapshots'] ?? {}) as {
    readonly in_progress?: boolean;
  };
  return { id: node.id, index: isTaken ? -1 : index, digest: String(status['digest']) };
}

/** What all of them say; empty where they differ, or one says nothing. */
function sameOf(standings: readonly Standing[]): string {
  const said = new Set(standings.map(({ index, digest }) => `${index} ${digest}`));
  const [only = ''] = said;
  return said.size === 1 && !only.startsWith('-1') ? only : '';
}
