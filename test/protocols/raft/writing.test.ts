import { expect, test } from 'vitest';
import { encodeCommand } from '../../../src/log/command.ts';
import { placeOf, sealFrame } from '../../../src/log/frame.ts';
import type { Members } from '../../../src/log/members.ts';
import { LogTime } from '../../../src/protocols/log-time.ts';
import { Writing } from '../../../src/protocols/raft/writing.ts';
import { realClock } from '../../../src/real-clock.ts';
import { MAIN, openedLog, temporaryDirectory } from '../../log/fixtures.ts';

function voters(...ids: string[]): Members {
  const members = ids.map((id) => ({ id, store: `${id}/1`, addresses: [id] }));
  return { voters: members, outgoing: [], learners: [] };
}

test('what brought its stamp keeps it, and what this node appends behind it is stamped no earlier', async () => {
  const log = await openedLog(await temporaryDirectory());
  const time = new LogTime(realClock);
  const hard = { term: 1, vote: '', commit: 0, members: [] };
  const writing = new Writing({ log, group: MAIN, time, hard });
  const ahead = Math.floor(realClock.now()) + 60_000;
  const frames = [1, 2, 3, 4].map((number) =>
    encodeCommand({ type: 'add_work', data: { number } }),
  );
  for (const [place, frame] of frames.slice(0, 2).entries())
    sealFrame(frame, { index: place + 1, term: 1, at: ahead + place });
  const brought = frames.slice(0, 2).map((frame) => Buffer.from(frame));
  const entries = frames.map((frame, place) => ({
    index: place + 1,
    term: place < 2 ? 1 : 2,
    frame,
  }));
  const write = { snapshot: undefined, truncate_from: undefined, hard: undefined, then: [] };
  await writing.put({ ...write, seq: 1, entries }, 0);

  expect(frames.slice(0, 2)).toEqual(brought);
  const places = frames.map((frame) => placeOf(frame));
  expect(places.map(({ term, index }) => [term, index])).toEqual([
    [1, 1],
    [1, 2],
    [2, 3],
    [2, 4],
  ]);
  expect(places[2]?.at).toBeGreaterThanOrEqual(ahead + 1);
  expect(places[3]?.at).toBe(places[2]?.at);
  expect(log.bounds(MAIN)).toEqual({ first: 1, last: 4, lastTerm: 2 });
  await log.close();
});

test('what has its place is not given another, wherever it stands in a write', async () => {
  const log = await openedLog(await temporaryDirectory());
  const hard = { term: 1, vote: '', commit: 0, members: [] };
  const writing = new Writing({ log, group: MAIN, time: new LogTime(realClock), hard });
  const [own, brought] = [1, 2].map((number) =>
    encodeCommand({ type: 'add_work', data: { number } }),
  ) as [Buffer, Buffer];
  sealFrame(brought, { index: 2, term: 1, at: 7 });
  const entries = [own, brought].map((frame, place) => ({ index: place + 1, term: 1, frame }));
  const write = { snapshot: undefined, truncate_from: undefined, hard: undefined, then: [] };
  await writing.put({ ...write, seq: 1, entries }, 0);
  expect(placeOf(brought)).toEqual({ index: 2, term: 1, at: 7 });
  expect(placeOf(own)).toMatchObject({ index: 1, term: 1 });
  await log.close();
});

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
