import { hostname } from 'node:os';
import { describe, expect, test } from 'vitest';
import { nearest } from '../src/config/nearest.ts';
import { SETTING_NAMES, SETTINGS } from '../src/config/settings.ts';
import { flag } from '../src/config/values.ts';
import { type Config, type ConfigSources, loadConfig } from '../src/config.ts';

function load(sources: Partial<ConfigSources>) {
  return loadConfig({ env: {}, flags: {}, ...sources });
}

function config(sources: Partial<ConfigSources>): Config {
  const loaded = load(sources);
  if (loaded.kind === 'faults') throw new Error(JSON.stringify(loaded.faults));
  return loaded.config;
}

function faults(sources: Partial<ConfigSources>) {
  const loaded = load(sources);
  return loaded.kind === 'faults' ? loaded.faults : [];
}

describe('without anything said', () => {
  test('a node runs with everything embedded, on loopback, keeping its whole log', () => {
    expect(config({})).toEqual({
      nodeId: hostname(),
      clusterId: undefined,
      dataDir: './data',
      host: '127.0.0.1',
      port: 8770,
      logLevel: 'info',
      snapshotIntervalMs: 60_000,
      groupRestMs: 30_000,
      retention: { kind: 'all' },
      historyBytes: 2 ** 30,
      window: { entries: 50_000, bytes: 2 ** 23 },
      undo: { entries: 50_000, bytes: 2 ** 23 },
      disk: { throttle: 0.85, reject: 0.92 },
      workQueue: undefined,
      stopTimeoutMs: 10_000,
      cluster: undefined,
    });
  });

  test('the configuration is frozen, all the way down', () => {
    const loaded = config({ env: { QUORATE_WORK_QUEUE_RECOVERY: '10' } });
    const parts: unknown[] = [loaded, ...Object.values(loaded)];
    expect(parts.filter((part) => typeof part === 'object' && !Object.isFrozen(part))).toEqual([]);
  });
});

describe('precedence', () => {
  const file = { path: 'quorate.json', text: '{ "p2p_port": 4, "node_id": "from-file" }' };

  test('a flag wins over the environment, the environment over the file, the file over the default', () => {
    const env = { QUORATE_P2P_PORT: '2' };
    expect(config({ flags: { P2P_PORT: '1' }, env, file }).port).toBe(1);
    expect(config({ env, file }).port).toBe(2);
    expect(config({ file }).port).toBe(4);
    expect(config({}).port).toBe(8770);
  });

  test('the own name wins over the name of the source system', () => {
    const env = { RINGRIFT_P2P_PORT: '3' };
    expect(config({ env, file }).port).toBe(3);
    expect(config({ env: { ...env, QUORATE_P2P_PORT: '2' } }).port).toBe(2);
  });

  test('an empty variable says nothing', () => {
    expect(config({ env: { QUORATE_P2P_PORT: '' } }).port).toBe(8770);
  });

  test('each value is told with where it was said, in the words in which it was said', () => {
    const loaded = load({ env: { RINGRIFT_RAFT_SNAPSHOT_INTERVAL: '30' }, file });
    if (loaded.kind === 'faults') throw new Error('expected a configuration');
    const origins = Object.fromEntries(loaded.origins.map((origin) => [origin.name, origin]));
    expect(origins['RAFT_SNAPSHOT_INTERVAL']).toMatchObject({
      text: '30',
      as: 'RINGRIFT_RAFT_SNAPSHOT_INTERVAL',
    });
    expect(origins['NODE_ID']).toMatchObject({ kind: 'file', as: 'node_id in quorate.json' });
    expect(origins['HOST']).toMatchObject({ kind: 'default', text: '127.0.0.1' });
    expect(loaded.config.snapshotIntervalMs).toBe(30_000);
  });
});

describe('faults', () => {
  test('all of them are told at once, each with its name, its value and an example', () => {
    const found = faults({
      flags: { LOG_WINDOW_BYTES: 'plenty' },
      env: { QUORATE_P2P_PORT: 'http', RINGRIFT_NODE_ID: 'a node', QUORATE_P2P_PROT: '1' },
      file: { path: 'q.json', text: '{ "log_retention": "some", "dat_dir": "x" }' },
    });
    expect(found).toEqual([
      {
        name: 'QUORATE_P2P_PROT',
        problem: 'is no setting; did you mean this?',
        example: 'QUORATE_P2P_PORT=8770',
      },
      {
        name: 'dat_dir in q.json',
        problem: 'is no setting; did you mean this?',
        example: '"data_dir": "/var/lib/quorate"',
      },
      {
        name: 'RINGRIFT_NODE_ID',
        problem: 'is "a node", which is not a name of 1 to 128 letters, digits or . _ : -',
        example: 'RINGRIFT_NODE_ID=node-1',
      },
      {
        name: 'QUORATE_P2P_PORT',
        problem: 'is "http", which is not a whole number from 0 to 65535',
        example: 'QUORATE_P2P_PORT=8770',
      },
      {
        name: 'log_retention in q.json',
        problem:
          'is "some", which is not all, or an amount to keep like "100000 entries", 64GiB or 30d',
        example: '"log_retention": "30d"',
      },
      {
        name: '--log-window-bytes',
        problem: 'is "plenty", which is not a size like 64MiB or 1GiB, from 65536 bytes to 1024TiB',
        example: '--log-window-bytes 8MiB',
      },
    ]);
  });

  test('an unknown variable that resembles nothing is pointed to the list', () => {
    expect(faults({ env: { QUORATE_XYZZY_PLUGH: '1' } })).toEqual([
      {
        name: 'QUORATE_XYZZY_PLUGH',
        problem: 'is no setting; `quorate config` lists them all',
        example: '',
      },
    ]);
  });

  test('variables of others are nobody’s fault, nor are those of the quorate command', () => {
    const env = {
      RINGRIFT_SWIM_BIND_PORT: '1',
      PATH: '/bin',
      QUORATE_URL: 'http://localhost:8770',
    };
    expect(faults({ env })).toEqual([]);
  });

  test.each(['0.0.0.0', '192.168.1.4', '::', '127.0.0.1.example.org'])(
    'nothing listens beyond loopback without authentication: %s',
    (host) => {
      expect(faults({ flags: { HOST: host } })[0]?.problem).toContain('without authentication');
    },
  );

  test.each(['localhost', '127.0.0.1', '127.8.9.10', '::1'])('%s is loopback', (host) => {
    expect(config({ flags: { HOST: host } }).host).toBe(host);
  });

  test.each(['', '[]', '"text"', '{ "p2p_port": {} }', '{'])(
    'a file that is no object of settings is one fault: %s',
    (text) => {
      const found = faults({ file: { path: 'q.json', text } });
      expect(found.map(({ name }) => name)).toEqual(['q.json']);
    },
  );

  test('settings that contradict each other are told together', () => {
    const env = {
      QUORATE_DISK_THROTTLE: '0.95',
      QUORATE_WORK_QUEUE_SOFT_LIMIT: '2000',
    };
    expect(faults({ env }).map(({ name }) => name)).toEqual(['DISK_THROTTLE', 'WORK_QUEUE']);
  });
});

describe('values', () => {
  test.each([
    ['500ms', 500],
    ['60', 60_000],
    ['60s', 60_000],
    ['1.5m', 90_000],
    ['2 h', 7_200_000],
    ['1d', 86_400_000],
  ])('%s is a duration of %d ms', (text, milliseconds) => {
    expect(config({ flags: { STOP_TIMEOUT: text } }).stopTimeoutMs).toBe(milliseconds);
  });

  test.each([
    ['65536', 65_536],
    ['64KiB', 65_536],
    ['64mib', 2 ** 26],
    ['1.5 GiB', 1.5 * 2 ** 30],
  ])('%s is a size of %d bytes', (text, size) => {
    expect(config({ flags: { LOG_WINDOW_BYTES: text } }).window.bytes).toBe(size);
  });

  test.each(['-1s', '1 fortnight', 's', '2d', '1e9', '', '1..5s'])(
    '"%s" is no duration to wait for',
    (text) => {
      expect(faults({ flags: { STOP_TIMEOUT: text } })).toHaveLength(1);
    },
  );

  test.each(['toString', '1toString', '1constructor', '5__proto__'])(
    '"%s" finds nothing that was not put into the tables',
    (text) => {
      expect(flag.safeParse(text).success).toBe(false);
      expect(faults({ flags: { STOP_TIMEOUT: text } })).toHaveLength(1);
    },
  );

  test('a switch is on for 1, true, yes, on in any case, and off for their opposites', () => {
    const read = (words: string[]) => words.map((word) => flag.parse(word));
    expect(new Set(read(['1', 'true', 'yes', 'on', 'YES', 'True']))).toEqual(new Set([true]));
    expect(new Set(read(['0', 'false', 'no', 'off', 'OFF']))).toEqual(new Set([false]));
    expect(flag.safeParse('maybe').success).toBe(false);
  });

  test('one limit of the work queue brings the other two of the source system', () => {
    const env = { RINGRIFT_WORK_QUEUE_HARD_LIMIT: '5000' };
    expect(config({ env }).workQueue).toEqual({ soft: 500, hard: 5000, recovery: 200 });
  });
});

describe('a cluster', () => {
  const ALONE = { NODE_ID: 'node-1' } as const;

  function cluster(flags: ConfigSources['flags']) {
    return config({ flags: { ...ALONE, ...flags } }).cluster;
  }

  function problems(flags: ConfigSources['flags']): string[] {
    return faults({ flags: { ...ALONE, ...flags } }).map(
      ({ name, problem }) => `${name} ${problem}`,
    );
  }

  test('is what a node belongs to that is told of others, or of a port for them', () => {
    expect(cluster({})).toBeUndefined();
    expect(
      cluster({ RAFT_HEARTBEAT: '20ms', CLUSTER_SECRET: 'long enough to be one' }),
    ).toBeUndefined();
    expect(cluster({ RAFT_PORT: '0' })).toEqual({
      host: '127.0.0.1',
      port: 0,
      advertiseHost: '127.0.0.1',
      advertised: [],
      secret: undefined,
      tls: undefined,
      peers: [],
      voters: ['node-1'],
      saysVoters: false,
      join: [],
      tickMs: 10,
      heartbeatMs: 80,
      electionMs: 250,
      repairsFromPeers: false,
    });
    expect(cluster({ RAFT_PORT: '0', P2P_VOTERS: 'node-1' })?.saysVoters).toBe(true);
    expect(cluster({ JOIN: 'http://127.0.0.1:8770,https://localhost/way' })?.join).toEqual([
      'ws://127.0.0.1:8770',
      'wss://localhost/way',
    ]);
    expect(cluster({ JOIN: '127.0.0.1:4321' })).toMatchObject({
      saysVoters: false,
      port: 4321,
      join: ['127.0.0.1:4321'],
    });
  });

  test('repairs itself from others where it knows any, unless it is told not to', () => {
    const PEERS = 'node-1@localhost,node-2@localhost';
    expect(cluster({ PEERS })?.repairsFromPeers).toBe(true);
    expect(cluster({ JOIN: '127.0.0.1:4321' })?.repairsFromPeers).toBe(true);
    expect(cluster({ PEERS: 'node-1@localhost' })?.repairsFromPeers).toBe(false);
    expect(cluster({ PEERS, REPAIR_FROM_PEERS: 'off' })?.repairsFromPeers).toBe(false);
  });

  test('first version 6: who is told of the others counts itself among those who vote', () => {
    const PEERS = 'node-2@localhost,node-3@localhost';
    expect(cluster({ PEERS })?.voters).toEqual(['node-1', 'node-2', 'node-3']);
  });

  test('one list of peers serves every node: each leaves itself out, and everybody votes', () => {
    const PEERS = 'node-1@localhost:8770:4321, node-2@localhost:8771:4322,node-3@127.0.0.1';
    expect(cluster({ PEERS })).toMatchObject({
      peers: [
        { id: 'node-2', addresses: ['localhost:4322'] },
        { id: 'node-3', addresses: ['127.0.0.1:4321'] },
      ],
      voters: ['node-1', 'node-2', 'node-3'],
      saysVoters: true,
    });
    expect(cluster({ PEERS, P2P_VOTERS: 'node-1,node-2' })?.voters).toEqual(['node-1', 'node-2']);
  });

  test.each([
    ['node-2@[::1]', '[::1]:4321'],
    ['node-2@[::1]:8770', '[::1]:4321'],
    ['node-2@[::1]:8770:9999', '[::1]:9999'],
    ['dc1:rack-2@localhost', 'localhost:4321'],
    ['node-2@ws://localhost:8770', 'ws://localhost:8770'],
    ['node-2@wss://localhost/v1/peers', 'wss://localhost/v1/peers'],
    ['node-2@ws://[::1]:8770/v1/peers', 'ws://[::1]:8770/v1/peers'],
  ])('%s is reached at %s', (peer, address) => {
    expect(cluster({ PEERS: peer })?.peers[0]?.addresses).toEqual([address]);
  });

  test('a peer may be reached in several ways, which are kept in their order', () => {
    const PEERS = 'node-2@127.0.0.1|ws://localhost:9000|localhost:8770:4322';
    expect(cluster({ PEERS })?.peers).toEqual([
      { id: 'node-2', addresses: ['127.0.0.1:4321', 'ws://localhost:9000', 'localhost:4322'] },
    ]);
  });

  test('a node is reached as a list names it that was given to all, unless it says itself how', () => {
    const flags = { PEERS: 'node-1@ws://localhost:9001,node-2@ws://localhost:9002' };
    expect(cluster(flags)?.advertised).toEqual(['ws://localhost:9001']);
    expect(cluster({ ...flags, ADVERTISE_HOST: 'localhost' })).toMatchObject({
      advertised: [],
      advertiseHost: 'localhost',
    });
  });

  test.each([
    'node-2',
    'node-2@',
    'node-2@ws://',
    'node-2@ws://localhost:70000',
    'node-2@http://localhost:8770',
    'node-2@localhost|',
    'node-2@|localhost',
    '@localhost',
    'node-2@localhost:70000',
    'node-2@localhost:8770:0',
    'node-2@::1:4321',
    'node-2@localhost:1:2:3',
    'node-2@localhost,',
    'node 2@localhost',
  ])('"%s" names no peer', (peer) => {
    expect(problems({ PEERS: peer })).toEqual([expect.stringContaining('is not nodes like')]);
  });

  test('a cluster is joined at Raft ports or by websockets', () => {
    const JOIN = '127.0.0.1:4321, ws://localhost:8770';
    expect(cluster({ JOIN })?.join).toEqual(['127.0.0.1:4321', 'ws://localhost:8770']);
  });

  test.each(['10.0.0.1', 'host:', '::1:4321x', 'host:70000', 'ws://host:70000', 'ftp://host:1'])(
    '"%s" is no address to join at',
    (address) => {
      expect(problems({ JOIN: address })).toEqual([expect.stringContaining('is not addresses')]);
    },
  );

  test.each([
    ['[::1]', '::1'],
    ['::1', '::1'],
    ['localhost', 'localhost'],
    ['127.0.0.1', '127.0.0.1'],
  ])('nodes listen on %s as %s', (said, host) => {
    expect(cluster({ RAFT_PORT: '0', RAFT_HOST: said })).toMatchObject({
      host,
      advertiseHost: host,
    });
  });

  test.each(['not a host', '[::1', '-x', 'a/b'])('"%s" is no host', (said) => {
    expect(problems({ RAFT_PORT: '0', RAFT_HOST: said })).toHaveLength(1);
  });

  const SECRET = 'a secret of the test';

  test.each<[string, ConfigSources['flags']]>([
    ['RAFT_HOST 10.0.0.1', { RAFT_PORT: '0', RAFT_HOST: '10.0.0.1' }],
    ['a peer at 10.0.0.2', { PEERS: 'node-2@10.0.0.2' }],
    ['JOIN fd00::7', { JOIN: '[fd00::7]:4321' }],
    ['a peer at 10.0.0.2', { PEERS: 'node-2@ws://10.0.0.2:8770' }],
  ])('nobody beyond loopback is talked to without a secret: %s', (said, flags) => {
    const [fault] = faults({ flags: { ...ALONE, ...flags } });
    expect(fault?.name).toBe('CLUSTER_SECRET');
    expect(fault?.problem).toContain(`${said} is beyond loopback`);
    expect(fault?.example).toMatch(/^QUORATE_CLUSTER_SECRET=/);
    expect(cluster({ ...flags, CLUSTER_SECRET: SECRET })).toMatchObject({ secret: SECRET });
  });

  const TLS = { CLUSTER_TLS_KEY: 'k.pem', CLUSTER_TLS_CERT: 'c.pem', CLUSTER_TLS_CA: 'a.pem' };

  test('certificates prove as well as a secret who may come', () => {
    expect(cluster({ PEERS: 'node-2@10.0.0.2', ...TLS })).toMatchObject({
      secret: undefined,
      tls: { key: 'k.pem', cert: 'c.pem', ca: 'a.pem' },
    });
  });

  test('TLS needs its three files: each one that is not said is named', () => {
    const { CLUSTER_TLS_CERT } = TLS;
    expect(problems({ RAFT_PORT: '0', CLUSTER_TLS_CERT })).toEqual([
      expect.stringMatching(/^CLUSTER_TLS_KEY is not said/),
      expect.stringMatching(/^CLUSTER_TLS_CA is not said/),
    ]);
  });

  test('by a websocket no certificate is seen: with TLS it needs a secret, even on this machine', () => {
    const flags = { PEERS: 'node-2@ws://127.0.0.1:8770', ...TLS };
    expect(problems(flags)).toEqual([
      expect.stringMatching(/^CLUSTER_SECRET is not said, and a websocket shows no certificate/),
    ]);
    expect(cluster({ ...flags, CLUSTER_SECRET: SECRET })?.secret).toBe(SECRET);
  });

  test('an address that stands for all of a machine leads others nowhere', () => {
    const flags = { RAFT_PORT: '0', RAFT_HOST: '0.0.0.0', CLUSTER_SECRET: SECRET };
    expect(problems(flags)).toEqual([expect.stringMatching(/^ADVERTISE_HOST .*0\.0\.0\.0/)]);
    expect(cluster({ ...flags, ADVERTISE_HOST: '10.0.0.1' })?.advertiseHost).toBe('10.0.0.1');
  });

  test('voters that cannot be reached, and ids that are given twice, are faults', () => {
    expect(problems({ PEERS: 'node-2@localhost', P2P_VOTERS: 'node-1,node-3' })).toEqual([
      'P2P_VOTERS names node-3, which is neither this node nor one of PEERS',
    ]);
    expect(problems({ PEERS: 'node-2@localhost:1:1,node-2@localhost:2:2' })).toEqual([
      'PEERS names node-2 more than once; every node has an id of its own',
    ]);
  });

  test('the grid of wake-ups is no coarser than heartbeats are apart', () => {
    const RAFT_PORT = '0';
    expect(cluster({ RAFT_PORT, RAFT_TICK: '80ms' })?.tickMs).toBe(80);
    expect(problems({ RAFT_PORT, RAFT_TICK: '81ms' })).toEqual([
      'RAFT_TICK is 81ms, which is more than RAFT_HEARTBEAT, 80ms: nobody is woken between two ticks',
    ]);
    expect(problems({ RAFT_PORT, RAFT_TICK: '20ms', RAFT_HEARTBEAT: '19ms' })).toEqual([
      expect.stringMatching(/^RAFT_TICK is 20ms, which is more than RAFT_HEARTBEAT, 19ms/),
    ]);
    expect(problems({ RAFT_TICK: '9ms' })).toEqual([
      expect.stringMatching(/^--raft-tick is "9ms", which is not a duration .* from 10ms to 1d/),
    ]);
    // A node of its own wakes nobody.
    expect(cluster({ RAFT_TICK: '81ms' })).toBeUndefined();
  });

  test('an election waits for three heartbeats at least', () => {
    const times = { RAFT_PORT: '0', RAFT_HEARTBEAT: '200ms' };
    expect(cluster({ ...times, RAFT_ELECTION: '600ms' })?.electionMs).toBe(600);
    expect(problems({ ...times, RAFT_ELECTION: '599ms' })).toEqual([
      expect.stringMatching(/^RAFT_ELECTION is 599ms, which is less than 3 times RAFT_HEARTBEAT/),
    ]);
  });

  test('a secret is shown nowhere: not among the settings, not when it is wrong', () => {
    const loaded = load({ flags: { CLUSTER_SECRET: SECRET } });
    expect(JSON.stringify(loaded)).not.toContain(SECRET);
    expect(loaded).toMatchObject({
      origins: expect.arrayContaining([
        { name: 'CLUSTER_SECRET', text: '********', kind: 'flag', as: '--cluster-secret' },
      ]),
    });
    const short = faults({ env: { QUORATE_CLUSTER_SECRET: 'hunter2' } });
    expect(short).toMatchObject([{ name: 'QUORATE_CLUSTER_SECRET' }]);
    expect(JSON.stringify(short)).not.toContain('hunter2');
    const unsaid = load({});
    expect(
      unsaid.kind === 'ok' && unsaid.origins.find(({ name }) => name === 'CLUSTER_SECRET')?.text,
    ).toBeUndefined();
  });
});

test('every example in the table is a value that its setting takes', () => {
  const flags = Object.fromEntries(SETTING_NAMES.map((name) => [name, SETTINGS[name].example]));
  expect(faults({ flags })).toEqual([]);
});

test('the nearest name is the one that needs the fewest letters changed, if it is near', () => {
  expect(nearest('NODEID', ['NODE_ID', 'HOST'])).toBe('NODE_ID');
  expect(nearest('HSOT', ['NODE_ID', 'HOST'])).toBe('HOST');
  expect(nearest('PORT', ['NODE_ID', 'HOST'])).toBe('HOST');
  expect(nearest('PEER', ['NODE_ID', 'HOST'])).toBeUndefined();
  expect(nearest('HOSTS', ['NODE_ID', 'HOST'])).toBe('HOST');
  expect(nearest('anything', [])).toBeUndefined();
});
