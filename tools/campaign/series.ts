/**
 * How a campaign went over time: one JSON object per line, every ten seconds, of what each node costs and what
 * was done to it meanwhile.
 *
 * ```
 *  {"round":1,"seconds":20,"answered":3104,"open":9,"faults":7,"under_way":["isolate node-2"],
 *   "nodes":{"node-1":{"cpu":0.41,"rss_mib":121.4},"node-2":null,…}}
 * ```
 *
 * `cpu` is the share of a core since the line before, or since the process began; a node that does not run
 * is null. Memory that grows and grows is seen here, and nowhere in a verdict.
 */
import { appendFile } from 'node:fs/promises';
import { cpuSeconds, memoryOf } from '../process-figures.ts';

const LINE_MS = 10_000;

/** A process that may be another one later, or none. */
export interface Measured {
  readonly id: string;
  readonly pid: number;
  readonly isRunning: boolean;
}

export interface SeriesOptions {
  readonly file: string;
  readonly round: number;
  readonly nodes: readonly Measured[];
  /** What else is to be in a line. */
  readonly told: () => Readonly<Record<string, unknown>>;
  readonly everyMs?: number;
}

interface Used {
  readonly pid: number;
  readonly seconds: number;
}

interface Cost {
  readonly cpu: number;
  readonly rss_mib: number;
}

export class Series {
  readonly #options: SeriesOptions;
  readonly #started = performance.now();
  readonly #used = new Map<string, Used>();
  #last = performance.now();
  #writing: Promise<void> = Promise.resolve();
  readonly #timer: NodeJS.Timeout;

  constructor(options: SeriesOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#next(), options.everyMs ?? LINE_MS);
  }

  /** Resolves when the last line is written. @throws what kept lines from being written */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#next();
    await this.#writing;
  }

  /** One after another, or shares would be of nothing. */
  #next(): void {
    this.#writing = this.#writing.then(() => this.#write());
    // Whoever stops it hears of it.
    this.#writing.catch(() => undefined);
  }

  async #write(): Promise<void> {
    const { file, round, nodes, told } = this.#options;
    const now = performance.now();
    const elapsed = (now - this.#last) / 1000;
    const costs = await Promise.all(
      nodes.map(async (node) => [node.id, await this.#costOf(node, elapsed)] as const),
    );
    this.#last = now;
    const seconds = Math.round((now - this.#started) / 1000);
    const line = { round, seconds, ...told(), nodes: Object.fromEntries(costs) };
    await appendFile(file, `${JSON.stringify(line)}\n`);
  }

  async #costOf(node: Measured, elapsed: number): Promise<Cost | null> {
    if (!node.isRunning) return null;
    const { pid } = node;
    const before = this.#used.get(node.id);
    try {
      const [seconds, { rss }] = await Promise.all([cpuSeconds(pid), memoryOf(pid)]);
      this.#used.set(node.id, { pid, seconds });
      const used = before?.pid === pid ? seconds - before.seconds : seconds;
      return { cpu: rounded(used / elapsed, 100), rss_mib: rounded(rss, 10) };
    } catch {
      // It was killed just now.
      return null;
    }
  }
}

function rounded(value: number, parts: number): number {
  return Math.round(value * parts) / parts;
}
