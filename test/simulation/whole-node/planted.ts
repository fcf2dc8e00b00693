/**
 * Nodes with one promise taken away each, built from the seams of a simulated node: what the laws must notice.
 * Nothing of them is in the source.
 */
import { LOCKS } from '../../../src/projections/locks/lock-table.ts';
import type { CommandRule, Projection, Ruling } from '../../../src/projections/projection.ts';
import { KEYS } from '../../../src/projections/sessions.ts';
import { placeOf } from '../../../src/log/frame.ts';
import { History } from '../../../src/protocols/coordinator/history.ts';
import type { Store, StoreBatch } from '../../../src/log/store.ts';
import type { Seams, SimulatedNode } from './node.ts';
import { STUMBLE } from './stumbling.ts';

export interface Planted {
  readonly name: string;
  readonly seams: Seams;
  /** What no seam reaches. @returns the way back */
  readonly plant?: () => () => void;
  /** Laws of which one must be broken. */
  readonly caught: readonly RegExp[];
}

/** A store whose batches are changed on their way. */
function through(store: Store, write: (batch: StoreBatch, sync: boolean) => Promise<void>): Store {
  return {
    ...store,
    batch: () => {
      const batch = store.batch();
      return { ...batch, write: ({ sync }) => write(batch, sync) };
    },
  };
}

/** A projection with one command decided otherwise. */
export function deciding(
  projections: readonly Projection[],
  type: string,
  decide: (rule: CommandRule) => CommandRule['decide'],
): readonly Projection[] {
  return projections.map((projection) => {
    const rule = projection.commands[type];
    if (rule === undefined) return projection;
    const commands = { ...projection.commands, [type]: { ...rule, decide: decide(rule) } };
    return { ...projection, commands };
  });
}

export const PLANTED: readonly Planted[] = [
  {
    name: 'a disk that answers before it has synced',
    seams: { store: (store) => through(store, (batch) => batch.write({ sync: false })) },
    caught: [/^I1/],
  },
  {
    name: 'a hard state that is not written',
    seams: {
      store: (store) => ({
        ...store,
        batch: () => {
          const batch = store.batch();
          return {
            ...batch,
            put: (key, value) => {
              if (!key.toString('latin1').startsWith('h/')) batch.put(key, value);
            },
          };
        },
      }),
    },
    caught: [/^I1/, /^I2/, /fails by itself/],
  },
  {
    name: 'marks of retries that are forgotten',
    seams: {},
    plant: () => {
      const { key } = KEYS;
      Object.assign(KEYS, { key: () => 'where nobody looks' });
      return () => Object.assign(KEYS, { key });
    },
    caught: [/^I4/, /^linearizable/],
  },
  {
    name: 'a lock that is granted to whoever asks',
    seams: {
      projections: (_node, projections) =>
        deciding(projections, 'acquire_lock', (rule) => (ruling, data) => {
          const { name } = data as { readonly name: string };
          const row = ruling.tables.of(LOCKS).get(name);
          if (row === undefined) return rule.decide(ruling, data);
          // As if its holder had asked.
          return rule.decide(ruling, { ...(data as object), owner: row.owner });
        }),
    },
    caught: [/^linearizable/, /^I5/],
  },
  {
    name: 'a token that does not rise',
    seams: {
      projections: (_node, projections) =>
        deciding(
          projections,
          'acquire_lock',
          (rule) => (ruling, data) => rule.decide(withToken(ruling, 1), data),
        ),
    },
    caught: [/^I5/, /^linearizable/],
  },
  {
    name: 'a rule that knows where it runs',
    seams: {
      projections: (node: SimulatedNode, projections) =>
        deciding(
          projections,
          'release_lock',
          (rule) => (ruling, data) =>
            node.id === 'n1' && ruling.index % 4 === 0 ? undefined : rule.decide(ruling, data),
        ),
    },
    caught: [/^I3/],
  },
  {
    name: 'entries that are handed over once more after a start',
    seams: {
      sink: (_node, sink) => {
        let isFirst = true;
        return {
          ...sink,
          committed: (frames) => {
            sink.committed(frames);
            if (isFirst && frames.length > 0) sink.committed(frames.slice(-1));
            isFirst = false;
          },
        };
      },
    },
    caught: [/^I3/, /fails by itself/, /^nothing throws/],
  },
  {
    name: 'a history with an entry left out',
    seams: {},
    plant: () => {
      const { read } = History.prototype;
      History.prototype.read = async function* (...asked) {
        for await (const entries of read.apply(this, asked)) {
          const isLong = entries.length > 2;
          yield isLong ? [...entries.slice(0, 1), ...entries.slice(2)] : entries;
        }
      };
      return () => Object.assign(History.prototype, { read });
    },
    caught: [/^I6/],
  },
  {
    name: 'a node that soon applies nothing any more',
    seams: {
      sink: (node, sink) => ({
        ...sink,
        committed: (frames) => {
          if (node.id !== 'n1' || placeOf(frames[0]!).index < 20) sink.committed(frames);
        },
      }),
    },
    caught: [/^I7/],
  },
  {
    name: 'a leader that knows no bounds',
    seams: {
      bounds: (bounds) => ({
        ...bounds,
        message_entries: bounds.message_entries * 100,
        message_bytes: bounds.message_bytes * 100,
      }),
    },
    caught: [/^I8/],
  },
  {
    name: 'a timer that a stop forgets',
    seams: {
      stop: (node, stop) => {
        node.life.after(1_000_000, () => undefined);
        return stop();
      },
    },
    caught: [/^I9/],
  },
  {
    name: 'a rule of the source that fails',
    seams: {
      projections: (_node, projections) =>
        deciding(projections, 'release_lock', () => () => {
          throw new Error('planted');
        }),
    },
    caught: [/^I11: no rule fails/],
  },
  {
    name: 'a rule that fails half way, and is not taken back',
    seams: {
      projections: (_node, projections) =>
        deciding(projections, STUMBLE, (rule) => (ruling, data) => {
          try {
            return rule.decide(ruling, data);
          } catch {
            return undefined;
          }
        }),
    },
    caught: [/^I11: a failed rule/],
  },
];

/** A ruling whose grants have this token. */
function withToken(ruling: Ruling, token: number): Ruling {
  return new Proxy(ruling, {
    get: (target, name) => {
      if (name === 'token') return token;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
