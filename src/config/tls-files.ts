/**
 * What proves a node to others by TLS, read from the files the settings name. What is wrong with them is
 * said at the start, by the name of its setting: later it would only show as peers that refuse each other.
 */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { checkServerIdentity, createSecureContext } from 'node:tls';
import type { TlsFiles } from './cluster.ts';

/** As the transport takes it, PEM. */
export interface TlsTexts {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
}

/** A file that a setting names is not there, or not what it should be. */
export class TlsFault extends Error {}

/** @throws TlsFault that names the setting */
export async function readTls({ key, cert, ca }: TlsFiles, nodeId: string): Promise<TlsTexts> {
  const texts = {
    key: await textIn('CLUSTER_TLS_KEY', key),
    cert: await textIn('CLUSTER_TLS_CERT', cert),
    ca: await textIn('CLUSTER_TLS_CA', ca),
  };
  understood('CLUSTER_TLS_CA', ca, () => new X509Certificate(texts.ca));
  const own = understood('CLUSTER_TLS_CERT', cert, () => new X509Certificate(texts.cert));
  understood('CLUSTER_TLS_KEY', key, () => createSecureContext(texts));
  const misnamed = checkServerIdentity(nodeId, own.toLegacyObject());
  if (misnamed === undefined) return texts;
  throw new TlsFault(`CLUSTER_TLS_CERT ${cert} does not name node ${nodeId}: ${misnamed.message}`);
}

async function textIn(setting: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new TlsFault(`${setting} ${file} cannot be read: ${(error as Error).message}`);
  }
}

function understood<Read>(setting: string, file: string, read: () => Read): Read {
  try {
    return read();
  } catch (error) {
    throw new TlsFault(`${setting} ${file} is not usable: ${(error as Error).message}`);
  }
}
