/** Directories with a log of a million entries, as benchmarks of reading and starting need them. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Settings } from './benchmark.ts';
import { compiled } from './compiled.ts';

export interface PreparedLog {
  /** The newest index. */
  readonly index: number;
  readonly digest: string;
  /** The index of the newest snapshot. */
  readonly snapshot: number;
  /** The load it was filled with. */
  readonly command: string;
}

export async function prepareLog(directory: string, settings: Settings): Promise<PreparedLog> {
  const { command = 'add_work', entries, say } = settings;
  const started = performance.now();
  const options = [compiled('prepare-run'), directory, command, String(entries)];
  const { stdout } = await promisify(execFile)(process.execPath, options);
  say(`prepared ${entries} entries of ${command} in ${Math.round(performance.now() - started)} ms`);
  return { ...(JSON.parse(stdout) as Omit<PreparedLog, 'command'>), command };
}
