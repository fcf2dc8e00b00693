/** Runs a program of the system to its end. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** @returns what it printed. @throws with what it complained about, when it fails */
export async function tool(name: string, ...words: readonly string[]): Promise<string> {
  const { stdout } = await run(name, words, { maxBuffer: 64 * 1024 * 1024 });
  return stdout.trim();
}
