/**
 * The HTTP server of a node: the tables of endpoints on fastify, and what holds for every request.
 *
 * ```
 *  request ─▶ stopping? ─▶ meant for us? ─▶ body within 1 MiB ─▶ endpoint ─▶ reply + Quorate-* headers
 *               503            403               413                          or problem+json, always
 * ```
 */
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Group } from '../../protocols/coordinator/group.ts';
import { AppliedIndex } from '../applied-index.ts';
import type { FaultLog } from '../fault-log.ts';
import { Metrics } from '../metrics.ts';
import { ParkedClaims } from '../parked-claims.ts';
import type { ServedNode } from '../served-node.ts';
import { NOT_AN_UPGRADE, STREAM_PATH, STREAM_QUERY, Streams } from '../stream/stream.ts';
import { readJson } from '../wire/json.ts';
import { problem, type Problem } from '../wire/problem.ts';
import { ASSIGNMENTS } from './assignments.ts';
import { COMMANDS } from './commands.ts';
import {
  type Body,
  BODY_BYTES_MAX,
  content,
  type Endpoint,
  refusal,
  routePattern,
  type Serving,
} from './endpoint.ts';
import { strangeness } from './host.ts';
import { LOCKS } from './locks.ts';
import { LOG } from './log.ts';
import { documentation } from './openapi.ts';
import { servePeers } from './peers.ts';
import { QUEUES } from './queues.ts';
import { RAFT } from './raft.ts';
import { type Exchange, Received } from './received.ts';
import { send } from './sending.ts';
import { SERVICE } from './service.ts';
import { hangUp } from './unparsed.ts';
import { answerFaults, faultAnswer, refuseOtherMethods } from './unserved.ts';
import { WORK } from './work.ts';

const HEADER_BYTES_MAX = 16 * 1024;
/** A request that has not fully arrived by then is cut off: no one holds a connection by being slow. */
const HEADERS_MS_MAX = 10_000;
const REQUEST_MS_MAX = 30_000;
/** How often connections are looked at for the two above. */
const SLOW_CHECK_MS = 2_000;

interface ServerOptions {
  readonly logger?: FaultLog;
}

const UNLOGGED: FaultLog = { error: () => undefined };

/** As it is described; `Streams` serves it. */
const STREAM: Endpoint = {
  method: 'GET',
  path: STREAM_PATH,
  summary: 'A websocket: entries as they are applied, and proposals over the same connection.',
  role: 'reader',
  query: STREAM_QUERY,
  problems: ['unknown-group', 'backpressure', 'behind', 'no-leader'],
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
  ...RAFT,
  ...SERVICE,
];

/** Builds the server of a node; `listen`, or `inject`, is the caller's. */
export function buildServer(node: ServedNode, options: ServerOptions = {}): FastifyInstance {
  const { logger: log = UNLOGGED } = options;
  // Fastify is given no logger: it would make one for every request, and faults are all that is told.
  const server = fastify({
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_MS_MAX,
    http: {
      headersTimeout: HEADERS_MS_MAX,
      maxHeaderSize: HEADER_BYTES_MAX,
      connectionsCheckingInterval: SLOW_CHECK_MS,
    },
    clientErrorHandler: hangUp,
    frameworkErrors: faultAnswer(node, log),
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
  const streams = new Streams({ node, metrics, log, applied: serving.applied });
  countWaiting(metrics, serving, streams);
  const refuse = (found: Problem, reply: FastifyReply): FastifyReply =>
    send(node, refusal(found), reply);
  streams.serve(server, refuse);
  servePeers(server, node, refuse);
  const endpoints = [...served, ...documentation([...served, STREAM], node.version)];
  for (const endpoint of endpoints) addEndpoint(server, serving, endpoint);
  refuseOtherMethods(server, node, endpoints);
  answerFaults(server, node, log);
  return server;
}

function servingOf(node: ServedNode, metrics: Metrics, server: FastifyInstance): Serving {
  // A group that left memory takes its waiters' place with it: it does not leave while anybody waits.
  const waiting = new WeakMap<Group, AppliedIndex>();
  const claims = new ParkedClaims(node.main, node.clock);
  server.addHook('preClose', (done) => {
    claims.stop();
    for (const group of node.groups()) waiting.get(group)?.stop();
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
  server.addHook('onResponse', (request, { statusCode: status, elapsedTime }, done) => {
    const route = request.routeOptions.url ?? 'unknown';
    metrics.answered({ method: request.method, route, status }, elapsedTime);
    done();
  });
  server.addHook('onClose', (_server, done) => {
    metrics.stop();
    done();
  });
}

function exposition(metrics: Metrics): Endpoint {
  return {
    method: 'GET',
    path: '/metrics',
    summary: 'Numbers for Prometheus.',
    role: 'reader',
    reply: async () => content(await metrics.text(), { 'content-type': metrics.contentType }),
  };
}

function addEndpoint(server: FastifyInstance, serving: Serving, endpoint: Endpoint): void {
  server.route({
    method: endpoint.method,
    url: routePattern(endpoint.path),
    handler: (request, reply) => {
      void answer(serving, endpoint, { request, reply });
    },
  });
}

async function answer(serving: Serving, endpoint: Endpoint, exchange: Exchange): Promise<void> {
  try {
    const answered = await endpoint.reply(serving, new Received(exchange));
    void send(serving.node, answered, exchange.reply);
  } catch (fault) {
    // To the handler of faults.
    void exchange.reply.send(fault);
  }
}

function countWaiting(metrics: Metrics, { claims }: Serving, streams: Streams): void {
  metrics.gauge({
    name: 'quorate_stream_subscribers',
    help: 'Open websockets.',
    read: () => streams.open,
  });
  metrics.gauge({
    name: 'quorate_stream_connections_total',
    help: 'Websockets ever opened.',
    read: () => streams.opened,
  });
  metrics.gauge({
    name: 'quorate_parked_claims',
    help: 'Claims that wait for work.',
    read: () => claims.size,
  });
}
