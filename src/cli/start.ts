/**
 * `quorate start`: one node in this process, until a signal or a fault ends it.
 *
 * ```
 *  configuration ─▶ starting ─▶ serving ── SIGTERM, SIGINT ──▶ stopping ─▶ 0
 *        │ 78          │ 74, 78     └───── fault ────────────▶ 70, 74
 * ```
 */
import { type Logger, pino } from 'pino';
import { PinoPretty } from 'pino-pretty';
import { TlsFault } from '../config/tls-files.ts';
import type { Config } from '../config.ts';
import { nodeFile } from '../log/clone.ts';
import { type FaultCode, faultOf, LogFault } from '../log/fault.ts';
import type { Node } from '../node.ts';
import { startRepairing } from '../self-repair.ts';
import { type ConfigOptions, configured, faultLines } from './config.ts';
import { CommandFault, EXIT, type Exit } from './exit.ts';
import { boundHeapGrowth } from './heap.ts';
import type { Invocation } from './invocation.ts';
import { isRunning } from './log/offline.ts';
import type { Screen } from './screen.ts';

export async function start(invocation: Invocation, options: ConfigOptions): Promise<Exit> {
  boundHeapGrowth();
  const loaded = await configured(invocation, options);
  if (loaded.kind === 'faults')
    throw new CommandFault(EXIT.configuration, faultLines(loaded.faults).join('\n'));
  const { config } = loaded;
  await assertUnserved(config.dataDir);
  const logger = loggerFor(invocation.screen, config);
  const node = await started(config, logger);
  const release = stopOnSignals(node, logger);
  announce(invocation.screen, node, logger);
  const end = await node.ended;
  release();
  if (end.kind === 'clean') return EXIT.fine;
  throw endedBy(end.fault);
}

/** Lines for people on a terminal, JSON for everybody else. */
function loggerFor(screen: Screen, { logLevel: level, nodeId }: Config): Logger {
  const options = { level, base: { node_id: nodeId } };
  if (!screen.isTerminal) return pino(options);
  return pino(options, PinoPretty({ ignore: 'pid,hostname,node_id', sync: true }));
}

async function started(config: Config, logger: Logger): Promise<Node> {
  try {
    return await startRepairing(config, logger);
  } catch (error) {
    throw refusedStart(error, config);
  }
}

const OF_LOG: Readonly<Record<FaultCode, Exit>> = {
  damaged: EXIT.disk,
  'in-use': EXIT.disk,
  'newer-format': EXIT.configuration,
  'foreign-store': EXIT.configuration,
  'no-space': EXIT.disk,
  'read-only': EXIT.disk,
  closed: EXIT.internal,
  io: EXIT.disk,
};

/** A fault after which the node could not go on. */
function endedBy(fault: Error): CommandFault {
  const exit = fault instanceof LogFault ? OF_LOG[fault.code] : EXIT.internal;
  return new CommandFault(exit, `the node ended: ${fault.message}`);
}

/** Why the node did not start: the address, the directory, or a bug. */
function refusedStart(error: unknown, config: Config): CommandFault {
  const { syscall, message } = error as NodeJS.ErrnoException;
  if (error instanceof TlsFault) return new CommandFault(EXIT.configuration, message);
  if (syscall === 'listen') return refusedAddress(error as RefusedAddress, config);
  if (isOfDirectory(error)) return refusedByLog(faultOf(error), config);
  return new CommandFault(EXIT.internal, `the node did not start: ${message}`);
}

/** The log's own word, or the operating system's about a file. */
function isOfDirectory(error: unknown): boolean {
  return error instanceof LogFault || (error instanceof Error && 'syscall' in error);
}

/** What the operating system says about an address nobody may listen on. */
const LISTENING: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is taken by another process',
  EACCES: 'needs rights this user does not have',
  EADDRNOTAVAIL: 'is not an address of this machine',
};

interface RefusedAddress {
  readonly code: string;
  readonly address: string;
  readonly port: number;
}

function refusedAddress({ code, address, port }: RefusedAddress, config: Config): CommandFault {
  const reason = LISTENING[code] ?? `cannot be listened on (${code})`;
  const advice = port === config.port ? ADVICE.http : ADVICE.raft;
  return new CommandFault(EXIT.configuration, `${address}:${port} ${reason}; ${advice}`);
}

const ADVICE = {
  http: 'choose another port with --p2p-port (0 lets the system choose) or another --host',
  raft: 'choose another port for other nodes with --raft-port or another --raft-host',
};

function refusedByLog(fault: LogFault, { dataDir }: Config): CommandFault {
  return new CommandFault(OF_LOG[fault.code], `${dataDir}: ${fault.message}`);
}

/** How long a node may take to say that it lives, on a machine that is busy with other things. */
const LIVING_MS_MAX = 5_000;

/**
 * Asked before the directory is touched: LevelDB turns its diary over even where it then finds the lock
 * taken. The file is left behind by a node that was killed, so only an answer counts.
 */
async function assertUnserved(dataDir: string): Promise<void> {
  const node = await nodeFile(dataDir);
  if (node === undefined || !isRunning(node.pid) || !(await answers(node.url))) return;
  throw new CommandFault(
    EXIT.disk,
    `${dataDir} is in use by the node at ${node.url}; stop it first, or use another directory with --data-dir`,
  );
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/livez`, { signal: AbortSignal.timeout(LIVING_MS_MAX) });
    return response.ok;
  } catch {
    return false;
  }
}

/**
 * The first signal stops in order. Supervisors may repeat SIGTERM; a Ctrl-C after it ends at once.
 * @returns the way to stop listening
 */
function stopOnSignals(node: Node, logger: Logger): () => void {
  const onSignal = (signal: NodeJS.Signals): void => {
    process.off('SIGINT', onSignal);
    logger.info({ signal }, 'stopping');
    void node.stop();
  };
  const release = (): void => {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return release;
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

function announce(screen: Screen, { url, nodeId }: Node, logger: Logger): void {
  logger.info({ url }, 'listening');
  // Beside the lines of the logger, which are for machines when nobody is looking.
  for (const line of welcome(screen, nodeId, url)) screen.tell(line);
}

function welcome(screen: Screen, nodeId: string, url: string): readonly string[] {
  const item = '{"work_id":"w1","work_type":"training"}';
  return [
    '',
    `${screen.paint('bold', `Quorate, node ${nodeId}`)}, listening at ${screen.paint('cyan', url)}`,
    '',
    'Three things to try from another terminal:',
    `  npx quorate status --url ${url}`,
    `  curl ${url}/v1/work -H 'content-type: application/json' -d '${item}'`,
    `  npx quorate log replay --url ${url}`,
    '',
    screen.paint('dim', 'Ctrl-C stops it.'),
    '',
  ];
}
