/** Tables for people: plain text with aligned columns on a terminal, Markdown in files. */

export interface TableColumn {
  readonly title: string;
  readonly align: 'left' | 'right';
}

export interface TextTable {
  readonly columns: readonly TableColumn[];
  readonly rows: readonly (readonly string[])[];
}

function widths({ columns, rows }: TextTable): number[] {
  return columns.map(({ title }, at) =>
    Math.max(title.length, ...rows.map((row) => (row[at] ?? '').length)),
  );
}

function cell(text: string, width: number, align: TableColumn['align']): string {
  return align === 'right' ? text.padStart(width) : text.padEnd(width);
}

/** Columns separated by two spaces, a rule under the titles. */
export function plainTable(table: TextTable): string {
  const width = widths(table);
  const line = (cells: readonly string[]): string =>
    table.columns
      .map(({ align }, at) => cell(cells[at] ?? '', width[at] ?? 0, align))
      .join('  ')
      .trimEnd();
  const titles = line(table.columns.map(({ title }) => title));
  const rule = width.map((columns) => '─'.repeat(columns)).join('──');
  return [titles, rule, ...table.rows.map(line)].join('\n');
}

export function markdownTable({ columns, rows }: TextTable): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = columns.map(({ align }) => (align === 'right' ? '--:' : '---'));
  return [line(columns.map(({ title }) => title)), line(rule), ...rows.map(line)].join('\n');
}

/** 1234567 → "1 234 567", with as many decimals as make sense below a hundred. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const decimals = decimalsFor(Math.abs(value));
  const [whole = '', fraction] = value.toFixed(decimals).split('.');
  const grouped = whole.replaceAll(/\B(?=(\d{3})+(?!\d))/g, ' ');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

function decimalsFor(size: number): number {
  if (size >= 100 || Number.isInteger(size)) return 0;
  return size >= 10 ? 1 : 2;
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}
