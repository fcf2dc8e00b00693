/** What was asked of a core under an id, and what became of it. Each id is settled once, or dies with its process. */
import type { Host } from './host.ts';

export type AskedKind = 'write' | 'read' | 'change' | 'transfer';

export interface Asked {
  readonly id: number;
  readonly kind: AskedKind;
  readonly host: Host;
  /** Which life of the host was asked. */
  readonly life: number;
  readonly at: number;
  /** The number in the frame of a write. */
  readonly number: number;
  /** What came of it: how it was settled, or that its process died first. */
  outcome: string | undefined;
}
