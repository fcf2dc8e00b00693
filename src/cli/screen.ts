/**
 * Where the command speaks: results to the output, everything else beside it, so that a pipe carries
 * results only. Colours are for terminals, and for people who have not said NO_COLOR.
 */
import { once } from 'node:events';
import type { Writable } from 'node:stream';

export interface Outlet extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface Streams {
  readonly stdout: Outlet;
  readonly stderr: Outlet;
  readonly env: NodeJS.ProcessEnv;
}

const COLOURS = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
export type Colour = keyof typeof COLOURS;

const WIDTH_DEFAULT = 120;

export class Screen {
  readonly stderr: Outlet;
  readonly #stdout: Outlet;
  readonly #colours: boolean;

  constructor({ stdout, stderr, env }: Streams) {
    this.#stdout = stdout;
    this.stderr = stderr;
    this.#colours = stdout.isTTY === true && (env['NO_COLOR'] ?? '') === '';
  }

  /** Whether a person is looking at the results. */
  get isTerminal(): boolean {
    return this.#stdout.isTTY === true;
  }

  /** Letters in a line. */
  get width(): number {
    return this.#stdout.columns ?? WIDTH_DEFAULT;
  }

  paint(colour: Colour, text: string): string {
    return this.#colours ? `\u001B[${COLOURS[colour]}m${text}\u001B[0m` : text;
  }

  /** A line of the result. */
  say(line: string): void {
    this.#stdout.write(`${line}\n`);
  }

  /** Part of a long result; resolves when there is room for more. */
  async write(part: string | Uint8Array): Promise<void> {
    if (!this.#stdout.write(part)) await once(this.#stdout, 'drain');
  }

  /** A line that is not part of the result: progress, faults, advice. */
  tell(line: string): void {
    this.stderr.write(`${line}\n`);
  }
}
