/** Which log a command is about: what was said on the command line, else in the environment, else ./data. */
import type { StoreFault } from '../../log/archive.ts';
import type { Finding } from '../../projections/history/evidence.ts';
import { CommandFault, EXIT } from '../exit.ts';
import type { Invocation } from '../invocation.ts';
import { NodeAddress } from '../node-address.ts';
import { openDirectory } from './offline.ts';
import { openNode } from './online.ts';
import type { LogSource } from './source.ts';

/** The options every `log` command has. */
export interface LogOptions {
  readonly dataDir?: string;
  readonly url?: string;
  readonly group: string;
}

type Place =
  | { readonly kind: 'directory'; readonly directory: string }
  | { readonly kind: 'node'; readonly url: string };

const DIRECTORY_DEFAULT = './data';

/** A place for each way to say one. */
function placesIn(dataDir: string | undefined, url: string | undefined): readonly Place[] {
  const places: Place[] = [];
  if (dataDir !== undefined) places.push({ kind: 'directory', directory: dataDir });
  if (url !== undefined) places.push({ kind: 'node', url });
  return places;
}

/** What was said on the command line counts before what the environment says. */
function placeOf({ dataDir, url }: LogOptions, env: NodeJS.ProcessEnv): Place {
  const said = placesIn(dataDir, url);
  const places = said.length > 0 ? said : placesIn(env['QUORATE_DATA_DIR'], env['QUORATE_URL']);
  const [place = { kind: 'directory', directory: DIRECTORY_DEFAULT }, other] = places;
  if (other === undefined) return place;
  throw new CommandFault(
    EXIT.usage,
    'a directory and a node were both named; name one of them, with --data-dir or with --url',
  );
}

function open(place: Place, group: string): Promise<LogSource> {
  if (place.kind === 'directory') return openDirectory(place.directory, group);
  return openNode(new NodeAddress(place.url), group);
}

/** Opens the log that is meant, lets `work` look at it, and closes it whatever happens. */
export async function withLog<Result>(
  { env }: Invocation,
  options: LogOptions,
  work: (source: LogSource) => Promise<Result>,
): Promise<Result> {
  const source = await open(placeOf(options, env), options.group);
  try {
    return await work(source);
  } finally {
    await source.close();
  }
}

/** Faults of the store as findings: they have no entry. */
export function storeFindings({ storeFaults, evidence }: LogSource): readonly Finding[] {
  return storeFaults.map((fault) => findingOf(fault, evidence.group.id));
}

function findingOf({ where, offset, reason }: StoreFault, group: string): Finding {
  return { group, index: 0, where, offset, problem: reason };
}
