/**
 * Takes defences away one by one and looks whether anything notices: a scenario, a simulated seed, or a test. A
 * defence that can go without being missed is not tested.
 *
 *     npm run drill
 *     npm run drill -- --only vote --seeds 2000
 *     npm run drill -- --bug B20
 *     npm run drill -- --record               and write down what noticed each
 *     npm run drill -- --tier build           try only what is written down; search where that misses
 *
 * Each mutation is made in a copy of the tree in a folder of its own; the tree is never touched, but for the
 * record. Which bugs of others they make anew is in `bugs.ts`.
 */
import { performance } from 'node:perf_hooks';
import { markdownTable, plainTable, seconds } from '../table.ts';
import { type Catcher, type Catchers, record, recorded } from './catchers.ts';
import { copyOf, drop } from './copies.ts';
import { judged, unnoticed } from './judging.ts';
import type { Mutation } from './mutation.ts';
import { MUTATIONS } from './mutations.ts';
import { chosenBy, type Options, read } from './options.ts';
import { SoundTree } from './sound-tree.ts';
import {
  bugsTable,
  closingLines,
  type Judged,
  judgedTable,
  otherwiseTable,
  rowOf,
} from './table.ts';

/** Does the work for all, so many at once. The first that fails lets the others end what they began. */
async function each<Item>(
  items: readonly Item[],
  most: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift())
      await work(item).catch((error: unknown) => {
        waiting.length = 0;
        throw error;
      });
  };
  const ended = await Promise.allSettled(Array.from({ length: most }, worker));
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
}

async function drilled(options: Options, chosen: readonly Mutation[]): Promise<readonly Judged[]> {
  const { tier, seeds, wholeNodes, processes } = options;
  const known: Catchers = tier === 'build' ? recorded() : new Map<string, Catcher>();
  // A build does not look for what nobody ever found.
  const isLeftOut = ({ name, excused }: Mutation): boolean =>
    tier === 'build' && excused !== undefined && !known.has(name);
  const tried = chosen.filter((mutation) => !isLeftOut(mutation));
  const verdicts: Judged[] = chosen
    .filter(isLeftOut)
    .map((mutation) => [mutation, unnoticed(mutation)]);
  // Everything starts from one copy: the tree may change while this runs.
  const tree = new SoundTree(copyOf(), (what) =>
    console.error(`${what} fails as it is, too: it notices nothing`),
  );
  try {
    await tree.expectSound(tried, known);
    await each(tried, processes, async (mutation) => {
      const most = { cores: seeds, wholeNodes };
      const verdict = await judged(tree, mutation, most, known.get(mutation.name));
      verdicts.push([mutation, verdict]);
      // At once: a drill takes long, and may be ended.
      if (options.record === true && verdict.kind === 'caught')
        record(new Map([[mutation.name, verdict.catcher]]));
      console.error(
        `${verdicts.length} of ${chosen.length}  ${mutation.name}: ${rowOf(verdict).join(', seeds: ')}`,
      );
    });
  } finally {
    drop(tree.root);
  }
  return verdicts;
}

const options = read();
const print = options.markdown === true ? markdownTable : plainTable;
if (options.bugs === true) {
  console.log(print(bugsTable()));
  process.exit();
}

const began = performance.now();
const chosen = chosenBy(options);
const verdicts = await drilled(options, chosen);
console.log(print(judgedTable(verdicts)));
if (chosen.length === MUTATIONS.length) console.log(`\n${print(otherwiseTable())}`);
console.log(`\n${closingLines(verdicts).join('\n')}\nin ${seconds(performance.now() - began)}`);
process.exitCode = verdicts.some(([, { kind }]) => kind === 'survived') ? 1 : 0;
