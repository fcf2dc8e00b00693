/** How a reply leaves: with the headers every reply has, and problems naming the request they answer. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ServedNode } from '../served-node.ts';
import { PROBLEM_TYPE, type Problem } from '../wire/problem.ts';
import type { Reply } from './endpoint.ts';

/** The path of a request, without its query. */
export function pathOf({ url }: FastifyRequest): string {
  const [path] = url.split('?', 1);
  return path as string;
}

/** Every reply says from which state of `main` it was answered, and who leads. */
export function send({ main, nodeId }: ServedNode, reply: Reply, to: FastifyReply): FastifyReply {
  const { term, leader_id = '' } = main.status();
  const { status, headers, body } = rendered(reply, to.request);
  return to
    .code(status)
    .headers(headers)
    .headers({
      'quorate-index': String(main.machine.position.index),
      'quorate-term': String(term),
      'quorate-leader': leader_id,
      'quorate-node': nodeId,
    })
    .send(body);
}

type Content = Extract<Reply, { readonly kind: 'content' }>;

/** A problem becomes content that names the request it answers. */
function rendered(reply: Reply, request: FastifyRequest): Content {
  if (reply.kind === 'content') return reply;
  const found = { ...reply.problem, instance: pathOf(request) };
  const headers = { 'content-type': PROBLEM_TYPE, ...retryAfter(reply.problem), ...reply.headers };
  return { kind: 'content', status: found.status, headers, body: JSON.stringify(found) };
}

function retryAfter({ retry_after_seconds: wait }: Problem): Readonly<Record<string, string>> {
  return wait === undefined ? {} : { 'retry-after': String(wait) };
}
