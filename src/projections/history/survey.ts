/**
 * The first look at a log: every entry by itself and against its neighbours, without folding anything.
 * It says what is there (entries by type and by term, bytes, times) and what is wrong with it: damage,
 * gaps, terms or stamps that fall, envelopes that cannot be read; and it collects the state roots that
 * were agreed, which a replay is then held against.
 */
import { decodeEntry, type Entry, packr } from '../../log/command.ts';
import type { SeenDamage, SeenEntry, Sighting } from '../../log/sighting.ts';
import type { Outcome } from '../outcome.ts';
import { type AgreedRoot, agreedRoot } from './agreed-root.ts';
import { type Evidence, Findings, type Progress } from './evidence.ts';
import { type Counts, Tally } from './tally.ts';

export interface Survey {
  readonly counts: Counts;
  readonly agreed: readonly AgreedRoot[];
  readonly findings: Findings;
}

/** Looks at everything from `from` on, by default from the first entry that was not trimmed. */
export async function survey(
  evidence: Evidence,
  progress: Progress,
  from?: number,
): Promise<Survey> {
  const surveyor = new Surveyor(evidence, from ?? evidence.first);
  for await (const sightings of evidence.read(surveyor.expected)) {
    for (const sighting of sightings) surveyor.take(sighting);
    progress(surveyor.expected - 1);
  }
  return surveyor.finish(evidence.last);
}

class Surveyor {
  readonly #tally = new Tally();
  readonly #agreed: AgreedRoot[] = [];
  readonly #findings: Findings;
  #expected: number;

  constructor({ group }: Evidence, from: number) {
    this.#findings = new Findings(group.id);
    this.#expected = from;
  }

  /** The index that comes next in a log without gaps. */
  get expected(): number {
    return this.#expected;
  }

  take(sighting: Sighting): void {
    if (sighting.kind === 'entry') this.#takeEntry(sighting);
    else this.#takeDamage(sighting);
  }

  finish(last: number): Survey {
    const [from, problem] = [this.#expected, missing(this.#expected, last)];
    if (from <= last) this.#findings.add({ index: from, where: 'log', offset: 0, problem });
    return { counts: this.#tally, agreed: this.#agreed, findings: this.#findings };
  }

  #takeDamage(seen: SeenDamage): void {
    this.#report(seen, seen.reason);
    // A damaged entry hides only itself.
    if (seen.what === 'entry') this.#expected = seen.index + 1;
  }

  #takeEntry(seen: SeenEntry): void {
    this.#tally.see(seen);
    const [expected, problem] = [this.#expected, misplaced(seen.index, this.#expected)];
    if (seen.index !== expected) this.#report({ ...seen, index: expected }, problem);
    this.#expected = seen.index + 1;
    const entry = readable(seen.frame);
    if (entry === undefined) this.#report(seen, 'its command cannot be read by this build');
    else this.#read(entry, seen);
  }

  #read(entry: Entry, seen: SeenEntry): void {
    for (const problem of fallen(this.#tally.newest, entry)) this.#report(seen, problem);
    this.#tally.read(entry);
    if (entry.type === 'state_root' && wasApplied(seen.outcome))
      this.#agreed.push(agreedRoot(entry));
  }

  #report({ index, where, offset }: Sighting, problem: string): void {
    this.#findings.add({ index, where, offset, problem });
  }
}

function readable(frame: Buffer): Entry | undefined {
  try {
    return decodeEntry(frame);
  } catch {
    return undefined;
  }
}

/** Terms and stamps never fall within a log. */
function fallen(before: Entry | undefined, { term, at }: Entry): readonly string[] {
  if (before === undefined) return [];
  const problems: string[] = [];
  if (term < before.term) problems.push(`its term is ${term}, after ${before.term}`);
  if (at < before.at) problems.push(`its stamp is ${before.at - at} ms before the one before it`);
  return problems;
}

function misplaced(index: number, expected: number): string {
  if (index < expected) return `it lies where entry ${expected} should be, but is entry ${index}`;
  return missing(expected, index - 1);
}

function missing(from: number, to: number): string {
  return from === to ? `entry ${from} is missing` : `entries ${from} to ${to} are missing`;
}

/** A root that was refused vouches for nothing. One whose outcome was not recorded was not refused. */
function wasApplied(outcome: Uint8Array | undefined): boolean {
  if (outcome === undefined) return true;
  return (packr.unpack(outcome) as Outcome).kind === 'applied';
}
