/**
 * A cluster trace as two CSV files with the columns of the public 2023 GPU trace:
 *
 * ```
 * nodes  sn,cpu_milli,memory_mib,gpu,model
 * tasks  name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time
 * ```
 *
 * `gpu_milli` is what one GPU gives to the task (1000: all of it), `gpu_spec` the models it accepts,
 * separated by `|` (empty: any). Times are seconds from the start of the trace.
 */
import { readFile } from 'node:fs/promises';

export const QOS = ['LS', 'Guaranteed', 'Burstable', 'BE'] as const;
export type Qos = (typeof QOS)[number];

export const PHASES = ['Running', 'Succeeded', 'Failed', 'Pending'] as const;
export type Phase = (typeof PHASES)[number];

export interface FleetNode {
  readonly name: string;
  readonly cpuMilli: number;
  readonly memoryMib: number;
  readonly gpus: number;
  readonly model: string;
}

export interface Task {
  readonly name: string;
  readonly cpuMilli: number;
  readonly memoryMib: number;
  readonly gpus: number;
  readonly gpuMilli: number;
  readonly gpuModels: readonly string[];
  readonly qos: Qos;
  readonly phase: Phase;
  readonly createdAt: number;
  /** How long it ran, seconds. */
  readonly ran: number;
}

/** The trace cannot be used as it is; the message says which line and why. */
export class TraceFault extends Error {}

class Row {
  readonly #cells: ReadonlyMap<string, string>;
  readonly #place: string;

  constructor(cells: ReadonlyMap<string, string>, place: string) {
    this.#cells = cells;
    this.#place = place;
  }

  text(column: string): string {
    const value = this.#cells.get(column);
    if (value === undefined) throw new TraceFault(`${this.#place}: column ${column} is missing`);
    return value;
  }

  integer(column: string): number {
    const value = Math.round(Number(this.text(column)));
    if (!Number.isSafeInteger(value) || value < 0)
      throw new TraceFault(`${this.#place}: ${column} is not a whole number`);
    return value;
  }

  oneOf<Choice extends string>(column: string, choices: readonly Choice[]): Choice {
    const value = this.text(column);
    const choice = choices.find((candidate) => candidate === value);
    if (choice === undefined)
      throw new TraceFault(`${this.#place}: ${column} is "${value}", not ${choices.join(', ')}`);
    return choice;
  }
}

/** Reads plain CSV: no quoting, since no column of the trace needs it. */
async function rowsOf(file: string): Promise<Row[]> {
  const text = await readFile(file, 'utf8').catch(unreadable);
  if (text.includes('"')) throw new TraceFault(`${file}: quoted cells are not read`);
  const [header = '', ...lines] = text.split(/\r?\n/).filter((line) => line !== '');
  const columns = header.split(',');
  return lines.map((line, at) => {
    const cells = line.split(',');
    const named = new Map(columns.map((column, place) => [column, cells[place] ?? '']));
    return new Row(named, `${file}:${at + 2}`);
  });
}

function unreadable(fault: Error): never {
  throw new TraceFault(`the trace cannot be read: ${fault.message}`);
}

function nodeOf(row: Row): FleetNode {
  return {
    name: row.text('sn'),
    cpuMilli: row.integer('cpu_milli'),
    memoryMib: row.integer('memory_mib'),
    gpus: row.integer('gpu'),
    model: row.text('model'),
  };
}

function taskOf(row: Row): Task {
  const createdAt = row.integer('creation_time');
  const startedAt = row.text('scheduled_time') === '' ? createdAt : row.integer('scheduled_time');
  return {
    name: row.text('name'),
    cpuMilli: row.integer('cpu_milli'),
    memoryMib: row.integer('memory_mib'),
    gpus: row.integer('num_gpu'),
    gpuMilli: row.integer('gpu_milli'),
    gpuModels: row.text('gpu_spec').split('|').filter(Boolean),
    qos: row.oneOf('qos', QOS),
    phase: row.oneOf('pod_phase', PHASES),
    createdAt,
    ran: Math.max(0, row.integer('deletion_time') - startedAt),
  };
}

export async function readNodes(file: string): Promise<FleetNode[]> {
  return (await rowsOf(file)).map(nodeOf);
}

/** The tasks in the order of their creation. */
export async function readTasks(file: string): Promise<Task[]> {
  return (await rowsOf(file)).map(taskOf).sort((a, b) => a.createdAt - b.createdAt);
}
