/**
 * The rules of the house are only rules if they fire: each is planted as a violation, in a folder of the
 * same layout and under the project's own configuration, and must be reported by name.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');

interface Planted {
  readonly what: string;
  readonly file: string;
  readonly source: string;
  readonly rule: string;
}

const branches = (count: number): string =>
  `export const f = (n: number): number => {\n${Array.from(
    { length: count },
    (_, branch) => `  if (n === ${branch}) return ${branch + 1};\n`,
  ).join('')}  return 0;\n};\n`;

const PLANTED: readonly Planted[] = [
  {
    what: 'a function of complexity five',
    file: 'src/projections/complex.ts',
    source: branches(4),
    rule: 'complexity',
  },
  {
    what: 'projections that import protocols',
    file: 'src/projections/upwards.ts',
    source: `import { x } from '../protocols/engine.ts';\nexport const y = x;\n`,
    rule: 'no-restricted-imports',
  },
  {
    what: 'a log that imports projections',
    file: 'src/log/upwards.ts',
    source: `import { x } from '../projections/table.ts';\nexport const y = x;\n`,
    rule: 'no-restricted-imports',
  },
  {
    what: 'protocols that import the api',
    file: 'src/protocols/upwards.ts',
    source: `import { x } from '../api/rest/server.ts';\nexport const y = x;\n`,
    rule: 'no-restricted-imports',
  },
  {
    what: 'an api that reads LevelDB',
    file: 'src/api/direct.ts',
    source: `import { Level } from 'level';\nexport const y = Level;\n`,
    rule: 'no-restricted-imports',
  },
  {
    what: 'projections that use Node',
    file: 'src/projections/node.ts',
    source: `import { readFileSync } from 'node:fs';\nexport const y = readFileSync;\n`,
    rule: 'no-restricted-imports',
  },
  ...['log', 'projections', 'protocols'].flatMap((room): Planted[] => [
    {
      what: `hidden time in ${room}`,
      file: `src/${room}/clock.ts`,
      source: `export const at = (): number => Date.now();\n`,
      rule: 'no-restricted-properties',
    },
    {
      what: `hidden chance in ${room}`,
      file: `src/${room}/chance.ts`,
      source: `export const at = (): number => Math.random();\n`,
      rule: 'no-restricted-properties',
    },
    {
      what: `a timer in ${room}`,
      file: `src/${room}/timer.ts`,
      source: `export const at = (): unknown => setTimeout(() => undefined, 1);\n`,
      rule: 'no-restricted-globals',
    },
  ]),
  {
    what: 'floating-point mathematics in rules',
    file: 'src/projections/floats.ts',
    source: `export const at = (x: number): number => Math.pow(x, 0.5);\n`,
    rule: 'no-restricted-properties',
  },
  {
    what: 'a locale in rules',
    file: 'src/projections/locale.ts',
    source: `export const at = (a: string, b: string): number => a.localeCompare(b);\n`,
    rule: 'no-restricted-properties',
  },
  {
    what: 'a locale of letters in rules',
    file: 'src/projections/letters.ts',
    source: `export const at = (a: string): string => a.toLowerCase();\n`,
    rule: 'no-restricted-properties',
  },
  {
    what: 'a cycle of imports',
    file: 'src/api/cycle.ts',
    source: `import { b } from './cycle-b.ts';\nexport const a = (): unknown => b;\n`,
    rule: 'no-cycle',
  },
  {
    what: 'a barrel',
    file: 'src/api/barrel.ts',
    source: `export * from './cycle.ts';\n`,
    rule: 'no-barrel-file',
  },
  {
    what: 'a default export',
    file: 'src/api/default.ts',
    source: `const y = 1;\nexport default y;\n`,
    rule: 'no-default-export',
  },
  {
    what: 'console in src',
    file: 'src/api/console.ts',
    source: `export const say = (): void => console.log('x');\n`,
    rule: 'no-console',
  },
  {
    what: 'any',
    file: 'src/api/any.ts',
    source: `export const y = (x: any): unknown => x;\n`,
    rule: 'no-explicit-any',
  },
  {
    what: 'a floating promise',
    file: 'src/api/floating.ts',
    source: `export const y = (): void => {\n  Promise.resolve(1);\n};\n`,
    rule: 'no-floating-promises',
  },
];

let folder = '';
let report: readonly { readonly code: string; readonly filename: string }[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quorate-lint-'));
  await cp(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
  await cp(join(root, 'tsconfig.json'), join(folder, 'tsconfig.json'));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  const companion = {
    file: 'src/api/cycle-b.ts',
    source: `import { a } from './cycle.ts';\nexport const b = (): unknown => a;\n`,
  };
  for (const { file, source } of [...PLANTED, companion]) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), source);
  }
  const linted = await run(
    join(root, 'node_modules', '.bin', 'oxlint'),
    ['--type-aware', '--format', 'json', 'src'],
    { cwd: folder, maxBuffer: 16 * 1024 * 1024 },
  ).catch((failure: { stdout: string }) => failure);
  report = (JSON.parse(linted.stdout) as { diagnostics: typeof report }).diagnostics;
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

test.each(PLANTED)('lint reports $what', ({ file, rule }) => {
  const codes = report.filter(({ filename }) => filename === file).map(({ code }) => code);
  expect(codes.some((code) => code.includes(rule))).toBe(true);
});
