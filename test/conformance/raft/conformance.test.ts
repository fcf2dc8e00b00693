/** What Raft prescribes and what its implementations once got wrong, as scenarios in text. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RaftCore } from '../../../src/protocols/raft/core/core.ts';
import { play, titleOf } from './scenario.ts';

const FOLDER = join(import.meta.dirname, 'scenarios');
const scenarios = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.txt'))
  .map((name) => ({ name, text: readFileSync(join(FOLDER, name), 'utf8') }));

test.each(scenarios.map(({ name, text }) => [`${name}: ${titleOf(text)}`, text] as const))(
  '%s',
  (_title, text) => {
    play(text, (options, now) => new RaftCore(options, now));
  },
);

test('a scenario that expects what does not hold fails, and names its line', () => {
  const text = '# wrong\nnodes a\nstart\ncampaign a\ndeliver\nexpect a role follower\n';
  const playing = (): void => play(text, (options, now) => new RaftCore(options, now));
  expect(playing).toThrow(/line 6: expect a role follower\n {2}it is leader, not follower/);
});
