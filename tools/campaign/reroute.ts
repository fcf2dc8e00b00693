/**
 * What a network does between a dialler and its peers: a preload for node processes that leads each
 * connection to a peer's port through the proxy that stands on the way there.
 *
 * Every node names its peers by the addresses they have, as the log does, so that a change of members does
 * not lead around the proxies; only where the bytes go is different, as behind any router.
 */
import type { Mesh } from '../../test/faults/mesh.ts';

const SOURCE = `
  import { Socket } from 'node:net';
  const ways = new Map(JSON.parse(process.env.CAMPAIGN_WAYS));
  const { connect } = Socket.prototype;
  Socket.prototype.connect = function (...words) {
    const options = Array.isArray(words[0]) ? words[0][0] : words[0];
    const port = ways.get(Number(options?.port));
    if (port !== undefined) options.port = port;
    return connect.apply(this, words);
  };
`;

/** Arguments of node itself. */
export const REROUTE: readonly string[] = [
  '--import',
  `data:text/javascript,${encodeURIComponent(SOURCE)}`,
];

/** @returns environment of the node `dialler`, whose peers listen on these ports */
export function waysOf(
  mesh: Mesh,
  dialler: string,
  peers: readonly { readonly id: string; readonly raftPort: number }[],
): Readonly<Record<string, string>> {
  const others = peers.filter(({ id }) => id !== dialler);
  const ways = others.map(({ id, raftPort }) => [raftPort, mesh.port(dialler, id)]);
  return { CAMPAIGN_WAYS: JSON.stringify(ways) };
}
