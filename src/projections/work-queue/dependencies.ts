/**
 * What has to be completed first. An item waits until everything it depends on is completed; while
 * something failed, was cancelled or is gone, it goes on waiting and says for what.
 *
 * Items of a batch may name each other in any order. They are added dependencies first, so that whatever
 * one names is there or was refused; those in a circle have no first and are refused.
 */
import { refuse, type Refusal } from '../outcome.ts';
import type { ReadonlyTables, Ruling } from '../projection.ts';
import { tell } from './facts.ts';
import type { WorkItem } from './work-item.ts';
import { isRipe, WORK, workRow } from './work-table.ts';

/** Items that may ever wait for one and the same: what its completion has to touch in one entry. */
export const DEPENDENTS_MAX = 10_000;

/** Those of an item's dependencies that are not completed, each once. */
export function unmetOf(tables: ReadonlyTables, item: WorkItem): readonly string[] {
  if (item.depends_on.length === 0) return item.depends_on;
  const work = tables.of(WORK);
  return [...new Set(item.depends_on)].filter((id) => work.get(id)?.status !== 'completed');
}

/** Why an item cannot wait for what it names. */
export function refusalToWait(tables: ReadonlyTables, item: WorkItem): Refusal | undefined {
  const unmet = unmetOf(tables, item);
  if (unmet.length === 0) return undefined;
  const veto = unmet.map((id) => refusalToWaitFor(tables, id)).find(Boolean);
  return veto ?? awaitedRefusal(tables, item);
}

function refusalToWaitFor(tables: ReadonlyTables, work_id: string): Refusal | undefined {
  const row = tables.of(WORK).get(work_id);
  if (row === undefined)
    return refuse('unknown-dependency', `there is no work ${work_id}`, { work_id });
  if (row.dependents < DEPENDENTS_MAX) return undefined;
  return refuse('conflict', `too many items wait for ${work_id}`, {
    work_id,
    limit: DEPENDENTS_MAX,
  });
}

/**
 * An id can be waited for although its item is gone. Given anew, it may not wait itself: what it waits
 * for could be waiting for it.
 */
function awaitedRefusal(tables: ReadonlyTables, { work_id }: WorkItem): Refusal | undefined {
  const waiter = tables.of(WORK).index('by_dependency').first([work_id]);
  if (waiter === undefined) return undefined;
  return circular('others wait for an earlier item of this name', [work_id]);
}

export function circular(detail: string, work_ids: readonly string[]): Refusal {
  return refuse('dependency-cycle', detail, { work_ids });
}

/** The items waiting for one that is about to be completed. */
export function waitersFor(tables: ReadonlyTables, work_id: string): readonly string[] {
  return [...tables.of(WORK).select('by_dependency', [work_id])].map((row) => row.work_id);
}

/** Offers those that wait for nothing any more. One that was over may have been trimmed meanwhile. */
export function activateRipe(ruling: Ruling, work_ids: readonly string[]): void {
  const work = ruling.tables.of(WORK);
  for (const work_id of work_ids.filter((id) => work.has(id))) {
    const row = workRow(ruling.tables, work_id);
    if (isRipe(row, ruling)) tell(ruling, row.queue, { type: 'work_activated', work_id });
  }
}

/** Places of a batch that depend on each other; alone, unless they are in a circle. */
export type Component = readonly [number, ...number[]];

/** @returns every place of the batch, grouped by circle, what others depend on first */
export function inDependencyOrder(items: readonly WorkItem[]): readonly Component[] {
  return new ComponentSearch(items).components();
}

/** Whether an item of the batch can never become the first of its component. */
export function isCircle(items: readonly WorkItem[], component: Component): boolean {
  const [place, ...others] = component;
  const item = items[place];
  return others.length > 0 || item?.depends_on.includes(item.work_id) === true;
}

/** Strongly connected components, in reverse topological order (Tarjan 1972). */
class ComponentSearch {
  readonly #edges: readonly (readonly number[])[];
  readonly #components: Component[] = [];
  readonly #foundAt = new Map<number, number>();
  readonly #open: number[] = [];

  constructor(items: readonly WorkItem[]) {
    const places = new Map<string, number>();
    // Backwards, so that of two items with one id the first is meant.
    for (const [place, item] of [...items.entries()].reverse()) places.set(item.work_id, place);
    this.#edges = items.map((item) => item.depends_on.flatMap((id) => places.get(id) ?? []));
  }

  components(): readonly Component[] {
    for (const place of this.#edges.keys()) if (!this.#foundAt.has(place)) this.#search(place);
    return this.#components;
  }

  /** @returns the earliest find that can be reached from here: an older one means a circle */
  #search(place: number): number {
    const found = this.#foundAt.size;
    this.#foundAt.set(place, found);
    const depth = this.#open.push(place);
    const reached = (this.#edges[place] ?? []).map((next) => this.#reach(next));
    const earliest = Math.min(found, ...reached);
    if (earliest === found)
      this.#components.push(this.#open.splice(depth - 1) as [number, ...number[]]);
    return earliest;
  }

  #reach(place: number): number {
    const found = this.#foundAt.get(place);
    if (found === undefined) return this.#search(place);
    return this.#open.includes(place) ? found : Number.POSITIVE_INFINITY;
  }
}
