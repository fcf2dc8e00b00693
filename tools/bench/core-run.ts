/**
 * Three Raft cores in one process and nothing else: messages are handed over at once, disks are done at once.
 *
 *     core-run <seconds> <bytes of an entry> <entries proposed at once>
 *
 * Prints one JSON line: entries committed on all three a second, and what it cost.
 */
import { RaftCore } from '../../src/protocols/raft/core/core.ts';
import type { Effects, Input } from '../../src/protocols/raft/core/input.ts';
import type { Message } from '../../src/protocols/raft/core/messages.ts';
import { seeded } from '../random.ts';

const [seconds = '4', bytes = '256', batch = '16'] = process.argv.slice(2);
const MIB = 1024 * 1024;
const WARM_UP_MS = 1_000;
/** Virtual time moves on by this much a round; an election is due within a second of it. */
const ROUND_MS = 0.01;
const TURNS_TO_LEAD = 1_000_000;

const IDS = ['a', 'b', 'c'];
const configuration = {
  voters: IDS.map((id) => ({ id, store: id, addresses: [] })),
  outgoing: [],
  learners: [],
};
const random = seeded(1);
const frame = new Uint8Array(Number(bytes));

function coreOf(id: string): RaftCore {
  return new RaftCore(
    {
      id,
      store: id,
      random,
      timing: {
        heartbeat: 50,
        election: { least: 150, most: 300 },
        disk_patience: 60_000,
        quorum_patience: 300,
        news: 10,
        stall: 1_000,
        quiesce_after: Number.POSITIVE_INFINITY,
        ease_after: Number.POSITIVE_INFINITY,
      },
      bounds: {
        in_flight_messages: 64,
        in_flight_bytes: 8 * MIB,
        eager_messages: 2,
        message_bytes: MIB,
        message_entries: 1_000,
        uncommitted_bytes: 64 * MIB,
        cache_bytes: 8 * MIB,
        reads: 10_000,
        promotion_lag: 256,
      },
      frames: { noOp: () => new Uint8Array(8), configuration: () => new Uint8Array(8) },
      restored: {
        hard: { term: 0, vote: '', commit: 0 },
        floor: { term: 0, index: 0 },
        terms: [],
        last: { term: 0, index: 0 },
        applied: 0,
        configurations: [{ index: 0, configuration }],
      },
    },
    0,
  );
}

const cores = new Map(IDS.map((id) => [id, coreOf(id)]));
const applied = new Map(IDS.map((id) => [id, 0]));
let now = 0;

function step(id: string, input: Input): void {
  cores.get(id)!.step(input, now);
}

/** What a core asks for, done at once. @returns what it says to others */
function done(id: string, { send, writes, commit }: Effects): Message[] {
  const said: Message[] = [...send];
  for (const { seq, then } of writes) {
    step(id, { kind: 'persisted', seq });
    said.push(...then);
  }
  if (commit > applied.get(id)!) {
    applied.set(id, commit);
    step(id, { kind: 'applied', index: commit });
  }
  return said;
}

/** Everybody has their turns until nobody has anything to say. */
function settle(): void {
  for (let said = turn(); said.length > 0; said = turn())
    for (const message of said) step(message.to, { kind: 'message', message });
}

function turn(): Message[] {
  return IDS.flatMap((id) => done(id, cores.get(id)!.take()));
}

function leads(): string | undefined {
  return IDS.find((id) => cores.get(id)!.status().role === 'leader');
}

let leader: string | undefined;
for (let at = 0; leader === undefined && at < TURNS_TO_LEAD; at++) {
  now += 1;
  for (const id of IDS) step(id, { kind: 'wake' });
  settle();
  leader = leads();
}
if (leader === undefined) throw new Error('nobody was elected');

let id = 0;
function round(): void {
  now += ROUND_MS;
  const proposals = Array.from({ length: Number(batch) }, () => ({ id: (id += 1), frame }));
  step(leader!, { kind: 'propose', proposals });
  settle();
  if (now % 50 < ROUND_MS) for (const one of IDS) step(one, { kind: 'wake' });
}

function committed(): number {
  return Math.min(...applied.values());
}

const warm = performance.now() + WARM_UP_MS;
while (performance.now() < warm) round();
const [cpu, began, first] = [process.cpuUsage(), performance.now(), committed()];
const until = began + Number(seconds) * 1000;
while (performance.now() < until) round();
const elapsed = performance.now() - began;
const used = process.cpuUsage(cpu);
const count = committed() - first;
console.log(
  JSON.stringify({
    perSecond: (count / elapsed) * 1000,
    cpu: (used.user + used.system) / count,
  }),
);
