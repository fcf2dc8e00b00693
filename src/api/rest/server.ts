/**
 * The HTTP server of a node: the tables of endpoints on fastify, and what holds for every request.
 *
 * ```
 *  request ─▶ stopping? ─▶ meant for us? ─▶ body within 1 MiB ─▶ endpoint ─▶ reply + Quorate-* headers
 *               503            403               413                          or problem+json, always
 * ```
 */
import {
  fastify,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { Compacted } from '../../log/fault.ts';
import type { Group } from '../../protocols/coordinator/group.ts';
import { AppliedIndex } from '../applied-index.ts';
import { Metrics } from '../metrics.ts';
import { ParkedClaims } from '../parked-claims.ts';
import type { ServedNode } from '../served-node.ts';
import { NOT_AN_UPGRADE, STREAM_PATH, STREAM_QUERY, Streams } from '../stream/stream.ts';
import { readJson } from '../wire/json.ts';
import { problem, PROBLEM_TYPE, type Problem, type ProblemCode } from '../wire/problem.ts';
import { ASSIGNMENTS } from './assignments.ts';
import { COMMANDS } from './commands.ts';
import {
  type Body,
  content,
  type Endpoint,
  type Incoming,
  type Method,
  refusal,
  type Reply,
  type Serving,
} from './endpoint.ts';
import { strangeness } from './host.ts';
import { LOCKS } from './locks.ts';
import { LOG } from './log.ts';
import { documentation } from './openapi.ts';
import { QUEUES } from './queues.ts';
import { SERVICE } from './service.ts';
import { WORK } from './work.ts';

/** The largest body; beyond it 413 `too-large`, whatever the route. */
export const BODY_BYTES_MAX = 1024 * 1024;
const HEADER_BYTES_MAX = 16 * 1024;
/** A request that has not fully arrived by then is cut off: no one holds a connection by being slow. */
const HEADERS_MS_MAX = 10_000;
const REQUEST_MS_MAX = 30_000;
const METHODS: readonly Method[] = ['GET', 'PUT', 'POST', 'DELETE'];

export interface ServerOptions {
  readonly logger?: FastifyBaseLogger;
}

/** As it is described; `Streams` serves it. */
const STREAM: Endpoint = {
  method: 'GET',
  path: STREAM_PATH,
  summary: 'A websocket: entries as they are applied, and proposals over the same connection.',
  role: 'reader',
  query: STREAM_QUERY,
  problems: ['unknown-group', 'backpressure'],
  reply: () => refusal(NOT_AN_UPGRADE),
};

/** Every endpoint that is served, in the order of the documentation. */
export const ENDPOINTS: readonly Endpoint[] = [
  ...WORK,
  ...QUEUES,
  ...ASSIGNMENTS,
  ...LOCKS,
  ...COMMANDS,
  ...LOG,
  ...SERVICE,
];

/** Builds the server of a node; `listen`, or `inject`, is the caller's. */
export function buildServer(node: ServedNode, options: ServerOptions = {}): FastifyInstance {
  const server = fastify({
    ...(options.logger === undefined ? {} : { loggerInstance: options.logger }),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_MS_MAX,
    http: { headersTimeout: HEADERS_MS_MAX, maxHeaderSize: HEADER_BYTES_MAX },
    return503OnClosing: false,
    exposeHeadRoutes: true,
    routerOptions: { maxParamLength: 512 },
  });
  const metrics = new Metrics(node);
  const serving = servingOf(node, metrics, server);
  acceptJson(server);
  guard(server, node);
  measure(server, metrics);
  const served = [...ENDPOINTS, exposition(metrics)];
  const streams = new Streams(node, metrics);
  metrics.gauge({
    name: 'quorate_stream_subscribers',
    help: 'Open websockets.',
    read: () => streams.open,
  });
  metrics.gauge({
    name: 'quorate_parked_claims',
    help: 'Claims that wait for work.',
    read: () => serving.claims.size,
  });
  streams.serve(server, (found, reply) => send(node, refusal(found), reply));
  const endpoints = [...served, ...documentation([...served, STREAM], node.version)];
  for (const endpoint of endpoints) addEndpoint(server, serving, endpoint);
  refuseOtherMethods(server, serving, endpoints);
  answerFaults(server, serving);
  return server;
}

function servingOf(node: ServedNode, metrics: Metrics, server: FastifyInstance): Serving {
  const waiting = new Map<Group, AppliedIndex>();
  const claims = new ParkedClaims(node.main, node.clock);
  server.addHook('preClose', (done) => {
    claims.stop();
    for (const applied of waiting.values()) applied.stop();
    done();
  });
  return {
    node,
    metrics,
    claims,
    applied: (group) => {
      const applied = waiting.get(group) ?? new AppliedIndex(group, node.clock);
      waiting.set(group, applied);
      return applied;
    },
  };
}

/** Bodies are kept as they came, too: their fingerprint tells retries apart. */
function acceptJson(server: FastifyInstance): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    (_request, bytes: Buffer, done) => done(null, bodyOf(bytes)),
  );
}

function bodyOf(bytes: Buffer): Body | undefined {
  return bytes.length === 0 ? undefined : { bytes, json: readJson(bytes.toString()) };
}

function guard(server: FastifyInstance, node: ServedNode): void {
  // After every onRequest hook, so that an upgrade that is refused here is let go of; before any body.
  server.addHook('preParsing', (request, reply, _payload, done) => {
    const found = node.isStopping
      ? problem('shutting-down', 'this node is stopping; ask another')
      : strangerTo(request);
    if (found === undefined) done();
    else void send(node, refusal(found), reply);
  });
}

function strangerTo(request: FastifyRequest): Problem | undefined {
  const strange = strangeness(request.headers);
  return strange === undefined ? undefined : problem('forbidden', strange);
}

function measure(server: FastifyInstance, metrics: Metrics): void {
  server.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unknown';
    const labels = { method: request.method, route, status: String(reply.statusCode) };
    metrics.answered(labels, reply.elapsedTime);
    done();
  });
  server.addHook('onClose', (_server, done) => {
    metrics.stop();
    done();
  });
}

function exposition({ registry }: Metrics): Endpoint {
  return {
    method: 'GET',
    path: '/metrics',
    summary: 'Numbers for Prometheus.',
    role: 'reader',
    reply: async () => content(await registry.metrics(), { 'content-type': registry.contentType }),
  };
}

function addEndpoint(server: FastifyInstance, serving: Serving, endpoint: Endpoint): void {
  server.route({
    method: endpoint.method,
    url: routePattern(endpoint.path),
    handler: async (request, reply) => {
      const answer = await endpoint.reply(serving, incomingFrom(request, reply));
      return send(serving.node, answer, reply);
    },
  });
}

function routePattern(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}

function pathOf({ url }: FastifyRequest): string {
  const [path] = url.split('?', 1);
  return path as string;
}

function incomingFrom(request: FastifyRequest, reply: FastifyReply): Incoming {
  return {
    method: request.method,
    path: pathOf(request),
    params: request.params,
    query: request.query,
    headers: request.headers,
    body: request.body as Body | undefined,
    gone: () => goneSignal(reply),
  };
}

function goneSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => controller.abort());
  return controller.signal;
}

/** Every reply says from which state of `main` it was answered, and who leads. */
function send({ main, nodeId }: ServedNode, reply: Reply, to: FastifyReply): FastifyReply {
  const { term, leader_id = '' } = main.status();
  const { status, headers, body } = rendered(reply, to.request);
  return to
    .code(status)
    .headers({
      ...headers,
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

function refuseOtherMethods(
  server: FastifyInstance,
  { node }: Serving,
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

function answerFaults(server: FastifyInstance, { node }: Serving): void {
  server.setErrorHandler((error, request, reply) => {
    const found = problemOf(error as Fault);
    if (found.code === 'internal') request.log.error({ err: error }, 'request_failed');
    return send(node, refusal(found), reply);
  });
  server.setNotFoundHandler((_request, reply) =>
    send(node, refusal(problem('not-found', 'there is no such path')), reply),
  );
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
