/**
 * Starting a node whose store may be damaged. One of a cluster does not need it: what was acknowledged is held
 * by a majority, so it puts the store aside and comes back as another store, which has no vote before it holds
 * what the others hold.
 *
 * ```
 *  start ── fine ─────────────────────────────────────────────▶ serving
 *    │ damaged; or so marked by the run before, and examined       ▲
 *    │ unless that was certain: it decided otherwise than most     │
 *    ▼                                                             │
 *  others confirm that they can do without it ── put aside ── start, empty
 *    │ nobody does within CONFIRM_MS, it is alone, or the settings forbid it
 *    ▼
 *  ends with the line that says what is damaged; nothing was changed
 * ```
 */
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { startNetwork } from './cluster-network.ts';
import type { ClusterConfig } from './config/cluster.ts';
import type { Config } from './config.ts';
import { examine } from './log/examining.ts';
import { isDamage, LogFault } from './log/fault.ts';
import { damageIn, markDamaged, setAside, unmark } from './log/set-aside.ts';
import type { Milliseconds } from './log/time.ts';
import { Node } from './node.ts';
import { askToConfirm, type Confirmation } from './protocols/raft/confirming.ts';
import { realClock } from './real-clock.ts';

/** A cluster that was started as a whole has elected somebody by then; a supervisor asks again later. */
const CONFIRM_MS: Milliseconds = 10_000;

/** @throws as `Node.start`; LogFault `damaged` where the store stays in its place */
export async function startRepairing(config: Config, logger: Logger): Promise<Node> {
  const { cluster } = config;
  if (cluster?.repairsFromPeers !== true) return Node.start(config, logger);
  const repairing = { config, cluster, logger };
  try {
    await assertUnmarked(config, logger);
    return await Node.start(config, logger);
  } catch (error) {
    await repair(damageOf(error), repairing);
    return Node.start(config, logger);
  }
}

/** @throws LogFault `damaged` where an earlier run has seen damage, and it is there, or need not be looked for */
async function assertUnmarked({ dataDir }: Config, logger: Logger): Promise<void> {
  const damage = await damageIn(dataDir);
  if (damage === undefined) return;
  if (damage.certain === true) throw new LogFault('damaged', damage.reason);
  logger.warn({ ...damage }, 'store_examined');
  await examine(dataDir);
  await unmark(dataDir);
}

/** The fault, where it is damage; whatever else was wrong is not repaired. */
function damageOf(error: unknown): LogFault {
  if (isDamage(error)) return error;
  throw error;
}

interface Repairing {
  readonly config: Config;
  readonly cluster: ClusterConfig;
  readonly logger: Logger;
}

async function repair(damage: LogFault, repairing: Repairing): Promise<void> {
  const { config, logger } = repairing;
  const { dataDir } = config;
  const { message: reason } = damage;
  logger.error({ reason }, 'store_damaged');
  const confirmation = await confirmed(repairing);
  if (confirmation.kind === 'refused') throw unconfirmed(damage, confirmation.reason);
  await markDamaged(dataDir, { found_at: realClock.now(), reason });
  const directory = await setAside(dataDir);
  logger.error({ reason, directory }, 'store_set_aside');
}

/** The store is not asked whose it is: the others know who we are. */
async function confirmed({ config, cluster, logger }: Repairing): Promise<Confirmation> {
  const { nodeId, clusterId } = config;
  const { exchange, network } = await startNetwork({
    nodeId,
    storeId: randomUUID(),
    clusterId: () => clusterId,
    cluster,
    // Nobody is expected: this is not where the others look for us.
    listen: { host: '127.0.0.1', port: 0 },
    logger,
  });
  try {
    return await askToConfirm({
      exchange,
      addresses: [...cluster.peers.flatMap(({ addresses }) => addresses), ...cluster.join],
      clock: realClock,
      patience: CONFIRM_MS,
    });
  } finally {
    await network.stop();
  }
}

function unconfirmed(damage: LogFault, reason: string): LogFault {
  return new LogFault(
    'damaged',
    `${damage.message}; it was not put aside, because the other nodes may need it: ${reason}`,
    { cause: damage },
  );
}
