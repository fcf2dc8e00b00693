/**
 * A real node as a process of its own, started, killed and started again on one data directory.
 *
 * ```
 *  stopped ── start ──▶ running ── terminate (SIGTERM) ──▶ stopped
 *     ▲                    └────── kill (SIGKILL) ────────────┘
 * ```
 *
 * What the node prints goes to a file: its path is what a failure report names.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

export const PROGRAM: string = resolve(import.meta.dirname, '../dist/cli/main.js');
const START_MS_MAX = 120_000;
const STOP_MS_MAX = 120_000;
const LOOK_MS = 20;

export interface NodeProcessOptions {
  readonly directory: string;
  /** Where its output goes; appended to over restarts. */
  readonly outputFile: string;
  /** The built `quorate` to run; the one of this checkout when not given. */
  readonly program?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Arguments of node itself, like --cpu-prof. */
  readonly execArguments?: readonly string[];
}

export class NodeProcess {
  readonly #options: NodeProcessOptions;
  #child: ChildProcess | undefined;
  #url = '';

  constructor(options: NodeProcessOptions) {
    this.#options = options;
  }

  /** Where it listens; changes with every start. */
  get url(): string {
    return this.#url;
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('the node does not run');
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** Resolves once the node is ready to take commands. @returns how long that took, ms */
  async start(): Promise<number> {
    const started = performance.now();
    const child = this.#spawn();
    this.#child = child;
    child.once('exit', () => {
      if (this.#child === child) this.#child = undefined;
    });
    await this.#until(child, started, () => this.#listening(child));
    await this.#until(child, started, () => this.#ready());
    return performance.now() - started;
  }

  /** Ends it as a power switch would end the process: nothing is flushed, nobody is told. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Asks it to stop, and waits. @returns its exit code; null when it had to be killed */
  async terminate(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  #spawn(): ChildProcess {
    const { directory, outputFile, program = PROGRAM, env, execArguments = [] } = this.#options;
    const output = openSync(outputFile, 'a');
    const words = [...optionsIn(program), ...execArguments, program, 'start'];
    const child = spawn(process.execPath, words, {
      stdio: ['ignore', output, output],
      // A group of its own: Ctrl-C reaches the caller, who then stops the node in order.
      detached: true,
      env: {
        ...process.env,
        QUORATE_DATA_DIR: directory,
        QUORATE_NODE_ID: 'node-1',
        QUORATE_P2P_PORT: '0',
        QUORATE_LOG_LEVEL: 'warn',
        ...env,
      },
    });
    closeSync(output);
    return child;
  }

  async #until(child: ChildProcess, started: number, met: () => Promise<boolean>): Promise<void> {
    while (!(await met())) {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`the node ended at its start; see ${this.#options.outputFile}`);
      if (performance.now() - started > START_MS_MAX)
        throw new Error(`the node was not ready in time; see ${this.#options.outputFile}`);
      await pause(LOOK_MS);
    }
  }

  /** A node says where it listens in a file beside its log; one left by a killed node names another pid. */
  async #listening(child: ChildProcess): Promise<boolean> {
    const text = await readFile(join(this.#options.directory, 'node.json'), 'utf8').catch(
      () => '{}',
    );
    const { pid, url } = parsed(text);
    if (pid !== child.pid || url === undefined) return false;
    this.#url = url;
    return true;
  }

  async #ready(): Promise<boolean> {
    const response = await fetch(`${this.#url}/readyz`).catch(() => undefined);
    await response?.arrayBuffer();
    return response?.ok === true;
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) return null;
    const exited = once(child, 'exit');
    child.kill(signal);
    const lateKill = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
    await exited;
    clearTimeout(lateKill);
    return child.exitCode;
  }
}

/** The file may be read while it is being written. */
function parsed(text: string): { readonly pid?: number; readonly url?: string } {
  try {
    return JSON.parse(text) as { pid?: number; url?: string };
  } catch {
    return {};
  }
}

/** What the first line of a program says to Node, as whoever runs it by its name would have it. */
function optionsIn(program: string): readonly string[] {
  const [line = ''] = readFileSync(program, 'utf8').split('\n', 1);
  const [, options = ''] = line.split('-S node ');
  return options.split(' ').filter((option) => option !== '');
}
