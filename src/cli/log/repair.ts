/** `quorate log repair`: what can be proved, written to a new directory; the old one is only read. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { REPAIR_FILE, repairLog, type RepairRecord } from '../../log/repair.ts';
import { EXIT } from '../exit.ts';
import type { Invocation } from '../invocation.ts';
import { columns } from '../layout.ts';
import type { Report } from '../report.ts';
import { assertLog, isRunning } from './offline.ts';

export interface RepairCommandOptions {
  readonly dataDir: string;
  /** The new directory. */
  readonly to: string;
}

export async function logRepair(
  invocation: Invocation,
  { dataDir: directory, to: target }: RepairCommandOptions,
): Promise<Report> {
  assertLog(directory);
  const now = Date.now();
  const record = await repairLog({ directory, target, drawId: randomUUID, now, isRunning });
  const exit = isLess(record) ? EXIT.finding : EXIT.fine;
  return { exit, data: { target, ...record }, lines: linesOf(invocation, record, target) };
}

/** Whether anything was left out. */
function isLess({ groups, keys_left_out: keys }: RepairRecord): boolean {
  return keys.length > 0 || groups.some(({ left_out }) => left_out !== undefined);
}

function linesOf(
  { screen }: Invocation,
  { groups, keys_left_out: keys, source }: RepairRecord,
  target: string,
): readonly string[] {
  const head = ['GROUP', 'KEPT', 'LEFT OUT'].map((title) => screen.paint('dim', title));
  const rows = groups.map(({ group, first, last, left_out }) => [
    group.id,
    last < first ? 'nothing' : `${first} to ${last}`,
    left_out === undefined ? '-' : `from ${left_out.from}: ${left_out.reason}`,
  ]);
  return [
    ...columns([head, ...rows]),
    ...keys.map((finding) => `left out: ${finding}`),
    '',
    `${target} holds what can be proved; ${join(target, REPAIR_FILE)} says what was left out, and why`,
    `${source} was not changed: keep it until you know that nothing in it is missed`,
    `next: quorate log verify --data-dir ${target}`,
  ];
}
