/**
 * The links of a whole cluster: one for each peer that dials and each that is dialled, so that what one
 * tells another can be stopped whoever of the two had dialled.
 *
 * ```
 *   a ── link a▸b: there ──▶ b        what a says to b goes there on a▸b
 *   a ◀── link a▸b: back ─── b                     and back on b▸a
 *   a ◀── link b▸a: there ── b
 *   a ── link b▸a: back ───▶ b
 * ```
 */
import { type Condition, HELD, Link, OPEN } from './proxy.ts';
import type { Ways } from './ways.ts';

/** As much of a node as its peers need. */
export interface Peer {
  readonly id: string;
  readonly raftPort: number;
}

export class Mesh implements Ways {
  readonly ids: readonly string[];
  readonly #links: ReadonlyMap<string, Link>;

  private constructor(ids: readonly string[], links: ReadonlyMap<string, Link>) {
    this.ids = ids;
    this.#links = links;
  }

  static async open(peers: readonly Peer[], host = '127.0.0.1'): Promise<Mesh> {
    const links = new Map<string, Link>();
    for (const dialler of peers)
      for (const target of peers)
        if (dialler.id !== target.id)
          links.set(
            nameOf(dialler.id, target.id),
            await Link.open({ host, port: target.raftPort }, host),
          );
    return new Mesh(
      peers.map(({ id }) => id),
      links,
    );
  }

  /** Where `dialler` finds `target`. */
  port(dialler: string, target: string): number {
    return this.link(dialler, target).port;
  }

  link(dialler: string, target: string): Link {
    const link = this.#links.get(nameOf(dialler, target));
    if (link === undefined) throw new Error(`there is no link from ${dialler} to ${target}`);
    return link;
  }

  /** What `from` says to `to`, whoever dialled. */
  set(from: string, to: string, condition: Condition): void {
    this.link(from, to).set('there', condition);
    this.link(to, from).set('back', condition);
  }

  /** Both ways between everybody of different groups; who is in none is alone. */
  partition(groups: readonly (readonly string[])[], condition: Condition = HELD): void {
    const groupOf = (id: string): unknown => groups.find((group) => group.includes(id)) ?? id;
    for (const [from, to] of this.#pairs())
      if (groupOf(from) !== groupOf(to)) this.set(from, to, condition);
  }

  /** Everything between these two is reset, and refused from now on. */
  cut(one: string, other: string): void {
    this.link(one, other).cut();
    this.link(other, one).cut();
  }

  isolate(id: string, condition: Condition = HELD): void {
    this.partition([this.ids.filter((other) => other !== id)], condition);
  }

  healBetween(one: string, other: string): void {
    this.link(one, other).heal();
    this.link(other, one).heal();
  }

  heal(): void {
    for (const link of this.#links.values()) link.heal();
  }

  /** All links go their normal way, as slowly as this. */
  slow(milliseconds: number): void {
    const condition: Condition = milliseconds === 0 ? OPEN : { kind: 'slow', milliseconds };
    for (const [from, to] of this.#pairs()) this.set(from, to, condition);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#links.values()].map((link) => link.close()));
  }

  *#pairs(): Generator<readonly [string, string]> {
    for (const from of this.ids) for (const to of this.ids) if (from !== to) yield [from, to];
  }
}

function nameOf(dialler: string, target: string): string {
  return `${dialler}▸${target}`;
}
