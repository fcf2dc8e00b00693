/**
 * How the command ends, for scripts, and which fault ends it how. A fault a person can do something about
 * is one line that says what; only a bug of ours shows where in the code it happened.
 */
import { type FaultCode, LogFault } from '../log/fault.ts';

export const EXIT = {
  fine: 0,
  /** Something was found: a difference, a loop in error. */
  finding: 1,
  usage: 2,
  unreachable: 3,
  /** Bytes are not what was written. */
  corrupt: 4,
  /** As in sysexits.h: a fault of ours, of the disk, of the configuration. */
  internal: 70,
  disk: 74,
  configuration: 78,
} as const;

export type Exit = (typeof EXIT)[keyof typeof EXIT];

/** Ends a command with a line for the person who gave it. */
export class CommandFault extends Error {
  override readonly name = 'CommandFault';
  readonly exit: Exit;

  constructor(exit: Exit, message: string) {
    super(message);
    this.exit = exit;
  }
}

const OF_LOG: Readonly<Record<FaultCode, Exit>> = {
  damaged: EXIT.corrupt,
  'in-use': EXIT.usage,
  'newer-format': EXIT.usage,
  'foreign-store': EXIT.usage,
  'no-space': EXIT.disk,
  'read-only': EXIT.disk,
  closed: EXIT.internal,
  io: EXIT.disk,
};

export interface Ending {
  readonly exit: Exit;
  readonly line: string;
}

/** How a command ends that threw this. */
export function endingOf(error: unknown): Ending {
  if (error instanceof CommandFault) return { exit: error.exit, line: error.message };
  if (error instanceof LogFault) return { exit: OF_LOG[error.code], line: error.message };
  return { exit: EXIT.internal, line: wordsOf(error) };
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? String(error.stack) : String(error);
}
