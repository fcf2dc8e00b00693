/**
 * Violations planted into histories that were right: each is what a broken system would have answered, and
 * each certainly cannot be, however the operations are ordered.
 */
import { answeredAt, byKey, type Operation } from './history.ts';
import type { GuardedInput, GuardedOutput } from './models/guarded.ts';
import type { LockInput } from './models/lock.ts';
import type { RegisterInput } from './models/register.ts';

/** What one client heard is replaced, or an operation added; undefined: the history has no place for it. */
export type Plant = (operations: readonly Operation[]) => readonly Operation[] | undefined;

function replaced(operations: readonly Operation[], one: Operation, output: object): Operation[] {
  const answer = { ...one.answer, output } as Operation['answer'];
  return operations.map((operation) => (operation === one ? { ...one, answer } : operation));
}

/** Two operations of one key, the first over before the second began, that are as wanted. */
function* inSequence(
  operations: readonly Operation[],
  first: (operation: Operation) => boolean,
  second: (operation: Operation) => boolean,
): Generator<readonly [Operation, Operation]> {
  for (const history of byKey(operations).values()) {
    const seconds = history.filter(second);
    for (const one of history.filter(first))
      for (const other of seconds)
        if (one.key === other.key && answeredAt(one) < other.calledAt) yield [one, other];
  }
}

function heard(operation: Operation, kind: string): boolean {
  const { answer } = operation;
  return answer.kind === 'answered' && (answer.output as { readonly kind: string }).kind === kind;
}

function asked(operation: Operation, kind: string): boolean {
  return (operation.input as { readonly kind: string }).kind === kind;
}

function isWrite(operation: Operation): boolean {
  return heard(operation, 'written') || heard(operation, 'exchanged');
}

function writtenBy({ input }: Operation): number {
  return (input as Extract<RegisterInput, { readonly kind: 'write' }>).value;
}

/** A reader is told what was overwritten, for certain, before it asked. Values are written once. */
const staleRead: Plant = (operations) => {
  const isRead = (operation: Operation): boolean => heard(operation, 'value');
  for (const [before, after] of inSequence(operations, isWrite, isWrite)) {
    const late = operations.find(
      (one) => one.key === after.key && isRead(one) && one.calledAt > answeredAt(after),
    );
    if (late === undefined) continue;
    return replaced(operations, late, { kind: 'value', value: writtenBy(before) });
  }
  return undefined;
};

/** A write is acknowledged, and everybody who reads goes on to see what was there before it. */
const lostWrite: Plant = (operations) => {
  for (const [before, after] of inSequence(operations, isWrite, (one) => heard(one, 'value'))) {
    const write = { ...before, input: { kind: 'write', value: -1 } };
    const isUnseen = !isOverwritten(operations, before, after);
    if (isUnseen) return operations.map((one) => (one === before ? write : one));
  }
  return undefined;
};

/** Whether somebody else may have written between the two, or the reader saw something older. */
function isOverwritten(
  operations: readonly Operation[],
  write: Operation,
  reader: Operation,
): boolean {
  const others = operations.filter(
    (one) => one.key === write.key && one !== write && !asked(one, 'read'),
  );
  return others.some(
    (one) => one.calledAt < answeredAt(reader) && answeredAt(one) > write.calledAt,
  );
}

/** What nobody has drawn: all tokens and ETags of simulated objects are multiples of ten. */
const BESIDE = 1;

/** Somebody is granted what another holds: it was granted and not yet given back. */
const doubleClaim: Plant = (operations) => {
  const isGranted = (one: Operation): boolean => heard(one, 'granted');
  const isObstacle = (one: Operation): boolean => heard(one, 'refused') || heard(one, 'taken');
  for (const [holder, late] of inSequence(operations, isGranted, isObstacle)) {
    const { token } = outputOf(holder);
    const { answer } = late;
    const told = answer.kind === 'answered' ? (answer.output as { readonly token: number }) : null;
    const isGivenBack = operations.some(
      (one) =>
        one.key === late.key &&
        'token' in (one.input as object) &&
        (one.input as { readonly token: number }).token === token &&
        one.calledAt < answeredAt(late),
    );
    if (told?.token !== token || isGivenBack) continue;
    return replaced(operations, late, { kind: 'granted', token: token + BESIDE });
  }
  return undefined;
};

function outputOf({ answer }: Operation): { readonly token: number } {
  if (answer.kind === 'open') throw new Error('nobody heard');
  return answer.output as { readonly token: number };
}

/** A token that is not above one that was given before; whoever got it uses it, and is believed. */
const sinkingToken: Plant = (operations) => {
  const isGranted = (one: Operation): boolean => heard(one, 'granted');
  for (const [before, after] of inSequence(operations, isGranted, isGranted)) {
    const [sunk, given] = [outputOf(before).token - BESIDE, outputOf(after).token];
    const text = (value: unknown): string => JSON.stringify(value);
    const renamed = (value: unknown): unknown =>
      JSON.parse(text(value).replaceAll(`"token":${given}`, `"token":${sunk}`));
    return operations.map((one) => (one.key === after.key ? (renamed(one) as Operation) : one));
  }
  return undefined;
};

/** A holder whose grant was given to somebody else since is still believed. */
const staleHolder: Plant = (operations) => {
  const isGranted = (one: Operation): boolean => heard(one, 'granted');
  const isStale = (one: Operation): boolean => heard(one, 'stale');
  for (const [granted, late] of inSequence(operations, isGranted, isStale)) {
    const { token } = late.input as Extract<LockInput, { readonly kind: 'renew' }>;
    if (token < outputOf(granted).token) return replaced(operations, late, { kind: 'done' });
  }
  return undefined;
};

/** A write goes through although what it was conditional on had certainly changed. */
const blindPut: Plant = (operations) => {
  const isChanged = (one: Operation): boolean => heard(one, 'changed');
  const isWritten = (one: Operation): boolean => heard(one, 'written');
  for (const [before, late] of inSequence(operations, isWritten, isChanged)) {
    const wanted = (late.input as Extract<GuardedInput, { readonly kind: 'put' }>).if;
    const { answer } = before;
    if (answer.kind === 'open' || wanted === null) continue;
    const { index } = answer.output as GuardedOutput;
    if (wanted < index) return replaced(operations, late, { kind: 'written', index: 1e9 });
  }
  return undefined;
};

/** What each looks for, and the kinds of objects on which it can be seen. */
export const PLANTS: Readonly<Record<string, readonly [Plant, kind: string]>> = {
  'a stale read': [staleRead, 'register'],
  'a lost write': [lostWrite, 'register'],
  'a lock granted twice': [doubleClaim, 'lock'],
  'a work item claimed twice': [doubleClaim, 'work'],
  'a token of a lock that does not grow': [sinkingToken, 'lock'],
  'a token of a work item that does not grow': [sinkingToken, 'work'],
  'a stale holder of a lock that is believed': [staleHolder, 'lock'],
  'a stale holder of a work item that is believed': [staleHolder, 'work'],
  'a conditional write whose condition was not met': [blindPut, 'queue'],
};
