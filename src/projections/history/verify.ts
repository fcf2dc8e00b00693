/**
 * Verification: everything about a group's log that can be checked against something else.
 *
 * ```
 *  frames, contiguity, terms, outcome pages        survey.ts
 *  each snapshot: whole, its rows hash to its roots
 *  replay: digest and roots equal to every snapshot and to every agreed state root on the way
 * ```
 *
 * Where the log is broken, the replay goes on from the next snapshot behind the break, so that all faults
 * are found and not only the first.
 */
import { Machine } from '../machine.ts';
import { restoreSnapshot, type SnapshotRoots } from '../snapshot.ts';
import type { AgreedRoot } from './agreed-root.ts';
import type { Evidence, Finding, Findings, Progress, SnapshotEvidence } from './evidence.ts';
import { AUDIT, replay, type Replayed, stateRoots, type Stop } from './replay.ts';
import { type Survey, survey } from './survey.ts';

export interface Verified {
  readonly survey: Survey;
  readonly snapshots: number;
  /** Agreed roots and snapshots that a replay was held against. */
  readonly compared: number;
  /** The entries that were folded again, as ranges (after, up to]. */
  readonly replayed: readonly Pick<Replayed, 'after' | 'index'>[];
  readonly findings: readonly Finding[];
  /** All that were made; more than are listed in a log that is very badly damaged. */
  readonly finding_count: number;
}

/** Something that says what the state at an index hashed to. */
interface Claim {
  readonly at_index: number;
  readonly says: SnapshotRoots;
  /** Where it says so: a snapshot, or an entry. */
  readonly where: string;
  readonly index: number;
}

/** The most agreed roots that are held against a replay, the newest: each costs a hash of all rows. */
const CLAIMS_MAX = 1_000;

/** A verification goes over the log twice. */
export interface VerifyProgress {
  readonly surveying: Progress;
  readonly replaying: Progress;
}

export async function verify(
  evidence: Evidence,
  { surveying, replaying }: VerifyProgress,
): Promise<Verified> {
  const looked = await survey(evidence, surveying);
  const { findings } = looked;
  const sealed = await sealedRoots(evidence, findings);
  const claims = [...looked.agreed.slice(-CLAIMS_MAX).map(claimOf), ...sealed];
  const runs = await replayAll(evidence, claims, replaying);
  const compared = compare(claims, runs, findings);
  reportUnfoldable(runs, findings);
  return {
    survey: looked,
    snapshots: evidence.snapshots.length,
    compared,
    replayed: runs.map(({ after, index }) => ({ after, index })),
    findings: findings.listed,
    finding_count: findings.count,
  };
}

function claimOf({ said_at: index, at_index, digest, roots }: AgreedRoot): Claim {
  return { at_index, says: { digest, roots }, where: `state_root entry ${index}`, index };
}

/** What each snapshot says, where it is whole and its own rows bear it out. */
async function sealedRoots(evidence: Evidence, findings: Findings): Promise<readonly Claim[]> {
  const claims: Claim[] = [];
  for (const snapshot of evidence.snapshots) {
    const { index, where } = snapshot;
    try {
      claims.push({ at_index: index, says: await rootsBorneOut(evidence, snapshot), where, index });
    } catch (error) {
      findings.add({ index, where, offset: 0, problem: (error as Error).message });
    }
  }
  return claims;
}

/** The roots a snapshot is sealed with. @throws where they are not those of its rows */
export async function rootsBorneOut(
  { projections }: Pick<Evidence, 'projections'>,
  snapshot: SnapshotEvidence,
): Promise<SnapshotRoots> {
  const machine = new Machine({ projections, ...AUDIT });
  const { manifest, sealed } = await restoreSnapshot(machine, snapshot.content());
  if (manifest.position.index !== snapshot.index)
    throw new Error(`it holds the state at ${manifest.position.index}, not at ${snapshot.index}`);
  const [different] = differences(sealed, stateRoots(machine));
  if (different !== undefined) throw new Error(`its rows do not bear out its ${different}`);
  return sealed;
}

/** Replays all that can be: behind a break, from the next snapshot on. */
async function replayAll(
  evidence: Evidence,
  claims: readonly Claim[],
  progress: Progress,
): Promise<readonly Replayed[]> {
  const checkpoints = new Set(claims.map(({ at_index }) => at_index));
  const usable = evidence.snapshots.filter(({ where }) => claims.some((it) => it.where === where));
  const until = Number.MAX_SAFE_INTEGER;
  const runs: Replayed[] = [];
  let start = firstStart(evidence, usable);
  while (start !== undefined) {
    const run = await replay(evidence, {
      start: start.snapshot,
      until,
      redecide: false,
      checkpoints,
      progress,
    });
    runs.push(run);
    start = startBehind(run, usable);
  }
  return runs;
}

interface Start {
  /** Undefined: before the first entry. */
  readonly snapshot: SnapshotEvidence | undefined;
}

function startAt(snapshot: SnapshotEvidence | undefined): Start | undefined {
  return snapshot === undefined ? undefined : { snapshot };
}

/** Where a replay of a log may begin: nowhere, if its beginning was trimmed and no snapshot is left. */
export function firstStart(
  { first }: Pick<Evidence, 'first'>,
  snapshots: readonly SnapshotEvidence[],
): Start | undefined {
  if (first === 1) return { snapshot: undefined };
  return startAt(snapshots.find(({ index }) => index >= first - 1));
}

function startBehind(run: Replayed, usable: readonly SnapshotEvidence[]): Start | undefined {
  if (run.stop === undefined) return undefined;
  return startAt(usable.find(({ index }) => index > run.index));
}

/** @returns how many claims a replay came past */
function compare(claims: readonly Claim[], runs: readonly Replayed[], findings: Findings): number {
  let compared = 0;
  for (const { at_index, says, where, index } of claims) {
    const found = runs.flatMap(({ checkpoints }) => checkpoints.get(at_index) ?? []).slice(0, 1);
    compared += found.length;
    for (const what of found.flatMap((roots) => differences(says, roots)))
      findings.add({
        index,
        where,
        offset: 0,
        problem: `by replay, the state at ${at_index} has another ${what}`,
      });
  }
  return compared;
}

/** What differs: `digest`, `root of work_queue`. Projections the claim does not know are not compared. */
export function differences(says: SnapshotRoots, found: SnapshotRoots): readonly string[] {
  const roots = Object.entries(says.roots)
    .filter(([name, root]) => found.roots[name] !== root)
    .map(([name]) => `root of ${name}`);
  return says.digest === found.digest ? roots : ['digest', ...roots];
}

/** A replay may stop at what the survey could not see: an outcome that cannot be folded. */
function reportUnfoldable(runs: readonly Replayed[], findings: Findings): void {
  for (const { index, problem } of runs.flatMap(({ stop }) => brokenAt(stop)))
    if (!findings.speaksOf(index)) findings.add({ index, where: 'replay', offset: 0, problem });
}

function brokenAt(stop: Stop | undefined): readonly Extract<Stop, { kind: 'broken' }>[] {
  return stop?.kind === 'broken' ? [stop] : [];
}
