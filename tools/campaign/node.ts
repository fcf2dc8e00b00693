/**
 * A node of a campaign: a process on a place and a directory of its own, which outlive it.
 *
 * ```
 *  gone ── start ──▶ serving ── kill, stop ──▶ gone
 *                       └── by itself: noted, unless it was to be expected ──▶ gone
 * ```
 */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../../test/end-to-end/condition.ts';
import type { Operated } from '../../test/faults/node-faults.ts';
import { ChildUnderTest, type Exit } from '../../test/faults/processes.ts';
import type { Place } from './network.ts';

/** How long a node may take to answer that it lives, its log read. */
const START_MS_MAX = 180_000;
const ANSWER_MS_MAX = 1_500;
/** Of what it printed last, in a report. */
const TOLD_CHARACTERS = 600;

export interface NodeOptions {
  readonly id: string;
  readonly program: string;
  readonly place: Place;
  readonly settings: Readonly<Record<string, string>>;
  readonly directory: string;
  readonly outputFile: string;
  /** It ended, and nobody had asked it to. */
  readonly onEnd: (line: string) => void;
}

export interface Answer {
  readonly status: number;
  readonly members: Readonly<Record<string, unknown>>;
}

export class CampaignNode implements Operated {
  readonly id: string;
  readonly httpUrl: string;
  readonly dataDir: string;
  readonly #options: NodeOptions;
  readonly #child: ChildUnderTest;
  /** It may end now, and that says nothing. */
  isToEnd = false;

  constructor(options: NodeOptions) {
    const { id, place, directory, program, outputFile, settings } = options;
    this.id = id;
    this.httpUrl = place.httpUrl;
    this.dataDir = directory;
    this.#options = options;
    this.#child = new ChildUnderTest({
      program: process.execPath,
      words: [...place.execArguments, program, 'start'],
      under: place.under,
      outputFile,
      env: { ...settings, ...place.env, QUORATE_NODE_ID: id, QUORATE_DATA_DIR: directory },
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.#child.isRunning;
  }

  async start(): Promise<void> {
    if (this.isRunning) return;
    this.isToEnd = false;
    await mkdir(this.dataDir, { recursive: true });
    await this.#child.start();
    void this.#child.ended().then((exit) => this.#noteEnd(exit));
    await until(`${this.id} lives`, () => this.#livesOrEnded(), START_MS_MAX);
    if (!this.isRunning) throw new Error(`${this.id} ended at its start: ${await this.told()}`);
  }

  async kill(): Promise<void> {
    this.isToEnd = true;
    await this.#child.kill();
  }

  async stop(): Promise<Exit> {
    this.isToEnd = true;
    return this.#child.stop();
  }

  freeze(): Promise<void> {
    return this.#child.freeze();
  }

  thaw(): void {
    this.#child.thaw();
  }

  /** Its disk is another one from now on. It must not run. */
  async loseDisk(): Promise<void> {
    await rm(this.dataDir, { recursive: true, force: true });
  }

  /** Undefined: nothing came in time. */
  async ask(
    path: string,
    method = 'GET',
    body?: object,
    milliseconds = body === undefined ? ANSWER_MS_MAX : ANSWER_MS_MAX * 2,
  ): Promise<Answer | undefined> {
    const sent =
      body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    try {
      const response = await fetch(`${this.httpUrl}${path}`, {
        method,
        ...sent,
        signal: AbortSignal.timeout(milliseconds),
      });
      return { status: response.status, members: (await response.json()) as Answer['members'] };
    } catch {
      return undefined;
    }
  }

  /** What it printed last. */
  async told(): Promise<string> {
    return (await readFile(this.#options.outputFile, 'utf8')).slice(-TOLD_CHARACTERS);
  }

  async #livesOrEnded(): Promise<boolean> {
    const answer = await this.ask('/livez');
    return answer?.status === 200 || !this.isRunning;
  }

  async #noteEnd({ code, signal }: Exit): Promise<void> {
    if (this.isToEnd) return;
    const how = signal ?? `code ${code}`;
    this.#options.onEnd(`${this.id} ended by itself (${how}): ${await this.told()}`);
  }
}

export function outputFileOf(directory: string, id: string): string {
  return join(directory, `${id}.log`);
}
