/** What can be asked of a drill: its options, their meaning, and what they choose. */
import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Mutation } from './mutation.ts';
import { MUTATIONS } from './mutations.ts';

export interface Options {
  readonly tier: 'full' | 'build';
  readonly seeds: number;
  readonly wholeNodes: number;
  readonly processes: number;
  readonly only?: string;
  readonly bug?: string;
  readonly from: number;
  readonly to: number;
  readonly record?: true;
  readonly bugs?: true;
  readonly markdown?: true;
}

function whole(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('a whole number is wanted');
}

/** Ends the process where what is asked for makes no sense. */
export function read(): Options {
  const command = new Command('drill')
    .description('Takes defences away and looks whether anything notices.')
    .addOption(
      new Option(
        '--tier <name>',
        'full: all that may notice; build: what noticed it before, and all only where that does not',
      )
        .choices(['full', 'build'])
        .default('full'),
    )
    .option('--seeds <n>', 'most seeds of cores to try on each', whole, 500)
    .option(
      '--whole-nodes <n>',
      'most seeds of whole nodes to try on each beyond the core',
      whole,
      150,
    )
    .option(
      '--processes <n>',
      'so many at once (one for each processor)',
      whole,
      availableParallelism(),
    )
    .option('--only <part>', 'only mutations whose name contains this')
    .option('--bug <number>', 'only mutations that make this bug')
    .option('--from <n>', 'go on with the nth mutation', whole, 1)
    .option('--to <n>', 'end with the nth mutation', whole, MUTATIONS.length)
    .option('--record', 'write down what noticed each, for the tier of builds')
    .option('--bugs', 'only say which bugs of others are known, and where each is on record')
    .option('--markdown', 'print tables for a page')
    .showHelpAfterError('(--help shows what there is)')
    .parse();
  const options = command.opts<Options>();
  // A build that drills nothing would pass for one in which everything was noticed.
  if (chosenBy(options).length === 0)
    command.error('error: --only, --bug, --from and --to choose none of the mutations');
  return options;
}

export function chosenBy({ from, to, only = '', bug }: Options): readonly Mutation[] {
  return MUTATIONS.slice(from - 1, to).filter(
    ({ name, bugs }) => name.includes(only) && (bug === undefined || bugs.includes(bug)),
  );
}
