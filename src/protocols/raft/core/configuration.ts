/**
 * Who takes part. A member is a node **and** its store: a node that lost its disk has another store, and
 * is not the voter it was. Answers count only from the stores named here.
 *
 * ```
 *  {A B C}  ──change──▶  joint: {A B C} and {A B D}  ──committed──▶  {A B D}
 *  stable                both majorities decide       proposed once     stable
 * ```
 *
 * Ongaro & Ousterhout 2014, §6 (joint consensus).
 */
export interface Member {
  readonly id: string;
  /** The store the member votes with; drawn anew for every empty disk. */
  readonly store: string;
  /** Where it is reached, best first. Nothing here reads it. */
  readonly addresses: readonly string[];
}

export interface Configuration {
  readonly voters: readonly Member[];
  /** Those who voted before, while the change is joint; empty otherwise. */
  readonly outgoing: readonly Member[];
  /** Replicate, do not vote. */
  readonly learners: readonly Member[];
}

/** More voters make every commit slower without making anything safer. */
export const VOTERS_MAX = 7;
/** Each costs the leader a full stream of entries. */
export const LEARNERS_MAX = 16;

/** Of a core that has not heard yet who takes part. */
export const NOBODY: Configuration = { voters: [], outgoing: [], learners: [] };

export interface Identity {
  readonly id: string;
  readonly store: string;
}

/** One string for a node with its store: what a vote is given to, and counted by. */
export function nameOf({ id, store }: Identity): string {
  return `${id}@${store}`;
}

export function isJoint({ outgoing }: Configuration): boolean {
  return outgoing.length > 0;
}

/** Its vote is asked for, its log counts: in either half while the change is joint. */
export function isVoter({ voters, outgoing }: Configuration, who: Identity): boolean {
  return names(voters, who) || names(outgoing, who);
}

export function isMember(configuration: Configuration, who: Identity): boolean {
  return isVoter(configuration, who) || names(configuration.learners, who);
}

/** The id takes part with another store: this one was emptied, and what it once promised is forgotten. */
export function isReplaced(configuration: Configuration, who: Identity): boolean {
  return !isMember(configuration, who) && membersOf(configuration).has(who.id);
}

/**
 * Everybody who is sent entries, by id. Where both halves know an id, the newer one's store is asked:
 * the older one's disk is gone.
 */
export function membersOf({
  voters,
  outgoing,
  learners,
}: Configuration): ReadonlyMap<string, Member> {
  return new Map([...outgoing, ...learners, ...voters].map((member) => [member.id, member]));
}

/** Everybody who is asked for a vote, by id. */
export function votersOf({ voters, outgoing }: Configuration): ReadonlyMap<string, Member> {
  return new Map([...outgoing, ...voters].map((member) => [member.id, member]));
}

/** The way to the wanted members: joint, unless the voters stay who they are. */
export function enter(
  current: Configuration,
  wanted: Pick<Configuration, 'voters' | 'learners'>,
): Configuration {
  const { voters, learners } = wanted;
  const outgoing = sameVoters(current.voters, voters) ? [] : current.voters;
  return { voters, outgoing, learners };
}

/** The newer half alone. */
export function leave({ voters, learners }: Configuration): Configuration {
  return { voters, outgoing: [], learners };
}

/** 1 to 7 voters, up to 16 learners, each id once. */
export function isValid({ voters, learners }: Pick<Configuration, 'voters' | 'learners'>): boolean {
  const ids = new Set([...voters, ...learners].map(({ id }) => id));
  if (ids.size !== voters.length + learners.length) return false;
  return voters.length > 0 && voters.length <= VOTERS_MAX && learners.length <= LEARNERS_MAX;
}

function names(members: readonly Member[], { id, store }: Identity): boolean {
  return members.some((member) => member.id === id && member.store === store);
}

function sameVoters(before: readonly Member[], after: readonly Member[]): boolean {
  return before.length === after.length && after.every((member) => names(before, member));
}
