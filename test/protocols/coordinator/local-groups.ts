/** Many groups on the nodes of a cluster within one process: hosts above real logs, links that can be cut. */
import { onTestFinished } from 'vitest';
import type { Command } from '../../../src/log/command.ts';
import type { GroupId } from '../../../src/log/group.ts';
import type { Member as LogMember } from '../../../src/log/members.ts';
import type { GroupRow } from '../../../src/projections/groups/group-table.ts';
import { GROUPS } from '../../../src/projections/groups/group-table.ts';
import { GROUP_PROJECTIONS } from '../../../src/projections/registry.ts';
import type { Answer } from '../../../src/protocols/coordinator/answer.ts';
import { Group } from '../../../src/protocols/coordinator/group.ts';
import { Groups, type HostingTimes } from '../../../src/protocols/coordinator/groups.ts';
import { startFounded } from '../../../src/protocols/raft/founding.ts';
import { askToReturn } from '../../../src/protocols/raft/returning.ts';
import { breathe } from '../../../src/real-clock.ts';
import { until } from '../../end-to-end/condition.ts';
import { CountingClock } from '../../log/fixtures.ts';
import { LocalCluster, type Member } from '../raft/local-cluster.ts';

const MIB = 1024 * 1024;
/** Longer than any change of leaders on a machine that is busy with other things. */
const PATIENCE = 120_000;

export const TIMES: HostingTimes = { round: 50, rest: 300, sealPatience: 500, led: 5_000 };

export interface Hosting {
  readonly id: string;
  readonly member: Member;
  readonly groups: Groups;
  /** Counts what waits in its groups, and in nothing else. */
  readonly clock: CountingClock;
  readonly errors: readonly unknown[];
}

/** Hosts the groups of a node that is one of a cluster. */
export function hosting(member: Member, times: Partial<HostingTimes> = {}): Hosting {
  const clock = new CountingClock(member.clock);
  const errors: unknown[] = [];
  const groups = new Groups({
    nodeId: member.id,
    main: member.group,
    log: member.log,
    clock,
    times: { ...TIMES, ...times },
    exchange: member.exchange,
    open: (id, row) => opened(member, clock, id, row, errors),
    askToReturn: (id, others) =>
      askToReturn({ exchange: member.exchange, self: selfOf(member), group: id, others }),
    onError: (_group, error) => errors.push(error),
  });
  groups.start();
  onTestFinished(() => groups.stop());
  return { id: member.id, member, groups, clock, errors };
}

function selfOf({ id, log }: Member): LogMember {
  return { id, store: log.identity.storeId, addresses: [id] };
}

function opened(
  member: Member,
  clock: CountingClock,
  id: GroupId,
  row: GroupRow,
  errors: unknown[],
): Promise<Group> {
  const { log, exchange } = member;
  return Group.open({
    id,
    log,
    clock,
    projections: GROUP_PROJECTIONS[row.kind],
    startEngine: (start) =>
      startFounded({
        ...start,
        log,
        nodeId: member.id,
        clock,
        random: Math.random,
        timing: {
          heartbeat: 50,
          election: { least: 300, most: 600 },
          disk_patience: 3_000,
          quorum_patience: 600,
          news: 10,
          stall: 300,
          quiesce_after: 3,
          ease_after: Number.POSITIVE_INFINITY,
        },
        bounds: {
          in_flight_messages: 64,
          in_flight_bytes: MIB,
          eager_messages: 2,
          message_bytes: MIB,
          message_entries: 1_000,
          uncommitted_bytes: 4 * MIB,
          cache_bytes: 64 * 1024,
          reads: 10_000,
          promotion_lag: 256,
        },
        exchange,
        voters: row.members,
        membersOfMain: () => member.engine.members(),
        onTrace: () => undefined,
        onError: (error) => errors.push(error),
        onFault: (fault) => errors.push(fault),
      }),
    snapshotInterval: 60_000,
    retention: { kind: 'all' },
    historyBytes: 0,
    breathe,
    onFault: (fault) => errors.push(fault),
    onLoopError: (_loop, error) => errors.push(error),
  });
}

export class LocalGroups {
  readonly cluster: LocalCluster;
  readonly nodes: readonly Hosting[];

  private constructor(cluster: LocalCluster, nodes: readonly Hosting[]) {
    this.cluster = cluster;
    this.nodes = nodes;
  }

  static async founded(count: number, times: Partial<HostingTimes> = {}): Promise<LocalGroups> {
    const cluster = await LocalCluster.founded(count);
    return new LocalGroups(
      cluster,
      [...cluster.members.values()].map((member) => hosting(member, times)),
    );
  }

  at(id: string): Hosting {
    const node = this.nodes.find((one) => one.id === id);
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  /** Tells `main`, at whoever leads it. */
  async tell(type: string, data: Command['data']): Promise<Answer> {
    const leader = await this.cluster.untilLed();
    return leader.group.propose({ type, data, actor: 'test' }, 'dispatch', PATIENCE);
  }

  /** Creates a group. @returns its incarnation */
  async create(id: string): Promise<number> {
    const answer = await this.tell('create_group', { id, kind: 'job', voters: [] });
    if (answer.kind !== 'answered' || answer.outcome.kind !== 'applied')
      throw new Error(`not created: ${JSON.stringify(answer)}`);
    return answer.index;
  }

  rowAt({ member }: Hosting, id: string): GroupRow | undefined {
    return member.group.machine.tables.of(GROUPS).get(id);
  }

  /** The node that leads a group, once there is one. */
  untilLed(id: string, among = this.nodes): Promise<Hosting> {
    return until(`${id} is led`, () =>
      among.find((node) =>
        node.groups.awake().some((group) => group.id.id === id && group.isLeader),
      ),
    );
  }

  /** Proposes in a group at a node until it is answered, as a client that retries would. */
  propose({ groups }: Hosting, id: string, command: Command): Promise<Answer> {
    return until(`a command in ${id} is answered`, async () => {
      const group = await groups.group(id);
      const answer = await group?.propose(command, 'dispatch');
      return answer?.kind === 'answered' && answer;
    });
  }

  untilAsleep(among = this.nodes): Promise<boolean> {
    return until('all groups rest', () =>
      among.every(({ groups }) => {
        const { hosted, asleep } = groups.status();
        return hosted > 0 && hosted === asleep;
      }),
    );
  }

  /** What a node has on its disk and in its memory of anything but main. */
  remainsAt({ member }: Hosting): readonly GroupId[] {
    return member.log.groups().filter(({ id }) => id !== 'main');
  }
}
