/**
 * What the kernel saw of a node, in order (strace): requests that came in, syncs that began and ended,
 * answers that left.
 *
 * ```
 *  4711 read(21, "POST /v1/commands HTTP/1.1\r\n"..., 65536) = 213
 *  4715 fdatasync(17 <unfinished ...>
 *  4715 <... fdatasync resumed>)           = 0
 *  4711 write(21, "HTTP/1.1 200 OK\r\n"..., 430) = 430
 * ```
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from './condition.ts';
import { temporaryFolder } from './folder.ts';

const TRACED = 'read,write,writev,sendto,sendmsg,fdatasync,fsync,close';

/** A tracer to start a node under, and the file it writes. */
export interface Tracer {
  readonly under: readonly string[];
  readonly file: string;
}

/** `injected`: faults in the language of `strace -e inject=`. */
export async function tracer(...injected: readonly string[]): Promise<Tracer> {
  const file = join(await temporaryFolder(), 'trace');
  const faults = injected.flatMap((fault) => ['-e', `inject=${fault}`]);
  // -D: the node is our own child, so that its exit code and signals are its own.
  const options = ['-D', '-f', '--seccomp-bpf', '-q', '-s', '48', '-o', file];
  return { under: ['strace', ...options, '-e', `trace=${TRACED}`, ...faults], file };
}

/** The lines of a trace, once the whole life of the process is in it. */
export async function traceOf({ file }: Tracer, pid: number): Promise<readonly string[]> {
  const over = new RegExp(`^${pid} +\\+\\+\\+ (exited|killed)`, 'm');
  const text = await until('the trace is written', async () => {
    const written = await readFile(file, 'utf8');
    return over.test(written) && written;
  });
  return text.trimEnd().split('\n');
}

/** A system call, with the lines on which it began and ended; other threads may have come in between. */
interface Call {
  readonly begin: number;
  readonly end: number;
  readonly text: string;
}

const UNFINISHED = /^(?<thread>\d+) +(?<text>.*?) *<unfinished \.\.\.>$/;
const RESUMED = /^(?<thread>\d+) +<\.\.\. \w+ resumed>(?<text>.*)$/;

/** In the order in which they ended. */
export function callsIn(lines: readonly string[]): readonly Call[] {
  const begun = new Map<string, { readonly begin: number; readonly text: string }>();
  const calls: Call[] = [];
  for (const [line, text] of lines.entries()) {
    const unfinished = UNFINISHED.exec(text)?.groups;
    const resumed = RESUMED.exec(text)?.groups;
    if (unfinished !== undefined)
      begun.set(unfinished['thread'] ?? '', { begin: line, text: unfinished['text'] ?? '' });
    else if (resumed === undefined) calls.push({ begin: line, end: line, text });
    else {
      const start = begun.get(resumed['thread'] ?? '');
      const whole = `${start?.text ?? ''}${resumed['text'] ?? ''}`;
      calls.push({ begin: start?.begin ?? line, end: line, text: whole });
    }
  }
  return calls;
}

/** An answer that promised something. */
export interface Acknowledgement {
  readonly line: number;
  /** Whether a sync that began after the request had come in ended, well, before the answer left. */
  readonly isAfterSync: boolean;
}

const SYNCED = /\bf(?:data)?sync\(\d+\) += 0$/;
const REQUEST = /\bread\((?<socket>\d+), *"POST \/v1/;
const ANSWER = /\b(?:write|writev|sendto|sendmsg)\((?<socket>\d+), *.*"HTTP\/1\.1 20\d/;

/** Every successful answer to a command, in order. */
export function acknowledgements(lines: readonly string[]): readonly Acknowledgement[] {
  const calls = callsIn(lines);
  const syncs = calls.filter(({ text }) => SYNCED.test(text));
  const requests = new Map<string, number>();
  const found: Acknowledgement[] = [];
  for (const { begin, end, text } of calls) {
    const asked = REQUEST.exec(text)?.groups?.['socket'];
    if (asked !== undefined) requests.set(asked, end);
    const answered = ANSWER.exec(text)?.groups?.['socket'];
    const request = requests.get(answered ?? '');
    if (request === undefined || answered === undefined) continue;
    const isAfterSync = syncs.some((sync) => sync.begin > request && sync.end < begin);
    found.push({ line: begin, isAfterSync });
    requests.delete(answered);
  }
  return found;
}

/** The line on which the first injected fault stands; -1 when there is none. */
export function firstInjection(lines: readonly string[]): number {
  return lines.findIndex((line) => line.includes('(INJECTED)'));
}
