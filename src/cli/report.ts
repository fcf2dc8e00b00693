/** A result in the form that was asked for: a table for people, JSON or lines of JSON for programs. */
import type { Exit } from './exit.ts';
import type { Screen } from './screen.ts';

export const FORMATS = ['table', 'json', 'ndjson'] as const;
export type Format = (typeof FORMATS)[number];

export interface Report {
  readonly exit: Exit;
  /** The whole result. */
  readonly data: unknown;
  /** The same as lines of JSON; the whole as one line, if it has no rows. */
  readonly rows?: readonly unknown[];
  /** The same for people. */
  readonly lines: readonly string[];
}

type Form = (report: Report) => readonly string[];

const FORMS: Readonly<Record<Format, Form>> = {
  table: ({ lines }) => lines,
  json: ({ data }) => [JSON.stringify(data, null, 2)],
  ndjson: ({ data, rows = [data] }) => rows.map((row) => JSON.stringify(row)),
};

/** Prints a result. @returns how the command ends */
export function show(screen: Screen, report: Report, format: Format): Exit {
  for (const line of FORMS[format](report)) screen.say(line);
  return report.exit;
}
