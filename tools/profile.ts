/**
 * Says what a CPU profile of Node found: the functions by the time spent in themselves.
 *
 *     npx tsx tools/profile.ts <file.cpuprofile> [how many]
 */
import { readFileSync } from 'node:fs';
import { plainTable } from './table.ts';

interface ProfileNode {
  readonly id: number;
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

const [file = '', howMany = '30'] = process.argv.slice(2);
const profile = JSON.parse(readFileSync(file, 'utf8')) as Profile;

function placeOf({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string {
  const short = url.replace(/^.*\/(src|dist|tools|node_modules)\//, '$1/');
  return `${functionName || '(anonymous)'} ${short === '' ? '' : `${short}:${lineNumber + 1}`}`;
}

const places = new Map(profile.nodes.map((node) => [node.id, placeOf(node)]));
const times = new Map<string, number>();
for (const [at, sample] of profile.samples.entries()) {
  const place = places.get(sample) ?? '(unknown)';
  times.set(place, (times.get(place) ?? 0) + (profile.timeDeltas[at] ?? 0));
}
times.delete('(idle) ');
const total = [...times.values()].reduce((sum, time) => sum + time, 0);
const sorted = [...times].sort(([, a], [, b]) => b - a).slice(0, Number(howMany));
console.log(
  plainTable({
    columns: [
      { title: 'share', align: 'right' },
      { title: 'ms', align: 'right' },
      { title: 'where', align: 'left' },
    ],
    rows: sorted.map(([place, time]) => [
      `${((100 * time) / total).toFixed(1)} %`,
      (time / 1000).toFixed(0),
      place,
    ]),
  }),
);
