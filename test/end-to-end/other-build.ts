/** A build with a defence removed: what the tests of that defence must notice. */
import assert from 'node:assert/strict';
import { cp, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from './folder.ts';

const PROJECT = join(import.meta.dirname, '..', '..');

export interface Removal {
  /** A compiled file below `dist`. */
  readonly file: string;
  readonly text: string;
  readonly instead: string;
}

/** @returns the folder of a project whose `dist` lacks the defence */
export async function buildWithout({ file, text, instead }: Removal): Promise<string> {
  const folder = await temporaryFolder();
  await cp(join(PROJECT, 'dist'), join(folder, 'dist'), { recursive: true });
  await cp(join(PROJECT, 'package.json'), join(folder, 'package.json'));
  await symlink(join(PROJECT, 'node_modules'), join(folder, 'node_modules'));
  const path = join(folder, 'dist', file);
  const compiled = await readFile(path, 'utf8');
  assert.equal(compiled.split(text).length, 2, `${file} has "${text}" exactly once`);
  await writeFile(path, compiled.replace(text, instead));
  return folder;
}

/** A store that tells everybody that it synced, and never does. */
export const SYNC: Removal = {
  file: join('log', 'level-store.js'),
  text: '#batch.write(options)',
  instead: '#batch.write({ sync: false })',
};
