/** What is seen while the demo runs: a bar with colours on a terminal, a plain line now and then elsewhere. */
import { styleText } from 'node:util';
import { Presets, SingleBar } from 'cli-progress';

type Paint = 'green' | 'red' | 'cyan' | 'dim' | 'bold';

const PLAIN_EVERY_MS = 2000;

export class Screen {
  readonly #isTerminal = process.stdout.isTTY;
  #bar: SingleBar | undefined;
  #said = 0;

  paint(paint: Paint, text: string): string {
    return this.#isTerminal && process.env['NO_COLOR'] === undefined
      ? styleText(paint, text)
      : text;
  }

  /** Prints a line above the bar. */
  say(line: string): void {
    this.#bar?.stop();
    console.log(line);
    if (this.#bar !== undefined) this.#resume();
  }

  begin(total: number): void {
    if (!this.#isTerminal) return;
    const format = ` {bar} {percentage} %  {value}/{total} tasks ended  {entries} entries  {phase}`;
    this.#bar = new SingleBar({ format, hideCursor: true, barsize: 28 }, Presets.shades_classic);
    this.#total = total;
    this.#resume();
  }

  progress(value: number, about: { readonly entries: number; readonly phase: string }): void {
    this.#value = value;
    this.#about = about;
    if (this.#bar !== undefined) this.#bar.update(value, about);
    else if (performance.now() - this.#said >= PLAIN_EVERY_MS) {
      this.#said = performance.now();
      console.log(`${value} tasks ended, ${about.entries} entries, ${about.phase}`);
    }
  }

  end(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #total = 0;
  #value = 0;
  #about: { readonly entries: number; readonly phase: string } = { entries: 0, phase: '' };

  #resume(): void {
    this.#bar?.start(this.#total, this.#value, this.#about);
  }
}
