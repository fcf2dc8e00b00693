/**
 * Whose store this is. A store of another cluster or node is refused, so that a directory mounted in the
 * wrong place cannot vote twice or mix histories. `storeId` is drawn anew for every store: a node that
 * lost its disk and begins again is not the voter it was.
 *
 * ```
 * key    n
 * value  [4: crc32 of key ‖ rest][JSON {clusterId, nodeId, storeId, formatVersion, createdAt, isJoining?}]
 * ```
 */
import { damaged, LogFault } from './fault.ts';
import { IDENTITY_KEY } from './keys.ts';
import { sealed, unseal } from './sealed-value.ts';
import type { Store } from './store.ts';
import type { Milliseconds } from './time.ts';

/**
 * The format of the keys and values that this build writes into a new store. In 1, keys lay in LevelDB as they are; in
 * 2 they are interleaved (`interleaving.ts`). A store keeps its format for as long as it lives.
 */
export const FORMAT_VERSION = 2;

/** The cluster of a store that belongs to none yet: it will found one, or join one. */
export const NO_CLUSTER = '';

export interface Identity {
  readonly clusterId: string;
  readonly nodeId: string;
  readonly storeId: string;
  readonly formatVersion: number;
  readonly createdAt: Milliseconds;
  /** It is not yet in its cluster what it wants to be: another life of the node goes on asking. */
  readonly isJoining?: boolean;
}

/** Who wants the store. */
export interface Claim {
  readonly nodeId: string;
  /** Undefined: whatever cluster the store belongs to, or a new one. */
  readonly clusterId: string | undefined;
  /** An empty store begins a cluster of its own; else it belongs to none until it is told. */
  readonly isNewCluster?: boolean | undefined;
  readonly drawId: () => string;
  readonly now: Milliseconds;
}

/**
 * @returns the identity of the store, or nothing in an empty one
 * @throws LogFault `damaged`, or `newer-format`: whoever reads on would take the store for an empty one
 */
export async function readIdentity(store: Store): Promise<Identity | undefined> {
  const value = await store.get(IDENTITY_KEY);
  if (value === undefined) return undefined;
  const payload = unseal(IDENTITY_KEY, value);
  if (payload === undefined) throw damaged('the identity of the store is damaged');
  const identity = JSON.parse(payload.toString()) as Identity;
  assertReadable(identity.formatVersion);
  return identity;
}

/** Gives an empty store its identity. Durable when it resolves. */
export async function foundIdentity(store: Store, claim: Claim): Promise<Identity> {
  const identity: Identity = {
    clusterId: claim.clusterId ?? newCluster(claim),
    nodeId: claim.nodeId,
    storeId: claim.drawId(),
    formatVersion: FORMAT_VERSION,
    createdAt: claim.now,
    ...(claim.isNewCluster === false ? { isJoining: true } : {}),
  };
  await writeIdentity(store, identity);
  return identity;
}

function newCluster({ isNewCluster, drawId }: Claim): string {
  return isNewCluster === false ? NO_CLUSTER : drawId();
}

/** The store takes its place in a cluster, once and for good. Durable when it resolves. */
export async function belongTo(
  store: Store,
  identity: Identity,
  clusterId: string,
): Promise<Identity> {
  if (identity.clusterId === clusterId) return identity;
  if (identity.clusterId !== NO_CLUSTER) throw foreign('cluster', identity.clusterId, clusterId);
  const belonging = { ...identity, clusterId };
  await writeIdentity(store, belonging);
  return belonging;
}

/** It is what it asked to be. Durable when it resolves. */
export async function arrived(store: Store, identity: Identity): Promise<Identity> {
  if (identity.isJoining !== true) return identity;
  const settled = { ...identity, isJoining: false };
  await writeIdentity(store, settled);
  return settled;
}

async function writeIdentity(store: Store, identity: Identity): Promise<void> {
  const writes = store.batch();
  writes.put(IDENTITY_KEY, sealed(IDENTITY_KEY, Buffer.from(JSON.stringify(identity))));
  await writes.write({ sync: true });
}

/** @throws LogFault `foreign-store` where the store is not the claimant's. */
export function assertClaim(identity: Identity, claim: Claim): void {
  const { nodeId, clusterId = identity.clusterId } = claim;
  if (identity.nodeId !== nodeId) throw foreign('node', identity.nodeId, nodeId);
  if (!isOf(identity, clusterId)) throw foreign('cluster', identity.clusterId, clusterId);
}

/** A store that belongs to no cluster yet is free for any. */
function isOf(identity: Identity, clusterId: string): boolean {
  return [clusterId, NO_CLUSTER].includes(identity.clusterId);
}

function assertReadable(format: number): void {
  if (format <= FORMAT_VERSION) return;
  throw new LogFault(
    'newer-format',
    `the store has format ${format}, this build reads up to ${FORMAT_VERSION}; start a newer build`,
  );
}

function foreign(what: string, owner: string, claimant: string): LogFault {
  return new LogFault(
    'foreign-store',
    `the store belongs to ${what} ${owner}, not to ${claimant}; point to the right data directory`,
  );
}
