/** Lists: pages of at most `limit` items and a cursor to go on from; null when there is no more. */
import type { Page, PageRequest } from '../../projections/page.ts';
import { ok, type Reply } from './endpoint.ts';
import { CURSOR, cursorOf, LIMIT } from './fields.ts';

/** Query options of lists. */
export const LIST = {
  limit: LIMIT.default(100),
  cursor: CURSOR.optional().describe('Where the page before ended, as it said.'),
};

interface Wanted {
  readonly limit: number;
  readonly cursor?: PageRequest['after'];
}

export function list<Item>(
  { limit, cursor }: Wanted,
  page: (request: PageRequest) => Page<Item>,
): Reply {
  const { rows, next } = page({ limit, after: cursor });
  return ok({ items: rows, cursor: cursorOf(next) });
}
