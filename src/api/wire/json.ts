/**
 * JSON from strangers: parsed within bounds.
 *
 * What comes in is data for rules that every node runs, so it is refused when it nests deeper than
 * JSON_DEPTH_MAX (a deep enough value would exhaust the stack of whoever walks it) or names `__proto__`
 * (a value that is copied member by member would change its prototype).
 */

/** Levels of arrays and objects in one value; beyond it the value is refused. */
export const JSON_DEPTH_MAX = 64;

export type JsonRead =
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'malformed'; readonly detail: string };

/** Parses JSON text. Never throws. */
export function readJson(text: string): JsonRead {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { kind: 'malformed', detail: (error as SyntaxError).message };
  }
  const fault = faultIn(value, JSON_DEPTH_MAX);
  return fault === undefined ? { kind: 'json', value } : { kind: 'malformed', detail: fault };
}

/** Says what is wrong with a value, if anything; looks `levels` deep and no deeper. */
function faultIn(value: unknown, levels: number): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  return levels === 0
    ? `nested deeper than ${JSON_DEPTH_MAX} levels`
    : faultAmong(value, levels - 1);
}

function faultAmong(members: object, levels: number): string | undefined {
  // What JSON.parse made has own members only, and `__proto__` is one of them: nothing is copied to look.
  for (const name in members) {
    if (name === '__proto__') return 'a member named __proto__';
    const fault = faultIn((members as Readonly<Record<string, unknown>>)[name], levels);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
