/** The core as a host sees it. Whatever looks like this can be put into the simulated world: the core, or a broken copy. */
import type { CoreStatus } from '../../../src/protocols/raft/core/status.ts';
import type { Entry } from '../../../src/protocols/raft/core/entry.ts';
import type { CoreOptions, Effects, Input } from '../../../src/protocols/raft/core/input.ts';

export interface Core {
  step(input: Input, now: number): void;
  take(): Effects;
  entry(index: number): Entry | undefined;
  status(): CoreStatus;
}

export type CoreMaker = (options: CoreOptions, now: number) => Core;
