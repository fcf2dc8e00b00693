/** `quorate config`: every setting with its value, where it was said, and what it is for. */
import { type Loaded, loadConfig, type Origin } from '../config.ts';
import { flagOf, PREFIX, SETTING_NAMES, type SettingName, SETTINGS } from '../config/settings.ts';
import type { Fault } from '../config/sources.ts';
import { CommandFault, EXIT } from './exit.ts';
import type { Invocation } from './invocation.ts';
import { columns } from './layout.ts';
import { readFile } from 'node:fs/promises';
import type { Report } from './report.ts';

/** Flags by the names of their settings, and the file. */
export interface ConfigOptions {
  readonly config?: string;
  readonly flags: Readonly<Partial<Record<SettingName, string>>>;
}

/** @throws CommandFault where the file cannot be read */
export async function configured(
  { env }: Invocation,
  { config: path, flags }: ConfigOptions,
): Promise<Loaded> {
  if (path === undefined) return loadConfig({ env, flags });
  return loadConfig({ env, flags, file: { path, text: await textOf(path) } });
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new CommandFault(
      EXIT.configuration,
      `${path} cannot be read: ${(error as Error).message}`,
    );
  }
}

/** All faults, each with what would have been right. */
export function faultLines(faults: readonly Fault[]): readonly string[] {
  const count =
    faults.length === 1 ? 'one setting is wrong' : `${faults.length} settings are wrong`;
  return [`${count}:`, ...faults.flatMap(linesOfFault), 'all settings: quorate config'];
}

function linesOfFault({ name, problem, example }: Fault): readonly string[] {
  const lines = [`  ${name} ${problem}`];
  return example === '' ? lines : [...lines, `    like: ${example}`];
}

export async function showConfig(invocation: Invocation, options: ConfigOptions): Promise<Report> {
  const loaded = await configured(invocation, options);
  if (loaded.kind === 'faults') {
    const { faults } = loaded;
    return { exit: EXIT.configuration, data: { faults }, rows: faults, lines: faultLines(faults) };
  }
  const rows = loaded.origins.map(rowOf);
  return { exit: EXIT.fine, data: rows, rows, lines: tableOf(invocation, loaded.origins) };
}

function rowOf({ name, text, kind, as }: Origin) {
  const { comment } = SETTINGS[name];
  return { name: `${PREFIX}${name}`, value: text ?? null, origin: kind, said_as: as, comment };
}

function tableOf({ screen }: Invocation, origins: readonly Origin[]): readonly string[] {
  const head = ['SETTING', 'VALUE', 'FROM', ''].map((title) => screen.paint('dim', title));
  const rows = origins.map(({ name, text, kind, as }) => [
    `${PREFIX}${name}`,
    text ?? '-',
    kind === 'default' ? screen.paint('dim', 'default') : screen.paint('cyan', as),
    screen.paint('dim', SETTINGS[name].comment),
  ]);
  return columns([head, ...rows]);
}

/** A flag of the command line for each setting. */
export const SETTING_FLAGS = SETTING_NAMES.map((name) => {
  const { comment, example, fallback } = SETTINGS[name];
  const otherwise = fallback === undefined ? '' : ` (default: ${fallback})`;
  return { name, flag: flagOf(name), description: `${comment}, like ${example}${otherwise}` };
});
