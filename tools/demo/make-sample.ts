/**
 * Writes the bundled sample trace: 40 nodes and 300 tasks with the columns of the real one, drawn from a
 * seed, so that anyone can make the same files again:
 *
 *     npx tsx tools/demo/make-sample.ts [seed]
 *
 * Proportions are those of a GPU cluster (mostly one GPU or a share of one, few large tasks); some tasks
 * name a model that no node has, so that the demo has something to cancel.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { between, type Random, seeded, weighted } from '../random.ts';
import type { Phase, Qos } from './trace.ts';

const NODES = 40;
const TASKS = 300;
/** Seconds from the first creation to the last. */
const SPAN = 86_400;
const SEED = 1_300_017;
const FOLDER = join(import.meta.dirname, 'sample');

interface NodeKind {
  readonly model: string;
  readonly gpus: number;
  readonly cpuMilli: number;
  readonly memoryMib: number;
}

const NODE_KINDS: readonly (readonly [NodeKind, number])[] = [
  [{ model: 'G2', gpus: 8, cpuMilli: 96_000, memoryMib: 393_216 }, 9],
  [{ model: 'T4', gpus: 2, cpuMilli: 104_000, memoryMib: 524_288 }, 12],
  [{ model: 'P100', gpus: 2, cpuMilli: 64_000, memoryMib: 262_144 }, 6],
  [{ model: 'V100M16', gpus: 4, cpuMilli: 32_000, memoryMib: 131_072 }, 5],
  [{ model: 'V100M32', gpus: 8, cpuMilli: 96_000, memoryMib: 786_432 }, 4],
  [{ model: 'G3', gpus: 8, cpuMilli: 128_000, memoryMib: 786_432 }, 2],
  [{ model: 'A10', gpus: 1, cpuMilli: 128_000, memoryMib: 1_048_576 }, 2],
];

const QOS_WEIGHTS: readonly (readonly [Qos, number])[] = [
  ['LS', 55],
  ['BE', 35],
  ['Burstable', 6],
  ['Guaranteed', 4],
];

const PHASE_WEIGHTS: readonly (readonly [Phase, number])[] = [
  ['Running', 60],
  ['Succeeded', 12],
  ['Failed', 18],
  ['Pending', 10],
];

/** [GPUs, share of one GPU in thousandths] */
const GPU_NEEDS: readonly (readonly [readonly [number, number], number])[] = [
  [[1, 1000], 45],
  [[1, 460], 18],
  [[1, 250], 10],
  [[0, 0], 15],
  [[2, 1000], 5],
  [[4, 1000], 4],
  [[8, 1000], 3],
];

const SPECS: readonly (readonly [string, number])[] = [
  ['', 70],
  ['T4', 7],
  ['P100', 5],
  ['V100M16|V100M32', 6],
  ['G2|G3', 7],
  ['A10|T4', 3],
  ['H800', 2],
];

/** Which models have so many GPUs in one node: a task for eight GPUs names no model that has two. */
function specFor(random: Random, gpus: number): string {
  if (gpus === 0) return '';
  return gpus <= 2
    ? weighted(random, SPECS)
    : weighted(random, [
        ['', 3],
        ['G2|V100M32', 1],
      ]);
}

function nodeLines(random: Random): string[] {
  return Array.from({ length: NODES }, (_, at) => {
    const kind = weighted(random, NODE_KINDS);
    const name = `sample-node-${String(at).padStart(2, '0')}`;
    return [name, kind.cpuMilli, kind.memoryMib, kind.gpus, kind.model].join(',');
  });
}

function taskLine(random: Random, name: string, createdAt: number): string {
  const [gpus, gpuMilli] = weighted(random, GPU_NEEDS);
  const phase = weighted(random, PHASE_WEIGHTS);
  const cpuMilli = 1000 * between(random, 1, 4) * Math.max(1, gpus);
  const waited = between(random, 0, 600);
  const ran = Math.round(30 * 1.7 ** between(random, 0, 12) * (0.5 + random()));
  return [
    name,
    cpuMilli,
    2048 * between(random, 1, 8) * Math.max(1, gpus),
    gpus,
    gpuMilli,
    specFor(random, gpus),
    weighted(random, QOS_WEIGHTS),
    phase,
    createdAt,
    createdAt + waited + ran,
    phase === 'Pending' ? '' : createdAt + waited,
  ].join(',');
}

function taskLines(random: Random): string[] {
  const times = Array.from({ length: TASKS }, () => between(random, 0, SPAN));
  times.sort((a, b) => a - b);
  return times.map((createdAt, at) =>
    taskLine(random, `sample-task-${String(at).padStart(3, '0')}`, createdAt),
  );
}

const NODE_COLUMNS = 'sn,cpu_milli,memory_mib,gpu,model';
const TASK_COLUMNS =
  'name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time';

const random = seeded(Number(process.argv[2] ?? SEED));
await writeFile(join(FOLDER, 'nodes.csv'), [NODE_COLUMNS, ...nodeLines(random), ''].join('\n'));
await writeFile(join(FOLDER, 'tasks.csv'), [TASK_COLUMNS, ...taskLines(random), ''].join('\n'));
console.log(`${NODES} nodes and ${TASKS} tasks in ${FOLDER}`);
