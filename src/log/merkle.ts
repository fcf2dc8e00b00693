/**
 * Merkle hashes as RFC 6962 §2.1 defines them: leaf = SHA-256(0x00 ‖ data), node = SHA-256(0x01 ‖ left ‖
 * right), root of nothing = SHA-256 of nothing; the left subtree of a tree of n leaves holds the largest
 * power of two below n.
 *
 * `MerkleRoot` takes leaves one after another and keeps one hash per complete subtree (the compact
 * range), so a root over a million rows needs twenty hashes of memory.
 */
import { createHash } from 'node:crypto';

const LEAF = Buffer.of(0);
const NODE = Buffer.of(1);

export function leafHash(data: Uint8Array): Buffer {
  return createHash('sha256').update(LEAF).update(data).digest();
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return createHash('sha256').update(NODE).update(left).update(right).digest();
}

interface Subtree {
  readonly leaves: number;
  readonly hash: Buffer;
}

export class MerkleRoot {
  /** Complete subtrees from left to right, each smaller than the one before. */
  readonly #edge: Subtree[] = [];

  /** Adds the next leaf's data. */
  add(data: Uint8Array): void {
    let right: Subtree = { leaves: 1, hash: leafHash(data) };
    for (let left = this.#edge.at(-1); left?.leaves === right.leaves; left = this.#edge.at(-1)) {
      right = { leaves: left.leaves * 2, hash: nodeHash(left.hash, right.hash) };
      this.#edge.pop();
    }
    this.#edge.push(right);
  }

  /** The root over the leaves so far; more may follow. */
  root(): Buffer {
    const last = this.#edge.at(-1);
    if (last === undefined) return createHash('sha256').digest();
    return this.#edge
      .slice(0, -1)
      .reduceRight((right, left) => nodeHash(left.hash, right), last.hash);
  }
}
