/**
 * Programs of this folder as plain JavaScript, compiled once per run: what is measured in process must
 * run as a release does, without the names that a development loader attaches to every function.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const OUTPUT = join(ROOT, 'node_modules/.cache/quorate-bench');
const COMPILER = join(ROOT, 'node_modules/typescript/bin/tsc');

let isCompiled = false;

/** @param program like `replay-run` @returns the file to run */
export function compiled(program: string): string {
  if (!isCompiled)
    execFileSync(
      process.execPath,
      [COMPILER, '-p', join(ROOT, 'tools/tsconfig.json'), '--noCheck'],
      {
        stdio: 'inherit',
      },
    );
  isCompiled = true;
  return join(OUTPUT, 'tools/bench', `${program}.js`);
}
