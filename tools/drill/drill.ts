/**
 * Takes defences away one by one and looks whether anything notices: a scenario, a simulated seed, or a test. A
 * defence that can go without being missed is not tested.
 *
 *     npm run drill
 *     npm run drill -- --only vote --seeds 2000
 *     npm run drill -- --bug B20
 *
 * Each mutation is made in a copy of the tree in a folder of its own; the tree is never touched. Which bugs of
 * others they make anew is in `bugs.ts`.
 */
import { rmSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { markdownTable, plainTable } from '../table.ts';
import { copyOf, expectSound, judged } from './judging.ts';
import type { Mutation } from './mutation.ts';
import { MUTATIONS } from './mutations.ts';
import {
  bugsTable,
  closingLines,
  type Judged,
  judgedTable,
  otherwiseTable,
  rowOf,
} from './table.ts';

interface Options {
  readonly seeds: number;
  readonly wholeNodes: number;
  readonly only?: string;
  readonly bug?: string;
  readonly from: number;
  readonly to: number;
  readonly bugs?: true;
  readonly markdown?: true;
}

function whole(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('a whole number is wanted');
}

const { seeds, wholeNodes, only, bug, from, to, bugs, markdown } = new Command('drill')
  .description('Takes defences away and looks whether anything notices.')
  .option('--seeds <n>', 'most seeds of cores to try on each', whole, 500)
  .option(
    '--whole-nodes <n>',
    'most seeds of whole nodes to try on each beyond the core',
    whole,
    60,
  )
  .option('--only <part>', 'only mutations whose name contains this')
  .option('--bug <number>', 'only mutations that make this bug')
  .option('--from <n>', 'go on with the nth mutation', whole, 1)
  .option('--to <n>', 'end with the nth mutation', whole, MUTATIONS.length)
  .option('--bugs', 'only say which bugs of others are known, and where each is on record')
  .option('--markdown', 'print tables for a page')
  .showHelpAfterError('(--help shows what there is)')
  .parse()
  .opts<Options>();

const print = markdown === true ? markdownTable : plainTable;
if (bugs === true) {
  console.log(print(bugsTable()));
  process.exit();
}

function isChosen(mutation: Mutation): boolean {
  if (only !== undefined && !mutation.name.includes(only)) return false;
  return bug === undefined || mutation.bugs.includes(bug);
}

const chosen = MUTATIONS.slice(from - 1, to).filter(isChosen);
const verdicts: Judged[] = [];
// Everything starts from one copy: the tree may change while this runs.
const root = copyOf();
try {
  await expectSound(root, chosen);
  for (const mutation of chosen) {
    const verdict = await judged(root, mutation, { cores: seeds, wholeNodes });
    verdicts.push([mutation, verdict]);
    console.error(
      `${verdicts.length} of ${chosen.length}  ${mutation.name}: ${rowOf(verdict).join(', seeds: ')}`,
    );
  }
} finally {
  rmSync(root, { recursive: true });
}
console.log(print(judgedTable(verdicts)));
if (chosen.length === MUTATIONS.length) console.log(`\n${print(otherwiseTable())}`);
console.log(`\n${closingLines(verdicts).join('\n')}`);
process.exitCode = verdicts.some(([, { kind }]) => kind === 'survived') ? 1 : 0;
