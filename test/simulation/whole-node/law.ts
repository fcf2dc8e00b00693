/**
 * A law watches what happens in a simulated world of whole nodes and says when it was broken. Laws change
 * nothing; they see messages, disks, what is applied and what callers hear.
 */
import type { Command, Entry } from '../../../src/log/command.ts';
import type { GroupId } from '../../../src/log/group.ts';
import type { Outcome } from '../../../src/projections/outcome.ts';
import type { Answer } from '../../../src/protocols/coordinator/answer.ts';
import type { RecordedEntry } from '../../../src/protocols/coordinator/history.ts';
import type { Group } from '../../../src/protocols/coordinator/group.ts';
import type { Trace } from '../../../src/protocols/raft/core/input.ts';
import type { Message } from '../../../src/protocols/raft/core/messages.ts';
import type { Operation } from '../../linearizability/history.ts';
import type { Chronicles } from './chronicle.ts';
import type { Life } from './life.ts';
import type { SimulatedNode } from './node.ts';

/** What a law may look at besides the moment it is told of. */
export interface Observed {
  readonly nodes: readonly SimulatedNode[];
  readonly chronicles: Chronicles;
  /** Everything clients asked, with what they heard. */
  readonly history: () => readonly Operation[];
  /** Stores whose disk was taken away: what they had promised is nobody's word any more. */
  readonly lostStores: ReadonlySet<string>;
}

export interface Applied {
  readonly index: number;
  readonly frame: Buffer;
  /** Undefined where the node no longer has it in memory. */
  readonly outcome: Uint8Array | undefined;
}

export interface Law {
  readonly name: string;
  opened?(node: SimulatedNode, group: Group): void;
  traced?(node: SimulatedNode, group: GroupId, trace: Trace): void;
  /** At the moment the message leaves. */
  sent?(node: SimulatedNode, group: GroupId, message: Message): void;
  /** A node has applied an entry. */
  applied?(node: SimulatedNode, group: Group, applied: Applied): void;
  /** The first node has applied it: what it led to is decided. */
  decided?(group: GroupId, entry: Entry, outcome: Outcome): void;
  /** A node answers a command. */
  answered?(node: SimulatedNode, command: Command, answer: Answer): void;
  /** Somebody who follows main, and has seen it up to `cursor`, is told an entry. */
  followed?(cursor: number, entry: RecordedEntry): void;
  /** The same is told that what comes next is compacted, up to before `oldest`. */
  compacted?(cursor: number, oldest: number): void;
  /** The time to get well is over, or all is well: this is missing. */
  recovered?(missing: readonly string[]): void;
  /** A node was asked to stop and has done so; this life has ended. */
  stopped?(node: SimulatedNode, life: Life): void;
  stopFailed?(node: SimulatedNode, how: string): void;
  /** The time to stop is over. */
  stopsNever?(node: SimulatedNode, askedAt: number): void;
  /** All is well again, and quiet. */
  ended?(): void;
}

export type LawMaker = (observed: Observed, broken: (how: string) => void) => Law;
