/**
 * The log of a stopped node, read straight from its directory: frames, and what each entry led to.
 *
 * It opens the store, which rewrites some of LevelDB's files: for directories made to be thrown away.
 */
import { randomUUID } from 'node:crypto';
import { decodeEntry, type Entry } from '../src/log/command.ts';
import type { GroupId } from '../src/log/group.ts';
import { Log } from '../src/log/log.ts';
import { decodeOutcomePage, firstOfPage, pageOf } from '../src/log/outcome-page.ts';
import { splitFrames } from '../src/log/split-frames.ts';
import { realClock } from '../src/real-clock.ts';

export const MAIN: GroupId = { id: 'main', incarnation: 0 };

/** The id that the nodes started by these tools have. */
export const NODE_ID = 'node-1';

export async function openLog(directory: string, nodeId: string = NODE_ID): Promise<Log> {
  const log = await Log.open({
    directory,
    nodeId,
    clusterId: undefined,
    drawId: randomUUID,
    clock: realClock,
    onPoison: (cause) => {
      throw cause;
    },
  });
  // The only voter has it on its disk, or all voters hold the same: all of it is committed.
  log.setCommitted(MAIN, log.bounds(MAIN).last);
  return log;
}

export async function* entriesOf(log: Log, from = log.bounds(MAIN).first): AsyncGenerator<Entry> {
  for await (const chunk of log.read(MAIN, from))
    for (const frame of splitFrames(chunk.frames)) yield decodeEntry(frame);
}

export interface Recorded {
  readonly entry: Entry;
  /** The encoded outcome; undefined where no page holds it. */
  readonly outcome: Uint8Array | undefined;
}

export async function* recordedOf(log: Log): AsyncGenerator<Recorded> {
  let [page, outcomes]: [number, readonly Uint8Array[]] = [-1, []];
  for await (const entry of entriesOf(log)) {
    if (pageOf(entry.index) !== page) {
      page = pageOf(entry.index);
      outcomes = await outcomesOf(log, page);
    }
    yield { entry, outcome: outcomes[entry.index - firstOfPage(page)] };
  }
}

async function outcomesOf(log: Log, page: number): Promise<readonly Uint8Array[]> {
  const bytes = await log.outcomePage(MAIN, page);
  if (bytes === undefined) return [];
  const read = decodeOutcomePage(bytes);
  return read.kind === 'page' ? read.outcomes : [];
}
