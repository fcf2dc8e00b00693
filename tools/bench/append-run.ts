/**
 * One round of the append benchmark, in a process of its own so that it can be killed:
 *
 *     append-run log|level <directory> <seconds> <callers> <bytes>
 *
 * `log` appends through our log, `level` puts the same frames with raw classic-level, group commit and
 * chained batches. Prints one JSON line when the time is up and goes on, printing the newest
 * acknowledged index until it is killed.
 */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { Level } from 'level';
import { encodeCommand } from '../../src/log/command.ts';
import { sealFrame } from '../../src/log/frame.ts';
import { writeUint64 } from '../../src/log/integer.ts';
import { MAIN, openLog } from '../read-log.ts';
import { Histogram } from './histogram.ts';

const [kind = '', directory = '', seconds = '', callers = '', bytes = ''] = process.argv.slice(2);
const WARM_UP_MS = 500;
/** As many as the log puts in one batch. */
const BATCH_MAX = 1000;

/** Takes a frame with its index; resolves when it is on the disk. */
type Append = (frame: Buffer, index: number) => Promise<void>;

async function throughLog(): Promise<Append> {
  const log = await openLog(directory);
  return (frame) => log.append(MAIN, frame, 'data');
}

interface Waiting {
  readonly key: Buffer;
  readonly frame: Buffer;
  readonly resolve: () => void;
}

/** The same group commit by hand: one batch in flight, what comes meanwhile is the next. */
async function throughLevel(): Promise<Append> {
  const encodings = { keyEncoding: 'buffer', valueEncoding: 'buffer' } as const;
  const level = new Level<Buffer, Buffer>(join(directory, 'level'), encodings);
  await level.open();
  let waiting: Waiting[] = [];
  let isWriting = false;
  const write = async (): Promise<void> => {
    isWriting = true;
    // The rest of this turn joins the batch, as it does in the log.
    await new Promise(setImmediate);
    while (waiting.length > 0) {
      const batch = waiting.splice(0, BATCH_MAX);
      const chained = level.batch();
      for (const { key, frame } of batch) chained.put(key, frame);
      await chained.write({ sync: true });
      for (const { resolve } of batch) resolve();
      await new Promise(setImmediate);
    }
    isWriting = false;
  };
  return (frame, index) =>
    new Promise((resolve) => {
      const key = Buffer.allocUnsafe(8);
      writeUint64(key, index, 0);
      waiting.push({ key, frame, resolve });
      if (!isWriting) void write();
    });
}

const append = await (kind === 'log' ? throughLog() : throughLevel());
const template = encodeCommand({
  type: 'bench',
  data: { text: 'x'.repeat(Math.max(0, Number(bytes) - 60)) },
});
const latencies = new Histogram();
let [last, acknowledged, done, isMeasuring] = [0, 0, 0, false];

async function caller(): Promise<never> {
  for (;;) {
    last += 1;
    const index = last;
    const frame = Buffer.from(template);
    const started = performance.now();
    sealFrame(frame, { term: 1, index, at: 1_700_000_000_000 });
    await append(frame, index);
    acknowledged = Math.max(acknowledged, index);
    if (!isMeasuring) continue;
    done += 1;
    latencies.record(performance.now() - started);
  }
}

/** Since the process began. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function tell(line: object): void {
  // Synchronous, so that what is printed was acknowledged before the process is killed.
  writeSync(1, `${JSON.stringify(line)}\n`);
}

for (let at = 0; at < Number(callers); at++) void caller();
setTimeout(() => {
  const [cpu, started] = [process.cpuUsage(), performance.now()];
  isMeasuring = true;
  setTimeout(
    () => {
      isMeasuring = false;
      const used = process.cpuUsage(cpu);
      const elapsed = performance.now() - started;
      tell({
        done,
        elapsed,
        cpu: used.user + used.system,
        bytes: template.length,
        ...latencies.toJSON(),
      });
      setInterval(() => tell({ acknowledged, used: cpuSeconds() }), 20);
    },
    Number(seconds) * 1000,
  );
}, WARM_UP_MS);
