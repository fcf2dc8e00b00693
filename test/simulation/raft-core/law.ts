/**
 * A law watches what happens in a simulated world and says when it was broken. Laws never change
 * anything and never look into a core: they see what a host sees, and the disks.
 */
import type { Effects, Role, Settled, Write } from '../../../src/protocols/raft/core/input.ts';
import type { Entry } from '../../../src/protocols/raft/core/entry.ts';
import type { Message } from '../../../src/protocols/raft/core/messages.ts';
import type { Asked } from './asked.ts';
import type { Chronicle } from './chronicle.ts';
import type { Host } from './host.ts';
import type { LogImage, Snapshot } from './log-image.ts';

/** What a law may look at besides the moment it is told of. */
export interface Observed {
  readonly hosts: readonly Host[];
  readonly chronicle: Chronicle;
  /** What each store that ever was holds durably; that of a lost disk stays as it was. */
  readonly stores: ReadonlyMap<string, LogImage>;
}

export interface Law {
  readonly name: string;
  started?(host: Host): void;
  became?(host: Host, role: Role, term: number): void;
  /** Before the write is in `host.disk.issued`. */
  wrote?(host: Host, write: Write): void;
  /** At the moment the message leaves. */
  sent?(host: Host, message: Message): void;
  /** The host was told that everything up to `to` is committed; up to `from` it knew. */
  committed?(host: Host, from: number, to: number): void;
  applied?(host: Host, entry: Entry): void;
  installed?(host: Host, snapshot: Snapshot): void;
  asked?(asked: Asked): void;
  settled?(asked: Asked, settled: Settled): void;
  /** A read was answered from a machine that had applied up to here. */
  served?(asked: Asked, applied: number): void;
  /** After each turn of the host's loop. */
  turned?(host: Host, effects: Effects): void;
}

export type LawMaker = (observed: Observed, broken: (how: string) => void) => Law;
