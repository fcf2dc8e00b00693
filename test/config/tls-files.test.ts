import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readTls, TlsFault } from '../../src/config/tls-files.ts';

const FILES = join(import.meta.dirname, '../end-to-end/certificates');
const OF_A = {
  key: join(FILES, 'a.key'),
  cert: join(FILES, 'a.crt'),
  ca: join(FILES, 'ca.crt'),
};

async function fileOf(text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'quorate-tls-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const file = join(directory, 'file.pem');
  await writeFile(file, text);
  return file;
}

test('key, certificate and authority are read as they are', async () => {
  const texts = await readTls(OF_A, 'a');
  expect(texts.key).toContain('PRIVATE KEY');
  for (const text of [texts.cert, texts.ca]) expect(text).toContain('BEGIN CERTIFICATE');
});

test.each([
  ['CLUSTER_TLS_KEY', 'key'],
  ['CLUSTER_TLS_CERT', 'cert'],
  ['CLUSTER_TLS_CA', 'ca'],
] as const)('a file that is not there is named by its setting: %s', async (setting, part) => {
  const reading = readTls({ ...OF_A, [part]: '/nowhere/file.pem' }, 'a');
  await expect(reading).rejects.toThrow(
    new RegExp(`^${setting} /nowhere/file.pem cannot be read: ENOENT`),
  );
  await expect(reading).rejects.toBeInstanceOf(TlsFault);
});

test.each([
  ['CLUSTER_TLS_KEY', 'key'],
  ['CLUSTER_TLS_CERT', 'cert'],
  ['CLUSTER_TLS_CA', 'ca'],
] as const)(
  'a file that holds something else is named by its setting: %s',
  async (setting, part) => {
    const file = await fileOf('nothing of the kind');
    await expect(readTls({ ...OF_A, [part]: file }, 'a')).rejects.toThrow(
      `${setting} ${file} is not usable: `,
    );
  },
);

test('a key that does not belong to the certificate is told', async () => {
  const key = join(FILES, 'b.key');
  await expect(readTls({ ...OF_A, key }, 'a')).rejects.toThrow(
    `CLUSTER_TLS_KEY ${key} is not usable`,
  );
});

test('a certificate that names another node is told at the start, not by every peer', async () => {
  await expect(readTls(OF_A, 'b')).rejects.toThrow(`${OF_A.cert} does not name node b`);
});
