/** Locks over HTTP. `PUT` takes, `DELETE` gives back; the answer of a `PUT` holds the fencing token. */
import { z } from 'zod';
import { IDENTIFIER, TOKEN } from '../../projections/identifier.ts';
import { listLocks, lockView } from '../../projections/locks/lock-queries.ts';
import type { Endpoint } from './endpoint.ts';
import { list, LIST } from './list.ts';
import { now, query, resourceOr404 } from './query.ts';
import { command } from './write.ts';

const HELD = ['stale-token'] as const;

export const LOCKS: readonly Endpoint[] = [
  query({
    path: '/v1/locks',
    summary: 'Locks that are held or delayed, by name.',
    query: { ...LIST, owner: IDENTIFIER.optional() },
    consistency: 'local',
    reply: ({ group, query: asked }) =>
      list(asked, (page) => {
        const filter = { ...page, owner: asked.owner };
        return listLocks(group.machine.tables, now(group), filter);
      }),
  }),
  query({
    path: '/v1/locks/{name}',
    summary: 'Who holds a lock, and for how long.',
    params: { name: IDENTIFIER },
    consistency: 'linearizable',
    problems: ['not-found'],
    reply: (asked) => {
      const { group, params } = asked;
      const view = lockView(group.machine.tables, now(group), params.name);
      return resourceOr404('lock of this name that anyone holds', view, asked.incoming);
    },
  }),
  command({
    method: 'PUT',
    path: '/v1/locks/{name}',
    type: 'acquire_lock',
    problems: ['already-claimed', 'conflict'],
  }),
  command({
    method: 'POST',
    path: '/v1/locks/{name}/renew',
    type: 'renew_lock',
    problems: HELD,
  }),
  command({
    method: 'DELETE',
    path: '/v1/locks/{name}',
    type: 'release_lock',
    query: {
      owner: IDENTIFIER.optional(),
      token: z.coerce.number().pipe(TOKEN).optional(),
    },
    problems: [...HELD, 'not-found'],
  }),
];
