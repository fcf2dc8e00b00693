/** A world with words for work: what the tests of this folder say most. */
import type { Claim } from '../../../src/projections/work-queue/claiming.ts';
import { WORK, type WorkRow } from '../../../src/projections/work-queue/work-table.ts';
import { World } from '../world.ts';

export class QueueWorld extends World {
  /** Adds items by id, each with the same columns. */
  add(ids: string | readonly string[], columns: object = {}): this {
    for (const work_id of [ids].flat()) this.do('add_work', { work_id, ...columns });
    return this;
  }

  /** @returns the claims by id, in the order in which they were given */
  claim(node_id: string, filter: object = {}, lease_seconds = 60): readonly Claim[] {
    return this.do('claim_work', { node_id, filter, lease_seconds }).results as Claim[];
  }

  claimIds(node_id: string, filter: object = {}): readonly string[] {
    return this.claim(node_id, { max: 100, ...filter }).map(({ work_id }) => work_id);
  }

  /** Claims the one item that is named. @returns its token */
  take(work_id: string, node_id = 'n1', lease_seconds = 60): number {
    const { results } = this.do('claim_work', { node_id, work_id, lease_seconds });
    return (results[0] as Claim).token;
  }

  row(work_id: string): WorkRow {
    const row = this.tables.of(WORK).get(work_id);
    if (row === undefined) throw new Error(`there is no work ${work_id}`);
    return row;
  }

  status(work_id: string): string {
    return this.row(work_id).status;
  }

  has(work_id: string): boolean {
    return this.tables.of(WORK).has(work_id);
  }
}
