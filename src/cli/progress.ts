/**
 * How far long work has come: a bar with rate and time left on a terminal, now and then a plain line
 * otherwise. Work that is over before anyone would wonder stays silent.
 */
import { performance } from 'node:perf_hooks';
import { Presets, SingleBar } from 'cli-progress';
import { grouped, seconds } from './layout.ts';
import type { Screen } from './screen.ts';

/** Before this, nobody wonders. */
const SILENT_MS = 500;
const LINE_EVERY_MS = 5_000;

export interface Work {
  /** Like `replaying`. */
  readonly what: string;
  /** Where it begins and ends, in entries. */
  readonly from: number;
  readonly to: number;
}

/** Reaches an index; without one, the work is over. */
export interface Course {
  at(index: number): void;
  end(): void;
}

export function progressOf(screen: Screen, work: Work): Course {
  const { stderr } = screen;
  return stderr.isTTY === true ? new Bar(screen, work) : new Lines(screen, work);
}

/** Work that goes over the same span more than once, each time under another name. */
export class Courses {
  readonly #screen: Screen;
  readonly #span: Omit<Work, 'what'>;
  #what = '';
  #current: Course | undefined;

  constructor(screen: Screen, span: Omit<Work, 'what'>) {
    this.#screen = screen;
    this.#span = span;
  }

  at(what: string, index: number): void {
    if (what !== this.#what) this.#begin(what);
    this.#current?.at(index);
  }

  end(): void {
    this.#current?.end();
  }

  #begin(what: string): void {
    this.end();
    this.#what = what;
    this.#current = progressOf(this.#screen, { what, ...this.#span });
  }
}

class Bar implements Course {
  readonly #bar: SingleBar;
  readonly #work: Work;
  readonly #started = performance.now();
  #shown = false;

  constructor({ stderr }: Screen, work: Work) {
    this.#work = work;
    this.#bar = new SingleBar(
      {
        stream: stderr,
        format: `${work.what} {bar} {percentage} %  {value} of {total}  {rate}/s  {eta_formatted} left`,
        hideCursor: true,
        clearOnComplete: true,
        formatValue: (value, _options, type) =>
          type === 'value' || type === 'total' ? grouped(value) : String(value),
      },
      Presets.shades_classic,
    );
  }

  at(index: number): void {
    const done = index - this.#work.from;
    const elapsed = performance.now() - this.#started;
    if (elapsed < SILENT_MS) return;
    const rate = grouped((done / elapsed) * 1000);
    if (this.#shown) this.#bar.update(done, { rate });
    else this.#bar.start(this.#work.to - this.#work.from, done, { rate });
    this.#shown = true;
  }

  end(): void {
    if (this.#shown) this.#bar.stop();
  }
}

class Lines implements Course {
  readonly #screen: Screen;
  readonly #work: Work;
  readonly #started = performance.now();
  #toldAt = this.#started;

  constructor(screen: Screen, work: Work) {
    this.#screen = screen;
    this.#work = work;
  }

  at(index: number): void {
    const now = performance.now();
    if (now - this.#toldAt < LINE_EVERY_MS) return;
    this.#toldAt = now;
    const { what, from, to } = this.#work;
    const [done, total] = [index - from, to - from];
    const rate = done / (now - this.#started);
    this.#screen.tell(
      `${what}: ${grouped(done)} of ${grouped(total)} entries, ${grouped(rate * 1000)}/s, ` +
        `about ${seconds((total - done) / rate)} left`,
    );
  }

  end(): void {
    // What was told stays told.
  }
}
