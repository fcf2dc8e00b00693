/**
 * Seeds run by several processes at once. Every seed is a world of its own, so it does not matter who runs
 * it; the first that breaks a law ends them all.
 *
 * ```
 *  crew ── a seed ──▶ process
 *       ◀─ what came of it: then the next
 * ```
 */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Ran, Wanted } from './kinds.ts';
import type { Kind } from './options.ts';

export interface ToCrew {
  readonly kind: Kind;
  readonly seed: number;
  readonly wanted: Wanted;
}

export interface FromCrew {
  readonly seed: number;
  readonly ran: Ran;
}

/** A seed that failed, and how: undefined where a law says it. */
export interface Failed {
  readonly seed: number;
  readonly how: string | undefined;
}

export interface Work {
  readonly kind: Kind;
  readonly wanted: Wanted;
  readonly seeds: Iterator<number, void>;
  readonly processes: number;
  readonly onRan: (ran: Ran) => void;
}

/** A seed takes a second or two; one that takes so long does not come to rest. */
const SEED_MS_MOST = 300_000;

/** @returns the first seed that failed, if any did */
export function runSeeds({ kind, wanted, seeds, processes, onRan }: Work): Promise<Failed | void> {
  return new Promise((resolve) => {
    const crew: ChildProcess[] = [];
    let working = processes;
    const end = (failed?: Failed): void => {
      for (const child of crew) child.kill('SIGKILL');
      resolve(failed);
    };
    const hire = (): void => {
      const child = fork(join(import.meta.dirname, 'seed-process.ts'), [], {
        execArgv: ['--import', 'tsx'],
        serialization: 'advanced',
      });
      crew.push(child);
      let seed = 0;
      let patience: NodeJS.Timeout | undefined;
      const next = (): void => {
        clearTimeout(patience);
        const task = seeds.next();
        if (task.done === true) return leave();
        seed = task.value;
        patience = setTimeout(
          () => end({ seed, how: 'it does not come to rest' }),
          SEED_MS_MOST,
        ).unref();
        child.send({ kind, seed, wanted } satisfies ToCrew);
      };
      const leave = (): void => {
        child.removeAllListeners('exit');
        child.disconnect();
        working -= 1;
        if (working === 0) resolve();
      };
      child.on('message', ({ ran }: FromCrew) => {
        onRan(ran);
        if (ran.isBroken) end({ seed, how: undefined });
        else next();
      });
      child.once('exit', (code) => end({ seed, how: `its process ended with ${code}` }));
      next();
    };
    for (let process = 0; process < processes; process += 1) hire();
  });
}
