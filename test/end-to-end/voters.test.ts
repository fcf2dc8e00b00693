/** Who votes, as operators say it: by command, and by settings that may be older than the log. */
import { expect, test } from 'vitest';
import { fetched } from './ask.ts';
import { ClusterProcesses } from './cluster-processes.ts';
import { until } from './condition.ts';
import { quorate } from './quorate-command.ts';

/** Another change is under way, nobody leads at the moment, or it was not heard what became of it. */
const LATER = /another change is under way|nobody leads|look before you repeat/;

/** `quorate voters set …` until it is done. */
async function setVoters(cluster: ClusterProcesses, at: string, ...words: readonly string[]) {
  return until(words.join(' '), async () => {
    const { url } = cluster.node(at);
    const { code, stdout, stderr } = await quorate('voters', 'set', ...words, '--url', url);
    if (code !== 0 && !LATER.test(stderr)) throw new Error(stderr);
    return code === 0 && stdout;
  });
}

async function voterConfigOf(cluster: ClusterProcesses, id: string): Promise<unknown> {
  return (await fetched(`${cluster.node(id).url}/status`))['voter_config'];
}

test('quorate voters set says who votes and who only follows, and lets go of whom it does not name', async () => {
  const cluster = await ClusterProcesses.found('a', 'b', 'c');
  const said = await setVoters(cluster, 'b', 'a,b', '--learners', 'c');
  expect(said).toMatch(/voters +a, b\n *learners +c/);
  expect(await cluster.members('a')).toMatchObject({ voters: ['a', 'b'], learners: ['c'] });
  await until('c learns', async () => (await cluster.members('c')).role === 'learner');
  // A learner has what is written, and its own clients write.
  expect(await cluster.reads('a', await cluster.write('c'))).toBe(200);

  // Unless learners are said, those there are stay; and one of them votes again.
  expect(await setVoters(cluster, 'a', 'a,b')).toMatch(/learners +c/);
  expect(await setVoters(cluster, 'c', 'a,b,c')).toMatch(/voters +a, b, c\n *learners +none/);
  await until('c votes', async () => (await cluster.members('c')).voters.includes('c'));
  await cluster.agreed();
});

test('settings that name other voters than the log are warned of once at the start, and shown', async () => {
  const cluster = await ClusterProcesses.found('a', 'b', 'c');
  const all = ['a', 'b', 'c'];
  expect(await voterConfigOf(cluster, 'a')).toMatchObject({
    said: all,
    committed: all,
    matches: true,
  });
  await setVoters(cluster, 'a', 'a,b', '--learners', 'c');
  for (const id of ['a', 'b']) await cluster.node(id).stop();
  await cluster.start('a');
  // Nobody leads who could say how far its log is committed.
  const warnings = (): number =>
    cluster.node('a').output.match(/"level":40.*voters_of_settings_differ_from_log/g)?.length ?? 0;
  await until('it is warned of', () => Promise.resolve(warnings() > 0));
  await cluster.start('b');
  await cluster.isReady('a');
  const shown = await until('it knows the voters', async () => {
    const config = (await voterConfigOf(cluster, 'a')) as { readonly matches: boolean } | null;
    return config?.matches === false && config;
  });
  expect(shown).toEqual({
    said: all,
    committed: ['a', 'b'],
    said_hash: expect.stringMatching(/^[0-9a-f]{16}$/),
    committed_hash: expect.stringMatching(/^[0-9a-f]{16}$/),
    matches: false,
  });
  expect(warnings()).toBe(1);
  const { stdout } = await quorate('status', '--url', cluster.node('a').url);
  expect(stdout).toMatch(/the settings name other voters \(a, b, c\) than the log, which rules/);

  // Whoever was told of nobody is not warned.
  await cluster.node('b').stop();
  await cluster.start('b', {});
  await cluster.isReady('b');
  expect(await voterConfigOf(cluster, 'b')).toBeNull();
  expect(cluster.node('b').output).not.toMatch(/voters_of_settings/);
});
