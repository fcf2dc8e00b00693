/**
 * A cluster of whole nodes in one process under virtual time, as one plan says. Everything that happens
 * follows from the plan; laws look on, and the first that is broken ends the run.
 */
import { type Command, encodeCommand } from '../../../src/log/command.ts';
import { placeOf } from '../../../src/log/frame.ts';
import type { GroupId } from '../../../src/log/group.ts';
import { LogFault } from '../../../src/log/fault.ts';
import type { Answer } from '../../../src/protocols/coordinator/answer.ts';
import type { Group } from '../../../src/protocols/coordinator/group.ts';
import type { Trace } from '../../../src/protocols/raft/core/input.ts';
import { decodeMessages } from '../../../src/protocols/raft/wire.ts';
import { Chance } from '../raft-core/chance.ts';
import { Administrator } from './administrator.ts';
import { Chronicles } from './chronicle.ts';
import { Clients } from './clients.ts';
import { SimulatedDisk } from './disk.ts';
import { EventLoop } from './event-loop.ts';
import { Follower } from './follower.ts';
import { Jobs } from './jobs.ts';
import { Laws } from './laws.ts';
import { SimulatedNetworks } from './network.ts';
import { type Seams, SimulatedNode, type Watcher } from './node.ts';
import type { Plan } from './plan.ts';
import { NodeStory } from './story.ts';
import { Stumbler } from './stumbling.ts';
import { told } from './told.ts';
import { Trouble } from './trouble.ts';

export class World implements Watcher {
  readonly plan: Plan;
  readonly chance: Chance;
  readonly loop = new EventLoop();
  readonly story: NodeStory;
  readonly chronicles = new Chronicles();
  readonly networks: SimulatedNetworks;
  readonly nodes: readonly SimulatedNode[];
  readonly laws: Laws;
  readonly clients: Clients;
  readonly follower: Follower;
  readonly jobs: Jobs;
  readonly stumbler: Stumbler;
  readonly administrator: Administrator;
  readonly trouble: Trouble;
  readonly lostStores = new Set<string>();

  constructor(plan: Plan, seams: Seams, recorded: boolean) {
    this.plan = plan;
    this.chance = new Chance(plan.seed).named('world');
    this.story = new NodeStory(recorded);
    this.networks = new SimulatedNetworks({
      loop: this.loop,
      noise: plan.noise,
      chance: this.chance.named('network'),
      onSent: (from, to, message) => this.#sent(from, to, message),
    });
    const ids = Array.from({ length: plan.voters + plan.spares }, (_, at) => `n${at + 1}`);
    this.nodes = ids.map((id) => this.#node(id, ids.slice(0, plan.voters), seams));
    this.laws = new Laws({
      nodes: this.nodes,
      chronicles: this.chronicles,
      history: () => this.clients.history(),
      lostStores: this.lostStores,
    });
    this.clients = new Clients(this);
    this.follower = new Follower(this);
    this.jobs = new Jobs(this);
    this.stumbler = new Stumbler(this);
    this.administrator = new Administrator(this);
    this.trouble = new Trouble(this);
    const when = this.chance.named('starts');
    for (const [place, node] of this.nodes.entries()) {
      const isSpare = place >= plan.voters;
      this.loop.after(when.between(0, 50) + (isSpare ? 1_000 : 0), () => node.start());
    }
  }

  /** Who leads main, as far as it knows; of several the one of the newest term. */
  get leader(): SimulatedNode | undefined {
    const leading = this.nodes.filter(({ serving }) => serving?.main.isLeader === true);
    const term = (node: SimulatedNode): number => node.running?.main.status().term ?? 0;
    return leading.sort((one, other) => term(other) - term(one))[0];
  }

  get broken(): boolean {
    return this.laws.violations.length > 0;
  }

  sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.loop.after(milliseconds, resolve));
  }

  break(law: string, how: string): void {
    this.laws.violations.push({ law, how });
  }

  note(text: () => string): void {
    this.story.note(this.loop.now, text);
  }

  /** Runs until `end`, until a law is broken, or until `done`. */
  async runUntil(end: number, done: () => boolean = () => false): Promise<void> {
    try {
      await this.loop.run(end, () => this.broken || done());
    } catch (error) {
      this.break('nothing throws', told(error));
    }
  }

  opened(node: SimulatedNode, group: Group): void {
    this.note(() => `${node.id} has opened ${group.id.id} at ${group.machine.position.index}`);
    this.laws.tell('opened', node, group);
  }

  traced(node: SimulatedNode, group: GroupId, trace: Trace): void {
    this.note(() => `  ${node.id} ${group.id} ${JSON.stringify(trace)}`);
    if (trace.kind === 'became') this.story.figures.count(`became ${trace.role}`);
    this.laws.tell('traced', node, group, trace);
  }

  applied(node: SimulatedNode, group: Group, frames: readonly Buffer[]): void {
    for (const frame of frames) {
      this.story.bytes(this.loop.now, frame);
      const { index } = placeOf(frame);
      this.note(() => `  ${node.id} applies ${index} of ${group.id.id}`);
      this.laws.applied(node, group, {
        index,
        frame,
        outcome: group.machine.outcomeBytes(index),
      });
    }
  }

  answered(node: SimulatedNode, command: Command, answer: Answer): void {
    this.story.bytes(this.loop.now, encodeCommand(command));
    this.story.figures.count(`answer ${answer.kind}`);
    this.laws.tell('answered', node, command, answer);
  }

  /** A process ends by itself: rightly where its disk failed, or holds what was never written. */
  failed(node: SimulatedNode, fault: Error): void {
    this.note(() => `${node.id} ends: ${fault.message}`);
    this.story.figures.count('a process ended by itself');
    const isDamage = fault instanceof LogFault && fault.code === 'damaged';
    if (!this.trouble.excuses(node, isDamage)) {
      this.break('no node fails by itself', `${node.id}: ${told(fault)}`);
      return;
    }
    const { life } = node;
    // Not within the turn in which it found out.
    this.loop.after(0.1, () => {
      if (node.life === life) this.trouble.ended(node, isDamage);
    });
  }

  complained(node: SimulatedNode, where: string, error: unknown): void {
    const words = error instanceof Error ? error.message : String(error);
    this.note(() => `  ${node.id} complains: ${where}: ${words}`);
    this.story.figures.count(`complaint of ${where.split(' ')[0]}`);
    if (/decided differently|are others here than/.test(words))
      this.break('I3: nodes decide alike', words);
  }

  #node(id: string, voters: readonly string[], seams: Seams): SimulatedNode {
    const { plan, loop, networks } = this;
    const chance = this.chance.named(id);
    const clocks = chance.named('clocks');
    const disk = new SimulatedDisk(
      chance.named('disk'),
      { kind: 'sound', latency: plan.disk },
      (delay, run) => loop.after(delay, run),
    );
    const rate = plan.skew === 0 ? 1 : clocks.between(0.97, 1.03);
    const oscillator = { skew: clocks.between(-plan.skew, plan.skew), rate };
    const { timing, bounds, retention } = plan;
    return new SimulatedNode({
      id,
      disk,
      oscillator,
      loop,
      networks,
      chance: chance.named('node'),
      voters,
      timing,
      bounds,
      retention,
      seams,
      watcher: this,
    });
  }

  #sent(from: string, to: string, bytes: Buffer): void {
    this.story.bytes(this.loop.now, bytes);
    const node = this.nodes.find(({ id }) => id === from);
    if (node === undefined) return;
    for (const { group, message } of decodeMessages(bytes, { from, store: node.storeId, to })) {
      this.note(() => `  ${from} ▶ ${to} ${group.id} ${saidIn(message)}`);
      this.laws.tell('sent', node, group, message);
    }
  }
}

const LEFT_OUT = new Set(['from', 'to', 'store', 'frame', 'addresses']);

function saidIn(message: object): string {
  return JSON.stringify(message, (key, value: unknown) => (LEFT_OUT.has(key) ? undefined : value));
}
