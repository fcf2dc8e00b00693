/**
 * Reads a request with the schemas of its endpoint: everything it got wrong is told at once.
 */
import type { z } from 'zod';
import { below, faultsOf } from '../faults.ts';
import { invalid, type Problem, type RequestFault } from '../wire/problem.ts';
import type { Body, Incoming } from './endpoint.ts';

export type Read<Value> =
  | { readonly kind: 'read'; readonly value: Value }
  | { readonly kind: 'faults'; readonly faults: readonly RequestFault[] };

type Readings = Readonly<Record<string, Read<unknown>>>;

/** The values of all parts, once every part is right. */
type ValuesOf<Parts extends Readings> = {
  readonly [Name in keyof Parts]: Extract<Parts[Name], { readonly kind: 'read' }>['value'];
};

type Request<Parts extends Readings> =
  | { readonly kind: 'request'; readonly values: ValuesOf<Parts> }
  | { readonly kind: 'problem'; readonly problem: Problem };

/** Where each part of a request lies, for pointers. */
const PLACES = { params: '/path', query: '/query', headers: '/headers' } as const;

/** Puts the parts together: all of them, or all faults of all of them. */
export function together<Parts extends Readings>(parts: Parts): Request<Parts> {
  const values: Record<string, unknown> = {};
  const faults: RequestFault[] = [];
  for (const name of Object.keys(parts)) {
    const read = parts[name] as Read<unknown>;
    if (read.kind === 'read') values[name] = read.value;
    else faults.push(...read.faults);
  }
  if (faults.length > 0) return { kind: 'problem', problem: invalid(faults) };
  // Every reading has a value here, each of the type of its part.
  return { kind: 'request', values: values as ValuesOf<Parts> };
}

/** Reads the path, the query or the headers. */
export function readPart<Schema extends z.ZodObject>(
  part: keyof typeof PLACES,
  schema: Schema,
  incoming: Incoming,
): Read<z.output<Schema>> {
  const given = incoming[part] as Fields;
  const nothing = nothingIn(part, schema);
  return nothing.isAll(given)
    ? (nothing.read as Read<z.output<Schema>>)
    : parsedPart(part, schema, given);
}

function parsedPart<Schema extends z.ZodObject>(
  part: keyof typeof PLACES,
  schema: Schema,
  given: Fields,
): Read<z.output<Schema>> {
  const parsed = schema.safeParse(given);
  return parsed.success
    ? { kind: 'read', value: parsed.data }
    : { kind: 'faults', faults: faultsOf(parsed.error.issues, below(PLACES[part])) };
}

/** What a schema reads where nothing is said, and how to tell that nothing is. */
interface Nothing {
  readonly read: Read<unknown>;
  readonly isAll: (given: Fields) => boolean;
}

/** Most requests have no query and none of our headers: their schemas are asked once, not each time. */
const NOTHINGS = new WeakMap<z.ZodObject, Nothing>();

function nothingIn(part: keyof typeof PLACES, schema: z.ZodObject): Nothing {
  const known = NOTHINGS.get(schema);
  if (known !== undefined) return known;
  const names = Object.keys(schema.shape);
  const nothing: Nothing = {
    read: parsedPart(part, schema, {}),
    // Headers that are not in the schema are none of our business; in a query every member counts.
    isAll:
      part === 'headers'
        ? (given) => names.every((name) => given[name] === undefined)
        : (given) => isEmpty(given),
  };
  NOTHINGS.set(schema, nothing);
  return nothing;
}

function isEmpty(given: Fields): boolean {
  for (const _name in given) return false;
  return true;
}

/** Reads the body; one that is missing counts as an empty object, so that its fields are named. */
export function readBody<Schema extends z.ZodType>(
  schema: Schema,
  body: Body | undefined,
): Read<z.output<Schema>> {
  const sent = objectIn(body);
  if (sent.kind === 'faults') return sent;
  const parsed = schema.safeParse(sent.value);
  return parsed.success
    ? { kind: 'read', value: parsed.data }
    : { kind: 'faults', faults: faultsOf(parsed.error.issues, below('')) };
}

type Fields = Readonly<Record<string, unknown>>;

/** The members of a body that must be an object. */
export function objectIn(body: Body | undefined): Read<Fields> {
  if (body === undefined) return { kind: 'read', value: {} };
  if (body.json.kind === 'malformed') return faulty('malformed', body.json.detail);
  return isObject(body.json.value)
    ? { kind: 'read', value: body.json.value }
    : faulty('invalid-type', 'the body is a JSON object');
}

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function faulty(code: string, detail: string): Read<never> {
  return { kind: 'faults', faults: [{ pointer: '', code, detail }] };
}
