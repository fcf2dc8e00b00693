/**
 * The clients of a campaign in a process of their own, so that what they do does not slow down the proxies,
 * through which nodes talk.
 *
 * ```
 *  campaign ── urls, whenever they change; then stop ──▶ crowd
 *           ◀─ tally, every moment; then over, or why ──
 * ```
 */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Tally } from '../../test/linearizability/clients.ts';

export interface CrowdOptions {
  readonly seed: number;
  readonly clients: number;
  readonly objects: number;
  /** Of which campaign in this place they are: each begins with objects nobody knows. */
  readonly round: number;
  readonly leaseMs: number;
  /** What a client rests between two operations. */
  readonly paceMs: number;
  /** Where the history goes. */
  readonly history: string;
}

/** Who serves, in the order of their weight. */
export type ToCrowd =
  { readonly kind: 'urls'; readonly urls: readonly string[] } | { readonly kind: 'stop' };

export type FromCrowd =
  | { readonly kind: 'tally'; readonly tally: Tally }
  | { readonly kind: 'over'; readonly failure: string | undefined };

/** Who serves is looked at so often. */
const LOOK_MS = 50;

export class Crowd {
  readonly #child: ChildProcess;
  readonly #looking: NodeJS.Timeout;
  /** With why, if not in order. */
  readonly #over: Promise<string | undefined>;
  #tally: Tally = { answered: 0, open: 0, nothing: new Map() };
  #said = '';

  constructor(options: CrowdOptions, urls: () => readonly string[]) {
    this.#child = fork(join(import.meta.dirname, 'crowd-process.ts'), [JSON.stringify(options)], {
      execArgv: ['--import', 'tsx'],
      serialization: 'advanced',
    });
    this.#over = new Promise((resolve) => {
      this.#child.on('message', (message: FromCrowd) => {
        if (message.kind === 'tally') this.#tally = message.tally;
        else resolve(message.failure);
      });
      this.#child.once('exit', (code) => resolve(`the clients ended by themselves, code ${code}`));
    });
    this.#tell(urls());
    this.#looking = setInterval(() => this.#tell(urls()), LOOK_MS);
  }

  get tally(): Readonly<Tally> {
    return this.#tally;
  }

  /** Resolves when the history is complete. @throws what a client could not make sense of */
  async stop(): Promise<void> {
    this.#send({ kind: 'stop' });
    const failure = await this.#over;
    clearInterval(this.#looking);
    if (this.#child.connected) this.#child.disconnect();
    if (failure !== undefined) throw new Error(failure);
  }

  #tell(urls: readonly string[]): void {
    const said = urls.join(' ');
    if (said === this.#said) return;
    this.#said = said;
    this.#send({ kind: 'urls', urls });
  }

  #send(message: ToCrowd): void {
    if (this.#child.connected) this.#child.send(message);
  }
}
