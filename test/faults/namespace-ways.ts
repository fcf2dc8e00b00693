/**
 * The ways between nodes that stand in network namespaces of their own.
 *
 * | condition | here |
 * |---|---|
 * | held | packets are lost: nothing arrives, dialling gets no answer, and TCP sends again later and later |
 * | held one way | what the other says arrives, and never hears that it did |
 * | slow | the cable is narrow: what finds no room on it is lost |
 * | cut | a route that says no: dialling fails at once, and what is open falls silent |
 *
 * The last two differ from what proxies do: a cable is narrow for all a node says, and nobody resets a
 * connection.
 */
import type { NetworkNamespaces } from './namespaces.ts';
import type { Condition } from './proxy.ts';
import type { Ways } from './ways.ts';

/** A few heartbeats and a little work go through, and no snapshot in a moment. */
const NARROW_KILOBITS = 512;

export class NamespaceWays implements Ways {
  readonly ids: readonly string[];
  readonly #network: NetworkNamespaces;
  /** Whom each node reaches by a narrow cable only. */
  readonly #narrow: ReadonlyMap<string, Set<string>>;

  constructor(ids: readonly string[], network: NetworkNamespaces) {
    this.ids = ids;
    this.#network = network;
    this.#narrow = new Map(ids.map((id) => [id, new Set()]));
  }

  async set(from: string, to: string, condition: Condition): Promise<void> {
    await this.#setWidth(from, to, condition.kind === 'slow');
    await (condition.kind === 'held'
      ? this.#network.drop(from, to)
      : this.#network.restore(from, to));
  }

  async cut(one: string, other: string): Promise<void> {
    await this.#network.refuse(one, other);
    await this.#network.refuse(other, one);
  }

  async healBetween(one: string, other: string): Promise<void> {
    await this.#network.accept(one, other);
    await this.#network.accept(other, one);
    await this.set(one, other, { kind: 'open' });
    await this.set(other, one, { kind: 'open' });
  }

  async heal(): Promise<void> {
    for (const narrow of this.#narrow.values()) narrow.clear();
    await this.#network.heal();
  }

  async #setWidth(from: string, to: string, isNarrow: boolean): Promise<void> {
    const narrow = this.#narrow.get(from) ?? new Set();
    const wasNarrow = narrow.size > 0;
    if (isNarrow) narrow.add(to);
    else narrow.delete(to);
    if (narrow.size > 0 === wasNarrow) return;
    await (isNarrow ? this.#network.slow(from, NARROW_KILOBITS) : this.#network.widen(from));
  }
}
