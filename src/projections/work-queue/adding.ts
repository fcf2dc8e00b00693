/** Adding work: one item, or a batch in which every item has its own answer. */
import { refuse, type Refusal } from '../outcome.ts';
import type { Decision, ReadonlyTables, Ruling } from '../projection.ts';
import {
  circular,
  type Component,
  inDependencyOrder,
  isCircle,
  refusalToWait,
  unmetOf,
} from './dependencies.ts';
import { tell } from './facts.ts';
import { refusalToAdmit } from './queues.ts';
import type { WorkItem } from './work-item.ts';
import { waitingStatus, WORK } from './work-table.ts';

/** The answer for one item of several. */
export type ItemResult =
  | { readonly work_id: string; readonly ok: true }
  | ({ readonly work_id: string; readonly ok: false } & Omit<Refusal, 'kind'>);

export function itemRefused(work_id: string, { kind: _kind, ...why }: Refusal): ItemResult {
  return { work_id, ok: false, ...why };
}

type Obstacle = (tables: ReadonlyTables, item: WorkItem) => Refusal | undefined;

/** In the order in which callers hear of them. */
const OBSTACLES: readonly Obstacle[] = [
  refusalOfId,
  refusalOfUniqueKey,
  refusalToWait,
  (tables, { queue }) => refusalToAdmit(tables, queue),
];

function refusalOfId(tables: ReadonlyTables, { work_id }: WorkItem): Refusal | undefined {
  const row = tables.of(WORK).get(work_id);
  if (row === undefined) return undefined;
  return refuse('exists', `there is work ${work_id}`, { work_id, status: row.status });
}

/** A key is free again once the item that has it is over. */
export function refusalOfUniqueKey(
  tables: ReadonlyTables,
  { unique_key }: Pick<WorkItem, 'unique_key'>,
): Refusal | undefined {
  if (unique_key === null) return undefined;
  const [other] = tables.of(WORK).select('by_unique_key', [unique_key]);
  if (other === undefined) return undefined;
  const { work_id, status } = other;
  return refuse('unique-conflict', `${work_id} has this key`, { unique_key, work_id, status });
}

/** Adds the item. @returns why not */
function admit(ruling: Ruling, item: WorkItem, position: number): Refusal | undefined {
  for (const obstacle of OBSTACLES) {
    const refusal = obstacle(ruling.tables, item);
    if (refusal !== undefined) return refusal;
  }
  const waiting_on = unmetOf(ruling.tables, item);
  const status = waitingStatus({ ...item, waiting_on }, ruling);
  tell(ruling, item.queue, {
    type: 'work_added',
    work_id: item.work_id,
    queue: item.queue,
    position,
    waiting_on,
    status,
  });
  return undefined;
}

export function addWork(ruling: Ruling, item: WorkItem): Decision {
  return isCircle([item], [0]) ? refuseCircle([item], [0]) : admit(ruling, item, 0);
}

function refuseCircle(items: readonly WorkItem[], places: Component): Refusal {
  const circle = places.flatMap((place) => items[place]?.work_id ?? []).sort();
  return circular('these items depend on each other', circle);
}

export function addWorkBatch(
  ruling: Ruling,
  { items }: { readonly items: readonly WorkItem[] },
): Decision {
  const results = new Map<number, ItemResult>();
  for (const component of inDependencyOrder(items))
    for (const [place, result] of addComponent(ruling, items, component))
      results.set(place, result);
  return { results: items.map((_item, place) => results.get(place)) };
}

function addComponent(
  ruling: Ruling,
  items: readonly WorkItem[],
  component: Component,
): readonly (readonly [number, ItemResult])[] {
  const refusal = isCircle(items, component) ? refuseCircle(items, component) : undefined;
  return component.flatMap((place) => {
    const item = items[place];
    return item === undefined ? [] : [[place, answer(item, refusal ?? admit(ruling, item, place))]];
  });
}

function answer({ work_id }: WorkItem, refusal: Refusal | undefined): ItemResult {
  return refusal === undefined ? { work_id, ok: true } : itemRefused(work_id, refusal);
}
