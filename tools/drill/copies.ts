/** Copies of the tree in folders of their own: as it is, or with one defence less. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Mutation } from './mutation.ts';

const ROOT = join(import.meta.dirname, '../..');
/** What an attempt needs. */
const COPIED = [
  'src',
  'test',
  'tools',
  'docs',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
];

/** A copy of the tree; without a root of its own, of the one this file lies in. */
export function copyOf(root = ROOT): string {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-drill-'));
  for (const path of COPIED) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(root, path), join(folder, path), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** What ran in it may still be ending, and writes. */
export function drop(folder: string): void {
  rmSync(folder, { recursive: true, maxRetries: 5 });
}

/** A copy with one defence less. */
export function mutated(root: string, { name, patches }: Mutation): string {
  const folder = copyOf(root);
  for (const { file, find, replace } of patches) {
    const path = join(folder, 'src', file);
    const text = readFileSync(path, 'utf8');
    if (text.split(find).length !== 2)
      throw new Error(`${name}: what is to be replaced occurs not exactly once in ${file}`);
    writeFileSync(
      path,
      text.replace(find, () => replace),
    );
  }
  return folder;
}
