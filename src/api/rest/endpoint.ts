/**
 * An endpoint: one method of one path, as data. Routing, validation, OpenAPI and the documentation page
 * all read the same tables of these.
 */
import type { z } from 'zod';
import type { Role } from '../../projections/projection.ts';
import type { Group } from '../../protocols/coordinator/group.ts';
import type { AppliedIndex } from '../applied-index.ts';
import type { Metrics } from '../metrics.ts';
import type { ParkedClaims } from '../parked-claims.ts';
import type { ServedNode } from '../served-node.ts';
import type { JsonRead } from '../wire/json.ts';
import type { Problem, ProblemCode } from '../wire/problem.ts';

/** The largest body; beyond it 413 `too-large`, whatever the route. */
export const BODY_BYTES_MAX = 1024 * 1024;

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';

/** A body as it came: the bytes for the fingerprint of a retry, and what they say. */
export interface Body {
  readonly bytes: Buffer;
  readonly json: JsonRead;
}

/** A request as endpoints see it. */
export interface Incoming {
  readonly method: string;
  readonly path: string;
  readonly params: unknown;
  readonly query: unknown;
  readonly headers: Readonly<Record<string, unknown>>;
  /** Undefined where nothing was sent. */
  readonly body: Body | undefined;
  /** Aborted when the caller has gone away before it was answered. */
  readonly gone: () => AbortSignal;
}

export type Reply =
  | {
      readonly kind: 'content';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string | Buffer;
    }
  | {
      readonly kind: 'refusal';
      readonly problem: Problem;
      readonly headers: Readonly<Record<string, string>>;
    };

/** What endpoints work with. */
export interface Serving {
  readonly node: ServedNode;
  readonly applied: (group: Group) => AppliedIndex;
  readonly claims: ParkedClaims;
  readonly metrics: Metrics;
}

export interface Endpoint {
  readonly method: Method;
  /** As OpenAPI writes it: `/v1/work/{work_id}`. */
  readonly path: string;
  readonly summary: string;
  /** The least role; null: open to everybody, even where tokens are asked for. */
  readonly role: Role | null;
  readonly params?: z.ZodObject | undefined;
  readonly query?: z.ZodObject | undefined;
  readonly headers?: z.ZodObject | undefined;
  readonly body?: z.ZodType | undefined;
  /** Problems it may answer with, besides those any request can meet. */
  readonly problems?: readonly ProblemCode[];
  readonly reply: (serving: Serving, incoming: Incoming) => Promise<Reply> | Reply;
}

const JSON_TYPE = 'application/json; charset=utf-8';

export function ok(body: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return content(JSON.stringify(body), { 'content-type': JSON_TYPE, ...headers });
}

/** A reply of any media type; its headers say which. */
export function content(body: string | Buffer, headers: Readonly<Record<string, string>>): Reply {
  return { kind: 'content', status: 200, headers, body };
}

export function refusal(found: Problem, headers: Readonly<Record<string, string>> = {}): Reply {
  return { kind: 'refusal', problem: found, headers };
}

/** A path as the router writes it. */
export function routePattern(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}
