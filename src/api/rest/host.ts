/**
 * Who may be meant by a request to a node that listens on the loopback interface only.
 *
 * A page in a browser on this machine can reach us under a name of its own that resolves to 127.0.0.1
 * (DNS rebinding). Its requests carry that name as Host, or its own Origin; both are refused.
 */
import type { IncomingHttpHeaders } from 'node:http';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i;

/** Why the request is not for this node; undefined where it is. */
export function strangeness({ host, origin }: IncomingHttpHeaders): string | undefined {
  if (!LOOPBACK.test(String(host))) return 'the Host is not this machine';
  return origin !== undefined && !isOurs(origin) ? 'the Origin is another site' : undefined;
}

function isOurs(origin: string): boolean {
  const host = /^https?:\/\/(.*)$/.exec(origin);
  return host !== null && LOOPBACK.test(String(host[1]));
}
