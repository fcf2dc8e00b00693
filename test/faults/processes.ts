/**
 * Real processes that are killed, frozen and started again: only our own children, each by the handle we
 * got when it was started, so that no signal ever reaches anybody else.
 *
 * ```
 *            start                kill (SIGKILL), stop (SIGTERM), or it ends by itself
 *  (nothing) ─────▶ running ─────────────────────────────────────────────────────▶ ended
 *                    │    ▲                                                        │  start
 *             freeze ▼    │ thaw                                                   └──────▶ running
 *                   frozen ── kill ──▶ ended
 * ```
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { until, within } from '../end-to-end/condition.ts';

export interface Launch {
  readonly program: string;
  readonly words: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What is put before the command, such as a namespace to enter; it must become the program (`exec`). */
  readonly under?: readonly string[];
  /** Both streams, appended to over restarts. */
  readonly outputFile: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const STOP_MS_MAX = 120_000;

export class ChildUnderTest {
  readonly #launch: Launch;
  #child: ChildProcess | undefined;
  #ended: Promise<Exit> = Promise.resolve({ code: null, signal: null });

  constructor(launch: Launch) {
    this.#launch = launch;
  }

  /** Resolves when the process exists; whether it serves is for others to ask. */
  async start(): Promise<void> {
    if (this.isRunning) throw new Error(`process ${this.pid} runs already`);
    const { program, words, env, under = [], outputFile } = this.#launch;
    const [first = program, ...rest] = [...under, program, ...words];
    const output = openSync(outputFile, 'a');
    const child = spawn(first, rest, {
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    this.#child = child;
    this.#ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error('it was never started');
    return pid;
  }

  get isRunning(): boolean {
    const child = this.#child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  get outputFile(): string {
    return this.#launch.outputFile;
  }

  /** Resolves when the process is over. */
  ended(): Promise<Exit> {
    return this.#ended;
  }

  /** As a power switch would: nothing is flushed, nobody is told. Resolves when it is gone. */
  async kill(): Promise<Exit> {
    this.#child?.kill('SIGKILL');
    return within('the process is gone', this.#ended, STOP_MS_MAX);
  }

  /** Asks it to stop. @returns how it ended; with SIGKILL when it had not in time */
  async stop(): Promise<Exit> {
    this.#child?.kill('SIGTERM');
    this.thaw();
    const late = setTimeout(() => this.#child?.kill('SIGKILL'), STOP_MS_MAX);
    const exit = await this.#ended;
    clearTimeout(late);
    return exit;
  }

  /** Resolves when not one of its threads runs any more, a system call under way included. */
  async freeze(): Promise<void> {
    this.#child?.kill('SIGSTOP');
    await untilFrozen(this.pid);
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }
}

/** Every thread of the process is stopped. */
export async function untilFrozen(pid: number): Promise<void> {
  await until('every thread stands still', async () => {
    const threads = await readdir(`/proc/${pid}/task`);
    const states = await Promise.all(threads.map((thread) => stateOf(pid, thread)));
    return states.every((state) => state === 'T' || state === 't');
  });
}

async function stateOf(pid: number, thread: string): Promise<string | undefined> {
  const line = await readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8');
  return line.slice(line.lastIndexOf(')') + 2)[0];
}
