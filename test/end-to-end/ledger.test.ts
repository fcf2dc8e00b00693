/** The audit against the ledger would notice: each kind of breach, made up, is found. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from './folder.ts';
import { audited, doubledIn, Ledger, logged, NO_BREACHES } from './ledger.ts';
import { Load } from './load.ts';
import { NodeProcess } from './node-process.ts';

test('an audit finds what is lost, what is different, what is there twice and what had no effect', async () => {
  const node = await NodeProcess.start({ directory: join(await temporaryFolder(), 'data') });
  const ledger = new Ledger();
  const load = await Load.start(node.url, { ledger, http: 2, pipelined: 4 });
  await load.reaches(50);
  await load.stop();
  expect(await audited(node.url, ledger)).toEqual(NO_BREACHES);

  const told = ledger.acknowledged.find(({ type }) => type === 'add_work');
  if (told === undefined) throw new Error('work was added');
  ledger.acknowledge({ ...told, index: ledger.head + 1_000 });
  ledger.acknowledge({ ...told, facts: [{ type: 'work_added', item: 'another' }] });
  ledger.acknowledge({ ...told, data: { work_id: 'never-heard-of' } });
  expect(await audited(node.url, ledger)).toEqual({
    lost: [`${told.key} at ${ledger.head}`],
    different: [`${told.key} at ${told.index}`],
    doubled: [],
    withoutEffect: [`${told.key} at ${told.index}`],
  });

  const entries = [...(await logged(node.url, 0)).values()];
  expect(doubledIn(entries)).toEqual([]);
  expect(doubledIn([...entries, ...entries.slice(0, 5)]).length).toBeGreaterThan(0);
});
