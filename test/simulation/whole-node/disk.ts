/**
 * The disk of a simulated machine: a store and files, in memory, that keep what they promise and nothing
 * else. It is the port of the log (`Store` and `Files`) that is simulated; everything above it is the real code.
 *
 * ```
 *               write                   sync
 *  process ───────────────▶ visible ───────────────▶ durable
 *                              │                        │
 *            killed: what was on its way is there, or not
 *            power cut:        └─ any part of it, in order, or nothing ─▶ that is what is left
 * ```
 *
 * A batch is there as a whole or not at all; a file that was not synced may be cut off anywhere; a name
 * whose directory was not synced may be the old one. All waiting goes through the life of the process.
 */
import type { Files, OpenFile } from '../../../src/log/files.ts';
import type { Pair, Range, Store, StoreBatch } from '../../../src/log/store.ts';
import type { Chance } from '../raft-core/chance.ts';
import type { Latency } from '../raft-core/disk.ts';
import type { Life } from './life.ts';
import { SortedBytes } from './sorted-bytes.ts';

export type DiskState =
  | { readonly kind: 'sound'; readonly latency: Latency }
  /** Writes begin, and none of them ends. */
  | { readonly kind: 'hung' }
  /** There is no room: what is deleted makes some, everything else is answered with an error. */
  | { readonly kind: 'full'; readonly latency: Latency }
  /** The next write is answered with an error. */
  | { readonly kind: 'failing'; readonly error: string };

/** Undefined: it is deleted. */
type Change = readonly [key: string, value: Buffer | undefined];

interface Writing {
  readonly changes: readonly Change[];
  readonly sync: boolean;
  readonly life: Life;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

interface Inode {
  bytes: Buffer;
  synced: number;
}

/** Reads take so long: they come from memory, mostly. */
const READ_MS = 0.02;
const PAGE_PAIRS = 100;
const USUAL_SHARE = 0.1;
const FULL = 'ENOSPC: no space left on device, write';

const text = (key: Buffer): string => key.toString('latin1');
const bytes = (key: string): Buffer => Buffer.from(key, 'latin1');

export class SimulatedDisk {
  readonly #chance: Chance;
  #state: DiskState;
  #visible = new SortedBytes();
  #durable = new Map<string, Buffer>();
  /** Visible and not durable, in order. */
  #unsynced: Change[][] = [];
  #writing: Writing[] = [];
  #busy = false;
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  readonly #after: (delay: number, run: () => void) => void;

  constructor(chance: Chance, state: DiskState, after: (delay: number, run: () => void) => void) {
    this.#chance = chance;
    this.#state = state;
    this.#after = after;
  }

  get isFailing(): boolean {
    return this.#state.kind === 'failing';
  }

  /** The share of it that is in use, as a node measures it. */
  get share(): number {
    return this.#state.kind === 'full' ? 1 : USUAL_SHARE;
  }

  become(state: DiskState): void {
    this.#state = state;
    this.#begin();
  }

  /** What is durable under a key; what a checker looks at. */
  durable(key: Buffer): Buffer | undefined {
    return this.#durable.get(text(key));
  }

  /** The last visible key within a range, both ends included. */
  lastKey(from: Buffer, to: Buffer): Buffer | undefined {
    const key = this.#visible.last(text(from), text(to));
    return key === undefined ? undefined : bytes(key);
  }

  /** All visible keys that begin so. */
  keysOf(prefix: string): readonly Buffer[] {
    return this.#visible.within(prefix, `${prefix}\u00ff`).map(bytes);
  }

  /** The process that used it is gone: what was on its way is there, or not. */
  killed(): void {
    for (const { changes } of this.#writing) if (this.#chance.happens(0.5)) this.#show(changes);
    this.#writing = [];
  }

  /** The machine loses its power: of what was not synced there may be the older part. */
  powerCut(): void {
    this.killed();
    const kept = this.#chance.below(this.#unsynced.length + 1);
    for (const changes of this.#unsynced.slice(0, kept)) this.#keep(changes);
    this.#unsynced = [];
    this.#visible = new SortedBytes(this.#durable);
    for (const inode of new Set(this.#names.values())) this.#cutOff(inode);
    if (this.#chance.happens(0.5)) this.#names = new Map(this.#durableNames);
    this.#durableNames = new Map(this.#names);
  }

  /** Somebody deletes the directory. */
  wipe(): void {
    this.#visible = new SortedBytes();
    this.#durable = new Map();
    this.#unsynced = [];
    this.#writing = [];
    this.#names = new Map();
    this.#durableNames = new Map();
  }

  /** Flips a bit of the value of some key whose name begins so. @returns whether there is such a key */
  flip(prefix: string): boolean {
    const keys = this.#visible.within(prefix, `${prefix}\u00ff`);
    if (keys.length === 0) return false;
    const key = this.#chance.pick(keys);
    const value = Buffer.from(this.#visible.get(key)!);
    value[this.#chance.below(value.length)]! ^= 1 << this.#chance.below(8);
    this.#visible.set(key, value);
    this.#durable.set(key, value);
    return true;
  }

  /** Flips a bit of some file whose name ends so. @returns whether there is such a file */
  flipInFile(ending: string): boolean {
    const files = [...this.#names].filter(
      ([name, inode]) => name.endsWith(ending) && inode.bytes.length > 0,
    );
    if (files.length === 0) return false;
    const [, inode] = this.#chance.pick(files);
    const flipped = Buffer.from(inode.bytes);
    flipped[this.#chance.below(flipped.length)]! ^= 1 << this.#chance.below(8);
    inode.bytes = flipped;
    return true;
  }

  /** Loses the value of some key whose name begins so, as if the batch had never been written. */
  lose(prefix: string): boolean {
    const keys = this.#visible.within(prefix, `${prefix}\u00ff`);
    if (keys.length === 0) return false;
    const key = this.#chance.pick(keys);
    this.#visible.delete(key);
    this.#durable.delete(key);
    return true;
  }

  /** The store, as a process sees it. To open it makes durable what is there: LevelDB writes it anew. */
  store(life: Life): Store {
    this.#sync();
    const soon = <Value>(read: () => Value): Promise<Value> =>
      new Promise((resolve) => {
        life.later(READ_MS, () => resolve(read()));
      });
    const pairs = ({ from, to }: Range): Pair[] =>
      this.#visible
        .within(text(from), text(to))
        .map((key) => [bytes(key), this.#visible.get(key)!] as const);
    const pair = (key: string | undefined): Pair | undefined =>
      key === undefined ? undefined : [bytes(key), this.#visible.get(key)!];
    const get = (key: Buffer): Buffer | undefined => this.#visible.get(text(key));
    return {
      batch: () => this.#batch(life),
      get: (key) => soon(() => get(key)),
      getMany: (keys) => soon(() => keys.map(get)),
      scan: (range) => paged(soon, () => pairs(range)),
      first: ({ from, to }) => soon(() => pair(this.#visible.first(text(from), text(to)))),
      last: ({ from, to }) => soon(() => pair(this.#visible.last(text(from), text(to)))),
      clear: ({ from, to }) =>
        this.#write(
          life,
          this.#visible.within(text(from), text(to)).map((key) => [key, undefined] as const),
          false,
        ),
      approximateSize: (range) =>
        soon(() => pairs(range).reduce((sum, [key, value]) => sum + key.length + value.length, 0)),
      close: () => soon(() => undefined),
    };
  }

  /** The files beside it, as a process sees them. */
  files(life: Life): Files {
    const soon = <Value>(act: () => Value): Promise<Value> =>
      new Promise((resolve, reject) => {
        life.later(READ_MS, () => {
          try {
            resolve(act());
          } catch (error) {
            reject(error);
          }
        });
      });
    const isFull = (): boolean => this.#state.kind === 'full';
    const at = (path: string): Inode => {
      const inode = this.#names.get(path);
      if (inode === undefined)
        throw Object.assign(new Error(`ENOENT: no such file, '${path}'`), { code: 'ENOENT' });
      return inode;
    };
    return {
      names: (directory) => soon(() => this.#listed(directory)),
      makeDirectory: () => soon(() => undefined),
      syncDirectory: (path) => soon(() => this.#syncNames(path)),
      create: (path) =>
        soon(() => {
          const inode = { bytes: Buffer.alloc(0), synced: 0 };
          this.#names.set(path, inode);
          return opened(inode, soon, isFull);
        }),
      open: (path) => soon(() => opened(at(path), soon, isFull)),
      size: (path) => soon(() => at(path).bytes.length),
      rename: (from, to) =>
        soon(() => {
          this.#names.set(to, at(from));
          this.#names.delete(from);
        }),
      remove: (path) =>
        soon(() => {
          for (const name of this.#names.keys())
            if (name === path || name.startsWith(`${path}/`)) this.#names.delete(name);
        }),
    };
  }

  #batch(life: Life): StoreBatch {
    const changes: Change[] = [];
    return {
      put: (key, value) => {
        changes.push([text(key), Buffer.from(value)]);
      },
      delete: (key) => {
        changes.push([text(key), undefined]);
      },
      write: ({ sync }) => this.#write(life, changes, sync),
    };
  }

  #write(life: Life, changes: readonly Change[], sync: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#writing.push({ changes, sync, life, resolve, reject });
      this.#begin();
    });
  }

  /** One write at a time, in the order in which they were asked for. */
  #begin(): void {
    const [writing] = this.#writing;
    if (this.#busy || writing === undefined || this.#state.kind === 'hung') return;
    this.#busy = true;
    const { least, most } = 'latency' in this.#state ? this.#state.latency : { least: 1, most: 2 };
    this.#after(this.#chance.between(least, most), () => {
      this.#busy = false;
      // Killed meanwhile: it was taken or dropped then.
      if (this.#writing[0] === writing) this.#end(writing);
      this.#begin();
    });
  }

  #end(writing: Writing): void {
    const { changes, sync, life, resolve, reject } = writing;
    // It hung meanwhile: nobody is told before it goes on.
    if (this.#state.kind === 'hung') return;
    this.#writing.shift();
    if (this.#state.kind === 'failing') {
      const { error } = this.#state;
      life.run(() => reject(new Error(error)));
      return;
    }
    if (this.#lacksRoom(changes)) {
      life.run(() => reject(new Error(FULL)));
      return;
    }
    this.#show(changes);
    if (sync) this.#sync();
    life.run(resolve);
  }

  #lacksRoom(changes: readonly Change[]): boolean {
    return this.#state.kind === 'full' && changes.some(([, value]) => value !== undefined);
  }

  #show(changes: readonly Change[]): void {
    this.#unsynced.push([...changes]);
    for (const [key, value] of changes) {
      if (value === undefined) this.#visible.delete(key);
      else this.#visible.set(key, value);
    }
  }

  #sync(): void {
    for (const changes of this.#unsynced) this.#keep(changes);
    this.#unsynced = [];
  }

  #keep(changes: readonly Change[]): void {
    for (const [key, value] of changes) {
      if (value === undefined) this.#durable.delete(key);
      else this.#durable.set(key, value);
    }
  }

  #listed(directory: string): readonly string[] {
    const under = [...this.#names.keys()]
      .filter((path) => path.startsWith(`${directory}/`))
      .map((path) => path.slice(directory.length + 1).split('/')[0]!);
    return [...new Set(under)].sort();
  }

  #syncNames(directory: string): void {
    for (const names of [this.#durableNames, this.#names])
      for (const path of [...names.keys()].filter((name) => name.startsWith(`${directory}/`))) {
        const inode = this.#names.get(path);
        if (inode === undefined) this.#durableNames.delete(path);
        else this.#durableNames.set(path, inode);
      }
  }

  #cutOff(inode: Inode): void {
    const kept = inode.synced + this.#chance.below(inode.bytes.length - inode.synced + 1);
    inode.bytes = inode.bytes.subarray(0, kept);
    inode.synced = kept;
  }
}

type Soon = <Value>(act: () => Value) => Promise<Value>;

async function* paged(soon: Soon, all: () => Pair[]): AsyncGenerator<readonly Pair[]> {
  const pairs = await soon(all);
  for (let from = 0; from < pairs.length; from += PAGE_PAIRS)
    yield pairs.slice(from, from + PAGE_PAIRS);
}

function opened(inode: Inode, soon: Soon, isFull: () => boolean): OpenFile {
  return {
    size: () => soon(() => inode.bytes.length),
    read: (offset, length) =>
      soon(() => Buffer.from(inode.bytes.subarray(offset, offset + length))),
    append: (more) =>
      soon(() => {
        if (isFull()) throw new Error(FULL);
        inode.bytes = Buffer.concat([inode.bytes, more]);
      }),
    sync: () =>
      soon(() => {
        inode.synced = inode.bytes.length;
      }),
    close: () => soon(() => undefined),
  };
}
