/**
 * Work for the writer: something that becomes durable at once or not at all, in the order it was handed
 * over. A `Batch` gathers what arrives (`batch.ts`); an `Edit` rearranges one group's log (`edit.ts`).
 */
import type { Touched } from './batch-chain.ts';
import type { Range, StoreBatch } from './store.ts';
import type { Window } from './window.ts';

/** A promise and the means to settle it. Nobody need listen: a rejection without listeners is no crash. */
export class Settlement {
  readonly promise: Promise<void>;
  resolve: () => void = () => undefined;
  reject: (cause: Error) => void = () => undefined;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.promise.catch(() => undefined);
  }
}

export interface Work {
  readonly durable: Settlement;
  readonly entries: number;
  readonly bytes: number;
  /** Lays its changes into `writes`. @returns where the groups it touches will stand. */
  lay(writes: StoreBatch): Promise<readonly Touched[]>;
  /** It is on the disk: memory follows. */
  settle(window: Window): void;
  /** Ranges nobody can reach any more, cleared once the work is on the disk. */
  readonly leftovers: readonly Range[];
}
