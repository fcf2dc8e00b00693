/**
 * Where a peer may be found, as people write it:
 *
 * ```
 *   host:port   10.0.0.7:4321   [fd00::7]:4321          TCP
 *   ws://host:port   wss://host:port/v1/peers           a websocket on the HTTP port; the path is /v1/peers unless given
 * ```
 */

const WEBSOCKET_PATH = '/v1/peers';
const TCP = /^(?:\[([0-9a-fA-F:.%\w]+)\]|([^\s:/[\]]+)):(\d{1,5})$/;
const PORT_MAX = 65_535;
/** 127.0.0.0/8, also written as IPv6, and ::1: packets to these never leave the machine. */
const LOOPBACK = /^(?:(?:::ffff:)?127(?:\.\d{1,3}){3}|::1|localhost)$/;

export type Target =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'websocket'; readonly url: string; readonly host: string };

/** @returns nothing where it is no address. */
export function parseAddress(address: string): Target | undefined {
  return /^wss?:\/\//.test(address) ? websocketTarget(address) : tcpTarget(address);
}

function tcpTarget(address: string): Target | undefined {
  const [, v6, name, digits] = TCP.exec(address) ?? [];
  const port = Number(digits);
  return isPort(port) ? { kind: 'tcp', host: String(v6 ?? name), port } : undefined;
}

function isPort(port: number): boolean {
  return port > 0 && port <= PORT_MAX;
}

function websocketTarget(address: string): Target | undefined {
  if (!URL.canParse(address)) return undefined;
  const url = new URL(address);
  if (url.pathname === '/') url.pathname = WEBSOCKET_PATH;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return { kind: 'websocket', url: url.href, host };
}

/** Whether packets to or from this host stay on this machine. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/** `host:port` of a connection's other end, for people; nobody knows it once the connection is closed. */
export function endpoint(host: string | undefined, port: number | undefined): string {
  if (host === undefined) return 'somewhere';
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
