/**
 * One node of a local cluster: a process of its own that runs `quorate start`, with its own directory and
 * ports, as it would on a machine of its own.
 *
 * ```
 *  launched ─▶ ready ── stop: SIGTERM, after a while SIGKILL ──▶ ended { code, signal }
 *     └────────────┴───────────── by itself ───────────────────▶
 * ```
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname, join } from 'node:path';
import { createInterface } from 'node:readline';

/** Lines kept of what it said last. */
const LINES_MAX = 12;
/** A node that does not stop within this is ended. */
const STOP_MS_MAX = 30_000;
const ANSWER_MS_MAX = 2_000;

/** The `quorate` command: compiled, or as it was written. */
const PROGRAM = join(import.meta.dirname, '..', `main${extname(import.meta.filename)}`);

export interface LocalNodeOptions {
  readonly id: string;
  readonly directory: string;
  readonly port: number;
  readonly raftPort: number;
  /** As `PEERS` has it; the node leaves itself out. */
  readonly peers: string;
  readonly env: NodeJS.ProcessEnv;
  readonly onLine: (line: string) => void;
}

export interface NodeEnding {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class LocalNode {
  readonly id: string;
  readonly url: string;
  /** What a person would type to start it by hand. */
  readonly command: string;
  readonly ended: Promise<NodeEnding>;
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  #ending: NodeEnding | undefined;

  private constructor(options: LocalNodeOptions, words: readonly string[], child: ChildProcess) {
    this.id = options.id;
    this.url = `http://127.0.0.1:${options.port}`;
    this.command = ['quorate', ...words].join(' ');
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      if (stream !== null) this.#listen(stream, options.onLine);
    this.ended = once(child, 'close').then(([code, signal]) => this.#end({ code, signal }));
  }

  static launch(options: LocalNodeOptions): LocalNode {
    const words = startWords(options);
    const child = spawn(process.execPath, [...process.execArgv, PROGRAM, ...words], {
      env: options.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new LocalNode(options, words, child);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.#ending === undefined;
  }

  /** How it ended, if it did. */
  get ending(): NodeEnding | undefined {
    return this.#ending;
  }

  get lastLines(): readonly string[] {
    return this.#lines;
  }

  /** What it answers to a GET; undefined where it does not, or not well. */
  async asked(path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    try {
      const signal = AbortSignal.timeout(ANSWER_MS_MAX);
      const response = await fetch(`${this.url}${path}`, { signal });
      const body = (await response.json()) as Readonly<Record<string, unknown>>;
      return response.ok ? body : undefined;
    } catch {
      return undefined;
    }
  }

  /** Asks it to stop, and waits until it is gone. Idempotent. */
  async stop(): Promise<NodeEnding> {
    this.#child.kill('SIGTERM');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS_MAX);
    const ending = await this.ended;
    clearTimeout(late);
    return ending;
  }

  #listen(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
    createInterface({ input: stream }).on('line', (line) => {
      this.#lines.push(line);
      if (this.#lines.length > LINES_MAX) this.#lines.shift();
      onLine(line);
    });
  }

  #end({ code, signal }: NodeEnding): NodeEnding {
    this.#ending = { code, signal };
    return this.#ending;
  }
}

function startWords({ id, directory, port, raftPort, peers }: LocalNodeOptions): readonly string[] {
  const flags = {
    'node-id': id,
    'data-dir': directory,
    'p2p-port': port,
    'raft-port': raftPort,
    peers,
  };
  return [
    'start',
    ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]),
  ];
}
