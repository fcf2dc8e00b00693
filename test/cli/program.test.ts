/** What the command says before it does anything: help, mistakes, settings. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SETTING_FLAGS } from '../../src/cli/config.ts';
import { endingOf, EXIT } from '../../src/cli/exit.ts';
import { clipped, columns, counted, grouped, size } from '../../src/cli/layout.ts';
import { LogFault } from '../../src/log/fault.ts';
import { asked, quorate } from './command.ts';
import { temporaryDirectory } from './written-directory.ts';

const COMMANDS = [
  ['start'],
  ['status'],
  ['config'],
  ['cluster'],
  ...['status', 'transfer', 'snapshot'].map((name) => ['raft', name]),
  ...['show', 'set'].map((name) => ['voters', name]),
  ...['stat', 'dump', 'verify', 'replay', 'export', 'repair'].map((name) => ['log', name]),
];

describe('help', () => {
  test.each(COMMANDS.map((words) => [words.join(' '), words] as const))(
    '%s has help with an example, and asking for it is fine',
    async (name, words) => {
      const { exit, out, err } = await quorate([...words, '--help']);
      expect({ exit, err }).toEqual({ exit: 0, err: '' });
      expect(out).toContain(`quorate ${name}`);
      expect(out).toMatch(/Examples:\n {2}\S/);
    },
  );

  test('start takes a flag for every setting', async () => {
    const { out } = await quorate(['start', '--help']);
    for (const { flag } of SETTING_FLAGS) expect(out).toContain(flag);
  });

  test('--version says the version of the package', async () => {
    expect((await quorate(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('mistakes', () => {
  test.each([
    ['an unknown command', ['lgo'], /Did you mean log/],
    ['an unknown flag', ['status', '--utl', 'x'], /Did you mean --url/],
    ['a form that is none', ['status', '-o', 'xml'], /Allowed choices are table, json, ndjson/],
    ['an index that is none', ['log', 'replay', '--until', 'soon'], /an index is a whole number/],
    [
      'a number of nodes that is no odd majority',
      ['cluster', '--nodes', '4'],
      /Allowed choices are 3, 5, 7/,
    ],
    ['a port that is none', ['cluster', '--port', '70000'], /a port is a whole number/],
    ['ports beyond the last', ['cluster', '--port', '65534'], /3 ports from 65534 on/],
    ['voters that nobody names', ['voters', 'set'], /missing required argument 'names'/],
    ['a missing option', ['log', 'repair', '--data-dir', 'x'], /--to/],
  ])('%s is usage, and what was meant is said', async (_what, words, said) => {
    const { exit, out, err } = await quorate(words);
    expect({ exit, out }).toEqual({ exit: 2, out: '' });
    expect(err).toMatch(said);
    expect(err).not.toMatch(/^\s+at /m);
  });

  test('a fault of the log ends in one line without a stack; a bug of ours shows where it is', () => {
    expect(endingOf(new LogFault('damaged', 'it is'))).toEqual({
      exit: EXIT.corrupt,
      line: 'it is',
    });
    expect(endingOf(new TypeError('x is not y'))).toMatchObject({
      exit: EXIT.internal,
      line: expect.stringMatching(/TypeError: x is not y\n\s+at /),
    });
  });
});

describe('config', () => {
  test('shows every setting with its value and where it was said', async () => {
    const file = join(await temporaryDirectory(), 'quorate.json');
    await writeFile(file, '{ "log_level": "debug", "p2p_port": 1 }');
    const { out } = await quorate(['config', '--config', file, '--p2p-port', '7', '-o', 'json'], {
      QUORATE_NODE_ID: 'n7',
    });
    const rows = JSON.parse(out) as { name: string; value: string; said_as: string }[];
    const said = Object.fromEntries(
      rows.map(({ name, value, said_as }) => [name, [value, said_as]]),
    );
    expect(said).toMatchObject({
      QUORATE_P2P_PORT: ['7', '--p2p-port'],
      QUORATE_NODE_ID: ['n7', 'QUORATE_NODE_ID'],
      QUORATE_LOG_LEVEL: ['debug', `log_level in ${file}`],
      QUORATE_DATA_DIR: ['./data', 'DATA_DIR'],
    });
    expect(rows).toHaveLength(SETTING_FLAGS.length);
  });

  test('never shows a secret, in whatever form', async () => {
    const secret = 'what only the cluster knows';
    for (const form of ['table', 'json', 'ndjson']) {
      const words = ['config', '--cluster-secret', secret, '-o', form];
      const { out, err } = await quorate(words);
      expect(out).toContain('********');
      expect(out + err).not.toContain(secret);
    }
    const { out } = await quorate(['config', '--cluster-secret', 'short']);
    expect(out).toMatch(/--cluster-secret is "\*{8}", which is not a text of at least 16/);
  });

  test('names all faults at once, with an example each', async () => {
    const env = { QUORATE_P2P_PORT: 'x', QUORATE_NOED_ID: 'y' };
    const { exit, out } = await quorate(['config'], env);
    expect(exit).toBe(78);
    expect(out).toMatch(/2 settings are wrong:/);
    expect(out).toMatch(/like: QUORATE_P2P_PORT=8770/);
    expect(out).toMatch(/like: QUORATE_NODE_ID=node-1/);
    expect(await asked(['config', '--p2p-port', 'x'])).toMatchObject({
      faults: [{ name: '--p2p-port' }],
    });
  });

  test('a file that cannot be read is said so', async () => {
    const ended = await quorate(['config', '--config', '/nowhere/quorate.json']);
    expect(ended).toMatchObject({ exit: 78, err: expect.stringMatching(/cannot be read: ENOENT/) });
  });
});

describe('layout', () => {
  test('columns are as wide as their widest text, colours not counted', () => {
    const red = '\u001B[31mab\u001B[0m';
    expect(
      columns(
        [
          ['a', '1'],
          [red, '22'],
        ],
        ['left', 'right'],
      ),
    ).toEqual(['a    1', `${red}  22`]);
    expect(columns([])).toEqual([]);
  });

  test('numbers, sizes and counts read as people write them', () => {
    expect([0, 999, 1000, 1_234_567].map(grouped)).toEqual(['0', '999', '1 000', '1 234 567']);
    expect([0, 1023, 1024, 5 * 2 ** 20].map(size)).toEqual(['0 B', '1023 B', '1.0 KiB', '5.0 MiB']);
    expect([counted(1, 'entry'), counted(2, 'entry'), counted(1000, 'root')]).toEqual([
      '1 entry',
      '2 entries',
      '1 000 roots',
    ]);
    expect([clipped('abc', 3), clipped('abcd', 3)]).toEqual(['abc', 'ab…']);
  });
});
