/** A leader's view of a peer, for people. */
import type { CoreStatus, PeerStatus } from './core/status.ts';

/** How far a peer is, for people. */
export function progressFor({ last }: Pick<CoreStatus, 'last'>): (peer: PeerStatus) => object {
  return ({ last_contact, ...peer }) => ({
    ...peer,
    lag: last.index - peer.match,
    last_contact_ms: Math.round(last_contact),
  });
}
