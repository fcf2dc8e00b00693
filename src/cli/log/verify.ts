/** `quorate log verify`: everything in a log that can be checked against something else. */
import { verify, type Verified } from '../../projections/history/verify.ts';
import type { Finding } from '../../projections/history/evidence.ts';
import { EXIT } from '../exit.ts';
import type { Invocation } from '../invocation.ts';
import { columns, counted } from '../layout.ts';
import { Courses } from '../progress.ts';
import type { Report } from '../report.ts';
import { storeFindings, withLog, type LogOptions } from './choose.ts';
import { ADVICE, findingLines } from './findings.ts';
import type { LogSource } from './source.ts';

export function logVerify(invocation: Invocation, options: LogOptions): Promise<Report> {
  return withLog(invocation, options, async (source) => {
    const verified = await verifiedSource(invocation, source);
    const findings = [...storeFindings(source), ...verified.findings];
    const data = dataOf(source, verified, findings);
    return {
      exit: findings.length === 0 ? EXIT.fine : EXIT.corrupt,
      data,
      rows: findings,
      lines: linesOf(invocation, { source, verified, findings }),
    };
  });
}

async function verifiedSource({ screen }: Invocation, { evidence }: LogSource): Promise<Verified> {
  const span = { from: evidence.first - 1, to: evidence.last };
  const courses = new Courses(screen, span);
  try {
    return await verify(evidence, {
      surveying: (index) => courses.at('looking', index),
      replaying: (index) => courses.at('replaying', index),
    });
  } finally {
    courses.end();
  }
}

function dataOf(source: LogSource, verified: Verified, findings: readonly Finding[]) {
  const { evidence, name } = source;
  return {
    log: name,
    group: evidence.group.id,
    oldest: evidence.first,
    last: evidence.last,
    entries: verified.survey.counts.entries,
    snapshots: verified.snapshots,
    roots_compared: verified.compared,
    replayed: verified.replayed,
    unrecorded_outcomes: verified.survey.counts.unrecorded,
    finding_count: source.storeFaults.length + verified.finding_count,
    findings,
  };
}

interface Shown {
  readonly source: LogSource;
  readonly verified: Verified;
  readonly findings: readonly Finding[];
}

function linesOf({ screen }: Invocation, { source, verified, findings }: Shown): readonly string[] {
  const { survey, snapshots, compared, replayed } = verified;
  const ranges = replayed.map(({ after, index }) => `${after + 1} to ${index}`);
  const facts = columns([
    ['log', `${source.name}, group ${source.evidence.group.id}`],
    ['read', counted(survey.counts.entries, 'entry')],
    ['replayed', ranges.length === 0 ? 'nothing' : ranges.join(', ')],
    [
      'compared',
      `${counted(compared, 'root')} of the state, ${counted(snapshots, 'snapshot')} read`,
    ],
  ]);
  if (findings.length === 0) return [...facts, screen.paint('green', 'nothing is wrong with it')];
  const verdict = screen.paint('red', `${counted(findings.length, 'fault')}; ${ADVICE}`);
  return [...facts, '', ...findingLines(screen, findings), '', verdict];
}
