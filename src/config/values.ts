/**
 * How the text of a setting is read: each reader takes what a person would write in a unit file and
 * gives the typed value, or says in a few words what it wanted instead.
 */
import { isIP } from 'node:net';
import { z } from 'zod';
import { parseRetention, type Retention } from '../log/retention.ts';
import type { Milliseconds } from '../log/time.ts';
import { parseAddress } from '../protocols/transport/address.ts';

/** A reader made of a function that answers undefined where the text says nothing it knows. */
export function reader<Value>(
  wanted: string,
  read: (text: string) => Value | undefined,
): z.ZodType<Value, string> {
  return z.string().transform((text, context) => {
    const value = read(text.trim());
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: `is not ${wanted}` });
    return z.NEVER;
  });
}

const WORDS: Readonly<Record<string, boolean>> = {
  '1': true,
  true: true,
  yes: true,
  on: true,
  '0': false,
  false: false,
  no: false,
  off: false,
};

export const flag = reader('one of 1, true, yes, on, 0, false, no, off', (text) => {
  const word = text.toLowerCase();
  return Object.hasOwn(WORDS, word) ? WORDS[word] : undefined;
});

function numberIn(text: string, low: number, high: number): number | undefined {
  const number = text === '' ? Number.NaN : Number(text);
  return number >= low && number <= high ? number : undefined;
}

/** A whole number of things within bounds. */
export function count(low: number, high: number): z.ZodType<number, string> {
  return reader(`a whole number from ${low} to ${high}`, (text) =>
    /^\d+$/.test(text) ? numberIn(text, low, high) : undefined,
  );
}

export const fraction = reader('a fraction between 0 and 1', (text) => numberIn(text, 0, 1));

const BYTES: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};
const MILLISECONDS: Readonly<Record<string, number>> = {
  ms: 1,
  // The sources write durations as plain seconds.
  '': 1_000,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

interface AmountOf {
  readonly units: Readonly<Record<string, number>>;
  /** As one would write it. */
  readonly wanted: string;
  readonly low: number;
  readonly high: number;
}

/** An amount with a unit, in the unit that counts 1. */
function amount({ units, wanted, low, high }: AmountOf): z.ZodType<number, string> {
  return reader(wanted, (text) => {
    const written = /^(?<number>\d+(?:\.\d+)?)\s*(?<unit>[a-z]*)$/i.exec(text);
    const scale = units[String(written?.groups?.['unit']).toLowerCase()];
    if (scale === undefined) return undefined;
    const total = Math.round(Number.parseFloat(text) * scale);
    return numberIn(String(total), low, high);
  });
}

/** A size of at least `low` bytes. The upper end is more than any disk of today. */
export function bytes(low: number): z.ZodType<number, string> {
  const wanted = `a size like 64MiB or 1GiB, from ${low} bytes to 1024TiB`;
  return amount({ units: BYTES, wanted, low, high: 2 ** 50 });
}

/** A duration of at least `low` ms. A day is the longest that a timer of ours has to bear. */
export function duration(low: Milliseconds): z.ZodType<Milliseconds, string> {
  const wanted = `a duration like 500ms, 60s or 5m, from ${low}ms to 1d`;
  return amount({ units: MILLISECONDS, wanted, low, high: 86_400_000 });
}

export const retention: z.ZodType<Retention, string> = reader(
  'all, or an amount to keep like "100000 entries", 64GiB or 30d',
  parseRetention,
);

const IDENTIFIER = /^[A-Za-z0-9._:-]{1,128}$/;

export const identifier = reader('a name of 1 to 128 letters, digits or . _ : -', (text) =>
  IDENTIFIER.test(text) ? text : undefined,
);

/** Every part of a list between commas, or nothing where one of them says nothing. */
function listOf<Item>(text: string, read: (part: string) => Item | undefined): Item[] | undefined {
  const items = text.split(',').map((part) => read(part.trim()));
  return items.every((item) => item !== undefined) ? items : undefined;
}

export const identifiers = reader(
  'names of 1 to 128 letters, digits or . _ : -, between commas',
  (text) => listOf(text, (part) => (IDENTIFIER.test(part) ? part : undefined)),
);

const HOST_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;

/** An IPv6 address may stand in brackets, as in a URL; they are taken off. */
export const host = reader('a host name, or an address like 10.0.0.1 or fd00::7', (text) => {
  const bare = text.replace(/^\[(.*)\]$/, '$1');
  return isIP(bare) !== 0 || HOST_NAME.test(bare) ? bare : undefined;
});

const HTTP = /^http(s?):\/\//i;

/** What a node prints as its URL leads to it as well: the HTTP port takes websockets of other nodes. */
function addressIn(text: string): string | undefined {
  const address = text.replace(HTTP, 'ws$1://');
  return parseAddress(address) === undefined ? undefined : address;
}

export const addresses = reader(
  'addresses like 10.0.0.1:4321, [fd00::7]:4321, http://10.0.0.1:8770 or ws://10.0.0.1:8770, between commas',
  (text) => listOf(text, addressIn),
);

/** Another node, as a setting names it. */
export interface ConfiguredPeer {
  readonly id: string;
  /** Where its Raft listens, or a websocket on its HTTP port; best first. */
  readonly addresses: readonly string[];
}

const PEER = /^(?<id>[A-Za-z0-9._:-]{1,128})@(?<places>.+)$/;
const PLACE = /^(?<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?<ports>(?::\d{1,5}){0,2})$/;
const WEBSOCKET = /^wss?:\/\//;
export const RAFT_PORT = 4321;
/** Of HTTP and of Raft, where a peer's are not said. */
const PORTS = ['8770', String(RAFT_PORT)];

function peerIn(text: string): ConfiguredPeer | undefined {
  const found = PEER.exec(text)?.groups;
  if (found === undefined) return undefined;
  const places = String(found['places']).split('|').map(placeIn);
  return places.every((place) => place !== undefined)
    ? { id: String(found['id']), addresses: places }
    : undefined;
}

/** The address that a place stands for. */
function placeIn(text: string): string | undefined {
  return WEBSOCKET.test(text) ? addressIn(text) : raftAddressIn(text);
}

/** The host with the port of its Raft. */
function raftAddressIn(text: string): string | undefined {
  const found = PLACE.exec(text)?.groups;
  if (found === undefined) return undefined;
  const ports = portsIn(String(found['ports']));
  const [http, raft] = ports.map((port) => addressIn(`${found['host']}:${port}`));
  return http === undefined ? undefined : raft;
}

/** `:8770:4321`, `:8770` or nothing. */
function portsIn(text: string): readonly string[] {
  const said = text.split(':').slice(1);
  return [...said, ...PORTS.slice(said.length)];
}

export const peers = reader(
  'nodes like node-2@10.0.0.2, node-2@10.0.0.2:8770:4321 or node-2@ws://10.0.0.2:8770, between commas',
  (text) => listOf(text, peerIn),
);

const SECRET_LENGTH_MIN = 16;

export const secret = reader(`a text of at least ${SECRET_LENGTH_MIN} characters`, (text) =>
  text.length >= SECRET_LENGTH_MIN ? text : undefined,
);

export const path = reader('a path', (text) => (text === '' ? undefined : text));

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/;

/** The only addresses a node listens on as long as nobody has to say who they are. */
export const loopbackHost = reader(
  'a loopback address; nothing listens beyond loopback without authentication',
  (text) => (LOOPBACK.test(text) ? text : undefined),
);

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LEVELS)[number];

export const logLevel = reader(`one of ${LEVELS.join(', ')}`, (text) =>
  LEVELS.find((level) => level === text.toLowerCase()),
);
