/**
 * What a campaign does to a cluster beyond its processes, ways and disks: the operator's hand, and the worst
 * an operator can meet.
 *
 * | name | reach | |
 * |---|---|---|
 * | bridge | node | the others are two halves that do not hear each other; both hear this one |
 * | fill | node | its disk is full; if it ends of that, it is started again when there is room |
 * | lose | node | killed, and its disk is another one when it comes back; not where only two vote |
 * | transfer | cluster | leadership is to go to some voter, or to the one that is furthest |
 * | demote | node | it only follows for a while, then votes again |
 * | remove | node | it takes no part any more; later it joins with an empty disk |
 * | unplug | node | in namespaces: its cable hangs in the air, and it cannot tell |
 * | down | node | in namespaces: its cable is dead, and it can |
 *
 * `demote`, `remove` and `lose` are for one node at a time, until it votes and holds the whole log again: who loses a
 * disk while few vote loses the cluster, and no service could help it.
 */
import { until } from '../../test/end-to-end/condition.ts';
import type { Begin, FaultKind, Heal } from '../../test/faults/nemesis.ts';
import {
  NETWORK_FAULTS,
  networkFaults,
  NODE_FAULTS,
  nodeFaults,
} from '../../test/faults/node-faults.ts';
import { type Condition, HELD, OPEN } from '../../test/faults/proxy.ts';
import { pick } from '../../test/linearizability/wishes.ts';
import type { Random } from '../random.ts';
import type { CampaignCluster, Standing } from './cluster.ts';
import { CABLE_FAULTS, type NetworkName } from './network.ts';
import type { Answer } from './node.ts';

/** Room for what a node writes while it notices. */
const LEFT_BYTES = 64 * 1024;
/** A change of members is tried for so long at its beginning, and at its end. */
const CHANGE_MS_MAX = 4_000;
const RETURN_MS_MAX = 180_000;
/** What the service says of a change that is not made, or not yet, for good reasons. */
const REFUSALS: readonly number[] = [409, 503, 504];

export const CAMPAIGN_FAULTS: readonly FaultKind[] = [
  ...NODE_FAULTS,
  ...NETWORK_FAULTS,
  { name: 'bridge', reach: 'node', weight: 2 },
  { name: 'fill', reach: 'node', weight: 1.5 },
  { name: 'lose', reach: 'node', weight: 0.7 },
  { name: 'transfer', reach: 'cluster', weight: 2.5 },
  { name: 'demote', reach: 'node', weight: 1.5 },
  { name: 'remove', reach: 'node', weight: 0.7 },
];

/** All there are in a network of this kind. */
export function faultsIn(network: NetworkName): readonly FaultKind[] {
  return network === 'namespaces' ? [...CAMPAIGN_FAULTS, ...CABLE_FAULTS] : CAMPAIGN_FAULTS;
}

export function campaignFaults(
  cluster: CampaignCluster,
  random: Random,
): Readonly<Record<string, Begin>> {
  const { ids, network } = cluster;
  const { ways } = network;
  const voters = new Voters(cluster);
  return {
    ...nodeFaults((id) => cluster.node(id)),
    ...networkFaults(ways),
    ...network.faults,
    bridge: async (bridge = '') => {
      const others = ids.filter((id) => id !== bridge);
      const half = others.slice(0, Math.ceil(others.length / 2));
      const rest = others.filter((id) => !half.includes(id));
      const set = async (condition: Condition): Promise<void> => {
        for (const one of half)
          for (const other of rest) {
            await ways.set(one, other, condition);
            await ways.set(other, one, condition);
          }
      };
      await set(HELD);
      return () => set(OPEN);
    },
    fill: async (id = '') => {
      const node = cluster.node(id);
      node.isToEnd = true;
      // The node writes on meanwhile: what was free may not be any more.
      await until(`${id} has a full disk`, () => filled(cluster, id));
      return async () => {
        await cluster.disk(id).empty();
        // It may still be about to end: what counts is that it serves.
        await until(`${id} serves again`, () => served(cluster, id), RETURN_MS_MAX);
        node.isToEnd = false;
      };
    },
    lose: voters.oneAtATime(async (id) => {
      const node = cluster.node(id);
      const mayLose = await voters.areMany();
      await node.kill();
      if (mayLose) await node.loseDisk();
      return async () => {
        await node.start();
        await voters.untilVotes(id);
      };
    }),
    transfer: async () => {
      const asked = pick(random, cluster.nodes);
      const to = pick(random, [...ids, undefined]);
      const answer = await asked.ask('/v1/raft/transfer?timeout=2s', 'POST', { to });
      refuse(answer);
      return () => undefined;
    },
    demote: voters.oneAtATime(async (id) => {
      await voters.without(id, true);
      return () => voters.backWith(id);
    }),
    remove: voters.oneAtATime(async (id) => {
      await voters.without(id, false);
      return () => voters.backWith(id);
    }),
  };
}

async function filled(cluster: CampaignCluster, id: string): Promise<boolean> {
  return cluster
    .disk(id)
    .fill(LEFT_BYTES)
    .then(
      () => true,
      () => false,
    );
}

async function served(cluster: CampaignCluster, id: string): Promise<boolean> {
  const node = cluster.node(id);
  if (!node.isRunning) {
    await node.start();
    node.isToEnd = true;
  }
  const answer = await node.ask('/readyz');
  return answer?.status === 200;
}

/** @throws when it is an answer nobody promised */
function refuse(answer: Answer | undefined): void {
  if (answer === undefined || answer.status === 200 || REFUSALS.includes(answer.status)) return;
  throw new Error(`answered ${answer.status}: ${JSON.stringify(answer.members)}`);
}

/** Who votes, and what is done to that. */
export class Voters {
  readonly #cluster: CampaignCluster;
  #turn: Promise<void> = Promise.resolve();

  constructor(cluster: CampaignCluster) {
    this.#cluster = cluster;
  }

  /** One such fault begins when the one before it is over. */
  oneAtATime(begin: (id: string) => Promise<Heal>): Begin {
    return async (id = '') => {
      const before = this.#turn;
      let end: () => void = () => undefined;
      this.#turn = new Promise((resolve) => (end = resolve));
      await before;
      try {
        const heal = await begin(id);
        return () => Promise.resolve(heal()).finally(end);
      } catch (error) {
        end();
        throw error;
      }
    };
  }

  /** Whether the disk of one may be lost, as far as anybody knows. */
  async areMany(): Promise<boolean> {
    const leading = await this.#leading();
    return leading !== undefined && leading.voters.length > 2;
  }

  /** Tried for a while only: it may vote on, or be told later. */
  async without(id: string, isLearner: boolean): Promise<void> {
    const change = ({ voters, learners }: Standing): object => ({
      voters: voters.filter((voter) => voter !== id),
      learners: isLearner ? [...learners, id] : learners,
    });
    await this.#changed(change, ({ voters }) => voters.length > 2, CHANGE_MS_MAX).catch(
      () => undefined,
    );
  }

  /** Resolves when it votes again: who takes no part at all has to come with an empty disk. */
  async backWith(id: string): Promise<void> {
    const leading = await until('somebody leads', () => this.#leading(), RETURN_MS_MAX);
    if ([...leading.voters, ...leading.learners].includes(id)) {
      const change = ({ voters, learners }: Standing): object => ({
        voters: [...new Set([...voters, id])],
        learners: learners.filter((learner) => learner !== id),
      });
      await this.#changed(change, () => true, RETURN_MS_MAX);
    } else {
      const node = this.#cluster.node(id);
      await node.kill();
      await node.loseDisk();
      await node.start();
    }
    await this.untilVotes(id);
  }

  /** It asks to join by itself. As long as it copies the log, others may be the only ones that hold it. */
  async untilVotes(id: string): Promise<void> {
    await until(
      `${id} votes`,
      async () => {
        const leading = await this.#leading();
        const own = (await this.#cluster.standings()).find((one) => one.id === id);
        const isWhole = own?.history.state === 'whole';
        return isWhole && [leading, own].every((one) => one?.voters.includes(id) === true);
      },
      RETURN_MS_MAX,
    );
  }

  /** As the newest leader sees it. */
  async #leading(): Promise<Standing | undefined> {
    const seen = (await this.#cluster.standings()).filter(({ role }) => role === 'leader');
    return seen.toSorted((one, other) => other.term - one.term)[0];
  }

  async #changed(
    change: (now: Standing) => object,
    isFit: (now: Standing) => boolean,
    milliseconds: number,
  ): Promise<boolean> {
    return until(
      'the voters are changed',
      async () => {
        const now = await this.#leading();
        if (now === undefined || !isFit(now)) return false;
        const node = this.#cluster.node(now.id);
        const answer = await node.ask('/v1/voters?timeout=2s', 'PUT', change(now));
        refuse(answer);
        return answer?.status === 200;
      },
      milliseconds,
    );
  }
}
