/**
 * Where settings are said: flags, the environment, a file. Each source gives what it says as text, with
 * the name under which a person wrote it, and what it says that means nothing.
 *
 * ```
 *   flags > environment: QUORATE_ > environment: RINGRIFT_ > file > fallback of the table
 * ```
 */
import { z } from 'zod';
import { nearest } from './nearest.ts';
import {
  isSettingName,
  PREFIX,
  SETTING_NAMES,
  type Setting,
  type SettingName,
  SETTINGS,
  SOURCE_PREFIX,
  flagOf,
} from './settings.ts';

export interface Fault {
  /** The name as the person wrote it. */
  readonly name: string;
  /** What is wrong; reads on after the name. */
  readonly problem: string;
  /** A line that would have been right; empty where none can be guessed. */
  readonly example: string;
}

/** Something said about a setting. */
export interface Said {
  readonly kind: 'flag' | 'environment' | 'file' | 'default';
  /** Undefined only where the table leaves a setting open and nobody says anything. */
  readonly text: string | undefined;
  /** `--p2p-port`, `RINGRIFT_P2P_PORT`, `p2p_port in quorate.json`. */
  readonly as: string;
  /** The same, said rightly. */
  readonly example: string;
}

export interface Source {
  readonly said: ReadonlyMap<SettingName, Said>;
  readonly faults: readonly Fault[];
}

/** What the table says about every setting. */
export function fromTable(): Source {
  const said = new Map<SettingName, Said>();
  for (const name of SETTING_NAMES) {
    const { fallback: text, example } = SETTINGS[name];
    said.set(name, { kind: 'default', text, as: name, example: `${PREFIX}${name}=${example}` });
  }
  return { said, faults: [] };
}

/** Variables of the `quorate` command that are not settings of a node. */
const COMMAND_VARIABLES = ['URL'];

export function fromFlags(flags: Readonly<Partial<Record<SettingName, string>>>): Source {
  const said = new Map<SettingName, Said>();
  for (const name of SETTING_NAMES) {
    const text = flags[name];
    const as = flagOf(name);
    if (text !== undefined)
      said.set(name, { kind: 'flag', text, as, example: `${as} ${SETTINGS[name].example}` });
  }
  return { said, faults: [] };
}

export function fromEnvironment(env: NodeJS.ProcessEnv): Source {
  const said = new Map<SettingName, Said>();
  for (const name of SETTING_NAMES) {
    const variable = spellings(name).find((spelling) => isSaid(env[spelling]));
    if (variable !== undefined) said.set(name, saidBy(env, variable, name));
  }
  return { said, faults: Object.keys(env).filter(isUnknown).sort().map(unknownVariable) };
}

/** An empty variable says nothing: unit files and compose files pass them on unset. */
function isSaid(text: string | undefined): boolean {
  return text !== undefined && text !== '';
}

function saidBy(env: NodeJS.ProcessEnv, as: string, name: SettingName): Said {
  const example = `${as}=${SETTINGS[name].example}`;
  return { kind: 'environment', text: String(env[as]), as, example };
}

function spellings(name: SettingName): readonly string[] {
  const { source = [] }: Setting<unknown> = SETTINGS[name];
  return [`${PREFIX}${name}`, ...source.map((known) => `${SOURCE_PREFIX}${known}`)];
}

function isUnknown(variable: string): boolean {
  const name = variable.slice(PREFIX.length);
  if (!variable.startsWith(PREFIX) || COMMAND_VARIABLES.includes(name)) return false;
  return !isSettingName(name);
}

function unknownVariable(variable: string): Fault {
  const meant = nearest(variable.slice(PREFIX.length), SETTING_NAMES);
  return unknown(variable, meant, (name) => `${PREFIX}${name}=${SETTINGS[name].example}`);
}

function unknown(
  name: string,
  meant: string | undefined,
  example: (name: SettingName) => string,
): Fault {
  if (meant === undefined || !isSettingName(meant))
    return { name, problem: 'is no setting; `quorate config` lists them all', example: '' };
  return { name, problem: 'is no setting; did you mean this?', example: example(meant) };
}

export interface ConfigFile {
  /** Its path, for messages. */
  readonly path: string;
  readonly text: string;
}

const FILE = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));

/** A JSON object of settings by their names in lower case: `{ "p2p_port": 8770 }`. */
export function fromFile({ path, text }: ConfigFile): Source {
  const parsed = FILE.safeParse(json(text));
  if (!parsed.success) return { said: new Map(), faults: [notSettings(path)] };
  const said = new Map<SettingName, Said>();
  const faults: Fault[] = [];
  for (const [key, value] of Object.entries(parsed.data)) {
    const name = key.toUpperCase();
    if (isSettingName(name)) said.set(name, saidInFile(path, name, String(value)));
    else faults.push(unknown(`${key} in ${path}`, nearest(name, SETTING_NAMES), fileExample));
  }
  return { said, faults };
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function notSettings(path: string): Fault {
  const problem = 'is not a JSON object of settings with a text, number or boolean each';
  return { name: path, problem, example: '{ "p2p_port": 8770, "data_dir": "/var/lib/quorate" }' };
}

function saidInFile(path: string, name: SettingName, text: string): Said {
  return { kind: 'file', text, as: `${name.toLowerCase()} in ${path}`, example: fileExample(name) };
}

function fileExample(name: SettingName): string {
  return `"${name.toLowerCase()}": "${SETTINGS[name].example}"`;
}
