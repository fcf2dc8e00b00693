/**
 * What no endpoint answers: other methods of its path, unknown paths, what fastify refuses before an
 * endpoint sees it, and what an endpoint throws. All of it as problems.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Compacted } from '../../log/fault.ts';
import type { FaultLog } from '../fault-log.ts';
import type { ServedNode } from '../served-node.ts';
import { problem, type Problem, type ProblemCode } from '../wire/problem.ts';
import { BODY_BYTES_MAX, type Endpoint, type Method, refusal, routePattern } from './endpoint.ts';
import { send } from './sending.ts';

const METHODS: readonly Method[] = ['GET', 'PUT', 'POST', 'DELETE'];

/** Methods that a path does not have are refused, and the others named. */
export function refuseOtherMethods(
  server: FastifyInstance,
  node: ServedNode,
  endpoints: readonly Endpoint[],
): void {
  for (const [path, known] of methodsByPath(endpoints)) {
    const allow = known.join(', ');
    server.route({
      method: METHODS.filter((method) => !known.includes(method)),
      url: routePattern(path),
      handler: (_request, reply) => {
        return send(
          node,
          refusal(problem('method-not-allowed', `only ${allow}`), { allow }),
          reply,
        );
      },
    });
  }
}

function methodsByPath(endpoints: readonly Endpoint[]): ReadonlyMap<string, readonly Method[]> {
  const methods = new Map<string, Method[]>();
  for (const { path, method } of endpoints)
    methods.set(path, [...(methods.get(path) ?? []), method]);
  return methods;
}

/** What fastify refuses before an endpoint sees it. */
const REFUSED_BY_FASTIFY: Readonly<Record<string, readonly [ProblemCode, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['too-large', `a body has at most ${BODY_BYTES_MAX} bytes`],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported-media-type', 'send application/json'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['validation-failed', 'the body is not as long as it says'],
  FST_ERR_BAD_URL: ['validation-failed', 'the path is not valid'],
  FST_ERR_MAX_PARAM_LENGTH: ['validation-failed', 'a part of the path is too long'],
};

/** Everything else that goes wrong is a problem, too. */
export function answerFaults(server: FastifyInstance, node: ServedNode, log: FaultLog): void {
  server.setErrorHandler(faultAnswer(node, log));
  server.setNotFoundHandler((_request, reply) =>
    send(node, refusal(problem('not-found', 'there is no such path')), reply),
  );
}

/** Answers what was thrown. */
export function faultAnswer(
  node: ServedNode,
  log: FaultLog,
): (error: unknown, request: FastifyRequest, reply: FastifyReply) => void {
  return (error, request, reply) => {
    const { method, url } = request;
    const found = problemOf(error as Fault);
    if (found.code === 'internal' && !hungUp(request))
      log.error({ err: error, method, url }, 'request_failed');
    // Fastify would hang up on a caller who is still sending, who then never reads why. What comes is
    // read and thrown away instead, until the time for a request is over.
    reply.removeHeader('connection');
    void send(node, refusal(found), reply);
  };
}

/** Whether the caller left before its request was whole: that is no fault of this node. */
function hungUp({ raw }: FastifyRequest): boolean {
  return raw.destroyed && !raw.complete;
}

interface Fault extends Error {
  readonly code?: string;
}

function problemOf(error: Fault): Problem {
  if (error instanceof Compacted) {
    const { oldest, snapshot } = error;
    return problem('compacted', error.message, { oldest, nearest_snapshot: snapshot ?? null });
  }
  const known = REFUSED_BY_FASTIFY[String(error.code)];
  return known === undefined ? problem('internal', 'see the log of this node') : problem(...known);
}
