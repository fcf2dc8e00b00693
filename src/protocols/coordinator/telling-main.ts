/**
 * What a node has to tell `main` about groups: as the leader of `main`, with which members a group that was
 * created begins; as the leader of a group that was sealed, where it ended and what its outcomes come to.
 *
 * ```
 *  created, and all who were named take part in main ─▶ found_group
 *  sealed, and main has not recorded it yet ──────────▶ job_sealed
 * ```
 *
 * Nothing is kept of what was told: what was not heard is still to be told in the next round.
 */
import { type Member, membersById, named } from '../../log/members.ts';
import { type GroupMember, GROUPS, liveGroup } from '../../projections/groups/group-table.ts';
import { sealOf } from '../../projections/groups/seal.ts';
import type { ReadonlyTables } from '../../projections/projection.ts';
import type { Group } from './group.ts';

/** Foundings proposed at once; each that is applied calls for another round. */
const FOUNDINGS_MAX = 100;

/** What `found_group` says. */
type Founding = Readonly<{ group: string; incarnation: number; members: readonly GroupMember[] }>;

export class TellingMain {
  readonly #main: Group;
  /** What `main` was told and has not answered: a few foundings and seals. */
  readonly #unheard = new Set<() => void>();
  #stopped = false;

  constructor(main: Group) {
    this.#main = main;
  }

  /** Settles when all was answered, or nobody waits for it any more. @param awake the groups in memory */
  async tell(awake: readonly Group[]): Promise<void> {
    const leading = awake.filter((group) => group.isLeader);
    await Promise.all([
      ...this.#foundings().map((data) => this.#tell('found_group', data)),
      ...leading.map((group) => this.#tellSeal(group)),
    ]);
  }

  /** Nothing is told any more, and no answer waited for. */
  stop(): void {
    this.#stopped = true;
    for (const end of this.#unheard) end();
  }

  get #tables(): ReadonlyTables {
    return this.#main.machine.tables;
  }

  /** Where a voter that was named takes no part in `main` yet, its group waits for it. */
  #foundings(): readonly Founding[] {
    if (!this.#main.isLeader) return [];
    const foundings: Founding[] = [];
    const created = this.#tables.of(GROUPS).select('by_state', ['created']);
    for (const { id, incarnation, voters } of created) {
      const members = this.#membersFor(voters);
      if (members !== undefined) foundings.push({ group: id, incarnation, members });
    }
    return foundings.slice(0, FOUNDINGS_MAX);
  }

  #membersFor(voters: readonly string[]): readonly GroupMember[] | undefined {
    const known = this.#main.members();
    if (voters.length === 0) return known.voters.map(plain);
    const members = named(membersById(known), voters);
    return members.length === voters.length ? members.map(plain) : undefined;
  }

  async #tellSeal(group: Group): Promise<void> {
    const seal = sealOf(group.machine.tables);
    const { id, incarnation } = group.id;
    if (seal === undefined || liveGroup(this.#tables, id) === undefined) return;
    const { sealed_index: index } = seal;
    const root = await group.history.digestAt(index);
    await this.#tell('job_sealed', { group: id, incarnation, index, root });
  }

  async #tell(type: string, data: Readonly<Record<string, unknown>>): Promise<void> {
    if (this.#stopped) return;
    await this.#heard(this.#main.propose({ type, data, actor: 'engine' }, 'control'));
  }

  /** Without a majority `main` answers nobody: who stops does not wait for it. */
  #heard(answer: Promise<unknown>): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.#unheard.delete(end);
        resolve();
      };
      this.#unheard.add(end);
      void answer.catch(reject).then(end);
    });
  }
}

function plain({ id, store, addresses }: Member): GroupMember {
  return { id, store, addresses: [...addresses] };
}
