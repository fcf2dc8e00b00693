/** How far a campaign is: a bar on a terminal; elsewhere a line whenever it goes over to something else, and every minute. */
import { Presets, SingleBar } from 'cli-progress';
import type { Tally } from '../../test/linearizability/clients.ts';
import { figure } from '../table.ts';

const LINE_MS = 60_000;

export interface Progress {
  update(phase: string, tally: Readonly<Tally> | undefined): void;
  noteFault(): void;
  stop(): void;
}

/** `milliseconds`: how long there is to be trouble. `everyMs`: a line, at least. */
export function progressOn(
  stream: NodeJS.WritableStream & { readonly isTTY?: boolean },
  milliseconds: number,
  everyMs = LINE_MS,
): Progress {
  return stream.isTTY === true ? new Bar(milliseconds) : new Lines(stream, milliseconds, everyMs);
}

class Bar implements Progress {
  readonly #milliseconds: number;
  readonly #started = performance.now();
  readonly #bar = new SingleBar(
    {
      format: '{phase} {bar} {percentage}%  {answered} answers, {open} open, {faults} faults',
      hideCursor: true,
      clearOnComplete: true,
    },
    Presets.shades_classic,
  );
  #faults = 0;

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
    this.#bar.start(milliseconds, 0, { phase: 'founding', answered: '–', open: '–', faults: 0 });
  }

  update(phase: string, tally: Readonly<Tally> | undefined): void {
    this.#bar.update(Math.min(this.#milliseconds, performance.now() - this.#started), {
      phase,
      faults: this.#faults,
      answered: figure(tally?.answered ?? 0),
      open: figure(tally?.open ?? 0),
    });
  }

  noteFault(): void {
    this.#faults += 1;
  }

  stop(): void {
    this.#bar.stop();
  }
}

class Lines implements Progress {
  readonly #stream: NodeJS.WritableStream;
  readonly #milliseconds: number;
  readonly #started = performance.now();
  readonly #timer: NodeJS.Timeout;
  #phase = '';
  #tally: Readonly<Tally> | undefined;
  #faults = 0;

  constructor(stream: NodeJS.WritableStream, milliseconds: number, everyMs: number) {
    this.#stream = stream;
    this.#milliseconds = milliseconds;
    this.#timer = setInterval(() => this.#write(), everyMs);
  }

  update(phase: string, tally: Readonly<Tally> | undefined): void {
    const isNew = phase !== this.#phase;
    this.#phase = phase;
    this.#tally = tally;
    if (isNew) this.#write();
  }

  noteFault(): void {
    this.#faults += 1;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #write(): void {
    const seconds = Math.round((performance.now() - this.#started) / 1000);
    const counts = [
      `${figure(this.#tally?.answered ?? 0)} answers`,
      `${figure(this.#tally?.open ?? 0)} open`,
      `${figure(this.#faults)} faults`,
    ];
    const planned = Math.round(this.#milliseconds / 1000);
    this.#stream.write(
      `${seconds} s, trouble for ${planned}: ${this.#phase}; ${counts.join(', ')}\n`,
    );
  }
}
