/**
 * Who takes part in a group, as it lies on disk: in hard states, in snapshots, in the entries that change
 * it. A member is a node and its store, since a node that lost its disk is not the voter it was.
 */
export interface Member {
  readonly id: string;
  readonly store: string;
  /** `host:port`, best first. */
  readonly addresses: readonly string[];
}

export interface Members {
  readonly voters: readonly Member[];
  /** Those who voted before, while a change is under way; mostly nobody. */
  readonly outgoing: readonly Member[];
  readonly learners: readonly Member[];
}

/** The members from this index on. */
export interface MembersAt {
  readonly index: number;
  readonly configuration: Members;
}

export const NO_MEMBERS: Members = { voters: [], outgoing: [], learners: [] };

/** Who takes part now, by id. */
export function membersById({ voters, learners }: Members): ReadonlyMap<string, Member> {
  return new Map([...voters, ...learners].map((member) => [member.id, member]));
}

/** The known ones of these ids, in their order. */
export function named(known: ReadonlyMap<string, Member>, ids: readonly string[]): Member[] {
  return ids.flatMap((id) => known.get(id) ?? []);
}

/** Whether this node takes part with this store. */
export function isIn(
  members: readonly Member[],
  { id, store }: Pick<Member, 'id' | 'store'>,
): boolean {
  return members.some((member) => member.id === id && member.store === store);
}
