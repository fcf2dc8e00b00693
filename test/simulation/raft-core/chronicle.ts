/**
 * What is committed, as seen from outside: the first host that was told an index is committed decides
 * what everybody else must find there. No node of the world ever reads it.
 */
import type { Entry } from '../../../src/protocols/raft/core/entry.ts';
import { numberOf } from './frames.ts';
import type { Host } from './host.ts';

export interface Committed {
  readonly entry: Entry;
  /** The term of the node that said so first. */
  readonly by: number;
  /** Digest of the machine after this entry. */
  readonly digest: number;
}

export function digestAfter(digest: number, entry: Entry): number {
  return (Math.imul(digest ^ numberOf(entry.frame), 0x9e3779b1) + entry.index) | 0;
}

export class Chronicle {
  readonly #committed: Committed[] = [];

  get last(): number {
    return this.#committed.length;
  }

  at(index: number): Committed | undefined {
    return this.#committed[index - 1];
  }

  digestAt(index: number): number | undefined {
    return index === 0 ? 0 : this.at(index)?.digest;
  }

  /** Takes over what this host knows to be committed and nobody knew before. */
  extend(host: Host, to: number): void {
    for (let index = this.last + 1; index <= to; index += 1) {
      const entry = host.disk.issued.entry(index);
      if (entry === undefined) return;
      const digest = digestAfter(this.digestAt(index - 1) ?? 0, entry);
      this.#committed.push({ entry, by: host.status.term, digest });
    }
  }

  /** The newest index that somebody below this term knew to be committed. */
  lastBefore(term: number): number {
    let index = this.last;
    while (index > 0 && this.#committed[index - 1]!.by >= term) index -= 1;
    return index;
  }

  isCommitted(entry: Entry): boolean {
    return this.at(entry.index)?.entry.term === entry.term;
  }
}
