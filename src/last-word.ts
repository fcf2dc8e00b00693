/**
 * What a node that ends of a fault leaves for its next start, where it may learn everything anew from others.
 *
 * ```
 *  the disk gave back something else ─▶ marked: the next start reads everything, and puts it aside if that is so
 *  it decides otherwise than most    ─▶ marked for certain: the bytes are whole, so reading them would show nothing
 * ```
 */
import type { ClusterConfig } from './config/cluster.ts';
import { isDamage } from './log/fault.ts';
import { type Damage, markDamaged } from './log/set-aside.ts';
import { Divergence } from './protocols/coordinator/comparing.ts';
import { realClock } from './real-clock.ts';

interface Place {
  readonly dataDir: string;
  /** Undefined: it is alone. */
  readonly cluster: Pick<ClusterConfig, 'repairsFromPeers'> | undefined;
}

export async function leaveWord(fault: Error, { dataDir, cluster }: Place): Promise<void> {
  const mark = markOf(fault);
  if (mark === undefined || cluster?.repairsFromPeers !== true) return;
  await markDamaged(dataDir, { found_at: realClock.now(), reason: fault.message, ...mark });
}

/** Undefined: another life may go on from the same store. */
function markOf(fault: Error): Pick<Damage, 'certain'> | undefined {
  if (fault instanceof Divergence) return { certain: true };
  return isDamage(fault) ? {} : undefined;
}
