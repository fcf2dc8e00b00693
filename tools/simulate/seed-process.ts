/** A process that runs one seed after another, as it is told, and tells what came of each. */
import type { FromCrew, ToCrew } from './crew.ts';
import { KINDS } from './options.ts';

let seed = 0;

process.on('disconnect', () => process.exit());
// What no promise of a node waits for is a fault of the node, of the seed that runs.
process.on('unhandledRejection', (error) => {
  console.error(`seed ${seed}: nobody waits for`, error);
  process.exit(1);
});
process.on('message', (task: ToCrew) => {
  ({ seed } = task);
  void KINDS[task.kind].run(seed, task.wanted).then((ran) => {
    process.send?.({ seed, ran } satisfies FromCrew);
  });
});
