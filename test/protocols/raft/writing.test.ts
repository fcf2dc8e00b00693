import { expect, test } from 'vitest';
import type { Members } from '../../../src/log/members.ts';
import { LogTime } from '../../../src/protocols/log-time.ts';
import { Writing } from '../../../src/protocols/raft/writing.ts';
import { realClock } from '../../../src/real-clock.ts';
import { MAIN, openedLog, temporaryDirectory } from '../../log/fixtures.ts';

function voters(...ids: string[]): Members {
  const members = ids.map((id) => ({ id, store: `${id}/1`, addresses: [id] }));
  return { voters: members, outgoing: [], learners: [] };
}

test('who takes part is on the disk what the snapshot says that took the place of the log', async () => {
  const directory = await temporaryDirectory();
  const log = await openedLog(directory);
  const members = [{ index: 0, configuration: voters('n1') }];
  const hard = { term: 1, vote: '', commit: 0, members };
  const writing = new Writing({ log, group: MAIN, time: new LogTime(realClock), hard });
  const snapshot = { index: 40, term: 2, configuration: voters('n1', 'n2') };
  const write = { seq: 1, snapshot, truncate_from: undefined, hard: undefined };
  await writing.put({ ...write, entries: [], then: [] }, 40);
  await log.close();
  const { configuration } = snapshot;
  const again = await openedLog(directory);
  expect(again.hardState(MAIN)?.members).toEqual([{ index: 40, configuration }]);
});
