/**
 * The files beside the store, as the log sees them: few operations, each of which the operating system
 * makes durable only when it is asked to. A log is given those of the operating system unless it is told
 * otherwise, as in a simulated machine.
 *
 * ```
 *  create ─▶ append … ─▶ sync ─▶ close        the bytes are durable
 *  rename ─▶ syncDirectory                    the name is durable
 * ```
 */
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { namesIn, syncDirectory } from './directory.ts';

export interface OpenFile {
  /** Bytes that are in it. */
  size(): Promise<number>;
  /** Up to `length` bytes from `offset` on; fewer where the file ends. */
  read(offset: number, length: number): Promise<Buffer>;
  /** Calls must follow one another. */
  append(bytes: Uint8Array): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface Files {
  /** The names in a directory; none where it does not exist. */
  names(directory: string): Promise<readonly string[]>;
  /** With those above it, where they are not there yet. */
  makeDirectory(path: string): Promise<void>;
  syncDirectory(path: string): Promise<void>;
  /** An empty file; one that was there is emptied. */
  create(path: string): Promise<OpenFile>;
  open(path: string): Promise<OpenFile>;
  size(path: string): Promise<number>;
  rename(from: string, to: string): Promise<void>;
  /** A file, or a directory with all that is in it. Nothing happens where there is none. */
  remove(path: string): Promise<void>;
}

function opened(file: FileHandle): OpenFile {
  return {
    size: async () => (await file.stat()).size,
    read: async (offset, length) => {
      const bytes = Buffer.allocUnsafe(length);
      const { bytesRead } = await file.read(bytes, 0, length, offset);
      return bytes.subarray(0, bytesRead);
    },
    append: (bytes) => file.appendFile(bytes),
    sync: () => file.sync(),
    close: () => file.close(),
  };
}

/** Those of the operating system. */
export const fileSystem: Files = {
  names: namesIn,
  makeDirectory: async (path) => {
    await mkdir(path, { recursive: true });
  },
  syncDirectory,
  create: async (path) => opened(await open(path, 'w')),
  open: async (path) => opened(await open(path, 'r')),
  size: async (path) => (await stat(path)).size,
  rename,
  remove: (path) => rm(path, { recursive: true, force: true }),
};
