/**
 * How the fields of a request lie in the data of its command: as they are, or as the only item of a
 * command over several. A request for one item is answered as that item.
 */
import type { z } from 'zod';
import type { ItemResult } from '../../projections/work-queue/adding.ts';
import type { Answered } from '../proposal.ts';
import { problem } from '../wire/problem.ts';

export type Fields = Readonly<Record<string, unknown>>;

export interface Wrapping {
  /** Levels between the data of the command and the fields of the request. */
  readonly depth: number;
  /** The fields that a request brings. */
  readonly shape: (schema: z.ZodObject) => z.ZodRawShape;
  readonly data: (fields: Fields) => Fields;
  readonly answer: (whole: Answered) => Answered;
}

export const UNWRAPPED: Wrapping = {
  depth: 0,
  shape: (schema) => schema.shape,
  data: (fields) => fields,
  answer: (whole) => whole,
};

/** For commands that take a list of objects by this name. */
export function onlyItemOf(list: string): Wrapping {
  return {
    depth: 2,
    shape: (schema) => (schema.shape[list] as unknown as z.ZodArray<z.ZodObject>).element.shape,
    data: (fields) => ({ [list]: [fields] }),
    answer: onlyAnswer,
  };
}

function onlyAnswer(whole: Answered): Answered {
  if (whole.kind === 'problem') return whole;
  // Commands over several items answer each of them.
  const [item] = whole.written.results as readonly ItemResult[];
  if (item === undefined || item.ok) return whole;
  const { code, detail, about } = item;
  const members = { index: whole.written.index, ...about };
  return { kind: 'problem', problem: problem(code, detail, members), replayed: whole.replayed };
}
