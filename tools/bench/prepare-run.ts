/**
 * Fills a directory with a log, in a process of its own, and prints the digest it ended with:
 *
 *     prepare-run <directory> <workload> <entries>
 */
import { openInnerNode, proposeMany } from './inner-node.ts';

const [directory = '', name = '', entries = ''] = process.argv.slice(2);
const inner = await openInnerNode(directory);
await proposeMany(inner.group, name, { from: 0, to: Number(entries) });
// A snapshot may still be agreed on while the group stops: the digest is read after that.
await inner.close();
const { machine, snapshotStatus } = inner.group;
const { index } = machine.position;
console.log(
  JSON.stringify({ index, digest: machine.digest(), snapshot: snapshotStatus.last_index }),
);
