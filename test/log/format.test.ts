/** Data directories of every released format, as files in base64, are opened for ever. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { FORMAT_VERSION } from '../../src/log/identity.ts';
import type { Member } from '../../src/log/members.ts';
import { decodeOutcomePage } from '../../src/log/outcome-page.ts';
import { frame, framesOf, JOB, MAIN, openedLog, temporaryDirectory } from './fixtures.ts';

function member(n: number): Member {
  return { id: `node-${n}`, store: `store-${n}`, addresses: [`10.0.0.${n}:4321`] };
}

async function unpacked(format: number): Promise<string> {
  const directory = await temporaryDirectory();
  const text = await readFile(new URL(`format-${format}.json`, import.meta.url), 'utf8');
  for (const [name, base64] of Object.entries(JSON.parse(text) as Record<string, string>)) {
    await mkdir(join(directory, dirname(name)), { recursive: true });
    await writeFile(join(directory, name), Buffer.from(base64, 'base64'));
  }
  return directory;
}

test('every format up to this one has its data directory here', async () => {
  for (let format = 1; format <= FORMAT_VERSION; format++) await unpacked(format);
});

test.each([1, 2])(
  'a data directory of format %i gives what was written into it',
  async (format) => {
    const log = await openedLog(await unpacked(format));
    expect(log.identity).toEqual({
      clusterId: 'cluster-1',
      nodeId: 'node-1',
      storeId: 'id-1',
      formatVersion: format,
      createdAt: 1_700_000_000_000,
    });
    expect(log.recovery).toMatchObject({ uncleanExit: false, groups: 2, batches: 9 });
    expect(log.bounds(MAIN)).toEqual({ first: 6, last: 11, lastTerm: 2 });
    expect(log.hardState(MAIN)).toEqual({
      term: 2,
      vote: 'node-3',
      commit: 4,
      members: [
        {
          index: 0,
          configuration: {
            voters: [member(1), member(2), member(3)],
            outgoing: [],
            learners: [member(4)],
          },
        },
      ],
    });
    expect(await framesOf(log, MAIN, 6, { uncommitted: true })).toEqual(
      [6, 7, 8, 9, 10, 11].map((index) => frame(index, { term: 2, data: `entry ${index}` })),
    );
    expect(await log.frame(JOB, 1)).toEqual(frame(1, { term: 3, data: 'job again' }));
    expect(decodeOutcomePage((await log.outcomePage(MAIN, 0))!)).toMatchObject({
      outcomes: [Buffer.from('outcome')],
    });
    const slices: string[] = [];
    for await (const slice of await log.snapshots(MAIN).open(8)) slices.push(slice.toString());
    expect(slices).toEqual(['tables']);
  },
);

test.each([1, 2])('a data directory of format %i goes on in its format', async (format) => {
  const directory = await unpacked(format);
  const log = await openedLog(directory);
  const more = [12, 13, 14].map((index) => frame(index, { term: 2 }));
  await Promise.all(more.map((entry) => log.append(MAIN, entry, 'data')));
  await log.trim(MAIN, 8);
  await log.close();
  const again = await openedLog(directory);
  expect(again.identity.formatVersion).toBe(format);
  expect(again.bounds(MAIN)).toMatchObject({ last: 14 });
  expect(await framesOf(again, MAIN, 12, { uncommitted: true })).toEqual(more);
});
