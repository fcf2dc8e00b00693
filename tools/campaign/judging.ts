/**
 * What a history says: whether an order explains it, object by object, and whether the log has the order of time. A
 * history that was kept can be judged again, without a cluster: where the checker has learned since, or to look at
 * another machine's.
 */
import { entryOf } from '../../test/linearizability/clients.ts';
import { type Operation, readHistory } from '../../test/linearizability/history.ts';
import { findInversion } from '../../test/linearizability/log-order.ts';
import { modelOf } from '../../test/linearizability/models/models.ts';
import { tellVerdict } from '../../test/linearizability/picture.ts';
import { check } from '../../test/linearizability/verdict.ts';
import { CampaignDirectory } from './directory.ts';

export interface Judgement {
  readonly operations: number;
  /** In words. */
  readonly verdict: string;
  /** None: all is as promised. */
  readonly breaches: readonly string[];
}

export function judged(operations: readonly Operation[]): Judgement {
  const breaches: string[] = [];
  const found = check(operations, modelOf);
  const verdict = tellVerdict(found);
  if (found.kind !== 'linearizable') breaches.push(verdict);
  const inversion = findInversion(operations, entryOf);
  if (inversion !== undefined)
    breaches.push(`the log is not in the order of time: ${JSON.stringify(inversion)}`);
  return { operations: operations.length, verdict, breaches };
}

/** Each campaign of a directory by itself: their clients had objects of their own. @throws where there is none */
export async function judgeAgain(directory: string): Promise<readonly Judgement[]> {
  const { histories } = await CampaignDirectory.open(directory);
  if (histories.length === 0) throw new Error(`there is no history in ${directory}`);
  const judgements: Judgement[] = [];
  for (const path of histories) judgements.push(judged(await readHistory(path)));
  return judgements;
}
