/**
 * How the node itself is: for supervisors, balancers, dashboards and people.
 *
 * `/health` and `/livez` touch neither the disk nor agreement and answer in constant time, however slow
 * `/status` is: a supervisor that restarts a node must ask only them.
 */
import { problem } from '../wire/problem.ts';
import { type Endpoint, ok, refusal, type Reply, type Serving } from './endpoint.ts';
import { partOf } from './part-taken.ts';
import { gatherStatus, leaderOf, unreadiness, uptimeSeconds } from './status.ts';

function health({ node }: Serving): Reply {
  return ok({
    status: 'ok',
    healthy: true,
    node_id: node.nodeId,
    role: partOf(node),
    leader_id: leaderOf(node.main) ?? null,
    uptime_seconds: uptimeSeconds(node),
    version: node.version,
  });
}

function ready({ node }: Serving): Reply {
  const reason = unreadiness(node);
  if (reason !== undefined) return refusal(problem('recovering', `not ready: ${reason}`));
  return ok({
    ready: true,
    index: node.main.machine.position.index,
    leader_id: leaderOf(node.main),
    history: node.main.status().history,
  });
}

export const SERVICE: readonly Endpoint[] = [
  {
    method: 'GET',
    path: '/health',
    summary: 'Whether the process is well. Constant time.',
    role: null,
    reply: health,
  },
  {
    method: 'GET',
    path: '/livez',
    summary: 'Whether the process lives. Constant.',
    role: null,
    reply: () => ok({ alive: true }),
  },
  {
    method: 'GET',
    path: '/readyz',
    summary: 'Whether it has read its log and knows a leader.',
    role: null,
    problems: ['recovering'],
    reply: ready,
  },
  {
    method: 'GET',
    path: '/status',
    summary: 'Everything worth knowing of this node. May be slow.',
    role: 'reader',
    reply: async ({ node }) => ok(await gatherStatus(node)),
  },
];
