/**
 * The core of an audit, once, in a process of its own: reads the log of a directory, verifies each
 * frame's checksum, decodes it, folds its recorded outcome and chains the digest. Prints one JSON line.
 *
 *     replay-run <directory>
 */
import { decodeEntry } from '../../src/log/command.ts';
import { readFrame } from '../../src/log/frame.ts';
import { decodeOutcomePage, firstOfPage, pageOf } from '../../src/log/outcome-page.ts';
import type { RecordedPages } from '../../src/log/recorded-pages.ts';
import { AUDIT } from '../../src/projections/history/replay.ts';
import { Machine } from '../../src/projections/machine.ts';
import { MAIN_PROJECTIONS } from '../../src/projections/registry.ts';
import { MAIN, openLog } from '../read-log.ts';

const [directory = ''] = process.argv.slice(2);

/** Recorded outcomes, page after page. */
class Outcomes {
  readonly #pages: RecordedPages;
  #page = -1;
  #outcomes: readonly Uint8Array[] = [];

  constructor(pages: RecordedPages) {
    this.#pages = pages;
  }

  /** The outcome at `index`, when its page has been read. */
  at(index: number): Uint8Array | undefined {
    return pageOf(index) === this.#page
      ? this.#outcomes[index - firstOfPage(this.#page)]
      : undefined;
  }

  async turnTo(index: number): Promise<void> {
    const bytes = await this.#pages.at(pageOf(index));
    if (bytes === undefined) throw new Error(`page ${pageOf(index)} is not there`);
    const read = decodeOutcomePage(bytes);
    if (read.kind === 'damaged') throw new Error(`page ${pageOf(index)}: ${read.reason}`);
    this.#page = pageOf(index);
    this.#outcomes = read.outcomes;
  }
}

const log = await openLog(directory);
const machine = new Machine({ projections: MAIN_PROJECTIONS, ...AUDIT });
const outcomes = new Outcomes(log.outcomePages(MAIN));
const [started, cpu] = [performance.now(), process.cpuUsage()];
let entries = 0;

for await (const { frames } of log.read(MAIN, 1)) {
  for (let offset = 0; offset < frames.length;) {
    const read = readFrame(frames, offset);
    if (read.kind !== 'frame') throw new Error(`a frame is ${read.kind} at ${offset}`);
    const entry = decodeEntry(read.frame);
    if (outcomes.at(entry.index) === undefined) await outcomes.turnTo(entry.index);
    machine.applyRecorded(entry, outcomes.at(entry.index)!);
    offset = read.next;
    entries += 1;
  }
}

const seconds = (performance.now() - started) / 1000;
const { user, system } = process.cpuUsage(cpu);
const line = { entries, seconds, digest: machine.digest(), cpuMicroseconds: user + system };
console.log(JSON.stringify(line));
await log.close();
