/**
 * Scenarios as text: one step a line, what must hold after it in lines that begin with `expect`.
 *
 * ```
 *  # A comment; the first one is what the scenario shows.
 *  nodes a b c                    voters of a new group
 *  spare d                        an empty store that nobody knows
 *  log a 1 1 2                    terms of the entries a has before the start; `term 3` may follow, and `commit 2`
 *  set promotion_lag 4            a bound, or a time of the rules
 *  start [a …]                    all, or some
 *  campaign a                     time passes until a asks for votes; nobody else is woken
 *  advance 100 [a …]              time passes; all, or only these are woken
 *  live 1000 [a …]                time passes, and what these say arrives within ten milliseconds
 *  luck a 0.2                     what a draws from now on: where in (T, 2T) it loses its patience
 *  deliver [a …]                  messages and writes, until nothing moves among these
 *  deliver a > b [n]              only what lies there already
 *  drop a > b   repeat a > b   swap a > b (in the order opposite to that in which they were sent)
 *  cut a b   cut a > b   heal
 *  disk a waits | goes on | fails     persist a [n]
 *  reads a wait                   what a fetches from its disk comes one by one, by `finish read a`
 *  crash a   restart a   wipe a
 *  propose a x y …   read a r   transfer a t [b]   change a c voters a b learners d
 *  compact a 3                    a snapshot of what is applied, and a log that begins after 3
 *  send snapshot a > b            what a was asked for arrives; `lose snapshot a > b`: it does not;
 *                                 `offer snapshot a > b`: it arrives though nobody asked
 *  suspect a b   trust a b   unreachable a b
 *  tell b request_vote from a term 2 last 1.3 [pre] [transfer]
 *  tell b append_entries from a term 2 previous 1.3 terms 1 2 commit 2
 *  tell b heartbeat from a term 2 previous 1.3 commit 2 [round 5]
 *  tell b request_vote_response from a term 2 [pre] [granted] [stale] [asked a/2]
 *  tell b append_entries_response from a term 2 match 3
 *  tell b timeout_now from a term 2
 *  tell b read_index_response from a term 2 at 3
 *  committed b 2.3                b hears from its leader, beside its messages, that this is committed
 *
 *  expect a role leader           also term, leader, commit, applied, last, vote, durable
 *  expect a log 1 1 2             terms of its entries; `machine as b`: the same was applied
 *  expect a wants 1               so many snapshots its host is asked for
 *  expect a members a b | - | d   voters, outgoing, learners
 *  expect x committed             what became of what was asked; `open`: nothing yet
 *  expect a > b append_entries {"entries": 2, "commit": 1}     the next such message that waits
 *  expect a > b nothing
 *  expect peer a b {"match": 3}
 * ```
 */
import { isDeepStrictEqual } from 'node:util';
import type { Member } from '../../../src/protocols/raft/core/configuration.ts';
import type { Entry, Place } from '../../../src/protocols/raft/core/entry.ts';
import type { Message } from '../../../src/protocols/raft/core/messages.ts';
import type { CoreMaker } from '../../simulation/raft-core/core-under-test.ts';
import { frameOf } from '../../simulation/raft-core/frames.ts';
import { LogImage } from '../../simulation/raft-core/log-image.ts';
import { type Actor, Stage } from './stage.ts';

type Words = readonly string[];
type Step = (stage: Stage, words: Words) => void;

/** @throws an error that names the line, when a core throws or something expected does not hold */
export function play(text: string, make: CoreMaker): void {
  const stage = new Stage(make);
  for (const [at, line] of text.split('\n').entries()) {
    const words = line.replace(/#.*/, '').trim().split(/\s+/).filter(Boolean);
    if (words.length === 0) continue;
    try {
      const [verb = '', ...rest] = words;
      const step = STEPS[verb];
      if (step === undefined) throw new Error(`nobody knows how to ${verb}`);
      step(stage, rest);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`line ${at + 1}: ${line.trim()}\n  ${why}\n${told(stage)}`, { cause: error });
    }
  }
}

/** What a scenario shows: its first comment. */
export function titleOf(text: string): string {
  const lines = text.split('\n');
  const end = lines.findIndex((line) => !line.startsWith('#'));
  return lines
    .slice(0, end)
    .map((line) => line.replace(/^#\s*/, ''))
    .join(' ');
}

/** Who has not asked for votes by then never will. */
const PATIENCE_MS = 10_000;

const STEPS: { readonly [verb: string]: Step } = {
  nodes: (stage, ids) => stage.found(ids),
  spare: (stage, ids) => {
    for (const id of ids) stage.add(id, new LogImage());
  },
  log: (stage, [id = '', ...words]) => {
    const at = words.indexOf('term');
    const terms = (at < 0 ? words : words.slice(0, at)).map(Number);
    const term = at < 0 ? (terms.at(-1) ?? 0) : Number(words[at + 1]);
    const commit = words.includes('commit') ? Number(words.at(-1)) : 0;
    stage.fill(stage.actor(id), terms, { term, commit });
  },
  set: ({ rules }, [name = '', value]) => {
    if (name in rules.bounds) rules.bounds = { ...rules.bounds, [name]: Number(value) };
    else if (name in rules.timing) rules.timing = { ...rules.timing, [name]: Number(value) };
    else throw new Error(`there is no rule ${name}`);
  },
  start: (stage, ids) => {
    for (const actor of actorsOf(stage, ids)) stage.start(actor);
  },
  campaign: (stage, [id = '']) => {
    const actor = stage.actor(id);
    const before = actor.core?.status().election;
    const asks = (): boolean => actor.core?.status().election !== before;
    stage.pass(PATIENCE_MS, new Set([id]), asks);
    if (!asks()) throw new Error(`${id} does not ask for votes`);
  },
  advance: (stage, [milliseconds, ...ids]) =>
    stage.pass(Number(milliseconds), namesOf(stage, ids), () => false),
  live: (stage, [milliseconds, ...ids]) => stage.live(Number(milliseconds), namesOf(stage, ids)),
  luck: (stage, [id = '', drawn]) => {
    stage.actor(id).draw = () => Number(drawn);
  },
  deliver: (stage, words) => {
    if (words[1] === '>') stage.deliverFrom(words[0]!, words[2]!, Number(words[3] ?? Infinity));
    else stage.deliver(namesOf(stage, words));
  },
  drop: (stage, [from, , to]) => {
    for (const message of messagesOn(stage, from, to))
      stage.queue.splice(stage.queue.indexOf(message), 1);
  },
  repeat: (stage, [from, , to]) => stage.queue.push(...messagesOn(stage, from, to)),
  swap: (stage, [from, , to]) => {
    const waiting = messagesOn(stage, from, to);
    for (const message of waiting) stage.queue.splice(stage.queue.indexOf(message), 1);
    stage.queue.push(...waiting.toReversed());
  },
  cut: ({ cut }, words) => {
    const [one, other] = [words[0], words.at(-1)];
    cut.add(`${one}>${other}`);
    if (!words.includes('>')) cut.add(`${other}>${one}`);
  },
  heal: ({ cut }) => cut.clear(),
  disk: (stage, [id = '', what]) => {
    const actor = stage.actor(id);
    actor.waits = what !== 'goes';
    if (what === 'fails') stage.step(actor, { kind: 'persist_failed' });
  },
  reads: (stage, [id = '', what]) => {
    stage.actor(id).readsWait = what === 'wait';
  },
  finish: (stage, [, id = '']) => stage.finishRead(stage.actor(id)),
  persist: (stage, [id = '', count = '1000']) => stage.persist(stage.actor(id), Number(count)),
  crash: (stage, [id = '']) => {
    const actor = stage.actor(id);
    actor.core = undefined;
    actor.pending = [];
  },
  restart: (stage, [id = '']) => stage.start(stage.actor(id)),
  wipe: (stage, [id = '']) => {
    const actor = stage.actor(id);
    actor.durable = new LogImage();
    actor.store = `${id}/2`;
    actor.core = undefined;
    actor.pending = [];
  },
  propose: (stage, [id = '', ...names]) => {
    const actor = stage.actor(id);
    const proposals = names.map((name) => ({
      id: stage.named(name, actor),
      frame: frameOf('command', stage.numbering.next()),
    }));
    stage.step(actor, { kind: 'propose', proposals });
  },
  read: (stage, [id = '', name = '']) => {
    const actor = stage.actor(id);
    stage.step(actor, { kind: 'read', id: stage.named(name, actor) });
  },
  transfer: (stage, [id = '', name = '', to]) => {
    const actor = stage.actor(id);
    stage.step(actor, { kind: 'transfer', id: stage.named(name, actor), to });
  },
  change: (stage, [id = '', name = '', ...words]) => {
    const actor = stage.actor(id);
    const at = words.indexOf('learners');
    const voters = members(stage, words.slice(1, at < 0 ? undefined : at));
    const learners = at < 0 ? [] : members(stage, words.slice(at + 1));
    const changeId = stage.named(name, actor);
    stage.step(actor, { kind: 'change', id: changeId, wanted: { voters, learners } });
  },
  compact: (stage, [id = '', index]) => {
    const actor = stage.actor(id);
    stage.snapshot(actor);
    const floor = { index: Number(index), term: actor.image.termOf(Number(index)) ?? 0 };
    actor.image.compact(floor);
    actor.durable.compact(floor);
    stage.step(actor, { kind: 'compacted', floor });
  },
  send: (stage, [, from = '', , to = '']) => {
    const atLeast = takeWanted(stage.actor(from), to);
    arrive(stage, stage.actor(from), stage.actor(to), atLeast);
  },
  offer: (stage, [, from = '', , to = '']) => arrive(stage, stage.actor(from), stage.actor(to), 0),
  lose: (stage, [, from = '', , to = '']) => {
    const wanted = takeWanted(stage.actor(from), to);
    const lost = { kind: 'snapshot_sent', peer: to, index: wanted, ok: false } as const;
    stage.step(stage.actor(from), lost);
  },
  suspect: (stage, [id = '', peer = '']) =>
    stage.step(stage.actor(id), { kind: 'suspect', peer, dead: true }),
  trust: (stage, [id = '', peer = '']) =>
    stage.step(stage.actor(id), { kind: 'suspect', peer, dead: false }),
  unreachable: (stage, [id = '', peer = '']) =>
    stage.step(stage.actor(id), { kind: 'unreachable', peer }),
  tell: (stage, [to = '', kind = '', ...words]) => {
    const message = forged(stage, { to, kind, words });
    stage.step(stage.actor(to), { kind: 'message', message });
  },
  committed: (stage, [id = '', place]) =>
    stage.step(stage.actor(id), { kind: 'told_committed', place: placeOf(place) }),
  expect: (stage, words) => expectation(stage, words),
};

function actorsOf(stage: Stage, ids: Words): readonly Actor[] {
  return ids.length === 0 ? [...stage.actors.values()] : ids.map((id) => stage.actor(id));
}

function namesOf(stage: Stage, ids: Words): ReadonlySet<string> {
  return new Set(actorsOf(stage, ids).map(({ id }) => id));
}

function roleOf(actor: Actor): string {
  return actor.core?.status().role ?? 'down';
}

function messagesOn(
  stage: Stage,
  from: string | undefined,
  to: string | undefined,
): readonly Message[] {
  return stage.queue.filter((message) => message.from === from && message.to === to);
}

function members(stage: Stage, ids: Words): readonly Member[] {
  return ids.map((id) => ({ id, store: stage.actor(id).store, addresses: [] }));
}

function takeWanted(actor: Actor, peer: string): number {
  const wanted = actor.wantsSnapshot.find((one) => one.peer === peer);
  if (wanted === undefined) throw new Error(`${actor.id} was asked for no snapshot for ${peer}`);
  actor.wantsSnapshot = actor.wantsSnapshot.filter((one) => one !== wanted);
  return wanted.at_least;
}

function arrive(stage: Stage, from: Actor, to: Actor, atLeast: number): void {
  const kept = from.image.snapshot;
  const snapshot = kept !== undefined && kept.place.index >= atLeast ? kept : stage.snapshot(from);
  to.received.push(snapshot);
  const { term } = from.core!.status();
  const message = {
    kind: 'install_snapshot',
    from: from.id,
    store: from.store,
    to: to.id,
    term,
    snapshot: snapshot.place,
  } as const;
  stage.step(to, { kind: 'message', message });
  const { index } = snapshot.place;
  stage.step(from, { kind: 'snapshot_sent', peer: to.id, index, ok: true });
}

function placeOf(text: string | undefined): Place {
  const [term = 0, index = 0] = (text ?? '0.0').split('.').map(Number);
  return { term, index };
}

interface Forged {
  readonly to: string;
  readonly kind: string;
  readonly words: Words;
}

function forged(stage: Stage, { to, kind, words }: Forged): Message {
  const after = (word: string): string | undefined =>
    words.includes(word) ? words[words.indexOf(word) + 1] : undefined;
  const from = after('from') ?? '';
  const store = stage.actors.get(from)?.store ?? `${from}/1`;
  const addressed = { from, store, to, term: Number(after('term') ?? 0) };
  const previous = placeOf(after('previous'));
  const commit = Number(after('commit') ?? 0);
  const round = Number(after('round') ?? 0);
  const appended = { previous, commit, round, quiesce: false, eased: false } as const;
  switch (kind) {
    case 'request_vote':
      return {
        kind,
        ...addressed,
        question: 0,
        pre: words.includes('pre'),
        transfer: words.includes('transfer'),
        last: placeOf(after('last')),
      };
    case 'request_vote_response':
      return {
        kind,
        ...addressed,
        asker: after('asked') ?? stage.actors.get(to)?.store ?? `${to}/1`,
        question: 0,
        pre: words.includes('pre'),
        granted: words.includes('granted'),
        stale_member: words.includes('stale'),
      };
    case 'append_entries':
      return { kind, ...addressed, ...appended, entries: entriesAfter(previous, words) };
    case 'heartbeat':
      return { kind: 'append_entries', ...addressed, ...appended, entries: [] };
    case 'append_entries_response':
      return { kind, ...addressed, round, success: true, match: Number(after('match')) };
    case 'read_index_response':
      return { kind, ...addressed, round: 0, index: Number(after('at')) };
    case 'timeout_now':
      return { kind, ...addressed };
    default:
      throw new Error(`nobody can say ${kind}`);
  }
}

function entriesAfter({ index }: Place, words: Words): readonly Entry[] {
  const begin = words.indexOf('terms') + 1;
  const terms = words.slice(begin).map(Number);
  const end = terms.findIndex(Number.isNaN);
  return terms.slice(0, end < 0 ? undefined : end).map((term, at) => ({
    term,
    index: index + at + 1,
    frame: frameOf('command', 1_000_000 + term * 1_000 + index + at + 1),
  }));
}

function expectation(stage: Stage, words: Words): void {
  const [subject = '', what = '', ...rest] = words;
  if (subject === 'peer') expectPeer(stage, what, rest);
  else if (what === '>') expectMessage(stage, subject, rest);
  else if (stage.actors.has(subject)) expectActor(stage.actor(subject), stage, [what, ...rest]);
  else equal(settledAs(stage, subject), [what, ...rest].join(' '));
}

function settledAs(stage: Stage, name: string): string {
  const asked = stage.ids.get(name);
  if (asked === undefined) throw new Error(`nothing is called ${name}`);
  const settled = asked.actor.settled.get(asked.id);
  if (settled === undefined) return 'open';
  return settled.kind === 'refused' ? `refused ${settled.reason}` : settled.kind;
}

function expectPeer(stage: Stage, id: string, [peer = '', ...json]: Words): void {
  const found = stage
    .actor(id)
    .core?.status()
    .peers.find((one) => one.id === peer);
  if (found === undefined) throw new Error(`${id} knows no peer ${peer}`);
  contains({ ...found }, JSON.parse(json.join(' ')) as object);
}

function expectMessage(stage: Stage, from: string, [to = '', kind, ...json]: Words): void {
  const waiting = messagesOn(stage, from, to);
  if (kind === 'nothing') {
    equal(waiting.map((message) => message.kind).join(' '), '');
    return;
  }
  const message = waiting.find((one) => one.kind === kind);
  if (message === undefined) throw new Error(`${from} says no ${kind} to ${to}`);
  const entries = 'entries' in message ? { entries: message.entries.length } : {};
  const wanted = json.length === 0 ? {} : (JSON.parse(json.join(' ')) as object);
  contains({ ...message, ...entries }, wanted);
}

function contains(found: object, wanted: object): void {
  for (const [name, value] of Object.entries(wanted)) {
    const other: unknown = (found as { readonly [name: string]: unknown })[name];
    if (!isDeepStrictEqual(other, value))
      throw new Error(`${name} is ${JSON.stringify(other)}, not ${JSON.stringify(value)}`);
  }
}

function expectActor(actor: Actor, stage: Stage, [what = '', ...rest]: Words): void {
  const wanted = rest.join(' ');
  if (what === 'machine') {
    equal(actor.digest, stage.actor(rest[1] ?? '').digest);
    return;
  }
  const found = seen(actor)[what];
  if (found === undefined) throw new Error(`nobody can see ${what}`);
  equal(String(found()), wanted);
}

function seen(actor: Actor): { readonly [what: string]: () => string | number } {
  const status = (): ReturnType<NonNullable<Actor['core']>['status']> => actor.core!.status();
  const ids = (some: readonly Member[]): string => some.map(({ id }) => id).join(' ') || '-';
  return {
    role: () => roleOf(actor),
    term: () => status().term,
    leader: () => status().leader ?? 'nobody',
    commit: () => status().commit,
    applied: () => actor.applied,
    wants: () => actor.wantsSnapshot.length,
    last: () => status().last.index,
    log: () => actor.image.entries.map(({ term }) => term).join(' '),
    durable: () => actor.durable.last.index,
    vote: () => actor.durable.hard.vote.replace(/@.*/, '') || 'nobody',
    voted: () => actor.durable.hard.term,
    members: () => {
      const { voters, outgoing, learners } = status().configuration;
      return [voters, outgoing, learners].map(ids).join(' | ');
    },
  };
}

function equal(found: unknown, wanted: unknown): void {
  if (found !== wanted) throw new Error(`it is ${String(found)}, not ${String(wanted)}`);
}

/** Everybody at the moment of a failure. */
function told(stage: Stage): string {
  const actors = [...stage.actors.values()].map((actor) => {
    const log = actor.image.entries.map(({ term }) => term).join(' ');
    if (actor.core === undefined) return `  ${actor.id} is down, log ${log}`;
    const { role, term, leader, commit } = actor.core.status();
    return `  ${actor.id} ${role} of term ${term}, leader ${leader}, commit ${commit}, log ${log}`;
  });
  const queue = stage.queue.map((message) => `  waits: ${JSON.stringify(message)}`);
  return [`at ${stage.now} ms`, ...actors, ...queue].join('\n');
}
