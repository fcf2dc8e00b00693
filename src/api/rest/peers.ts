/**
 * `GET /v1/peers`: the websocket by which another node comes in where only the HTTP port can be reached.
 * What is said on it, and who may come, is the business of the transport between nodes.
 *
 * ```
 *  node ── upgrade ─▶ meant for us? ─▶ handed to the network, which asks for the secret
 * ```
 *
 * A node without others does not have this path.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { ServedNode } from '../served-node.ts';
import { NOT_AN_UPGRADE } from '../stream/stream.ts';
import type { Problem } from '../wire/problem.ts';

export const PEERS_PATH = '/v1/peers';

/** Adds the route, behind the plugin that upgrades. Connections are closed by the network. */
export function servePeers(
  server: FastifyInstance,
  { peering }: ServedNode,
  refuse: (found: Problem, reply: FastifyReply) => FastifyReply,
): void {
  const accept = peering === undefined ? undefined : peering.accept;
  if (accept === undefined) return;
  void server.register((scope, _options, done) => {
    scope.route({
      method: 'GET',
      url: PEERS_PATH,
      handler: (_request, reply) => refuse(NOT_AN_UPGRADE, reply),
      wsHandler: (socket, { ip }) => accept(socket, ip),
    });
    done();
  });
}
