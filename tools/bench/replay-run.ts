/**
 * Replays the log of a directory once, as an audit does, in a process of its own:
 *
 *     replay-run.ts fold|decide <directory>
 *
 * `fold` folds the recorded outcomes, `decide` decides every command again. Either way each frame's
 * checksum is verified and the digest over all outcomes is computed. Prints one JSON line.
 */
import { decodeEntry } from '../../src/log/command.ts';
import { readFrame } from '../../src/log/frame.ts';
import type { Log } from '../../src/log/log.ts';
import { decodeOutcomePage, firstOfPage, pageOf } from '../../src/log/outcome-page.ts';
import { Machine } from '../../src/projections/machine.ts';
import { MAIN_PROJECTIONS } from '../../src/projections/registry.ts';
import { MAIN, openLog } from '../read-log.ts';

const [mode = '', directory = ''] = process.argv.slice(2);

/** Recorded outcomes, page after page. */
class Outcomes {
  readonly #log: Log;
  #page = -1;
  #outcomes: readonly Uint8Array[] = [];

  constructor(log: Log) {
    this.#log = log;
  }

  /** The outcome at `index`, when its page has been read. */
  at(index: number): Uint8Array | undefined {
    return pageOf(index) === this.#page
      ? this.#outcomes[index - firstOfPage(this.#page)]
      : undefined;
  }

  async turnTo(index: number): Promise<void> {
    const bytes = await this.#log.outcomePage(MAIN, pageOf(index));
    if (bytes === undefined) throw new Error(`page ${pageOf(index)} is not there`);
    const read = decodeOutcomePage(bytes);
    if (read.kind === 'damaged') throw new Error(`page ${pageOf(index)}: ${read.reason}`);
    this.#page = pageOf(index);
    this.#outcomes = read.outcomes;
  }
}

const log = await openLog(directory);
const machine = new Machine({ projections: MAIN_PROJECTIONS });
const outcomes = new Outcomes(log);
const [started, cpu] = [performance.now(), process.cpuUsage()];
let [entries, bytes] = [0, 0];

for await (const { frames } of log.read(MAIN, 1)) {
  for (let offset = 0; offset < frames.length;) {
    const read = readFrame(frames, offset);
    if (read.kind !== 'frame') throw new Error(`a frame is ${read.kind} at ${offset}`);
    const entry = decodeEntry(read.frame);
    if (mode === 'decide') {
      machine.apply(entry);
    } else {
      if (outcomes.at(entry.index) === undefined) await outcomes.turnTo(entry.index);
      machine.applyRecorded(entry, outcomes.at(entry.index)!);
    }
    offset = read.next;
    entries += 1;
  }
  bytes += frames.length;
}

const [elapsed, used] = [performance.now() - started, process.cpuUsage(cpu)];
const line = {
  entries,
  bytes,
  elapsed,
  cpu: used.user + used.system,
  digest: machine.digest(),
  rss: process.memoryUsage.rss() / 2 ** 20,
};
console.log(JSON.stringify(line));
await log.close();
