/**
 * What can go wrong with a log, said in one line each: a code for programs, a sentence for people that
 * ends in what they can do. The words of LevelDB and of the operating system are read here and nowhere
 * else.
 */

export type FaultCode =
  | 'foreign-store'
  | 'in-use'
  | 'read-only'
  | 'no-space'
  | 'newer-format'
  | 'damaged'
  | 'closed'
  | 'io';

/** A fault of the store. The node cannot go on with this log; it ends with `message` as its last line. */
export class LogFault extends Error {
  override readonly name = 'LogFault';
  readonly code: FaultCode;

  constructor(code: FaultCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What a person does about damage. */
const REMEDY = '`quorate log repair` writes what can be proved to a new directory';

/** @param finding what is wrong with the log, without what can be done about it */
export function damaged(finding: string, options?: ErrorOptions): LogFault {
  return new LogFault('damaged', `${finding}; ${REMEDY}`, options);
}

/** What is wrong, without what can be done about it: for who is just doing that. */
export function findingOf(error: unknown): string {
  return faultOf(error).message.replace(`; ${REMEDY}`, '');
}

/** The disk gave back something else than was written. */
export function isDamage(error: unknown): error is LogFault {
  return error instanceof LogFault && error.code === 'damaged';
}

/** The entries asked for were trimmed. Not a fault: the reader starts again at `oldest` or at `snapshot`. */
export class Compacted extends Error {
  override readonly name = 'Compacted';
  /** The oldest index that can still be read. */
  readonly oldest: number;
  /** The index of the newest snapshot, where there is one. */
  readonly snapshot: number | undefined;

  constructor(oldest: number, snapshot: number | undefined) {
    super(`entries below ${oldest} were trimmed`);
    this.oldest = oldest;
    this.snapshot = snapshot;
  }
}

interface Symptom {
  readonly seen: RegExp;
  readonly code: FaultCode;
  readonly says: string;
}

/** The first that matches names the fault; what none of them knows is `io`. */
const SYMPTOMS: readonly Symptom[] = [
  {
    seen: /LEVEL_LOCKED|lock .*(already held|unavailable)/i,
    code: 'in-use',
    says: 'another process has this log open; stop it first, or use another data directory',
  },
  {
    seen: /ENOSPC|EDQUOT|no space left|quota exceeded/i,
    code: 'no-space',
    says: 'the disk is full; free space or enlarge it, then start the node again',
  },
  {
    seen: /EROFS|EACCES|EPERM|read-only file system|permission denied|not permitted/i,
    code: 'read-only',
    says: 'the data directory cannot be written; make it writable for this user, then start again',
  },
  {
    seen: /EEXIST|ENOTDIR|not a directory/i,
    code: 'io',
    says: 'there is a file where a directory should be; move it away, or use another data directory',
  },
  {
    seen: /EMFILE|ENFILE|too many open files/i,
    code: 'io',
    says: 'no file descriptors are left; raise the limit (ulimit -n), then start the node again',
  },
  {
    seen: /corrupt|not an sstable|missing files|bad block|malformed|does not exist \(create_if_missing/i,
    code: 'damaged',
    says: `the store is damaged; ${REMEDY}`,
  },
  {
    seen: /(database|iterator) is not open/i,
    code: 'closed',
    says: 'the log is closed',
  },
];

const UNKNOWN: Symptom = {
  seen: /^/,
  code: 'io',
  says: 'the disk failed; look at the system log, then start the node again',
};

/** Names an error of the store or the file system. A fault that has its name keeps it. */
export function faultOf(error: unknown): LogFault {
  if (error instanceof LogFault) return error;
  const words = wordsOf(error);
  const symptom = SYMPTOMS.find(({ seen }) => seen.test(words)) ?? UNKNOWN;
  return new LogFault(symptom.code, `${symptom.says} (${words})`, { cause: error });
}

/** The messages of an error and of what caused it, which is where LevelDB puts its own. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? `${String(error.code)}: ` : '';
  const cause = error.cause === undefined ? '' : `: ${wordsOf(error.cause)}`;
  return `${code}${error.message}${cause}`;
}
