/** Nodes that compare what they decided: what each says, and who mends itself. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { Comparing, Divergence } from '../../../src/protocols/coordinator/comparing.ts';
import { VirtualClock } from '../virtual-clock.ts';

const ROUND = 1_000;

/** A node as others see it: the entries it decided differently, each in a way of its own. */
class Peer {
  readonly id: string;
  position = 100;
  isReached = true;
  asked = 0;
  /** Entry by entry, in what way it was decided where it was not decided rightly. */
  wrong = new Map<number, string>();

  constructor(id: string) {
    this.id = id;
  }

  /** Two nodes differ from the first entry on that they decided differently. */
  digestAt(index: number): string {
    const ways = [...this.wrong].filter(([at]) => at <= index);
    return JSON.stringify(ways.toSorted(([one], [other]) => one - other));
  }
}

/** A node that compares. */
class Comparer extends Peer {
  readonly faults: Error[] = [];
  readonly told: string[] = [];
  readonly rebuilt: number[] = [];
  readonly comparing: Comparing;
  floor = 0;
  transfers = 0;
  /** What deciding again makes of it. */
  rebuild: () => Promise<void> = () => {
    this.wrong.clear();
    return Promise.resolve();
  };

  constructor(id: string, fleet: Fleet) {
    super(id);
    this.comparing = new Comparing({
      name: id,
      self: id,
      clock: fleet.clock,
      engine: () => ({
        status: () => ({ voters: fleet.voters, leader_id: fleet.leader }),
        digestOf: (other, index) => Promise.resolve(fleet.asked(other, index)),
        whilePaused: (work) => work(),
        transfer: () => {
          this.transfers += 1;
          return fleet.transfer();
        },
      }),
      position: () => this.position,
      floor: () => this.floor,
      digestAt: (index) => Promise.resolve(this.digestAt(index)),
      rebuild: (below) => {
        this.rebuilt.push(below);
        return this.rebuild();
      },
      onFault: (fault) => this.faults.push(fault),
      onError: (error) => this.told.push((error as Error).message),
    });
    this.comparing.start();
    onTestFinished(() => this.comparing.stop());
  }
}

class Fleet {
  readonly clock = new VirtualClock();
  readonly nodes = new Map<string, Peer>();
  voters: readonly string[];
  leader: string | undefined = 'a';
  transfer = (): Promise<unknown> => Promise.resolve({ kind: 'changed' });

  constructor(...voters: readonly string[]) {
    this.voters = voters;
    for (const id of voters) this.nodes.set(id, new Peer(id));
  }

  comparer(id: string): Comparer {
    const comparer = new Comparer(id, this);
    this.nodes.set(id, comparer);
    return comparer;
  }

  at(id: string): Peer {
    return this.nodes.get(id)!;
  }

  asked(id: string, index: number): string | undefined {
    const node = this.at(id);
    node.asked += 1;
    return node.isReached && index <= node.position ? node.digestAt(index) : undefined;
  }

  rounds(count: number): Promise<void> {
    return this.clock.advance(count * ROUND);
  }
}

const BIT = new Map([[42, 'a flipped bit']]);

describe('a node that decided as most voters did', () => {
  test('a follower asks the leader only, a leader everybody, and nobody asks again where they agreed', async () => {
    const fleet = new Fleet('a', 'b', 'c');
    const [leader, follower] = [fleet.comparer('a'), fleet.comparer('b')];
    await fleet.rounds(10);
    expect([leader.asked, follower.asked, fleet.at('c').asked]).toEqual([1, 1, 1]);
    leader.position += 1;
    follower.position += 1;
    fleet.at('c').position += 1;
    await fleet.rounds(10);
    expect([leader.asked, follower.asked, fleet.at('c').asked]).toEqual([2, 2, 2]);
    expect([...leader.told, ...follower.told]).toEqual([]);
    expect(leader.comparing.divergences).toEqual({ found: 0, last: null, agreed_root: 0 });
  });

  test('what nobody could tell is asked again', async () => {
    const fleet = new Fleet('a', 'b', 'c');
    const follower = fleet.comparer('b');
    fleet.at('a').isReached = false;
    await fleet.rounds(5);
    expect(fleet.at('a').asked).toBe(4);
    fleet.at('a').isReached = true;
    await fleet.rounds(5);
    expect(fleet.at('a').asked).toBe(5);
    expect(follower.told).toEqual([]);
  });

  test('says once who decided differently, whoever leads, and leaves its own tables as they are', async () => {
    const fleet = new Fleet('a', 'b', 'c');
    const [leader, follower] = [fleet.comparer('a'), fleet.comparer('b')];
    fleet.at('c').wrong = BIT;
    await fleet.rounds(5);
    expect(leader.told).toEqual([
      'entry 42 was decided differently on c; a majority decided it as it was decided here',
    ]);
    expect(leader.comparing.divergences).toMatchObject({
      found: 1,
      last: { index: 42, verdict: 'right', other: 'c' },
    });
    expect(follower.told).toEqual([]);
    fleet.leader = 'c';
    fleet.at('c').position += 1;
    follower.position += 1;
    await fleet.rounds(5);
    expect(follower.told).toEqual(leader.told);
    for (const node of [leader, follower]) expect([...node.rebuilt, ...node.faults]).toEqual([]);
  });

  test('what comes again after everybody has agreed is said again', async () => {
    const fleet = new Fleet('a', 'b', 'c');
    const leader = fleet.comparer('a');
    for (let times = 1; times <= 2; times++) {
      fleet.at('c').wrong = BIT;
      for (const node of fleet.nodes.values()) node.position += 1;
      await fleet.rounds(3);
      expect(leader.told).toHaveLength(times);
      fleet.at('c').wrong = new Map();
      await fleet.rounds(3);
    }
  });

  test('a leader that differs from two finds out about both, though one of them is wrong itself', async () => {
    const fleet = new Fleet('a', 'b', 'c', 'd', 'e');
    const leader = fleet.comparer('a');
    fleet.at('b').wrong = new Map([[7, 'another bit']]);
    leader.wrong = new Map(BIT);
    await fleet.rounds(2);
    expect(leader.told).toEqual([
      'entry 7 was decided differently on b; a majority decided it as it was decided here',
      'entry 42 was decided differently here',
    ]);
    expect(leader.rebuilt).toEqual([42]);
  });
});

describe('a node that decided differently from most voters', () => {
  test('a follower is healed by deciding again, and says by which entry', async () => {
    const fleet = new Fleet('a', 'b', 'c');
    const follower = fleet.comparer('b');
    follower.wrong = new Map(BIT);
    await fleet.rounds(5);
    expect(follower.told).toEqual(['entry 42 was decided differently here']);
    expect(follower.rebuilt).toEqual([42]);
    expect([follower.faults, follower.transfers]).toEqual([[], 0]);
    expect(follower.comparing.divergences).toMatchObject({
      found: 1,
      last: { index: 42, verdict: 'wrong', other: 'a' },
    });
  });

  test('a leader hands over first; where nobody takes it, it is healed all the same', async () => {
    const fleet = new Fleet('a', 'b', 'c');
    const leader = fleet.comparer('a');
    leader.wrong = new Map(BIT);
    let rebuiltBefore: number | undefined;
    fleet.transfer = () => {
      rebuiltBefore = leader.rebuilt.length;
      return Promise.reject(new Error('nobody takes it'));
    };
    await fleet.rounds(5);
    expect(rebuiltBefore).toBe(0);
    expect(leader.told).toEqual(['entry 42 was decided differently here', 'nobody takes it']);
    expect([leader.rebuilt, leader.transfers, leader.faults]).toEqual([[42], 1, []]);
  });

  test('a learner is judged by the voters, and has no say itself', async () => {
    const fleet = new Fleet('a', 'b');
    const learner = fleet.comparer('c');
    learner.wrong = new Map(BIT);
    await fleet.rounds(3);
    expect(learner.rebuilt).toEqual([42]);
    fleet.at('b').isReached = false;
    learner.wrong = new Map([[50, 'another']]);
    learner.position += 1;
    fleet.at('a').position += 1;
    await fleet.rounds(3);
    expect(learner.told.at(-1)).toBe(
      'entry 50 was decided differently here and on a, and no majority can say which is right',
    );
  });

  test('who decides differently again does not go on', async () => {
    const fleet = new Fleet('a', 'b', 'c');
    const follower = fleet.comparer('b');
    follower.wrong = new Map(BIT);
    follower.rebuild = () => Promise.resolve();
    await fleet.rounds(2);
    expect(follower.faults).toEqual([new Divergence(42)]);
    expect(follower.rebuilt).toEqual([42]);
  });

  test('who cannot decide again does not go on, and says why it cannot', async () => {
    const fleet = new Fleet('a', 'b', 'c');
    const follower = fleet.comparer('b');
    follower.wrong = new Map(BIT);
    follower.rebuild = () => Promise.reject(new Error('entries below 60 were trimmed'));
    await fleet.rounds(2);
    expect(follower.told).toEqual([
      'entry 42 was decided differently here',
      'entries below 60 were trimmed',
    ]);
    expect(follower.faults).toEqual([new Divergence(42)]);
  });

  test('below what it still has, nothing is compared', async () => {
    const fleet = new Fleet('a', 'b', 'c');
    const follower = fleet.comparer('b');
    follower.wrong = new Map(BIT);
    await fleet.rounds(1);
    follower.floor = 200;
    await fleet.rounds(1);
    expect(fleet.at('a').asked).toBe(0);
    follower.floor = 90;
    await fleet.rounds(1);
    // The first difference it can still see.
    expect(follower.rebuilt).toEqual([91]);
  });
});

describe('where no majority can say who is right', () => {
  test('both decide again, and the one that was wrong is healed', async () => {
    const fleet = new Fleet('a', 'b');
    const [leader, follower] = [fleet.comparer('a'), fleet.comparer('b')];
    leader.wrong = new Map(BIT);
    await fleet.rounds(5);
    expect(leader.told).toEqual([
      'entry 42 was decided differently here and on b, and no majority can say which is right',
    ]);
    expect([...leader.rebuilt, ...follower.rebuilt]).toContain(42);
    expect(leader.digestAt(100)).toBe(follower.digestAt(100));
    expect([...leader.faults, ...follower.faults]).toEqual([]);
  });

  test('who is not healed decides again only once, and goes on; who is found to be wrong later ends', async () => {
    const fleet = new Fleet('a', 'b', 'c');
    const follower = fleet.comparer('b');
    follower.wrong = new Map(BIT);
    follower.rebuild = () => Promise.resolve();
    fleet.at('c').isReached = false;
    await fleet.rounds(20);
    expect(follower.told).toHaveLength(1);
    expect([follower.rebuilt, follower.faults]).toEqual([[42], []]);
    expect(follower.comparing.divergences.last?.verdict).toBe('unknown');
    fleet.at('c').isReached = true;
    await fleet.rounds(1);
    expect(follower.rebuilt).toEqual([42]);
    expect(follower.faults).toEqual([new Divergence(42)]);
  });

  test('three that decided one entry in three ways are told, and none of them ends', async () => {
    const fleet = new Fleet('a', 'b', 'c');
    const nodes = ['a', 'b', 'c'].map((id) => fleet.comparer(id));
    for (const node of nodes) {
      node.wrong = new Map([[42, `the way of ${node.id}`]]);
      node.rebuild = () => Promise.resolve();
    }
    await fleet.rounds(10);
    for (const { told, rebuilt, faults } of nodes) {
      expect(told[0]).toMatch(/^entry 42 .* no majority can say/);
      expect(rebuilt).toEqual([42]);
      expect(faults).toEqual([]);
    }
  });
});
