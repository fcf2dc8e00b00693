/**
 * `GET /v1/stream`: the websocket on which entries arrive as they are applied, with what they led to.
 *
 * ```
 *  ?group=main&after=<index>|head|none&type=<globs>&answers=full|brief
 *  ◀ subscribed ◀ progress ◀ entries … ◀ progress (every 5 s)      ▶ propose … ◀ proposed | refused
 * ```
 *
 * With `after=none` there are only proposals and their answers. A query that is not valid is answered over HTTP, before
 * anything is upgraded, and so is a client that is further than this node comes in time (`ahead.ts`).
 */
import websocket from '@fastify/websocket';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import { z } from 'zod';
import type { Group } from '../../protocols/coordinator/group.ts';
import type { AppliedIndex } from '../applied-index.ts';
import { below, faultsOf } from '../faults.ts';
import { readGlobs } from '../glob.ts';
import type { Metrics } from '../metrics.ts';
import type { FaultLog } from '../fault-log.ts';
import type { ServedNode } from '../served-node.ts';
import { invalid, problem, type Problem } from '../wire/problem.ts';
import { behind } from './ahead.ts';
import type { Filter } from './batch.ts';
import { CLOSE, Connection } from './connection.ts';
import { Hub } from './hub.ts';
import { FRAME_BYTES_MAX } from './messages.ts';

/** Open websockets; beyond it an upgrade is refused with `backpressure`. */
const CONNECTIONS_MAX = 10_000;
const HEARTBEAT_MS = 5000;
export const STREAM_PATH = '/v1/stream';

const EVERYTHING: Filter = { text: '*', matches: undefined };

const FILTER = z
  .string()
  .max(4096)
  .transform((text, context): Filter => {
    const matches = readGlobs(text);
    if (matches !== undefined) return { text, matches };
    context.addIssue({ code: 'custom', message: 'a comma-separated list such as work_*,lock_*' });
    return z.NEVER;
  });

export const STREAM_QUERY = z.strictObject({
  group: z.string().max(255).default('main'),
  after: z
    .union([z.enum(['head', 'none']), z.coerce.number().int().min(0)])
    .default('head')
    .describe(
      'The index to go on behind; head: only what is new; none: no entries, for who only proposes.',
    ),
  type: FILTER.optional().describe('Only these types: a list in which * stands for anything.'),
  answers: z
    .enum(['full', 'brief'])
    .default('full')
    .describe('What proposals are answered with; brief: without the facts and results.'),
});

type Asked = z.output<typeof STREAM_QUERY>;

function startIn(group: Group, { after }: Asked): number | 'none' {
  return after === 'head' ? group.machine.position.index : after;
}

/** Sends a problem over HTTP. */
type Refuse = (found: Problem, reply: FastifyReply) => FastifyReply;

interface StreamsOptions {
  readonly node: ServedNode;
  readonly metrics: Metrics;
  readonly log: FaultLog;
  readonly applied: (group: Group) => AppliedIndex;
}

export class Streams {
  readonly #node: ServedNode;
  readonly #metrics: Metrics;
  readonly #log: FaultLog;
  readonly #applied: (group: Group) => AppliedIndex;
  readonly #connections = new Set<Connection>();
  readonly #hubs = new WeakMap<Group, Hub>();
  #opened = 0;
  #cancelBeat: () => void = () => undefined;

  constructor({ node, metrics, log, applied }: StreamsOptions) {
    this.#node = node;
    this.#metrics = metrics;
    this.#log = log;
    this.#applied = applied;
  }

  get open(): number {
    return this.#connections.size;
  }

  get opened(): number {
    return this.#opened;
  }

  /** Adds the route; connections end when the server closes. */
  serve(server: FastifyInstance, refuse: Refuse): void {
    void server.register(websocket, {
      errorHandler: (error, socket) => {
        this.#log.error({ err: error }, 'websocket_failed');
        socket.terminate();
      },
      options: { maxPayload: FRAME_BYTES_MAX, perMessageDeflate: false },
      preClose: () => this.#stop(server),
    });
    void server.register((scope, _options, done) => {
      scope.route({
        method: 'GET',
        url: STREAM_PATH,
        preValidation: async (request, reply) => {
          const found = (await this.#refusal(request)) ?? (await this.#behind(request));
          return found === undefined ? undefined : refuse(found, reply);
        },
        handler: (_request, reply) => refuse(NOT_AN_UPGRADE, reply),
        wsHandler: (socket, request) => {
          this.#connect(socket, STREAM_QUERY.parse(request.query));
        },
      });
      done();
    });
  }

  async #refusal({ query }: FastifyRequest): Promise<Problem | undefined> {
    const parsed = STREAM_QUERY.safeParse(query);
    if (!parsed.success) return invalid(faultsOf(parsed.error.issues, below('/query')));
    if ((await this.#node.wake(parsed.data.group)) === undefined)
      return problem('unknown-group', 'this node has no such group');
    return this.#connections.size >= CONNECTIONS_MAX ? TOO_MANY : undefined;
  }

  async #behind({ query }: FastifyRequest): Promise<Problem | undefined> {
    const { group: id, after } = STREAM_QUERY.parse(query);
    const group = this.#node.group(id);
    if (group === undefined || typeof after !== 'number') return undefined;
    return behind({ group, clock: this.#node.clock, applied: this.#applied(group) }, after);
  }

  #connect(socket: WebSocket, asked: Asked): void {
    const group = this.#node.group(asked.group);
    // It may have been removed while the connection was upgraded.
    if (group === undefined) return socket.close(CLOSE.stopping, 'the group is gone');
    const connection = new Connection(socket, {
      group,
      isServed: () => this.#node.group(asked.group) === group,
      hub: this.#hubOf(group),
      clock: this.#node.clock,
      after: startIn(group, asked),
      answers: asked.answers,
      filter: asked.type ?? EVERYTHING,
      oldest: this.#node.log.bounds(group.id).first,
      onCommitted: (milliseconds) => this.#metrics.committed(milliseconds),
      onFault: (error) => this.#log.error({ err: error }, 'stream_failed'),
      onClose: (closed) => this.#forget(closed),
    });
    this.#admit(connection);
  }

  #admit(connection: Connection): void {
    if (this.#connections.size === 0) this.#beatLater();
    this.#connections.add(connection);
    this.#opened += 1;
    connection.start();
  }

  #hubOf(group: Group): Hub {
    const hub = this.#hubs.get(group) ?? new Hub(group);
    this.#hubs.set(group, hub);
    return hub;
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#cancelBeat();
  }

  #beatLater(): void {
    this.#cancelBeat = this.#node.clock.after(HEARTBEAT_MS, () => {
      for (const connection of this.#connections) connection.beat();
      if (this.#connections.size > 0) this.#beatLater();
    });
  }

  async #stop({ websocketServer }: FastifyInstance): Promise<void> {
    await Promise.all([...this.#connections].map((connection) => connection.leave()));
    this.#cancelBeat();
    websocketServer.close();
  }
}

export const NOT_AN_UPGRADE = problem(
  'validation-failed',
  'this is a websocket: ask for an upgrade',
);
const TOO_MANY = problem(
  'backpressure',
  `at most ${CONNECTIONS_MAX} connections are open at a time`,
);
