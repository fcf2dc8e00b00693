/**
 * What the disk of a node says when the node is gone, asked with the command anyone would use: the log is replayed
 * as recorded and decided again, verified byte by byte, and every acknowledged command looked up.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Ledger, LedgerAudit, LoggedEntry } from './ledger.ts';

const PROGRAM = resolve(import.meta.dirname, '../../dist/cli/main.js');

export interface Replayed {
  readonly index: number;
  readonly entries: number;
  readonly seconds: number;
  readonly digest: string;
  readonly roots: Readonly<Record<string, string>>;
  readonly comparisons: readonly {
    readonly with: string;
    readonly index: number;
    readonly equal: boolean;
  }[];
  readonly stop: unknown;
}

export interface Verified {
  readonly entries: number;
  readonly finding_count: number;
  readonly findings: readonly unknown[];
}

export interface Audit {
  readonly replayed: Replayed;
  readonly redecided: Replayed;
  readonly verified: Verified;
  readonly ledger: LedgerAudit;
}

/** The lines a `quorate log` command prints about a stopped node's directory. */
async function* linesOf(directory: string, options: readonly string[]): AsyncGenerator<string> {
  const child = spawn(process.execPath, [PROGRAM, 'log', ...options, '--data-dir', directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  yield* createInterface({ input: child.stdout });
  const [code] = (await ended) as [number | null];
  // 1 and 4 say that something was found: what, the output tells.
  if (code !== 0 && code !== 1 && code !== 4)
    throw new Error(`quorate log ${options.join(' ')} ended with ${code}`);
}

async function json<Result>(directory: string, options: readonly string[]): Promise<Result> {
  const lines: string[] = [];
  for await (const line of linesOf(directory, [...options, '-o', 'json'])) lines.push(line);
  return JSON.parse(lines.join('\n')) as Result;
}

async function* entriesIn(directory: string): AsyncGenerator<LoggedEntry> {
  for await (const line of linesOf(directory, ['dump', '-o', 'ndjson']))
    yield JSON.parse(line) as LoggedEntry;
}

/** @param index where the node stood when nothing was under way any more; what follows is its farewell */
export async function audit(directory: string, index: number, ledger: Ledger): Promise<Audit> {
  const until = ['--until', String(Math.max(1, index))];
  return {
    replayed: await json<Replayed>(directory, ['replay', ...until]),
    redecided: await json<Replayed>(directory, ['replay', '--redecide', ...until]),
    verified: await json<Verified>(directory, ['verify']),
    ledger: await ledger.audit(entriesIn(directory)),
  };
}
