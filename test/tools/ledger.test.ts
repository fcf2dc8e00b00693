import { expect, test } from 'vitest';
import { Ledger, type LoggedEntry } from '../../tools/demo/ledger.ts';

const FACTS = [{ type: 'work_started', work_id: 'a', token: 7 }];
const STARTED: LoggedEntry = {
  index: 9,
  type: 'start_work',
  key: 'k1',
  outcome: 'applied',
  facts: [{ token: 7, work_id: 'a', type: 'work_started' }],
};

function promised(): Ledger {
  const ledger = new Ledger();
  const answer = { status: 200, body: { index: 9, term: 1, outcome: 'applied', facts: FACTS } };
  ledger.acknowledged({ key: 'k1', type: 'start_work' }, answer);
  return ledger;
}

async function* log(...entries: LoggedEntry[]): AsyncGenerator<LoggedEntry> {
  yield* entries;
}

test('an acknowledged command that lies at its index with its outcome is not lost', async () => {
  const audit = await promised().audit(log(STARTED));
  expect(audit).toEqual({ acknowledged: 1, lost: 0, lines: [] });
});

test('an acknowledged command that the log does not have is lost', async () => {
  const audit = await promised().audit(log());
  expect(audit.lost).toBe(1);
  expect(audit.lines).toEqual(['start_work, acknowledged at 9, is not in the log']);
});

test('a command acknowledged at one index and found at another is lost', async () => {
  const audit = await promised().audit(log({ ...STARTED, index: 10 }));
  expect(audit.lost).toBe(1);
});

test('an acknowledged command whose outcome differs in the log is lost', async () => {
  const facts = [{ type: 'work_started', work_id: 'a', token: 8 }];
  const audit = await promised().audit(log({ ...STARTED, facts }));
  expect(audit.lines).toEqual([
    'entry 9, start_work, was acknowledged with another outcome than the log has',
  ]);
});

test('the entry of a retry under the same key is not taken for the one that was promised', async () => {
  const retry: LoggedEntry = { ...STARTED, index: 12, outcome: 'replayed', facts: [] };
  expect((await promised().audit(log(STARTED, retry))).lost).toBe(0);
});

test('a refusal with an index is a promise too, and is compared by its code', async () => {
  const ledger = new Ledger();
  const body = { code: 'stale-token', index: 4 };
  ledger.acknowledged({ key: 'k2', type: 'fail_work' }, { status: 409, body });
  const entry: LoggedEntry = {
    index: 4,
    type: 'fail_work',
    key: 'k2',
    outcome: 'refused',
    facts: [],
    refusal: { code: 'stale-token' },
  };
  expect((await ledger.audit(log(entry))).lost).toBe(0);
  const other = { ...entry, refusal: { code: 'not-found' } };
  expect((await ledger.audit(log(other))).lost).toBe(1);
});
