/**
 * Clients of a simulated cluster: each wants one thing at a time of an object of its choice, at any node,
 * and writes down what it asked and heard. Who did not hear may ask again under the same key, elsewhere, and
 * gives up at last. What they want, and what replies mean, is as with real clients of real clusters.
 */
import { type Command, type RetryMark } from '../../../src/log/command.ts';
import { answered } from '../../../src/api/proposal.ts';
import { now } from '../../../src/api/rest/query.ts';
import { problem } from '../../../src/api/wire/problem.ts';
import { lockView } from '../../../src/projections/locks/lock-queries.ts';
import { queueView, workView } from '../../../src/projections/work-queue/queries.ts';
import type { Answer } from '../../../src/protocols/coordinator/answer.ts';
import type { Operation } from '../../linearizability/history.ts';
import {
  type Members,
  type Meaning,
  meaningOf,
  type Question,
  questionOf,
  type Reply,
  SERVED,
} from '../../linearizability/questions.ts';
import { keysOf, pick, type Wisher, wisher } from '../../linearizability/wishes.ts';
import type { Chance } from '../raft-core/chance.ts';
import type { Running, SimulatedNode } from './node.ts';
import type { World } from './world.ts';

const RETRIES_MAX = 3;
const PATIENCE_MS = 1_500;
const REST_MS = 30;
const REST_MS_MAX = 500;
/** The way between a client and a node, at most. */
const WAY_MS = 2;
/** So many clients of all use a session instead of keys. */
const SESSIONS = 0.4;

/** What is asked, and the mark it keeps while it is asked again. */
interface Asked {
  readonly client: string;
  readonly key: string;
  readonly input: unknown;
  readonly once: RetryMark | undefined;
}

export class Clients {
  readonly #world: World;
  readonly #chance: Chance;
  readonly #slots: readonly string[];
  /** How often each object was over, and another began in its place. */
  readonly #lives = new Map<string, number>();
  readonly #operations = new Map<number, Operation>();
  #called = 0;
  #drawn = 0;
  #busy = 0;
  #stopped = false;

  constructor(world: World) {
    this.#world = world;
    this.#chance = world.chance.named('clients');
    this.#slots = keysOf(world.plan.objects, SERVED);
    for (let client = 1; client <= world.plan.clients; client += 1) void this.#live(`c${client}`);
  }

  /** Nobody asks for anything new from here on. */
  stop(): void {
    this.#stopped = true;
  }

  /** Whether anybody still waits for an answer. */
  get isQuiet(): boolean {
    return this.#busy === 0;
  }

  history(): readonly Operation[] {
    return [...this.#operations.values()];
  }

  /** Asks a node to decide a command. */
  async command(node: SimulatedNode, command: Command): Promise<Reply | undefined> {
    return this.#sent(node, (running) => this.#propose(node, running, command));
  }

  async #live(client: string): Promise<void> {
    this.#busy += 1;
    const chance = this.#chance.named(client);
    const wishers = new Map<string, Wisher>();
    const marks = new Marks(client, chance.happens(SESSIONS));
    await this.#world.sleep(chance.between(200, 900));
    let setbacks = 0;
    while (!this.#stopped) {
      if (marks.wantsSession) marks.session = await this.#openSession(client, chance);
      const slot = pick(chance.unit, this.#slots);
      const key = `${slot}.${this.#lives.get(slot) ?? 0}`;
      const wishes = wishers.get(key) ?? this.#wisher(client, key, chance);
      wishers.set(key, wishes);
      const input = wishes.next();
      const isRead = questionOf(key, input).method === 'GET';
      const asked = { client, key, input, once: isRead ? undefined : marks.next() };
      const hasHeard = await this.#operate(asked, wishes, chance);
      setbacks = hasHeard ? 0 : setbacks + 1;
      await this.#world.sleep(
        hasHeard ? chance.between(0, this.#world.plan.thinking) : restAfter(setbacks),
      );
    }
    this.#busy -= 1;
  }

  /** Under a key of its own: a session that was opened and not heard of is nobody's. */
  async #openSession(client: string, chance: Chance): Promise<number | undefined> {
    const node = chance.pick(this.#world.nodes);
    const reply = await this.command(node, { type: 'open_session', data: {}, actor: client });
    return reply?.status === 200 ? reply.members.index : undefined;
  }

  /** @returns whether somebody answered */
  async #operate(asked: Asked, wishes: Wisher, chance: Chance): Promise<boolean> {
    const { client, key, input, once } = asked;
    this.#called += 1;
    const id = this.#called;
    const at = (): number => Math.round(this.#world.loop.now * 1000);
    const operation: Operation = {
      id,
      client,
      key,
      input: this.#world.plan.isTimeSure ? input : unsure(input),
      calledAt: at(),
      answer: { kind: 'open' },
      once: once === undefined ? undefined : JSON.stringify(once),
    };
    this.#operations.set(id, operation);
    const meaning = await this.#asked(asked, chance);
    this.#world.story.figures.count(`operation ${meaning.kind}`);
    this.#world.note(() => `${client} ${key} ${JSON.stringify(input)}: ${JSON.stringify(meaning)}`);
    if (meaning.kind === 'answer') {
      const { output } = meaning;
      this.#operations.set(id, { ...operation, answer: { kind: 'answered', at: at(), output } });
      this.#noteEnd(key, output);
      wishes.heard(input, output);
    } else if (meaning.kind === 'nothing') this.#operations.delete(id);
    else wishes.heard(input, undefined);
    return meaning.kind === 'answer';
  }

  /** Asks until there is an answer, or gives up. */
  async #asked(asked: Asked, chance: Chance): Promise<Meaning> {
    const question = questionOf(asked.key, asked.input);
    let isUnknown = false;
    let code = '';
    const attempts = 1 + chance.below(RETRIES_MAX + 1);
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      const reply = await this.#sent(chance.pick(this.#world.nodes), (running, node) =>
        question.method === 'GET'
          ? read(running, question)
          : this.#propose(node, running, commandFor(asked, question)),
      );
      const meaning =
        reply === undefined
          ? ({ kind: 'unknown', code: 'silence' } as const)
          : meaningOf(asked.key, asked.input, reply);
      if (meaning.kind === 'answer') return meaning;
      ({ code } = meaning);
      isUnknown ||= meaning.kind === 'unknown';
      await this.#world.sleep(restAfter(attempt));
    }
    const isOpen = isUnknown && question.method !== 'GET';
    return { kind: isOpen ? 'unknown' : 'nothing', code };
  }

  /** @returns undefined where nothing was heard in time */
  #sent(
    node: SimulatedNode,
    serve: (running: Running, node: SimulatedNode) => Promise<Reply>,
  ): Promise<Reply | undefined> {
    const { loop } = this.#world;
    const way = (): number => this.#chance.between(0.1, WAY_MS);
    return new Promise((resolve) => {
      loop.after(PATIENCE_MS, () => resolve(undefined));
      loop.after(way(), () => {
        const { running, life } = node;
        // Nobody listens there: nothing has happened.
        if (!node.isUp || running === undefined)
          return loop.after(way(), () => resolve(refusal('no-leader')));
        return life.run(() => {
          void serve(running, node).then((reply) =>
            life.later(0, () => loop.after(way(), () => resolve(reply))),
          );
        });
      });
    });
  }

  async #propose(node: SimulatedNode, { main }: Running, command: Command): Promise<Reply> {
    const rule = main.machine.command(command.type);
    if (rule === undefined) throw new Error(`no command ${command.type}`);
    const data = rule.schema.parse(command.data);
    const complete = { ...command, data };
    const answer: Answer = await main.propose(complete, rule.traffic);
    if (!node.isUp) return new Promise(() => undefined);
    this.#world.answered(node, complete, answer);
    const { kind, ...rest } = answered(answer);
    if (kind === 'written' && 'written' in rest)
      return { status: 200, members: rest.written as Members };
    const found = (rest as { readonly problem: ReturnType<typeof problem> }).problem;
    return { status: found.status, members: found };
  }

  #noteEnd(key: string, output: { readonly kind?: string }): void {
    const [slot = '', life = ''] = key.split('.');
    if (output.kind === 'over' || output.kind === 'illegal')
      this.#lives.set(slot, Number(life) + 1);
  }

  #wisher(client: string, key: string, chance: Chance): Wisher {
    return wisher(key, {
      client,
      random: chance.unit,
      leaseMs: this.#world.plan.leaseMs,
      fresh: () => (this.#drawn += 1),
    });
  }
}

/** How a client marks what it may ask again: by keys, or by the numbers of a session. */
class Marks {
  readonly #client: string;
  readonly #bySession: boolean;
  #drawn = 0;
  session: number | undefined;

  constructor(client: string, bySession: boolean) {
    this.#client = client;
    this.#bySession = bySession;
  }

  get wantsSession(): boolean {
    return this.#bySession && this.session === undefined;
  }

  next(): RetryMark {
    this.#drawn += 1;
    return this.session === undefined
      ? { key: `${this.#client}-${this.#drawn}`, print: String(this.#drawn) }
      : { session: this.session, seq: this.#drawn };
  }
}

/** As a model is told of it that may not rely on any lease. */
function unsure(input: unknown): unknown {
  return 'lease_ms' in (input as object) ? { ...(input as object), lease_ms: 0 } : input;
}

function restAfter(setbacks: number): number {
  return Math.min(REST_MS_MAX, REST_MS * 2 ** setbacks);
}

function refusal(code: 'no-leader' | 'not-found'): Reply {
  const found = problem(code, 'as simulated');
  return { status: found.status, members: found };
}

/** Which command a request becomes, by its method and path. */
function commandFor({ client, once }: Asked, { method, path, headers, body }: Question): Command {
  const url = new URL(path, 'http://node');
  const [, , concept = '', id = '', verb] = url.pathname.split('/');
  const inQuery = Object.fromEntries(
    [...url.searchParams].map(([name, value]) => [name, name === 'token' ? Number(value) : value]),
  );
  const data = { ...body, ...inQuery };
  const marked = { actor: client, once };
  if (concept === 'locks') {
    const type =
      verb === 'renew' ? 'renew_lock' : method === 'PUT' ? 'acquire_lock' : 'release_lock';
    return { type, data: { ...data, name: id }, ...marked };
  }
  if (concept === 'queues')
    return {
      type: 'set_queue',
      data: { ...data, queue: id },
      if_index: conditionIn(headers),
      ...marked,
    };
  if (id === '') return { type: 'add_work', data, ...marked };
  if (id === 'claim') return { type: 'claim_work', data, ...marked };
  return { type: `${verb}_work`, data: { ...data, work_id: id }, ...marked };
}

function conditionIn(headers: Question['headers'] = {}): number | undefined {
  if (headers['if-none-match'] !== undefined) return 0;
  const wanted = headers['if-match'];
  return wanted === undefined ? undefined : Number(wanted.replaceAll('"', ''));
}

/** A linearizable read, as the API gives it. */
async function read({ main }: Running, { path }: Question): Promise<Reply> {
  const point = await main.read();
  if (point.kind === 'refused') return refusal('no-leader');
  const [, , concept, id = ''] = path.split('/');
  const { tables } = main.machine;
  const moment = now(main);
  const view =
    concept === 'locks'
      ? lockView(tables, moment, id)
      : concept === 'queues'
        ? queueView(tables, id)
        : workView(tables, moment, id);
  return view === undefined ? refusal('not-found') : { status: 200, members: view };
}
