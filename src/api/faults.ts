/**
 * What schemas find wrong with a request, as faults with JSON pointers (RFC 6901). All of them at once, so
 * that a caller fixes a request in one round.
 */
import type { z } from 'zod';
import type { RequestFault } from './wire/problem.ts';

/** The most faults told; a batch of a thousand bad items would repeat itself. */
const FAULTS_MAX = 100;

type Issue = z.core.$ZodIssue;

/** Where a value's member with this path lies in the request. */
export type Locate = (path: readonly PropertyKey[]) => string;

/** Locates members below a fixed place: `/query`, `/path`, or nothing for the body itself. */
export function below(place: string): Locate {
  return (path) => place + pointerTo(path);
}

export function pointerTo(path: readonly PropertyKey[]): string {
  return path
    .map((name) => `/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
}

export function faultsOf(issues: readonly Issue[], locate: Locate): readonly RequestFault[] {
  return issues.flatMap((issue) => faultsIn(issue, locate)).slice(0, FAULTS_MAX);
}

function faultsIn(issue: Issue, locate: Locate): readonly RequestFault[] {
  if (issue.code !== 'unrecognized_keys')
    return [{ pointer: locate(issue.path), code: codeOf(issue), detail: issue.message }];
  return issue.keys.map((name) => ({
    pointer: locate([...issue.path, name]),
    code: 'unknown',
    detail: 'no such field',
  }));
}

/** zod's codes in our spelling. */
function codeOf({ code }: Issue): string {
  return code.replaceAll('_', '-');
}
