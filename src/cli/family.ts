/** What the commands have in common when they are declared: the form of their output, their examples. */
import { Option } from 'commander';
import type { Exit } from './exit.ts';
import type { Invocation } from './invocation.ts';
import { type Format, FORMATS, type Report, show } from './report.ts';

/** Takes how a command ends. */
export type Ends = (exit: Promise<Exit>) => Promise<void>;

const URL_DEFAULT = 'http://127.0.0.1:8770';

export interface Asking {
  readonly url: string;
}

/** Which running node is asked. */
export function urlOption({ env }: Invocation): Option {
  return new Option('--url <address>', 'the node; QUORATE_URL says it too').default(
    env['QUORATE_URL'] ?? URL_DEFAULT,
  );
}

export interface Reporting {
  readonly output: Format;
}

export function outputOption(): Option {
  return new Option('-o, --output <form>', 'how the result is printed')
    .choices(FORMATS)
    .default('table');
}

export async function shown(
  { screen }: Invocation,
  { output }: Reporting,
  report: Promise<Report>,
): Promise<Exit> {
  return show(screen, await report, output);
}

/** The end of a help text. */
export function examples(...lines: readonly string[]): string {
  return ['', 'Examples:', ...lines.map((line) => `  ${line}`)].join('\n');
}
