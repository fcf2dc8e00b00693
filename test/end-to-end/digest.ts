/** What a node says it stands at, and what an independent replay of its directory comes to. */
import assert from 'node:assert/strict';
import { fetched } from './ask.ts';
import { quorate } from './quorate-command.ts';

export interface Standing {
  readonly index: number;
  readonly digest: string;
}

/** The live node's. */
export async function digestOf(url: string): Promise<Standing> {
  const status = await fetched(`${url}/status`);
  const { index } = status['position'] as { readonly index: number };
  return { index, digest: String(status['digest']) };
}

/** Replayed from the stored log, up to `index` if one is given, by the command an auditor would use. */
export async function offlineDigest(directory: string, index?: number): Promise<Standing> {
  const end = index === undefined ? [] : ['--until', String(index)];
  const words = ['log', 'replay', '--data-dir', directory, '-o', 'json', ...end];
  const { code, stdout, stderr } = await quorate(...words);
  assert.equal(code, 0, `${stdout}${stderr}`);
  const replayed = JSON.parse(stdout) as Readonly<Record<string, unknown>>;
  return { index: Number(replayed['index']), digest: String(replayed['digest']) };
}
