/**
 * How strong a GPU is, in thousandths of an H100: what placement ranks by and what work may ask for.
 *
 * A model is looked up by its exact name, then by the longest known name it begins with. A name never
 * ends inside a word of the model, so "A100-SXM4-80GB" is an A100, "A100" is no A10 and "A10G" is
 * neither. Case counts. Whatever is unknown has UNKNOWN_POWER_MILLI.
 */
import { z } from 'zod';
import { refuse } from './outcome.ts';
import { command, projection, type ReadonlyTables } from './projection.ts';
import type { TableDefinition } from './table.ts';

export const UNKNOWN_POWER_MILLI = 100;
/** Models an operator may rank; beyond, a further one is refused with `backpressure`. */
const GPU_POWER_ROWS_MAX = 1000;
const POWER_MILLI_MAX = 1_000_000;

/** What holds until an operator says otherwise. The last six are older cards of public traces. */
const DEFAULT_POWER_MILLI: ReadonlyMap<string, number> = new Map([
  ['GH200', 1200],
  ['H100', 1000],
  ['A100', 800],
  ['RTX_5090', 700],
  ['RTX_4090', 500],
  ['A10', 400],
  ['CPU', 100],
  ['V100M32', 450],
  ['V100M16', 400],
  ['T4', 250],
  ['P100', 250],
  ['G3', 500],
  ['G2', 400],
  ['G1', 200],
]);

interface GpuPowerRow {
  readonly model: string;
  readonly power_milli: number;
  readonly changed_index: number;
}

const GPU_POWER: TableDefinition<GpuPowerRow> = {
  name: 'gpu_power',
  key: (row) => row.model,
  columns: ['model', 'power_milli', 'changed_index'],
};

/** As drivers report them: printable, spaces allowed. */
export const GPU_MODEL = z.string().regex(/^[\x20-\x7e]{1,128}$/);

type Facts = {
  readonly type: 'gpu_power_set';
  readonly model: string;
  readonly power_milli: number;
};

/** The power of a model, in thousandths. */
export function gpuPower(tables: ReadonlyTables, model: string): number {
  for (const name of namesOf(model)) {
    const power = powerOfName(tables, name);
    if (power !== undefined) return power;
  }
  return UNKNOWN_POWER_MILLI;
}

/** Whether a GPU reported as `model` goes by `name`. */
export function goesBy(model: string, name: string): boolean {
  return model.startsWith(name) && endsWord(model, name.length);
}

function powerOfName(tables: ReadonlyTables, name: string): number | undefined {
  return tables.of(GPU_POWER).get(name)?.power_milli ?? DEFAULT_POWER_MILLI.get(name);
}

/** The model itself, then every beginning of it that ends with a word, longest first. */
function* namesOf(model: string): Generator<string> {
  for (let length = model.length; length > 0; length--)
    if (endsWord(model, length)) yield model.slice(0, length);
}

function endsWord(model: string, length: number): boolean {
  return !/^[0-9A-Za-z]{2}$/.test(model.slice(length - 1, length + 1));
}

export const gpuPowers = projection<Facts>({
  name: 'gpu-power',
  summary: 'How strong each GPU model is, relative to an H100.',
  tables: [GPU_POWER],
  commands: {
    set_gpu_power: command({
      summary: 'Sets the power of a GPU model, in thousandths of an H100.',
      role: 'operator',
      traffic: 'control',
      schema: z.object({ model: GPU_MODEL, power_milli: z.int().min(0).max(POWER_MILLI_MAX) }),
      changed: (tables, { model }) => tables.of(GPU_POWER).get(model)?.changed_index ?? 0,
      decide: (ruling, { model, power_milli }) => {
        const powers = ruling.tables.of(GPU_POWER);
        if (powers.size >= GPU_POWER_ROWS_MAX && !powers.has(model))
          return refuse('backpressure', 'too many GPU models', { limit: GPU_POWER_ROWS_MAX });
        ruling.emit<Facts>({ type: 'gpu_power_set', model, power_milli });
        return undefined;
      },
    }),
  },
  folds: {
    gpu_power_set: (tables, { model, power_milli }, moment) =>
      tables.of(GPU_POWER).put({ model, power_milli, changed_index: moment.index }),
  },
});
