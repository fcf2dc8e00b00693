/**
 * A hello: who speaks, what for, and a number drawn for this connection alone.
 *
 * ```
 *  0        4      5      6       7              39             47
 *  ├────────┼──────┼──────┼───────┼──────────────┼──────────────┼─────────┬──────────┬────────────┬─ ─ ─
 *  │ "QRTE" │ v    │least │purpose│ nonce        │ instance     │ node id │ store id │ cluster id │
 *  └────────┴──────┴──────┴───────┴──────────────┴──────────────┴─────────┴──────────┴────────────┴─ ─ ─
 * ```
 *
 * `v` is the version spoken, `least` the oldest one understood. `instance` is drawn when the process
 * starts: it tells a peer that began anew from one that dialled again. Ids are one byte of length and
 * UTF-8; the cluster id is empty in a store that has none yet. What follows belongs to later versions: it
 * is ignored here, and proved like the rest, because proofs are made over the bytes of both hellos.
 */
import assert from 'node:assert/strict';
import type { PeerIdentity } from './network.ts';

export const PROTOCOL_VERSION = 1;
/** The oldest version this build still speaks. */
export const PROTOCOL_VERSION_LEAST = 1;

export const NONCE_BYTES = 32;
export const INSTANCE_BYTES = 8;
/** The longest id, in bytes; longer ones are refused by the configuration, and have no place here. */
export const ID_BYTES_MAX = 255;

const MAGIC = Buffer.from('QRTE');
const VERSION_AT = 4;
const LEAST_AT = 5;
const PURPOSE_AT = 6;
const NONCE_AT = 7;
const INSTANCE_AT = NONCE_AT + NONCE_BYTES;
const IDS_AT = INSTANCE_AT + INSTANCE_BYTES;

/** Node, store and cluster. */
const IDS = 3;

/** What a connection is for. The place in the list is the byte: it is only ever extended. */
export const PURPOSES = ['messages', 'transfer', 'ask'] as const;
export type Purpose = (typeof PURPOSES)[number];

export interface Hello {
  readonly version: number;
  readonly least: number;
  readonly purpose: Purpose;
  readonly nonce: Buffer;
  readonly instance: Buffer;
  readonly identity: PeerIdentity;
}

export function encodeHello(hello: Hello): Buffer {
  const { nodeId, storeId, clusterId = '' } = hello.identity;
  const fixed = Buffer.from([hello.version, hello.least, PURPOSES.indexOf(hello.purpose)]);
  const ids = [nodeId, storeId, clusterId].flatMap(encodeId);
  return Buffer.concat([MAGIC, fixed, hello.nonce, hello.instance, ...ids]);
}

function encodeId(id: string): readonly Buffer[] {
  const bytes = Buffer.from(id);
  assert(bytes.length <= ID_BYTES_MAX, `an id has at most ${ID_BYTES_MAX} bytes: ${id}`);
  return [Buffer.from([bytes.length]), bytes];
}

/** Never throws. @returns nothing where the bytes are no hello of any version. */
export function decodeHello(bytes: Buffer): Hello | undefined {
  const purpose = PURPOSES[bytes[PURPOSE_AT] ?? PURPOSES.length];
  const identity = decodeIdentity(bytes);
  if (purpose === undefined || identity === undefined) return undefined;
  return {
    version: bytes.readUInt8(VERSION_AT),
    least: bytes.readUInt8(LEAST_AT),
    purpose,
    nonce: bytes.subarray(NONCE_AT, INSTANCE_AT),
    instance: bytes.subarray(INSTANCE_AT, IDS_AT),
    identity,
  };
}

/** A node and its store always have names; a cluster may not have one yet. */
function decodeIdentity(bytes: Buffer): PeerIdentity | undefined {
  if (!MAGIC.equals(bytes.subarray(0, VERSION_AT))) return undefined;
  const ids = decodeIds(bytes);
  if (ids.length < IDS || ids.slice(0, -1).includes('')) return undefined;
  const [nodeId, storeId, clusterId] = ids;
  return { nodeId: String(nodeId), storeId: String(storeId), clusterId: known(String(clusterId)) };
}

function known(id: string): string | undefined {
  return id === '' ? undefined : id;
}

/** The three ids, or as many of them as lie whole in the bytes. */
function decodeIds(bytes: Buffer): readonly string[] {
  const ids: string[] = [];
  let at = IDS_AT;
  while (ids.length < IDS) {
    const end = at + 1 + (bytes[at] ?? bytes.length);
    if (end > bytes.length) return ids;
    ids.push(bytes.toString('utf8', at + 1, end));
    at = end;
  }
  return ids;
}
