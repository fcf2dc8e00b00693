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
import { once } from 'node:events';
import { join } from 'node:path';
import type { Tally } from '../../test/linearizability/clients.ts';

export interface CrowdOptions {
  readonly seed: number;
  readonly clients: number;
  readonly objects: number;
  readonly leaseMs: number;
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
  #tally: Tally = { answered: 0, open: 0, nothing: new Map() };
  #said = '';

  constructor(options: CrowdOptions, urls: () => readonly string[]) {
    this.#child = fork(join(import.meta.dirname, 'crowd-process.ts'), [JSON.stringify(options)], {
      execArgv: ['--import', 'tsx'],
      serialization: 'advanced',
    });
    this.#child.on('message', (message: FromCrowd) => {
      if (message.kind === 'tally') this.#tally = message.tally;
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
    for (;;) {
      const [message] = (await once(this.#child, 'message')) as [FromCrowd];
      if (message.kind !== 'over') continue;
      clearInterval(this.#looking);
      this.#child.disconnect();
      if (message.failure !== undefined) throw new Error(message.failure);
      return;
    }
  }

  #tell(urls: readonly string[]): void {
    const said = urls.join(' ');
    if (said === this.#said) return;
    this.#said = said;
    this.#send({ kind: 'urls', urls });
  }

  #send(message: ToCrowd): void {
    this.#child.send(message);
  }
}
