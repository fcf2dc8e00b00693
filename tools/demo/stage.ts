/** Everything of one run that must be stopped again: the nodes, who talks to them, and who counts. */
import { setMaxListeners } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Door } from './door.ts';
import { Ledger } from './ledger.ts';
import { type DemoNode, Nodes } from './nodes.ts';
import { Screen } from './screen.ts';
import { Subscriber } from './subscriber.ts';
import { Tally } from './tally.ts';

/** Polls parked at the nodes, and connections for everything else. */
export const POLLS = 64;
const OTHER_CONNECTIONS = 64;
const LOOK_MS = 50;

/** What the death of the leader came to. */
export interface Kill {
  readonly killed: DemoNode;
  /** Undefined where there was nobody else. */
  readonly successor: DemoNode | undefined;
  /** From the kill to the next command that was answered as applied. */
  readonly failoverMs: number;
  /** From the kill until it was ready again. */
  readonly outageMs: number;
}

interface Goal {
  /** How many tasks have to have ended. */
  readonly ended: number;
  readonly phase: string;
  readonly deadline: number;
}

export class Stage {
  readonly screen = new Screen();
  readonly ledger = new Ledger();
  readonly tally = new Tally();
  readonly stopping = new AbortController();
  /** Holds the directories and the output of the nodes. */
  readonly directory: string;
  readonly nodes: Nodes;
  readonly subscriber: Subscriber;
  readonly door: Door;

  private constructor(directory: string, nodes: Nodes) {
    this.directory = directory;
    this.nodes = nodes;
    // Every request and every pause of a thousand workers listens to it.
    setMaxListeners(0, this.stopping.signal);
    this.subscriber = new Subscriber(() => nodes.urls, this.tally);
    this.door = new Door({
      urls: () => nodes.urls,
      connections: POLLS + OTHER_CONNECTIONS,
      ledger: this.ledger,
      signal: this.stopping.signal,
    });
  }

  static async open(nodes: number): Promise<Stage> {
    const directory = await mkdtemp(join(tmpdir(), 'quorate-demo-'));
    return new Stage(directory, await Nodes.planned(directory, nodes));
  }

  /** Stops whatever still runs. Idempotent. */
  async close(): Promise<void> {
    this.screen.end();
    this.stopping.abort();
    this.door.close();
    await this.subscriber.close();
    await this.nodes.stop();
  }

  /** Waits until so many tasks have ended, and shows how it goes. */
  async reached({ ended, phase, deadline }: Goal): Promise<void> {
    const { tally, screen, stopping } = this;
    while (tally.ended < ended) {
      if (performance.now() > deadline)
        throw new Error(`${ended - tally.ended} tasks did not end in time (${phase})`);
      await pause(LOOK_MS, undefined, { signal: stopping.signal });
      screen.progress(tally.ended, { entries: tally.entries, phase });
    }
  }

  /** Kills who leads; the others go on, and it comes back on its directory. */
  async killLeader(): Promise<Kill> {
    const { nodes, door, screen } = this;
    const killed = await nodes.leader();
    const { pid } = killed.process;
    const at = performance.now();
    await killed.process.kill();
    const applied = door.appliedAfter(performance.now());
    screen.say(screen.paint('red', `killed ${killed.id}, which led (SIGKILL, process ${pid})`));
    const successor = nodes.isCluster ? await this.#successor(applied, at) : undefined;
    // Nothing is started any more that nobody would stop.
    this.stopping.signal.throwIfAborted();
    await killed.process.start();
    const outageMs = performance.now() - at;
    screen.say(`${killed.id} is ready on the same directory after ${Math.round(outageMs)} ms`);
    return { killed, successor, failoverMs: (await applied) - at, outageMs };
  }

  async #successor(applied: Promise<number>, killedAt: number): Promise<DemoNode> {
    const ms = Math.round((await applied) - killedAt);
    const successor = await this.nodes.leader();
    this.screen.say(
      `${successor.id} leads; the next write was acknowledged ${ms} ms after the kill`,
    );
    return successor;
  }
}
