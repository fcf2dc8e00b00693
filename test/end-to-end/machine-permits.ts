/**
 * What this machine permits: mounting and networks need root, tracing needs ptrace. Each is tried once per test file,
 * for real. What is not permitted is said aloud, and its tests are skipped, so that the closing line counts
 * them.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** `test.skipIf(lacks(…))` */
export function lacks(...wanted: readonly (keyof typeof TRIALS)[]): boolean {
  const refusals = wanted.flatMap((name) => refusalOf(name, TRIALS[name]));
  for (const refusal of refusals) console.log(`skipped: ${refusal}`);
  return refusals.length > 0;
}

const TRIALS = {
  'loop mounts': (folder: string) => {
    const image = join(folder, 'image');
    const directory = join(folder, 'directory');
    tool('truncate', '-s', '4M', image);
    tool('mkdir', directory);
    tool('mkfs.ext4', '-q', image);
    tool('mount', '-o', 'loop', image, directory);
    tool('umount', directory);
  },
  tmpfs: (folder: string) => {
    tool('mount', '-t', 'tmpfs', '-o', 'size=1M', 'tmpfs', folder);
    tool('umount', folder);
  },
  'network namespaces': () => {
    // One name per process: several may try at once.
    const name = `quorate-${process.pid}`;
    tool('ip', 'netns', 'add', name);
    try {
      tool('ip', '-n', name, 'link', 'add', 'bridge', 'type', 'bridge');
      tool('ip', '-n', name, 'link', 'add', 'one', 'type', 'veth', 'peer', 'name', 'other');
    } finally {
      tool('ip', 'netns', 'del', name);
    }
  },
  strace: () => {
    tool('strace', '-f', '-e', 'inject=fdatasync:error=EIO:when=1', 'true');
  },
} as const satisfies Readonly<Record<string, (folder: string) => void>>;

function refusalOf(name: string, trial: (folder: string) => void): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-trial-'));
  try {
    trial(folder);
    return [];
  } catch (error) {
    const [reason] = (error as Error).message.trim().split('\n').slice(-1);
    return [`this machine does not permit ${name} (${reason})`];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function tool(name: string, ...words: readonly string[]): void {
  execFileSync(name, words, { stdio: ['ignore', 'ignore', 'pipe'] });
}
