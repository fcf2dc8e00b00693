/**
 * A cluster inside the test: whole nodes with real sockets, of which the first founds it and the others
 * join it, so that no port has to be chosen before it is there.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { Node } from '../../src/node.ts';
import { until } from '../end-to-end/condition.ts';

/** A reply as any client sees it. */
export interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

export class Member {
  readonly node: Node;

  constructor(node: Node) {
    this.node = node;
  }

  get id(): string {
    return this.node.nodeId;
  }

  async ask(path: string, body?: object, method = 'POST'): Promise<Told> {
    const request =
      body === undefined
        ? {}
        : {
            method,
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(body),
          };
    const response = await fetch(`${this.node.url}${path}`, request);
    const { status, headers } = response;
    return { status, headers, body: (await response.json()) as Told['body'] };
  }

  async raft(): Promise<Told['body']> {
    return (await this.ask('/raft/status')).body;
  }

  /** Where other nodes reach it. */
  async address(): Promise<string> {
    const { config } = await this.raft();
    return `127.0.0.1:${(config as { readonly bind_port: number }).bind_port}`;
  }
}

export async function started(
  id: string,
  flags: Readonly<Record<string, string>>,
): Promise<Member> {
  const directory = await mkdtemp(join(tmpdir(), 'quorate-cluster-'));
  const loaded = loadConfig({
    env: {},
    flags: {
      NODE_ID: id,
      DATA_DIR: directory,
      P2P_PORT: '0',
      RAFT_PORT: '0',
      // Several nodes and other tests share a processor here.
      RAFT_ELECTION: '2s',
      ...flags,
    },
  });
  if (loaded.kind === 'faults') throw new Error(JSON.stringify(loaded.faults));
  const node = await Node.start(loaded.config, pino({ level: 'silent' }));
  onTestFinished(async () => {
    await node.stop();
    const end = await node.ended;
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    if (end.kind === 'fault') throw end.fault;
  });
  return new Member(node);
}

/** So many nodes that all vote; the first leads. */
export async function startCluster(count: number): Promise<readonly Member[]> {
  const founder = await started('n1', {});
  await until('the founder leads', async () => (await founder.raft())['role'] === 'leader');
  const members = [founder];
  for (let place = 2; place <= count; place++) members.push(await joined(founder, `n${place}`));
  return members;
}

/** A node that joins, and votes. */
export async function joined(
  founder: Member,
  id: string,
  flags: Readonly<Record<string, string>> = {},
): Promise<Member> {
  const member = await started(id, { JOIN: await founder.address(), ...flags });
  await until(`${id} votes`, async () => votersIn(await member.raft()).includes(id));
  return member;
}

export function votersIn(raft: Told['body']): readonly string[] {
  return (raft['voters'] as readonly { readonly id: string }[]).map(({ id }) => id);
}
