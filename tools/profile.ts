/**
 * Says what a CPU profile of Node found: functions by the time spent in themselves, and in all they call.
 *
 *     npx tsx tools/profile.ts <file.cpuprofile> [how many] [total]
 */
import { readFileSync } from 'node:fs';
import { plainTable } from './table.ts';

interface ProfileNode {
  readonly id: number;
  readonly children?: readonly number[];
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    readonly lineNumber: number;
  };
}

interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

interface Times {
  self: number;
  total: number;
}

const IDLE = '(idle) ';
const [file = '', howMany = '30', order = 'self'] = process.argv.slice(2);
const profile = JSON.parse(readFileSync(file, 'utf8')) as Profile;

function placeOf({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string {
  const short = url.replace(/^.*\/(src|dist|tools|node_modules)\//, '$1/');
  return `${functionName || '(anonymous)'} ${short === '' ? '' : `${short}:${lineNumber + 1}`}`;
}

const selfOf = new Map<number, number>();
for (const [at, sample] of profile.samples.entries())
  selfOf.set(sample, (selfOf.get(sample) ?? 0) + (profile.timeDeltas[at] ?? 0));

const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
const times = new Map<string, Times>();

/** Adds up a subtree; a function that is on the stack already counts its total once. */
function visit(id: number, above: ReadonlySet<string>): number {
  const node = nodes.get(id)!;
  const place = placeOf(node);
  const entry = times.get(place) ?? { self: 0, total: 0 };
  times.set(place, entry);
  const self = selfOf.get(id) ?? 0;
  entry.self += self;
  const inside = new Set(above).add(place);
  const total = (node.children ?? []).reduce((sum, child) => sum + visit(child, inside), self);
  if (!above.has(place)) entry.total += total;
  return total;
}

const whole = visit(profile.nodes[0]!.id, new Set()) - (times.get(IDLE)?.self ?? 0);
times.delete(IDLE);
const sorted = [...times]
  .sort(([, a], [, b]) => (order === 'total' ? b.total - a.total : b.self - a.self))
  .slice(0, Number(howMany));
const percent = (time: number): string => `${((100 * time) / whole).toFixed(1)} %`;
console.log(
  plainTable({
    columns: [
      { title: 'self', align: 'right' },
      { title: 'total', align: 'right' },
      { title: 'self, ms', align: 'right' },
      { title: 'where', align: 'left' },
    ],
    rows: sorted.map(([place, { self, total }]) => [
      percent(self),
      percent(total),
      (self / 1000).toFixed(0),
      place,
    ]),
  }),
);
