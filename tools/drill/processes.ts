/**
 * Node processes with all that they start in turn. A mutation may make any of them spin for ever, where no
 * signal but the last is heard: who is silent for too long is ended with its whole group.
 */
import { spawn } from 'node:child_process';

export interface Ended {
  readonly said: string;
  readonly complained: string;
  /** By what it ended; undefined: by a signal. */
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  /** It was ended, for it had said nothing for too long. */
  readonly wasSilent: boolean;
}

/** Silence is counted in these. One in which this process stood still itself is one, however long that took. */
const LOOK_MS = 1_000;

/** Their groups, by the process that leads each. */
const running = new Set<number>();

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has ended already.
  }
}

// They would outlive this process, which they do not share a group with.
process.on('exit', () => running.forEach(endGroup));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

export function ran(args: readonly string[], cwd: string, silenceMost: number): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd, detached: true });
    const { pid, stdout, stderr } = child;
    child.once('error', reject);
    if (pid === undefined) return;
    running.add(pid);
    const heard = { said: '', complained: '' };
    let silence = 0;
    let wasSilent = false;
    const looking = setInterval(() => {
      silence += LOOK_MS;
      if (silence < silenceMost) return;
      wasSilent = true;
      endGroup(pid);
    }, LOOK_MS);
    stdout.setEncoding('utf8').on('data', (text: string) => {
      heard.said += text;
      silence = 0;
    });
    stderr.setEncoding('utf8').on('data', (text: string) => {
      heard.complained += text;
    });
    child.once('close', (code, signal) => {
      clearInterval(looking);
      // What it started may have stayed behind.
      endGroup(pid);
      running.delete(pid);
      resolve({ ...heard, code: code ?? undefined, signal: signal ?? undefined, wasSilent });
    });
  });
}
