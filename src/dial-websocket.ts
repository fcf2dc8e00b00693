/** Opens websockets to peers: the form of the transport between nodes that passes where only HTTP does. */
import { WebSocket } from 'ws';
import type { Websocket } from './protocols/transport/websocket-stream.ts';

/** Nodes send each other messages of at most 128 KiB (`websocket-stream.ts`); a longer one ends the connection. */
const MESSAGE_BYTES_MAX = 256 * 1024;

export function dialWebsocket(url: string): Websocket {
  return new WebSocket(url, { perMessageDeflate: false, maxPayload: MESSAGE_BYTES_MAX });
}
