/**
 * A node as its operator sees it: a process with an environment, output, signals and an exit code.
 * Whatever a test starts ends with the test.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { untilFrozen } from '../faults/processes.ts';
import { until, within } from './condition.ts';

const PROJECT = join(import.meta.dirname, '..', '..');
/** What takes a second takes many on a machine that has other things to do. */
const PATIENCE_MS = 120_000;
/** The line a node writes when it serves and can be stopped. */
const LISTENING = /"url":"(http:[^"]+)","msg":"listening"/;

export interface NodeOptions {
  readonly directory: string;
  readonly nodeId?: string;
  /** Settings without their prefix: `{ LOG_RETENTION: '100 entries' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** What is put before the command: a tracer. */
  readonly under?: readonly string[];
  /** Another build. */
  readonly project?: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class NodeProcess {
  readonly #exited: Promise<Exit>;
  readonly #child: ChildProcess;
  #output = '';
  #exit: Exit | undefined;

  private constructor(child: ChildProcess) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
    this.#exited = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve((this.#exit = { code, signal })));
    });
    this.#exited.catch(() => undefined);
  }

  /** Launches a node, and does not wait for it. */
  static launch(options: NodeOptions): NodeProcess {
    const { under = [], project = PROJECT, directory, nodeId = 'node-1', settings = {} } = options;
    const main = join(project, 'dist', 'cli', 'main.js');
    const [program, ...words] = [...under, process.execPath, main, 'start'] as const;
    const said = { DATA_DIR: directory, P2P_PORT: '0', NODE_ID: nodeId, ...settings };
    const quorate = Object.entries(said).map(([name, value]) => [`QUORATE_${name}`, value]);
    const env = { PATH: process.env['PATH'], ...Object.fromEntries(quorate) };
    const child = spawn(program ?? process.execPath, words, {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const node = new NodeProcess(child);
    onTestFinished(() => node.kill().then(() => undefined));
    return node;
  }

  /** Launches a node and waits until it says where it listens. */
  static async start(options: NodeOptions): Promise<NodeProcess> {
    const node = NodeProcess.launch(options);
    await node.listening();
    return node;
  }

  async listening(): Promise<void> {
    await until(
      'the node listens',
      () => {
        if (this.#exit !== undefined)
          throw new Error(`the node ended (${JSON.stringify(this.#exit)}):\n${this.#output}`);
        return LISTENING.test(this.#output);
      },
      PATIENCE_MS,
    );
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error('the node was not launched');
    return pid;
  }

  get url(): string {
    const url = LISTENING.exec(this.#output)?.[1];
    if (url === undefined) throw new Error(`the node does not listen:\n${this.#output}`);
    return url;
  }

  /** Everything it printed, on either stream. */
  get output(): string {
    return this.#output;
  }

  get isRunning(): boolean {
    return this.#exit === undefined;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves when the process has ended, for whatever reason. */
  ended(): Promise<Exit> {
    return within('the node ends', this.#exited, PATIENCE_MS);
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<Exit> {
    this.#child.kill('SIGKILL');
    return this.ended();
  }

  /** SIGTERM; resolves when the process has ended. */
  async stop(): Promise<Exit> {
    this.#child.kill('SIGTERM');
    return this.ended();
  }

  /** SIGSTOP; resolves when not one of its threads runs any more, a system call under way included. */
  async freeze(): Promise<void> {
    this.#child.kill('SIGSTOP');
    await untilFrozen(this.pid);
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }
}
