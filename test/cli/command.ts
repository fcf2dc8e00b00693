/** The `quorate` command, run inside the test, with what it printed. */
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { run } from '../../src/cli/program.ts';

export interface Ended {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

export async function quorate(
  words: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Ended> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const printed = [text(stdout), text(stderr)] as const;
  const exit = await run(words, { stdout, stderr, env });
  stdout.end();
  stderr.end();
  const [out, err] = await Promise.all(printed);
  return { exit, out, err };
}

/** The result as data. */
export async function asked(words: readonly string[]): Promise<Record<string, unknown> & Ended> {
  const ended = await quorate([...words, '-o', 'json']);
  return { ...ended, ...(JSON.parse(ended.out) as Record<string, unknown>) };
}
