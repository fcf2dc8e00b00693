import { afterEach, expect, test, vi } from 'vitest';
import type { Group } from '../../src/protocols/coordinator/group.ts';
import { PROBLEMS, problem, type ProblemCode } from '../../src/api/wire/problem.ts';
import { REFUSAL_CODES } from '../../src/projections/outcome.ts';
import type { EngineRefusal } from '../../src/protocols/engine.ts';
import { Asking, type Said } from './ask.ts';
import { type NodeChanges, type RunningNode, startNode } from './running-node.ts';

const ENGINE: Readonly<Record<EngineRefusal, true>> = {
  backpressure: true,
  'too-large': true,
  'not-leader': true,
  'no-leader': true,
  recovering: true,
  'shutting-down': true,
};

test('every reason of a rule and of an engine to refuse has its row', () => {
  const codes = Object.keys(PROBLEMS);
  expect(codes).toEqual(expect.arrayContaining([...REFUSAL_CODES]));
  expect(codes).toEqual(expect.arrayContaining(Object.keys(ENGINE)));
});

test('what a refusal is about stands beside its own members and never overwrites them', () => {
  const found = problem('stale-token', 'gone', {
    holder: 'b',
    status: 200,
    code: 'fine',
    token: 7,
  });
  expect(found).toMatchObject({ status: 409, code: 'stale-token', holder: 'b', token: 7 });
});

test('the status of what a refusal is about is told beside that of the response', () => {
  const found = problem('illegal-transition', 'w is cancelled', { status: 'cancelled' });
  expect(found).toMatchObject({ status: 409, current_status: 'cancelled' });
  expect(problem('illegal-transition', 'no')).not.toHaveProperty('current_status');
});

test('a refusal that says when to come back overrules the usual wait', () => {
  expect(problem('backpressure', 'full').retry_after_seconds).toBe(1);
  expect(problem('backpressure', 'full', { retry_after_seconds: 9 }).retry_after_seconds).toBe(9);
});

let running: RunningNode | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

interface Way {
  readonly changes?: NodeChanges;
  readonly ask: (ask: Asking, node: RunningNode) => Promise<Said>;
}

const work = (ask: Asking, work_id: string, more: object = {}): Promise<Said> =>
  ask.post('/v1/work', { work_id, ...more });
const claim = (ask: Asking, work_id: string, node_id = 'a'): Promise<Said> =>
  ask.post('/v1/work/claim', { node_id, work_id });

/** How a caller meets each code. */
const WAYS: Partial<Record<ProblemCode, Way>> = {
  'validation-failed': { ask: (ask) => ask.post('/v1/work', { priority: 101 }) },
  forbidden: { ask: (ask) => ask.get('/health', { host: 'evil.example' }) },
  'not-found': { ask: (ask) => ask.get('/v1/work/nothing') },
  'method-not-allowed': { ask: (ask) => ask.send('DELETE', '/v1/work') },
  conflict: {
    ask: async (ask) => {
      await work(ask, 'w');
      await ask.post('/v1/queues/default/pause');
      return claim(ask, 'w');
    },
  },
  exists: {
    ask: async (ask) => {
      await work(ask, 'w');
      return work(ask, 'w');
    },
  },
  'unique-conflict': {
    ask: async (ask) => {
      await work(ask, 'w', { unique_key: 'k' });
      return work(ask, 'v', { unique_key: 'k' });
    },
  },
  'unknown-dependency': { ask: (ask) => work(ask, 'w', { depends_on: ['nothing'] }) },
  'dependency-cycle': { ask: (ask) => work(ask, 'w', { depends_on: ['w'] }) },
  'stale-token': {
    ask: async (ask) => {
      await work(ask, 'w');
      await claim(ask, 'w');
      return ask.post('/v1/work/w/complete', { token: 1 });
    },
  },
  'already-claimed': {
    ask: async (ask) => {
      await work(ask, 'w');
      await claim(ask, 'w');
      return claim(ask, 'w', 'b');
    },
  },
  'illegal-transition': {
    ask: async (ask) => {
      await work(ask, 'w');
      await ask.post('/v1/work/w/cancel');
      return claim(ask, 'w');
    },
  },
  'idempotency-in-flight': {
    ask: async (ask) => {
      const both = [1, 2].map(() => ask.post('/v1/work', { work_id: 'w' }, KEYED));
      const answers = await Promise.all(both);
      return answers.find(({ status }) => status !== 200) as Said;
    },
  },
  diverged: { ask: (ask) => ask.get('/v1/log?after=1000') },
  compacted: {
    ask: async (ask, { log, group }) => {
      await work(ask, 'w');
      await work(ask, 'v');
      await log.trim(group.id, 2);
      return ask.get('/v1/log?after=0');
    },
  },
  'idempotency-expired': {
    ask: (ask) =>
      ask.post('/v1/work', {}, { 'idempotency-key': '01890000-0000-7000-8000-000000000000' }),
  },
  'precondition-failed': {
    ask: async (ask) => {
      await work(ask, 'w');
      return ask.post('/v1/work/w/cancel', {}, { 'if-match': '"1"' });
    },
  },
  'too-large': { ask: (ask) => ask.post('/v1/work', { config: { text: 'x'.repeat(2 ** 20) } }) },
  'unsupported-media-type': {
    ask: (ask) => ask.send('POST', '/v1/work', '<a/>', { 'content-type': 'text/xml' }),
  },
  'idempotency-mismatch': {
    ask: async (ask) => {
      await ask.post('/v1/work', { work_id: 'w' }, KEYED);
      return ask.post('/v1/work', { work_id: 'v' }, KEYED);
    },
  },
  backpressure: {
    ask: async (ask) => {
      await ask.put('/v1/queues/q', { soft: 1, hard: 1, recovery: 0 });
      await work(ask, 'w', { queue: 'q' });
      return work(ask, 'v', { queue: 'q' });
    },
  },
  internal: {
    changes: {
      served: {
        // Once: a server that closes looks at the groups, too.
        groups: vi
          .fn<() => readonly Group[]>(() => [])
          .mockImplementationOnce(() => {
            throw new Error('a fault nobody foresaw');
          }),
      },
    },
    ask: (ask) => ask.get('/v1/groups'),
  },
  behind: { ask: (ask) => ask.get('/v1/work/w?min_index=1000&timeout=1ms') },
  recovering: {
    changes: { mayFail: true },
    ask: async (ask, node) => {
      await raiseRules(node);
      return ask.get('/readyz');
    },
  },
  'commit-unknown': {
    changes: { mayFail: true },
    ask: async (ask, node) => {
      await raiseRules(node);
      return ask.post('/v1/work');
    },
  },
  'unknown-group': { ask: (ask) => ask.post('/v1/commands', { group: 'job/1', type: 'add_work' }) },
  'shutting-down': {
    ask: (ask, { node }) => {
      node.isStopping = true;
      return ask.get('/health');
    },
  },
};

const KEYED = { 'idempotency-key': 'one' };

/** From here on the log needs newer rules than this build has: apply stops at the next entry. */
async function raiseRules({ group }: RunningNode): Promise<void> {
  await group.propose({ type: 'raise_rules_version', data: { version: 2 } }, 'control');
  await group.propose({ type: 'no_op', data: { leader_id: 'n1' } }, 'control');
}

/** What no caller can meet yet, and why. */
const UNREACHABLE: Partial<Record<ProblemCode, string>> = {
  unauthenticated: 'there are no tokens',
  'rule-fault': 'no rule is known to fail',
  'not-leader': 'the group here has one voter; `raft.test.ts` has clusters',
  'no-leader': 'the group here has one voter; `raft.test.ts` has clusters',
  'precondition-required': 'no write demands a condition',
  'rate-limited': 'there are no tokens',
  'group-limit': 'it takes ten thousand groups; `groups.test.ts` has them',
  sealed: '`main`, the only group here, is never sealed',
  'upgrade-required': 'there is one version of the rules',
};

test('every code is reached by a test or known to be out of reach', () => {
  const named = [...Object.keys(WAYS), ...Object.keys(UNREACHABLE)];
  expect(named.toSorted()).toEqual(Object.keys(PROBLEMS).toSorted());
});

test('who may not do something to an item is told which status it has', async () => {
  running = await startNode();
  const ask = new Asking(running.server);
  await work(ask, 'w');
  await ask.post('/v1/work/w/cancel');
  expect((await claim(ask, 'w')).body).toMatchObject({
    code: 'illegal-transition',
    current_status: 'cancelled',
  });
});

test.each(Object.entries(WAYS))('a caller meets %s', async (code, { changes = {}, ask }) => {
  running = await startNode(changes);
  const said = await ask(new Asking(running.server), running);
  const { status, title } = PROBLEMS[code as ProblemCode];
  expect(said.body).toMatchObject({ code, status, title, type: `urn:quorate:problem:${code}` });
  expect(said.status).toBe(status);
  expect(said.headers['content-type']).toContain('application/problem+json');
  expect(said.body.instance).toMatch(/^\/[\w/]*$/);
  expect(said.headers['retry-after']).toBe(said.body.retry_after_seconds?.toString());
});
