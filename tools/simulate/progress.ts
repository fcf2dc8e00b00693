/** How far the seeds are: a bar for who sits in front of it, a line now and then for who reads it later. */
import { performance } from 'node:perf_hooks';
import { Presets, SingleBar } from 'cli-progress';
import { figure } from '../table.ts';

/** The bar moves so often. */
const SHOWN_EVERY_MS = 100;
/** A line is written so often. */
const TOLD_EVERY_MS = 20_000;

export class Progress {
  readonly #total: number;
  readonly #bar: SingleBar | undefined;
  readonly #started = performance.now();
  #shownAt = this.#started;
  #done = 0;

  constructor(total: number) {
    this.#total = total;
    if (!process.stderr.isTTY) return;
    this.#bar = new SingleBar(
      {
        format: 'simulating {bar} {value} of {total} seeds  {rate}/s  {eta_formatted} left',
        hideCursor: true,
        clearOnComplete: true,
      },
      Presets.shades_classic,
    );
    this.#bar.start(total, 0, { rate: '–' });
  }

  step(): void {
    this.#done += 1;
    const now = performance.now();
    if (now - this.#shownAt < (this.#bar === undefined ? TOLD_EVERY_MS : SHOWN_EVERY_MS)) return;
    this.#shownAt = now;
    const rate = figure((this.#done / (now - this.#started)) * 1000);
    if (this.#bar === undefined)
      console.error(`${this.#done} of ${this.#total} seeds, ${rate} a second`);
    else this.#bar.update(this.#done, { rate });
  }

  stop(): void {
    this.#bar?.stop();
  }
}
