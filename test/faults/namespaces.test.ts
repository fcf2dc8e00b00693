import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../end-to-end/condition.ts';
import { lacks } from '../end-to-end/machine-permits.ts';
import { tool } from '../end-to-end/tool.ts';
import { echo, LISTENING } from './echo-process.ts';
import { NamespaceWays } from './namespace-ways.ts';
import { NetworkNamespaces } from './namespaces.ts';
import { ChildUnderTest } from './processes.ts';
import { OPEN } from './proxy.ts';
import { Told } from './told.ts';

const PORT = 4321;
const unpermitted = lacks('network namespaces');

/** Three nodes on one switch, an echo process on each. */
async function cabled(): Promise<NetworkNamespaces> {
  const folder = await mkdtemp(join(tmpdir(), 'quorate-namespaces-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const network = await NetworkNamespaces.create(['a', 'b', 'c']);
  onTestFinished(() => network.remove());
  for (const id of ['a', 'b', 'c']) {
    const launch = echo(join(folder, id), network.address(id), PORT);
    const child = new ChildUnderTest({ ...launch, under: network.under(id) });
    onTestFinished(async () => void (await child.kill()));
    await child.start();
    await until(`${id} listens`, async () =>
      LISTENING.test(await readFile(join(folder, id), 'utf8')),
    );
  }
  return network;
}

/** On a machine that is busy a moment may be too short: only where it never comes back it does not. */
function untilReaches(network: NetworkNamespaces, from: string, to: string): Promise<boolean> {
  return until(`${from} reaches ${to}`, () => reaches(network, from, to));
}

/** Whether what one says to another in a moment comes back in a moment. */
function reaches(network: NetworkNamespaces, from: string, to: string): Promise<boolean> {
  return dialled(network, from, to).then(
    () => true,
    () => false,
  );
}

/** @throws with the code of what was in the way */
async function dialled(network: NetworkNamespaces, from: string, to: string): Promise<void> {
  const dialling = `
    const socket = require('node:net').connect(${PORT}, '${network.address(to)}');
    socket.on('connect', () => socket.write('?'));
    socket.on('data', () => process.exit(0));
    socket.on('error', ({ code }) => { console.error(code); process.exit(1); });
    setTimeout(() => process.exit(1), 700);
  `;
  const [program, ...words] = [...network.under(from), process.execPath, '-e', dialling];
  await tool(program, ...words);
}

test.skipIf(unpermitted)(
  'nodes reach each other and the host, the host reaches them, and pulled cables carry nothing',
  async () => {
    const network = await cabled();
    await untilReaches(network, 'a', 'b');
    const told = await Told.connect(PORT, network.address('a'));
    told.say('from the host');
    await until('it comes back', () => told.heard === 'from the host');

    await network.unplug('a');
    told.say(', again');
    expect(await reaches(network, 'b', 'a')).toBe(false);
    await untilReaches(network, 'b', 'c');
    // Nobody was told: the connection lives, and goes on when the cable is back.
    expect([told.heard, told.end]).toEqual(['from the host', undefined]);
    await network.plug('a');
    await until('the rest comes back', () => told.heard === 'from the host, again');
  },
);

test.skipIf(unpermitted)('a dead cable is healed with all that was on it', async () => {
  const network = await cabled();
  await network.down('b');
  expect(await reaches(network, 'a', 'b')).toBe(false);
  await network.up('b');
  await untilReaches(network, 'a', 'b');
  await network.down('b');
  await network.slow('a', 64);
  await network.heal();
  await untilReaches(network, 'a', 'b');
});

test.skipIf(unpermitted)(
  'what one sends can be lost while what the other sends arrives',
  async () => {
    const network = await cabled();
    await network.drop('a', 'b');
    expect(await reaches(network, 'a', 'b')).toBe(false);
    await untilReaches(network, 'a', 'c');
    // b's packets arrive at a: its neighbour entry for b is still the false one, and its answers are lost.
    expect(await reaches(network, 'b', 'a')).toBe(false);
    await until('some arrive', async () => (await receivedFrom(network, 'b', 'a')) > 0);
    expect(await receivedFrom(network, 'a', 'b')).toBe(0);
    await network.restore('a', 'b');
    await untilReaches(network, 'a', 'b');
  },
);

/** Datagrams that arrive at `to` of ten that `from` sends. */
async function receivedFrom(network: NetworkNamespaces, from: string, to: string): Promise<number> {
  const listening = `
    const socket = require('node:dgram').createSocket('udp4');
    let count = 0;
    socket.on('message', () => (count += 1));
    socket.bind(${PORT}, '${network.address(to)}');
    setTimeout(() => { console.log(count); process.exit(); }, 1500);
  `;
  const sending = `
    const socket = require('node:dgram').createSocket('udp4');
    const timer = setInterval(() => socket.send('x', ${PORT}, '${network.address(to)}'), 100);
    setTimeout(() => process.exit(), 1400);
  `;
  const run = (id: string, source: string): Promise<string> => {
    const [program, ...words] = [...network.under(id), process.execPath, '-e', source];
    return tool(program, ...words);
  };
  const [count] = await Promise.all([run(to, listening), run(from, sending)]);
  return Number(count);
}

test.skipIf(unpermitted)(
  'a partition separates groups of nodes, not nodes from the host',
  async () => {
    const network = await cabled();
    await network.partition([['a', 'b']]);
    await untilReaches(network, 'a', 'b');
    expect(await reaches(network, 'a', 'c')).toBe(false);
    const told = await Told.connect(PORT, network.address('c'));
    told.say('?');
    await until('the host is answered', () => told.heard === '?');
    await network.heal();
    await untilReaches(network, 'a', 'c');
  },
);

test.skipIf(unpermitted)('a removed network leaves no namespace and no device', async () => {
  const network = await NetworkNamespaces.create(['a']);
  const [, , , namespace = ''] = network.under('a');
  const listed = async (): Promise<string> =>
    (await tool('ip', 'netns')) + (await tool('ip', '-o', 'link'));
  expect((await listed()).split(namespace.slice(0, -2)).length).toBeGreaterThan(3);
  await network.remove();
  // The kernel takes the devices of a namespace down when it finds time.
  await until('nothing is left', async () => !(await listed()).includes(namespace.slice(0, -2)));
});

test.skipIf(unpermitted)('a way can be refused, and each way back is its own', async () => {
  const network = await cabled();
  const ways = new NamespaceWays(['a', 'b', 'c'], network);
  await ways.cut('a', 'b');
  await expect(dialled(network, 'a', 'b')).rejects.toThrow('EACCES');
  await untilReaches(network, 'a', 'c');
  await ways.healBetween('a', 'b');
  await untilReaches(network, 'a', 'b');
  await untilReaches(network, 'b', 'a');
});

test.skipIf(unpermitted)(
  'a cable is narrow as long as one of the ways over it is slow, and carries what is said',
  async () => {
    const network = await cabled();
    const ways = new NamespaceWays(['a', 'b', 'c'], network);
    await ways.set('a', 'b', { kind: 'slow', milliseconds: 1 });
    await ways.set('a', 'c', { kind: 'slow', milliseconds: 1 });
    await ways.set('a', 'b', OPEN);
    await untilReaches(network, 'a', 'b');
    expect(await shaperOf(network, 'a')).toContain('tbf');
    await ways.set('a', 'c', OPEN);
    expect(await shaperOf(network, 'a')).not.toContain('tbf');
  },
);

function shaperOf(network: NetworkNamespaces, id: string): Promise<string> {
  const [program, ...words] = [...network.under(id), 'tc', 'qdisc', 'show', 'dev', 'eth0'];
  return tool(program, ...words);
}

test.skipIf(unpermitted)('nodes that are known by their addresses get them again', async () => {
  const network = await NetworkNamespaces.create(['a', 'b']);
  onTestFinished(() => network.remove());
  const address = network.address('b');
  await expect(NetworkNamespaces.create(['a', 'b'], network.network)).rejects.toThrow('is taken');
  await network.remove();
  const again = await until('it is free', () =>
    NetworkNamespaces.create(['a', 'b'], network.network).catch(() => undefined),
  );
  onTestFinished(() => again.remove());
  expect(again.address('b')).toBe(address);
  again.abandon();
  const name = String(again.under('a').at(-1)?.slice(0, -2));
  await until('nothing is left', async () => !(await tool('ip', '-o', 'link')).includes(name));
});
