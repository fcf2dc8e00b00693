/** Findings for people: where, at which byte, what, and what can be done. */
import type { SeenDamage } from '../../log/sighting.ts';
import type { Finding } from '../../projections/history/evidence.ts';
import { columns } from '../layout.ts';
import type { Screen } from '../screen.ts';

/** More than this nobody reads; `-o ndjson` has them all. */
const SHOWN_MAX = 50;

export function findingLines(screen: Screen, findings: readonly Finding[]): readonly string[] {
  const head = ['GROUP', 'ENTRY', 'WHERE', 'BYTE', 'PROBLEM'].map((title) =>
    screen.paint('dim', title),
  );
  const rows = findings
    .slice(0, SHOWN_MAX)
    .map(({ group, index, where, offset, problem }) => [
      group,
      index === 0 ? '-' : String(index),
      where,
      String(offset),
      problem,
    ]);
  const hidden = findings.length - rows.length;
  const more = hidden > 0 ? [`… and ${hidden} more; -o ndjson lists them all`] : [];
  return [...columns([head, ...rows], ['left', 'right', 'left', 'right']), ...more];
}

/** Damage met on the way, in one line. */
export function damageLine({ index, where, offset, reason }: SeenDamage): string {
  return `entry ${index}, ${where}, byte ${offset}: ${reason}`;
}

/** What to do about a log that is not what was written. */
export const ADVICE =
  '`quorate log repair --data-dir D --to NEW` writes what can be proved to a new directory and leaves this one alone';
