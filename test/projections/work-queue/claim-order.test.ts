/** Claim order, said a second time: sort everything, take the first, begin again. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { goesBy, gpuPower } from '../../../src/projections/gpu-power.ts';
import { claimable } from '../../../src/projections/work-queue/claiming.ts';
import { TURNS } from '../../../src/projections/work-queue/lanes.ts';
import { QUEUES } from '../../../src/projections/work-queue/queues.ts';
import { CLAIM_FILTER, type ClaimFilter } from '../../../src/projections/work-queue/work-item.ts';
import { WORK, type WorkRow } from '../../../src/projections/work-queue/work-table.ts';
import { anyFilter, anyItem, anySteps } from './any-command.ts';
import { QueueWorld } from './queue-world.ts';

interface Left {
  cpu: number;
  memory: number;
  whole: number;
  share: number;
}

/** Every item that is offered to the node, were there room for it. */
function offered(world: QueueWorld, node_id: string, filter: ClaimFilter): WorkRow[] {
  const power = gpuPower(world.tables, filter.gpu?.model ?? 'CPU');
  return [...world.tables.of(WORK).rows()].filter(
    (row) =>
      filter.queues.includes(row.queue) &&
      world.tables.of(QUEUES).get(row.queue)?.paused !== true &&
      (row.status === 'pending' ||
        (row.status === 'scheduled' &&
          row.waiting_on.length === 0 &&
          (row.not_before ?? 0) <= world.now)) &&
      (row.target_node === null || row.target_node === node_id) &&
      !row.excluded_nodes.includes(node_id) &&
      (filter.work_types === null || filter.work_types.includes(row.work_type)) &&
      row.requires.capabilities.every((name) => filter.capabilities.includes(name)) &&
      (row.requires.gpu_models.length === 0 ||
        row.requires.gpu_models.some((name) => goesBy(filter.gpu?.model ?? 'CPU', name))) &&
      row.requires.min_gpu_power_milli <= power,
  );
}

function left(filter: ClaimFilter): Left {
  const { gpu, resources } = filter;
  const isWhole = gpu?.milli === 1000;
  return {
    cpu: resources?.cpu_milli ?? 0,
    memory: resources?.memory_mib ?? 0,
    whole: isWhole ? gpu.count : 0,
    share: isWhole ? 0 : (gpu?.milli ?? 0),
  };
}

/** Takes what an item needs. @returns whether it was there */
function taken(from: Left, { requires }: WorkRow): boolean {
  const share = requires.min_gpu_milli;
  const whole = requires.min_gpus;
  if (requires.cpu_milli > from.cpu || requires.memory_mib > from.memory) return false;
  if (whole > from.whole || (share > from.share && from.whole === 0)) return false;
  from.cpu -= requires.cpu_milli;
  from.memory -= requires.memory_mib;
  from.whole -= whole;
  if (share > from.share) {
    from.whole -= 1;
    from.share = 1000;
  }
  from.share -= share;
  return true;
}

function reference(world: QueueWorld, node_id: string, filter: ClaimFilter): string[] {
  const turns = new Map<string, number>();
  for (const turn of world.tables.of(TURNS).rows())
    turns.set(`${turn.queue} ${turn.priority} ${turn.group_key}`, turn.served);
  const turnOf = (row: WorkRow) => `${row.queue} ${row.priority} ${row.group_key ?? ''}`;
  const waiting = new Set(offered(world, node_id, filter));
  const has = left(filter);
  const ids: string[] = [];
  while (ids.length < filter.max) {
    const sorted = [...waiting].sort(
      (one, other) =>
        other.priority - one.priority ||
        (turns.get(turnOf(one)) ?? 0) - (turns.get(turnOf(other)) ?? 0) ||
        one.added_index - other.added_index ||
        one.position - other.position,
    );
    const next = sorted.find((row) => taken(has, row));
    if (next === undefined) break;
    waiting.delete(next);
    turns.set(turnOf(next), Number.MAX_SAFE_INTEGER - 1000 + ids.length);
    ids.push(next.work_id);
  }
  return ids;
}

const anyItems = fc.array(anyItem, { minLength: 3, maxLength: 20, size: 'max' });
const node = fc.constantFrom('n1', 'n2');

describe('a claim', () => {
  test('gives exactly what sorting all items would give, after any history', () => {
    let given = 0;
    fc.assert(
      fc.property(anySteps(60), anyItems, anyFilter, node, (steps, items, filter, node_id) => {
        const world = new QueueWorld();
        for (const step of steps) step(world);
        for (const queue of ['default', 'q2']) world.do('set_queue', { queue });
        world.do('resume_queue', { queue: 'default' });
        for (const [place, item] of items.entries())
          world.apply('add_work', { ...item, work_id: `x${place}` });
        const parsed = CLAIM_FILTER.parse(filter);
        // Twice, so that the turns of the first claim count in the second.
        for (const claimer of [node_id, 'n3']) {
          const expected = reference(world, claimer, parsed);
          expect(claimable(world.tables, world.moment, claimer, parsed)).toBe(expected.length > 0);
          expect(world.claim(claimer, filter).map(({ work_id }) => work_id)).toEqual(expected);
          given += expected.length;
        }
      }),
      { numRuns: 400 },
    );
    expect(given).toBeGreaterThan(300);
  });

  test('serves groups of one priority in turn, however many items each has', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1 }), (groups) => {
        const world = new QueueWorld();
        for (const [place, group_key] of groups.entries()) world.add(`w${place}`, { group_key });
        const order = world.claimIds('n1').map((id) => world.row(id).group_key);
        const seen = new Map<string | null, number>();
        for (const group of order) seen.set(group, (seen.get(group) ?? 0) + 1);
        // Until a group runs out, no group is two turns ahead of another.
        const least = Math.min(...seen.values());
        const early = order.slice(0, least * seen.size);
        for (const group of seen.keys())
          expect(early.filter((other) => other === group)).toHaveLength(least);
      }),
    );
  });
});
