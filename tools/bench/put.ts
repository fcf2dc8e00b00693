/** What a store of keys and values is given where ours is given a command: 100 bytes under a key of 16. */
import type { BenchCommand } from './workload.ts';

type Data = BenchCommand['data'];

const KEY_BYTES = 16;
const VALUE_BYTES = 100;

export function keyOf({ key }: Data): Buffer {
  return Buffer.from(String(key).padStart(KEY_BYTES, 'k'));
}

export function valueOf({ number }: Data): Buffer {
  return Buffer.from(String(number).padEnd(VALUE_BYTES, '.'));
}
