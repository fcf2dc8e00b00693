/** Text in columns, and numbers, sizes and durations as people read them. */
import { stripVTControlCharacters } from 'node:util';

function printedLength(text: string): number {
  return stripVTControlCharacters(text).length;
}

export type Alignment = 'left' | 'right';

function pad(text: string, width: number, alignment: Alignment): string {
  const space = ' '.repeat(Math.max(0, width - printedLength(text)));
  return alignment === 'left' ? text + space : space + text;
}

/** Rows as lines, each column as wide as its widest text; columns are aligned left unless said. */
export function columns(
  rows: readonly (readonly string[])[],
  alignments: readonly Alignment[] = [],
): readonly string[] {
  const count = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, at) =>
    Math.max(...rows.map((row) => printedLength(row[at] ?? ''))),
  );
  return rows.map((row) =>
    row
      .map((text, at) => pad(text, widths[at] ?? 0, alignments[at] ?? 'left'))
      .join('  ')
      .trimEnd(),
  );
}

/** `1234567` as `1 234 567`. */
export function grouped(number: number): string {
  return String(Math.round(number)).replaceAll(/\B(?=(\d{3})+$)/g, ' ');
}

export function counted(
  number: number,
  one: string,
  many = `${one === 'entry' ? 'entrie' : one}s`,
): string {
  return `${grouped(number)} ${number === 1 ? one : many}`;
}

const SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

export function size(bytes: number): string {
  const step = Math.min(SIZES.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const amount = bytes / 1024 ** step;
  return `${amount.toFixed(step === 0 ? 0 : 1)} ${SIZES[step]}`;
}

export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 0)} s`;
}

export function moment(at: number | null): string {
  return at === null ? '-' : new Date(at).toISOString();
}

/** At most `width` letters, the last of which then says that there was more. */
export function clipped(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}
