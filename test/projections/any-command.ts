/**
 * Generates commands for any projection from the schemas of its commands, so that a new projection is
 * under the laws of all projections from its first line.
 *
 * All names come from one small pool, and tokens are aimed at what is held, so that commands meet each
 * other's rows.
 */
import * as fc from 'fast-check';
import { z } from 'zod';
import type { Machine } from '../../src/projections/machine.ts';
import type { Projection } from '../../src/projections/projection.ts';

/** The part of JSON Schema that command schemas are made of. */
interface Shape {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Shape[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: Shape;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
}

/** Numbers that name entries: small enough to be hit. */
const NAMES_ENTRIES = /token|session|index|seq/;

type Generator = (shape: Shape, name: string) => fc.Arbitrary<unknown>;

const byType: Readonly<Record<string, Generator>> = {
  boolean: () => fc.boolean(),
  null: () => fc.constant(null),
  integer: (shape, name) =>
    NAMES_ENTRIES.test(name)
      ? fc.integer({ min: shape.minimum ?? 0, max: 30 })
      : fc.integer({ min: shape.minimum ?? 0, max: Math.min(shape.maximum ?? 100, 100) }),
  number: (shape) => fc.integer({ min: shape.minimum ?? 0, max: shape.maximum ?? 100 }),
  string: (shape) => anyText(shape),
  array: ({ items = {}, minItems = 0, maxItems = 3 }, name) =>
    fc.array(anyOf(items, name), { minLength: minItems, maxLength: Math.min(maxItems, 3) }),
  object: ({ properties, required = [] }) =>
    properties === undefined
      ? fc.dictionary(fc.constantFrom('a', 'b'), fc.nat(3), { maxKeys: 2 })
      : anyObject(properties, required),
};

/** Mostly the plain command, with nothing that may be left out: each option narrows what it can meet. */
function anyObject(
  properties: Readonly<Record<string, Shape>>,
  required: readonly string[],
): fc.Arbitrary<unknown> {
  const fields = Object.entries(properties).map(
    ([key, shape]) => [key, anyOf(shape, key)] as const,
  );
  const plain = fields.filter(([key]) => required.includes(key));
  return fc.oneof(
    { weight: 2, arbitrary: fc.record(Object.fromEntries(plain)) },
    {
      weight: 1,
      arbitrary: fc.record(Object.fromEntries(fields), { requiredKeys: [...required] }),
    },
  );
}

const POOL = ['n-1', 'n-2', 'n-3'];

/** A name of the pool, unless the form is a special one. */
function anyText({ pattern }: Shape): fc.Arbitrary<string> {
  const form = new RegExp(pattern ?? '');
  return POOL.every((text) => form.test(text))
    ? fc.constantFrom(...POOL)
    : fc.stringMatching(form, { size: 'small' });
}

function anyOf(shape: Shape, name: string): fc.Arbitrary<unknown> {
  if (shape.const !== undefined) return fc.constant(shape.const);
  if (shape.enum !== undefined) return fc.constantFrom(...shape.enum);
  if (shape.anyOf !== undefined) return fc.oneof(...shape.anyOf.map((each) => anyOf(each, name)));
  const generator = byType[shape.type ?? 'object'];
  if (generator === undefined) throw new Error(`no values for ${JSON.stringify(shape)}`);
  return generator(shape, name);
}

export interface AnyCommand {
  readonly type: string;
  readonly data: unknown;
}

/** Any command of these projections that its schema accepts. */
export function anyCommandOf(projections: readonly Projection[]): fc.Arbitrary<AnyCommand> {
  const rules = projections.flatMap(({ commands }) => Object.entries(commands));
  return fc.oneof(
    ...rules.map(([type, { schema }]) => {
      const shape = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
      return anyOf(shape as Shape, type)
        .filter((data) => schema.safeParse(data).success)
        .map((data) => ({ type, data }));
    }),
  );
}

type Columns = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Columns {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

interface Grant {
  readonly key: string;
  readonly row: Columns;
}

/** The same command with the tokens, and owners, of the rows that it names, so that it is not stale. */
export function aimedAt(machine: Machine, { type, data }: AnyCommand): AnyCommand {
  const grants = machine
    .allTables()
    .filter(({ definition }) => (definition.columns as readonly string[]).includes('token'))
    .flatMap((table) =>
      [...table.rows()].map((row) => ({ key: table.definition.key(row), row: row as Columns })),
    );
  return { type, data: aimed(data, grants) };
}

function aimed(data: unknown, grants: readonly Grant[]): unknown {
  if (Array.isArray(data)) return data.map((item) => aimed(item, grants));
  if (!isObject(data)) return data;
  const named = grants.find(({ key, row }) =>
    Object.entries(data).some(([column, value]) => value === key && row[column] === key),
  );
  const fields = Object.entries(data).map(([name, value]) => [name, aimed(value, grants)]);
  const grip = ['token', 'owner']
    .filter((name) => name in data && typeof named?.row[name] === typeof data[name])
    .map((name) => [name, named?.row[name]]);
  return Object.fromEntries([...fields, ...grip]);
}
