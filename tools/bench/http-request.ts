/** How the command of a load is asked for over HTTP: as ours are, or as etcd's JSON gateway wants it. */
import { keyOf, valueOf } from './put.ts';
import type { BenchCommand } from './workload.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** JSON; empty: none. */
  readonly body: string;
}

const REQUESTS: Readonly<Record<string, (data: BenchCommand['data']) => HttpRequest>> = {
  get_lock: ({ name }) => ({ method: 'GET', path: `/v1/locks/${String(name)}`, body: '' }),
  put: (data) => posted('/v3/kv/put', encoded({ key: keyOf(data), value: valueOf(data) })),
  range: (data) => posted('/v3/kv/range', encoded({ key: keyOf(data) })),
};

/** What an answer says: the index or revision, and the term of the leader that gave it. */
const INDEX = /"(?:index|revision)":"?(\d+)/;
const TERM = /"(?:raft_)?term":"?(\d+)/;

export function requestOf(command: BenchCommand): HttpRequest {
  return REQUESTS[command.type]?.(command.data) ?? posted('/v1/commands', command);
}

export function indexIn(answer: string): number {
  return Number(INDEX.exec(answer)?.[1]);
}

export function termIn(answer: string): number {
  return Number(TERM.exec(answer)?.[1]);
}

function posted(path: string, body: object): HttpRequest {
  return { method: 'POST', path, body: JSON.stringify(body) };
}

/** Bytes are base64 in the JSON of protobuf. */
function encoded(fields: Readonly<Record<string, Buffer>>): object {
  return Object.fromEntries(
    Object.entries(fields).map(([name, bytes]) => [name, bytes.toString('base64')]),
  );
}
