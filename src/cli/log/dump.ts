/** `quorate log dump`: entries with what they led to, decoded, one after another. */
import { decodeEntry, packr } from '../../log/command.ts';
import type { SeenEntry } from '../../log/sighting.ts';
import type { Outcome } from '../../projections/outcome.ts';
import { EXIT, type Exit } from '../exit.ts';
import type { Invocation } from '../invocation.ts';
import { clipped } from '../layout.ts';
import type { Format } from '../report.ts';
import type { Screen } from '../screen.ts';
import { withLog, type LogOptions } from './choose.ts';
import { entryLine } from './entry-line.ts';
import { damageLine } from './findings.ts';
import { type Selection, selected } from './selection.ts';

export interface DumpOptions extends LogOptions, Selection {
  /** The stored frames in hexadecimal instead. */
  readonly raw: boolean;
  readonly output: Format;
}

export function logDump(invocation: Invocation, options: DumpOptions): Promise<Exit> {
  const { screen } = invocation;
  const row = (options.raw ? RAW : DECODED)[options.output];
  return withLog(invocation, options, async ({ evidence }) => {
    const parts = new Parts(options.output);
    let damaged = 0;
    for await (const seen of selected(evidence, options)) {
      if (seen.kind === 'entry') await screen.write(parts.next(row(seen, screen)));
      else screen.tell(damageLine(seen));
      damaged += Number(seen.kind === 'damage');
    }
    await screen.write(parts.end());
    return damaged === 0 ? EXIT.fine : EXIT.corrupt;
  });
}

/** One JSON array for `json`, lines otherwise. */
class Parts {
  readonly #isArray: boolean;
  #count = 0;

  constructor(format: Format) {
    this.#isArray = format === 'json';
  }

  next(row: string): string {
    this.#count += 1;
    if (!this.#isArray) return `${row}\n`;
    return `${this.#count === 1 ? '[' : ','}\n${row}`;
  }

  end(): string {
    if (!this.#isArray) return '';
    return this.#count === 0 ? '[]\n' : '\n]\n';
  }
}

type Row = (seen: SeenEntry, screen: Screen) => string;

function hexRow({ index, frame }: SeenEntry): string {
  return `${index}  ${frame.toString('hex')}`;
}

function hexJson({ index, frame }: SeenEntry): string {
  return JSON.stringify({ index, frame: frame.toString('hex') });
}

/** Columns of fixed width: rows are printed as they are read. */
function tableRow({ frame, outcome }: SeenEntry, screen: Screen): string {
  const { index, term, at, type, data } = decodeEntry(frame);
  const place = `${String(index).padStart(9)}  ${String(term).padStart(4)}`;
  const time = screen.paint('dim', new Date(at).toISOString());
  const line = `${place}  ${time}  ${type.padEnd(22)}  ${outcomeWord(screen, outcome)}  `;
  const used = 9 + 2 + 4 + 2 + 24 + 2 + 24 + 10 + 2;
  return `${line}${clipped(JSON.stringify(data), Math.max(20, screen.width - used))}`;
}

const COLOURS = { applied: 'green', refused: 'yellow', replayed: 'cyan', skipped: 'dim' } as const;

function outcomeWord(screen: Screen, bytes: Uint8Array | undefined): string {
  if (bytes === undefined) return screen.paint('dim', 'not known '.padEnd(10));
  const outcome = packr.unpack(bytes) as Outcome;
  const word = outcome.kind === 'refused' ? outcome.code : outcome.kind;
  return screen.paint(COLOURS[outcome.kind], clipped(word, 20).padEnd(10));
}

const DECODED: Readonly<Record<Format, Row>> = {
  table: tableRow,
  json: entryLine,
  ndjson: entryLine,
};
const RAW: Readonly<Record<Format, Row>> = { table: hexRow, json: hexJson, ndjson: hexJson };
