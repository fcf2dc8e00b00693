import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { judgeAgain } from '../../tools/campaign/judging.ts';
import { temporaryDirectory } from '../log/fixtures.ts';

const lines = (token: number): string =>
  [
    {
      call: 1,
      at: 10,
      client: 'a',
      key: 'lock/x',
      input: { kind: 'acquire', owner: 'a', lease_ms: 9_000 },
    },
    { answer: 1, at: 20, output: { kind: 'granted', token: 7, entry: 7 } },
    { call: 2, at: 30, client: 'b', key: 'lock/x', input: { kind: 'read' } },
    { answer: 2, at: 40, output: { kind: 'seen', held: { holder: 'a', token } } },
    {
      call: 3,
      at: 50,
      client: 'b',
      key: 'lock/x',
      input: { kind: 'release', owner: 'a', token: 7 },
    },
  ]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join('');

test('histories that were kept are judged again, each by itself', async () => {
  const directory = await temporaryDirectory();
  await writeFile(join(directory, 'history.ndjson'), lines(7));
  await writeFile(join(directory, 'history-2.ndjson'), lines(6));
  const [first, second] = await judgeAgain(directory);
  expect(first).toMatchObject({ operations: 3, breaches: [] });
  expect(first?.verdict).toMatch(/linearizable/);
  expect(second?.breaches).toEqual([expect.stringMatching(/^lock\/x: no order/)]);
});

test('where nothing was kept, that is said', async () => {
  await expect(judgeAgain(await temporaryDirectory())).rejects.toThrow('there is no history in');
});
