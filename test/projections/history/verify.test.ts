import { expect, test } from 'vitest';
import { Archive } from '../../../src/log/archive.ts';
import type { Evidence } from '../../../src/projections/history/evidence.ts';
import { verify } from '../../../src/projections/history/verify.ts';
import { MAIN_PROJECTIONS } from '../../../src/projections/registry.ts';
import { MAIN, writtenDirectory } from '../../cli/written-directory.ts';

test('a log nobody touched has no findings', async () => {
  const { directory, last } = await writtenDirectory();
  const opened = await Archive.open(directory);
  if (opened.kind !== 'archive') throw new Error('unreadable');
  const { archive } = opened;
  const shelf = archive.snapshots(MAIN);
  const evidence: Evidence = {
    group: MAIN,
    projections: MAIN_PROJECTIONS,
    ...archive.bounds(MAIN),
    read: (from) => archive.read(MAIN, from),
    snapshots: (await shelf.list()).map(({ index, path }) => ({
      index,
      where: path,
      content: async function* () {
        yield* await shelf.open(index);
      },
    })),
  };
  const v = await verify(evidence, () => undefined);
  console.log(v, archive.faults, last);
  await archive.close();
  expect(v.findings).toEqual([]);
});
