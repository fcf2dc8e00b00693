/** What a proposal came to, for whoever asked. */
import type { Outcome, Replayed } from '../../projections/outcome.ts';
import type { EngineRefusal } from '../engine.ts';

export type ProposalRefusal = EngineRefusal | 'idempotency-in-flight';

export type Answer =
  | {
      readonly kind: 'answered';
      readonly index: number;
      readonly term: number;
      readonly outcome: Exclude<Outcome, Replayed>;
      /** True when the command had been applied before and this is that answer. */
      readonly replayed: boolean;
    }
  /** Not taken: nothing was appended, nothing will be applied. */
  | { readonly kind: 'refused'; readonly code: ProposalRefusal; readonly leader_id?: string }
  /** It may or may not be applied; a retry with the same key finds out. */
  | { readonly kind: 'unknown' };
