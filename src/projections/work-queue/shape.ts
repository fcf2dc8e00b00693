/**
 * The shape of an item: everything that decides who may have it, as one canonical string.
 *
 * Items of the same shape are alike to every claimer, so a claim looks at each distinct shape once,
 * however many items wait. The target node is kept beside the shape (`lanes.ts`), so that work for other
 * nodes is not looked at at all.
 *
 * ```
 *  item ── shapeOf ──▶ string ── demandOf ──▶ Demand ─┐ is allowed     who and what the claimer is
 *                                                     ├─▶ and fits ──▶ what it has left
 *  filter ──────────── claimerOf ───────────▶ Claimer ┘
 * ```
 */
import { goesBy, gpuPower } from '../gpu-power.ts';
import type { ReadonlyTables } from '../projection.ts';
import type { ClaimFilter, Requirements, WorkItem } from './work-item.ts';

interface Shaped extends Pick<WorkItem, 'queue' | 'work_type' | 'requires' | 'target_node'> {
  readonly excluded_nodes: readonly string[];
}

/** What an item takes while it is held. A share is thousandths of one GPU. */
interface Amounts {
  readonly gpus: number;
  readonly gpu_share_milli: number;
  readonly cpu_milli: number;
  readonly memory_mib: number;
}

/** A shape, read. */
export interface Demand extends Amounts {
  readonly queue: string;
  readonly work_type: string;
  readonly target_node: string | null;
  readonly excluded_nodes: readonly string[];
  readonly capabilities: readonly string[];
  readonly gpu_models: readonly string[];
  readonly gpu_power_milli: number;
}

/** Who asks, with what. */
export interface Claimer {
  readonly node_id: string;
  readonly queues: readonly string[];
  /** Null: any. */
  readonly work_types: ReadonlySet<string> | null;
  readonly capabilities: ReadonlySet<string>;
  readonly gpu_model: string;
  readonly gpu_power_milli: number;
  readonly free: Amounts;
}

/** What a node without a GPU is ranked as. */
const NO_GPU = 'CPU';
/** A claimer that does not say what it has free. */
const NOTHING_SAID = { cpu_milli: 0, memory_mib: 0 } as const;

export function shapeOf(item: Shaped): string {
  const { requires } = item;
  const fields: readonly unknown[] = [
    item.queue,
    item.work_type,
    item.target_node,
    canonical(item.excluded_nodes),
    canonical(requires.capabilities),
    canonical(requires.gpu_models),
    requires.min_gpu_power_milli,
    gpusOf(requires),
    requires.cpu_milli,
    requires.memory_mib,
  ];
  return JSON.stringify(fields);
}

/** The order in which a caller lists names means nothing. */
function canonical(names: readonly string[]): readonly string[] {
  return names.length < 2 ? names : [...new Set(names)].sort();
}

type GpuDemand = readonly [gpus: number, share_milli: number];

/** Either whole GPUs or a share of one: what asks for more than a share gets whole ones. */
function gpusOf({ min_gpus, min_gpu_milli }: Requirements): GpuDemand {
  const gpus = Math.max(min_gpus, Math.min(min_gpu_milli, 1));
  const isWhole = gpus > 1 || min_gpu_milli % 1000 === 0;
  return isWhole ? [gpus, 0] : [0, min_gpu_milli];
}

type Fields = readonly [
  queue: string,
  work_type: string,
  target_node: string | null,
  excluded_nodes: readonly string[],
  capabilities: readonly string[],
  gpu_models: readonly string[],
  gpu_power_milli: number,
  gpu: GpuDemand,
  cpu_milli: number,
  memory_mib: number,
];

export function demandOf(shape: string): Demand {
  // Written by shapeOf above, and by nothing else.
  const fields = JSON.parse(shape) as Fields;
  const [queue, work_type, target_node, excluded_nodes, capabilities, gpu_models] = fields;
  const [, , , , , , gpu_power_milli, [gpus, gpu_share_milli], cpu_milli, memory_mib] = fields;
  return {
    queue,
    work_type,
    target_node,
    excluded_nodes,
    capabilities,
    gpu_models,
    gpu_power_milli,
    gpus,
    gpu_share_milli,
    cpu_milli,
    memory_mib,
  };
}

export function claimerOf(tables: ReadonlyTables, node_id: string, filter: ClaimFilter): Claimer {
  const { gpu, work_types } = filter;
  const gpu_model = gpu === null ? NO_GPU : gpu.model;
  return {
    node_id,
    queues: canonical(filter.queues),
    work_types: work_types && new Set(work_types),
    capabilities: new Set(filter.capabilities),
    gpu_model,
    gpu_power_milli: gpuPower(tables, gpu_model),
    free: { ...freeGpus(gpu), ...(filter.resources ?? NOTHING_SAID) },
  };
}

type FreeGpus = Pick<Amounts, 'gpus' | 'gpu_share_milli'>;

/** Where even the best GPU is partly taken, none is wholly free. */
function freeGpus(gpu: ClaimFilter['gpu']): FreeGpus {
  if (gpu === null || gpu.count === 0) return { gpus: 0, gpu_share_milli: 0 };
  return gpu.milli < 1000
    ? { gpus: 0, gpu_share_milli: gpu.milli }
    : { gpus: gpu.count, gpu_share_milli: 0 };
}

type Veto = (demand: Demand, claimer: Claimer) => boolean;

/** Why a claimer may not have an item, whatever else it has; the names are what callers are told. */
const VETOES = {
  'target-node': ({ target_node }, { node_id }) => target_node !== null && target_node !== node_id,
  'excluded-node': ({ excluded_nodes }, { node_id }) => excluded_nodes.includes(node_id),
  'work-type': ({ work_type }, { work_types }) => work_types !== null && !work_types.has(work_type),
  capabilities: (demand, claimer) =>
    !demand.capabilities.every((capability) => claimer.capabilities.has(capability)),
  'gpu-model': ({ gpu_models }, { gpu_model }) =>
    gpu_models.length > 0 && !gpu_models.some((name) => goesBy(gpu_model, name)),
  'gpu-power': (demand, claimer) => claimer.gpu_power_milli < demand.gpu_power_milli,
} as const satisfies Readonly<Record<string, Veto>>;

/** What a caller that names an item must still respect: it vouches for the rest itself. */
const NODE_VETOES = ['target-node', 'excluded-node'] as const;

/** The name of the first veto. */
export function vetoOf(demand: Demand, claimer: Claimer): string | undefined {
  const [veto] = Object.entries(VETOES).find(([, vetoes]) => vetoes(demand, claimer)) ?? [];
  return veto;
}

export function nodeVetoOf(demand: Demand, claimer: Claimer): string | undefined {
  return NODE_VETOES.find((name) => VETOES[name](demand, claimer));
}

/** Whether what is free is enough. */
export function fits(demand: Amounts, free: Amounts): boolean {
  return fitsGpus(demand, free) && fitsHost(demand, free);
}

function fitsHost(demand: Amounts, free: Amounts): boolean {
  return demand.cpu_milli <= free.cpu_milli && demand.memory_mib <= free.memory_mib;
}

/** A share comes from the GPU that is broken into already, or a whole one is broken into. */
function fitsGpus(demand: FreeGpus, free: FreeGpus): boolean {
  if (demand.gpus > free.gpus) return false;
  return demand.gpu_share_milli <= free.gpu_share_milli || free.gpus > 0;
}

/** What is left once an item that fits is held. */
export function without(free: Amounts, demand: Amounts): Amounts {
  const broken = demand.gpu_share_milli > free.gpu_share_milli ? 1 : 0;
  return {
    gpus: free.gpus - demand.gpus - broken,
    // What was left of the GPU broken into before is given up for the rest of this claim.
    gpu_share_milli: free.gpu_share_milli * (1 - broken) + 1000 * broken - demand.gpu_share_milli,
    cpu_milli: free.cpu_milli - demand.cpu_milli,
    memory_mib: free.memory_mib - demand.memory_mib,
  };
}

/**
 * Whether a claimer may have items of a shape: for callers that wait for work, when they hear that an
 * item of it became pending. The same vetoes and amounts that a claim is decided by.
 */
export function matchesShape(shape: string, claimer: Claimer): boolean {
  const demand = demandOf(shape);
  if (!claimer.queues.includes(demand.queue)) return false;
  return vetoOf(demand, claimer) === undefined && fits(demand, claimer.free);
}
