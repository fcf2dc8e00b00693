/** What every benchmark is given, and what it is. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Report } from './report.ts';

export interface Settings {
  readonly rounds: number;
  /** How long a round measures, seconds. */
  readonly seconds: number;
  /** How many operations are in flight, where a benchmark lets that be chosen. */
  readonly inFlight: number | undefined;
  /** The load, by its name in `workload.ts`; undefined: the benchmark's usual one. */
  readonly command: string | undefined;
  /** Entries of prepared logs. */
  readonly entries: number;
  /** Millions of cycles of the memory benchmark. */
  readonly millions: number;
  /** How often a leader is lost or handed over, where that is measured. */
  readonly times: number;
  /** How long elections are waited for, minutes. */
  readonly minutes: number;
  readonly against: string | undefined;
  /** The built `quorate` that is measured. */
  readonly program: string;
  /** Where data directories are made: on the disk that is to be measured. */
  readonly directory: string;
  /** Leaves CPU profiles of the nodes here. */
  readonly profile: string | undefined;
  readonly force: boolean;
  readonly say: (line: string) => void;
}

export interface Benchmark {
  readonly number: string;
  readonly name: string;
  readonly title: string;
  run(settings: Settings): Promise<Report>;
}

/** Runs `use` with a directory that is gone afterwards. */
export async function withDirectory<Result>(
  { directory }: Pick<Settings, 'directory'>,
  use: (path: string) => Promise<Result>,
): Promise<Result> {
  const path = await mkdtemp(join(directory, 'quorate-bench-'));
  try {
    return await use(path);
  } finally {
    await rm(path, { recursive: true, force: true });
  }
}

export const DEFAULT_DIRECTORY = tmpdir();
