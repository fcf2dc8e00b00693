import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { progressOn } from '../../tools/campaign/progress.ts';
import { Series } from '../../tools/campaign/series.ts';
import { until } from '../end-to-end/condition.ts';

test('a series says every moment what each node costs, and that one does not run', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'quorate-series-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'series.ndjson');
  const { pid } = process;
  const gone = { id: 'gone', pid, isRunning: false };
  let faults = 0;
  const series = new Series({
    file,
    round: 3,
    nodes: [{ id: 'here', pid, isRunning: true }, gone],
    told: () => ({ faults: (faults += 1) }),
    everyMs: 20,
  });
  await until('there are lines', () => faults >= 3);
  await series.stop();
  const lines = (await readFile(file, 'utf8')).trim().split('\n');
  expect(lines.length).toBe(faults);
  const cost = { cpu: expect.any(Number) as number, rss_mib: expect.any(Number) as number };
  for (const [at, line] of lines.entries())
    expect(JSON.parse(line)).toEqual({
      round: 3,
      seconds: expect.any(Number) as number,
      faults: at + 1,
      nodes: { here: cost, gone: null },
    });
});

test('where there is no terminal, progress is a line for every phase, and one now and then', async () => {
  const stream = new PassThrough();
  const progress = progressOn(stream, 90_000, 20);
  let said = '';
  stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  progress.update('trouble', undefined);
  progress.noteFault();
  progress.update('trouble', { answered: 1_234, open: 5, nothing: new Map() });
  await until('it is said again', () => said.split('\n').length > 3);
  progress.stop();
  const [first, second] = said.split('\n');
  expect(first).toMatch(/^\d+ s, trouble for 90: trouble; 0 answers, 0 open, 0 faults$/);
  expect(second).toMatch(/^\d+ s, trouble for 90: trouble; 1 234 answers, 5 open, 1 faults$/);
});
