/**
 * `quorate log export`: entries with what they led to, for other tools: as lines of JSON, or as the
 * stored bytes (`recorded-bytes.ts`). To a file it can be interrupted and resumed.
 */
import type { SeenEntry, Sighting } from '../../log/sighting.ts';
import type { Evidence } from '../../projections/history/evidence.ts';
import { CommandFault, EXIT, type Exit } from '../exit.ts';
import type { Invocation } from '../invocation.ts';
import { counted, size } from '../layout.ts';
import { type Course, progressOf } from '../progress.ts';
import type { Screen } from '../screen.ts';
import { withLog, type LogOptions } from './choose.ts';
import { entryLine } from './entry-line.ts';
import {
  ExportFile,
  type ExportFormat,
  frameSum,
  type Manifest,
  readManifest,
} from './export-file.ts';
import { damageLine } from './findings.ts';
import { recordedBytes } from './recorded-bytes.ts';
import { selected } from './selection.ts';
import type { LogSource } from './source.ts';

export interface ExportOptions extends LogOptions {
  readonly from: number;
  readonly to: number;
  readonly format: ExportFormat;
  /** Undefined: the output. */
  readonly out?: string;
  readonly resume: boolean;
}

const ENCODINGS: Readonly<Record<ExportFormat, (seen: SeenEntry) => Uint8Array>> = {
  ndjson: (seen) => Buffer.from(`${entryLine(seen)}\n`),
  raw: recordedBytes,
};

/** Entries gathered for one write. */
const PART_ENTRIES = 1_000;

export function logExport(invocation: Invocation, options: ExportOptions): Promise<Exit> {
  const { out } = options;
  return withLog(invocation, options, (source) =>
    out === undefined
      ? toOutput(invocation.screen, source, options)
      : toFile(invocation.screen, source, { ...options, out }),
  );
}

async function toOutput(screen: Screen, source: LogSource, options: ExportOptions): Promise<Exit> {
  if (options.resume)
    throw new CommandFault(
      EXIT.usage,
      'only an export to a file can be resumed; name it with --out',
    );
  const encode = ENCODINGS[options.format];
  const run = new Run(screen, source, options);
  for await (const part of run.parts(options.from))
    await screen.write(Buffer.concat(part.map(encode)));
  return run.exit;
}

type ToFile = ExportOptions & { readonly out: string };

async function toFile(screen: Screen, source: LogSource, options: ToFile): Promise<Exit> {
  const file = options.resume ? await resumed(source, options) : await created(source, options);
  const encode = ENCODINGS[options.format];
  const run = new Run(screen, source, options);
  try {
    for await (const part of run.parts(file.manifest.last + 1))
      await file.append(Buffer.concat(part.map(encode)), part.at(-1) as SeenEntry);
    await file.finish();
  } finally {
    await file.close();
  }
  const { last, bytes } = file.manifest;
  screen.tell(
    `${counted(run.entries, 'entry')} written; ${options.out} has all up to ${last}, ${size(bytes)}`,
  );
  return run.exit;
}

function created({ evidence }: LogSource, { out, format, from }: ToFile): Promise<ExportFile> {
  const first = Math.max(from, evidence.first);
  const nothing = { last: first - 1, last_frame: '', bytes: 0, complete: false };
  return ExportFile.create(out, { group: evidence.group.id, format, from: first, ...nothing });
}

async function resumed(source: LogSource, { out, format }: ToFile): Promise<ExportFile> {
  const manifest = await readManifest(out);
  if (manifest.format !== format)
    throw new CommandFault(
      EXIT.usage,
      `${out} is in the format ${manifest.format}; say --format ${manifest.format}`,
    );
  await assertSameLog(source, manifest, out);
  return ExportFile.resume(out, manifest);
}

/** The last exported entry must be the same here; else the file would hold two histories. */
async function assertSameLog(
  { evidence }: LogSource,
  manifest: Manifest,
  out: string,
): Promise<void> {
  const { bytes, last, last_frame } = manifest;
  if (bytes === 0 || (await frameSumAt(evidence, last)) === last_frame) return;
  throw new CommandFault(
    EXIT.finding,
    `${out} ends with an entry ${last} that this log does not have: it was exported from another one`,
  );
}

async function frameSumAt(evidence: Evidence, index: number): Promise<string | undefined> {
  const only = { from: index, to: index, type: '*', limit: 1 };
  for await (const seen of selected(evidence, only))
    if (seen.kind === 'entry') return frameSum(seen.frame);
  return undefined;
}

/** Reads the range in parts, reports what is damaged, and counts. */
class Run {
  entries = 0;
  #damaged = 0;
  readonly #screen: Screen;
  readonly #source: LogSource;
  readonly #to: number;

  constructor(screen: Screen, source: LogSource, { to }: ExportOptions) {
    this.#screen = screen;
    this.#source = source;
    this.#to = to;
  }

  get exit(): Exit {
    return this.#damaged === 0 ? EXIT.fine : EXIT.corrupt;
  }

  /** Parts are never empty. */
  async *parts(from: number): AsyncGenerator<readonly SeenEntry[]> {
    const to = Math.min(this.#to, this.#source.evidence.last);
    const course = progressOf(this.#screen, { what: 'exporting', from: from - 1, to });
    let part: SeenEntry[] = [];
    for await (const seen of selected(this.#source.evidence, {
      from,
      to,
      type: '*',
      limit: Infinity,
    })) {
      part.push(...this.#intact(seen));
      if (part.length < PART_ENTRIES) continue;
      yield this.#counted(part, course);
      part = [];
    }
    if (part.length > 0) yield this.#counted(part, course);
    course.end();
  }

  #intact(seen: Sighting): readonly SeenEntry[] {
    if (seen.kind === 'entry') return [seen];
    this.#damaged += 1;
    this.#screen.tell(damageLine(seen));
    return [];
  }

  #counted(part: readonly SeenEntry[], course: Course): readonly SeenEntry[] {
    this.entries += part.length;
    course.at((part.at(-1) as SeenEntry).index);
    return part;
  }
}
