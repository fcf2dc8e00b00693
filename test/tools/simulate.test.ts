/** The simulator's command: what can be asked, how one seed is told, and how a failing one is run again. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CommanderError } from 'commander';
import { expect, test } from 'vitest';
import { runSeeds } from '../../tools/simulate/crew.ts';
import { again, read } from '../../tools/simulate/options.ts';

const PROJECT = join(import.meta.dirname, '../..');

async function simulate(...words: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', 'tools/simulate.ts', ...words],
    { cwd: PROJECT },
  );
  return stdout;
}

/** What is said instead of a run. */
function refusal(...words: readonly string[]): string {
  let said = '';
  try {
    read(words, (text) => (said += text));
  } catch (error) {
    expect(error).toBeInstanceOf(CommanderError);
    return said;
  }
  throw new Error('it was taken');
}

test('one seed, the number of nodes, the minutes and the faults can be said', () => {
  const asked = read('--seed 42 --nodes 3 --minutes 2 --faults crash,partition'.split(' '));
  expect(asked).toMatchObject({ kind: 'whole', seed: 42 });
  expect(asked.wanted).toEqual({
    nodes: 3,
    voters: undefined,
    milliseconds: 120_000,
    faults: ['crash', 'partition'],
  });
  expect(read(['--faults', 'all']).wanted.faults).toBeUndefined();
});

test('whole nodes or cores are simulated, with voters as wanted', () => {
  expect(read(['--nodes', 'core', '--voters', '5'])).toMatchObject({
    kind: 'core',
    wanted: { voters: 5, nodes: undefined },
  });
  expect(read([])).toMatchObject({ kind: 'whole', from: 1, seeds: 100, fresh: 0 });
});

test('the tier of a build has a thousand seeds and more, and fresh ones; a number of seeds has none', () => {
  const build = read(['--tier', 'build']);
  expect(build.seeds).toBeGreaterThanOrEqual(1_000);
  expect(build.fresh).toBeGreaterThan(0);
  expect(read(['--tier', 'build', '--seeds', '7'])).toMatchObject({ seeds: 7, fresh: 0 });
});

test.each([
  [['--faults', 'crash,earthquake'], 'no such fault of whole nodes: earthquake; there are all,'],
  [['--nodes', 'core', '--faults', 'jobs'], 'no such fault of cores: jobs; there are all,'],
  [['--faults', 'crash,,reset'], 'Names separated by commas are wanted'],
  [['--nodes', '8'], '1 to 7'],
  [['--nodes', '0'], '1 to 7'],
  [['--minutes', '0'], 'A positive number is wanted'],
  [['--seed', 'one'], 'A whole number is wanted'],
  [['--seed', '1', '--from', '2'], "'--seed <s>' cannot be used with option '--from <seed>'"],
  [['--seeds', '0'], 'At least 1'],
])('%j is refused with what would be right', (words, expected) => {
  expect(refusal(...words)).toContain(expected);
});

test('the help has examples and every kind of fault', () => {
  const help = refusal('--help');
  expect(help).toContain('--seed 42 --nodes 3 --minutes 2 --faults all');
  expect(help).toContain('power_cut');
});

test.each([
  ['--nodes 4 --minutes 0.2 --faults crash,reset'],
  ['--nodes core --voters 5'],
  ['--tier build'],
  [''],
])('the command that repeats a seed of "%s" runs what was run', (words) => {
  const asked = read(words.split(' ').filter((word) => word !== ''));
  const command = again(asked, 99);
  expect(command).toMatch(/^npm run simulate -- --seed 99/);
  expect(read(command.split(' ').slice(4))).toMatchObject({
    seed: 99,
    kind: asked.kind,
    wanted: asked.wanted,
  });
});

test('one seed is told: its plan, the end of its story, what happened, its trace; every time the same', async () => {
  const words = '--seed 3 --nodes 3 --minutes 0.05 --faults crash,partition --story 20';
  const first = await simulate(...words.split(' '));
  expect(first).toContain('seed 3: 3 voters, 0 others, 3000 ms');
  expect(first).toMatch(/ ms: crash, /);
  expect(first).toMatch(/ ms: partition, /);
  expect(first).not.toMatch(/ ms: (?!crash|partition)[a-z_]+, /);
  expect(first).toMatch(/… [\d ]+ lines\n(.*\n){20}\nwhat happened/);
  expect(first).toMatch(/\ntrace [0-9a-f]{8}\nseed 3 kept every law\n$/);
  expect(await simulate(...words.split(' '))).toBe(first);
}, 300_000);

test('fresh seeds say where they begin, and are the same when they are run from there', async () => {
  const said = await simulate(...'--nodes core --seeds 2 --fresh 3'.split(' '));
  const [, from = ''] = /3 fresh seeds, from (\d+) on\n/.exec(said) ?? [];
  const [, fresh = ''] = said.split(`from ${from} on\n`);
  const repeated = await simulate(...`--nodes core --from ${from} --seeds 3`.split(' '));
  expect(repeated.split('\n\n')[0]).toBe(fresh.split('\n\n')[0]);
  expect(repeated).toContain(`3 seeds from ${from} on kept every law`);
}, 300_000);

/** A plan without nodes, which nothing but a broken seed comes of. */
const NOBODY = { nodes: undefined, voters: 0, milliseconds: 1_000, faults: [] };

test.each([
  ['core', undefined],
  ['whole', 'its process ended with 1'],
] as const)(
  'a seed of %s that fails ends the run and is named',
  async (kind, how) => {
    const ran: boolean[] = [];
    const failed = await runSeeds({
      kind,
      wanted: NOBODY,
      seeds: [5, 6, 7][Symbol.iterator](),
      processes: 1,
      onRan: ({ isBroken }) => ran.push(isBroken),
    });
    expect(failed).toEqual({ seed: 5, how });
    expect(ran).toEqual(how === undefined ? [true] : []);
  },
  300_000,
);
