/**
 * A whole group of cores in one process under virtual time, as one plan says. Everything that happens
 * follows from the plan; laws look on, and the first that is broken ends the run.
 */
import type { Configuration } from '../../../src/protocols/raft/core/configuration.ts';
import type { Input, Settled } from '../../../src/protocols/raft/core/input.ts';
import type { Message } from '../../../src/protocols/raft/core/messages.ts';
import { Administrator } from './administrator.ts';
import type { Asked, AskedKind } from './asked.ts';
import { Chance } from './chance.ts';
import { Chronicle } from './chronicle.ts';
import { Clients } from './clients.ts';
import type { CoreMaker } from './core-under-test.ts';
import { frameOf, Numbering } from './frames.ts';
import { Host } from './host.ts';
import { Laws } from './laws.ts';
import { LogImage } from './log-image.ts';
import { SimulatedNetwork } from './network.ts';
import type { Plan } from './plan.ts';
import { Scheduler } from './scheduler.ts';
import { CoreStory } from './story.ts';
import { Trouble } from './trouble.ts';

export class World {
  readonly plan: Plan;
  readonly make: CoreMaker;
  readonly chance: Chance;
  readonly scheduler = new Scheduler();
  readonly numbering = new Numbering();
  readonly chronicle = new Chronicle();
  readonly stores = new Map<string, LogImage>();
  readonly hosts: readonly Host[];
  readonly network: SimulatedNetwork;
  readonly laws: Laws;
  readonly story: CoreStory;
  readonly clients: Clients;
  readonly administrator: Administrator;
  readonly trouble: Trouble;
  readonly asked = new Map<number, Asked>();
  /** Steps of all cores together. */
  steps = 0;
  #lastId = 0;

  constructor(plan: Plan, make: CoreMaker, recorded: boolean) {
    this.plan = plan;
    this.make = make;
    this.chance = new Chance(plan.seed);
    this.story = new CoreStory(recorded);
    this.network = new SimulatedNetwork({
      noise: plan.noise,
      scheduler: this.scheduler,
      chance: this.chance.named('network'),
      deliver: (message) => this.#deliver(message),
    });
    const ids = Array.from({ length: plan.voters + plan.spares }, (_, at) => `n${at + 1}`);
    const founders: Configuration = {
      voters: ids.slice(0, plan.voters).map((id) => ({ id, store: `${id}/1`, addresses: [] })),
      outgoing: [],
      learners: [],
    };
    const founding = (at: number): LogImage =>
      at < plan.voters ? LogImage.bootstrapped(founders) : new LogImage();
    this.hosts = ids.map((id, at) => new Host(this, id, founding(at)));
    this.laws = new Laws(this);
    this.clients = new Clients(this);
    this.administrator = new Administrator(this);
    this.trouble = new Trouble(this);
    for (const host of this.hosts) this.start(host, `${host.id}/1`, host.disk.durable);
  }

  get leader(): Host | undefined {
    return this.hosts
      .filter(({ leads }) => leads)
      .reduce<Host | undefined>(
        (first, host) =>
          first === undefined || host.status.term > first.status.term ? host : first,
        undefined,
      );
  }

  start(host: Host, store: string, image: LogImage): void {
    this.stores.set(store, image);
    host.start(store, image);
  }

  /** Asks something of a host under a new id. */
  ask(host: Host, kind: AskedKind, number: number): Asked {
    this.#lastId += 1;
    const asked: Asked = {
      id: this.#lastId,
      kind,
      host,
      life: host.life,
      at: this.scheduler.now,
      number,
      outcome: undefined,
    };
    this.asked.set(asked.id, asked);
    this.laws.asked(asked);
    return asked;
  }

  write(host: Host, count: number, padding: number): readonly Asked[] {
    const asked = Array.from({ length: count }, () =>
      this.ask(host, 'write', this.numbering.next()),
    );
    host.tell({
      kind: 'propose',
      proposals: asked.map(({ id, number }) => ({
        id,
        frame: frameOf('command', number, padding),
      })),
    });
    return asked;
  }

  settled(host: Host, settled: Settled): void {
    const asked = this.asked.get(settled.id);
    if (asked === undefined)
      throw new Error(`${host.id} settles ${settled.id}, which nobody asked`);
    this.laws.settled(asked, settled);
    asked.outcome = settled.kind;
    this.story.figures.count(`${asked.kind} ${settled.kind}`);
    this.clients.settled(asked, settled);
    this.administrator.settled(asked, settled);
  }

  /** Whatever this host was asked is lost with its process. */
  forget(host: Host): void {
    for (const asked of this.asked.values())
      if (asked.host === host && asked.outcome === undefined) asked.outcome = 'lost';
    this.clients.lost(host);
  }

  stepped(host: Host, input: Input): void {
    this.steps += 1;
    this.story.step(this.scheduler.now, host.id, input);
  }

  note(text: () => string): void {
    this.story.note(this.scheduler.now, text);
  }

  /** Runs until `end`, until a law is broken, or until `done`. */
  runUntil(end: number, done: () => boolean = () => false): void {
    while (!this.broken && !done()) if (!this.#stepSafely(end)) break;
    this.scheduler.now = Math.max(this.scheduler.now, this.broken || done() ? 0 : end);
  }

  get broken(): boolean {
    return this.laws.violations.length > 0;
  }

  /** A core that throws has noticed itself that something is impossible. */
  #stepSafely(end: number): boolean {
    try {
      return this.scheduler.step(end);
    } catch (error) {
      const how = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.laws.violations.push({ law: 'no core throws', how });
      return false;
    }
  }

  #deliver(message: Message): void {
    const to = this.hosts.find(({ id }) => id === message.to);
    if (to?.up === true) to.tell({ kind: 'message', message });
    else this.trouble.nobodyThere(message);
  }
}
