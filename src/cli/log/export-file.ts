/**
 * A file that a log is exported to, and the manifest beside it that says how far it is whole, so that an
 * interrupted export can go on where it was.
 *
 * ```
 *  absent ── open ──▶ writing ── checkpoint, every few MiB: file synced, then the manifest renamed ──▶ complete
 *                        ▲                          │ interrupted
 *                        └── resume: cut to what the manifest vouches for ◀┘
 * ```
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open, readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import type { SeenEntry } from '../../log/sighting.ts';
import { CommandFault, EXIT } from '../exit.ts';

export const EXPORT_FORMATS = ['ndjson', 'raw'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

const MANIFEST = z.object({
  group: z.string(),
  format: z.enum(EXPORT_FORMATS),
  from: z.int(),
  /** The last entry that is in the file. */
  last: z.int(),
  /** SHA-256 of its frame: only the same log has the same. */
  last_frame: z.string(),
  /** What the file is whole up to. */
  bytes: z.int(),
  complete: z.boolean(),
});
export type Manifest = z.output<typeof MANIFEST>;

/** After so many bytes the manifest follows. */
const CHECKPOINT_BYTES = 8 * 1024 * 1024;

export function manifestPath(path: string): string {
  return `${path}.manifest.json`;
}

export function frameSum(frame: Uint8Array): string {
  return createHash('sha256').update(frame).digest('hex');
}

/** @throws CommandFault where there is none, or it is not one */
export async function readManifest(path: string): Promise<Manifest> {
  const text = await readFile(manifestPath(path), 'utf8').catch(() => '');
  const read = MANIFEST.safeParse(jsonOf(text));
  if (read.success) return read.data;
  throw new CommandFault(
    EXIT.usage,
    `there is no export to resume: ${manifestPath(path)} is missing or not a manifest; leave --resume out to begin`,
  );
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export class ExportFile {
  readonly #path: string;
  readonly #file: FileHandle;
  #manifest: Manifest;
  #unvouched = 0;

  private constructor(path: string, file: FileHandle, manifest: Manifest) {
    this.#path = path;
    this.#file = file;
    this.#manifest = manifest;
  }

  /** Begins an export. @throws CommandFault where the file exists: nothing is overwritten */
  static async create(path: string, manifest: Manifest): Promise<ExportFile> {
    const file = new ExportFile(path, await opened(path, 'wx'), manifest);
    // From now on it can be resumed, even before its first entry.
    await file.#checkpoint();
    return file;
  }

  /** Goes on with one. What an interruption left behind the last checkpoint is cut off. */
  static async resume(path: string, manifest: Manifest): Promise<ExportFile> {
    const file = await opened(path, 'r+');
    const { size } = await file.stat();
    if (size >= manifest.bytes) {
      await file.truncate(manifest.bytes);
      return new ExportFile(path, file, manifest);
    }
    await file.close();
    throw new CommandFault(EXIT.usage, `${path} is shorter than its manifest says; begin again`);
  }

  get manifest(): Manifest {
    return this.#manifest;
  }

  /** Appends what `last` ends with. */
  async append(bytes: Uint8Array, last: SeenEntry): Promise<void> {
    await this.#file.write(bytes, 0, bytes.length, this.#manifest.bytes);
    this.#manifest = {
      ...this.#manifest,
      last: last.index,
      last_frame: frameSum(last.frame),
      bytes: this.#manifest.bytes + bytes.length,
    };
    this.#unvouched += bytes.length;
    if (this.#unvouched >= CHECKPOINT_BYTES) await this.#checkpoint();
  }

  async finish(): Promise<void> {
    this.#manifest = { ...this.#manifest, complete: true };
    await this.#checkpoint();
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** First what is vouched for, then the word for it. */
  async #checkpoint(): Promise<void> {
    await this.#file.sync();
    const unnamed = `${manifestPath(this.#path)}.writing`;
    await writeFile(unnamed, `${JSON.stringify(this.#manifest, null, 2)}\n`, { flush: true });
    await rename(unnamed, manifestPath(this.#path));
    this.#unvouched = 0;
  }
}

async function opened(path: string, flags: 'wx' | 'r+'): Promise<FileHandle> {
  try {
    return await open(path, flags);
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, error: unknown): CommandFault {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EEXIST')
    return new CommandFault(
      EXIT.usage,
      `${path} exists; go on with it by --resume, or name another file`,
    );
  return new CommandFault(EXIT.disk, `${path} cannot be written: ${message}`);
}
