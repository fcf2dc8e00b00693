/**
 * Who may be talked to: the rules a hello is held against, in the order in which a person would want to
 * know of them. Each names its reason; the first that objects is what both sides are told.
 */
import type { Duplex } from 'node:stream';
import { checkServerIdentity, type PeerCertificate, TLSSocket } from 'node:tls';
import type { Objection, Refusal } from './handshake.ts';
import type { Hello } from './hello.ts';
import type { PeerIdentity } from './network.ts';

/** How the other end came here. */
export interface Origin {
  /** `host:port` as dialled, or as seen. */
  readonly address: string;
  /** The connection stays on this machine. */
  readonly isLocal: boolean;
  readonly proof: Proof;
}

/** What TLS knows of the other end. */
export type Proof =
  | { readonly kind: 'none' }
  | { readonly kind: 'certificate'; readonly certificate: PeerCertificate }
  | { readonly kind: 'untrusted'; readonly reason: string };

/**
 * Sockets are opened so that TLS lets everybody through to here: who is not trusted is then told why, by
 * the handshake, instead of being cut off. Nobody here resumes a session, so one that is resumed proves nothing.
 */
export function proofOf(stream: Duplex): Proof {
  if (!(stream instanceof TLSSocket)) return { kind: 'none' };
  if (stream.authorized && !stream.isSessionReused())
    return { kind: 'certificate', certificate: stream.getPeerCertificate() };
  return { kind: 'untrusted', reason: String(stream.authorizationError) };
}

/** Whom there is no reason to listen to. */
export function stranger(origin: Origin, secret: string | undefined): Refusal | undefined {
  if (origin.proof.kind === 'untrusted')
    return {
      code: 'wrong-certificate',
      detail: `the authority of this node's cluster has not signed it (${origin.proof.reason})`,
    };
  return origin.proof.kind === 'none' && secret === undefined ? fromElsewhere(origin) : undefined;
}

/** Without a secret or a certificate, only this machine is trusted. */
function fromElsewhere(origin: Origin): Refusal | undefined {
  if (origin.isLocal) return undefined;
  return {
    code: 'secret-needed',
    detail: `without a cluster secret or TLS only loopback peers are accepted, and ${origin.address} is none`,
  };
}

/** What a hello must satisfy before anything is proved. */
export function objections(own: Hello, origin: Origin, expected: string | undefined): Objection {
  const rules: readonly Objection[] = [
    (peer) => differentVersion(own, peer),
    (peer) => ownName(own, peer),
    (peer) => unexpected(peer, expected),
    (peer) => differentCluster(own.identity, peer.identity),
    (peer) => otherName(peer, origin.proof),
  ];
  return (peer) => {
    const objecting = rules.find((rule) => rule(peer) !== undefined);
    return objecting?.(peer);
  };
}

function differentVersion(own: Hello, peer: Hello): Refusal | undefined {
  if (peer.version >= own.least && own.version >= peer.least) return undefined;
  const [ours, theirs] = [own, peer].map(({ version, least }) => `${least} to ${version}`);
  return {
    code: 'version',
    detail: `node ${own.identity.nodeId} speaks ${ours}, node ${peer.identity.nodeId} ${theirs}`,
  };
}

function ownName(own: Hello, peer: Hello): Refusal | undefined {
  const { nodeId } = own.identity;
  if (peer.identity.nodeId !== nodeId) return undefined;
  const whose = own.instance.equals(peer.instance) ? 'the node itself' : 'another with its name';
  return {
    code: 'wrong-node',
    detail: `${whose} is at the other end of a connection of ${nodeId}`,
  };
}

function unexpected(peer: Hello, expected: string | undefined): Refusal | undefined {
  const { nodeId } = peer.identity;
  if (expected === undefined || expected === nodeId) return undefined;
  return { code: 'wrong-node', detail: `node ${nodeId} answers at an address of node ${expected}` };
}

/** A store without a cluster yet may talk to any: that is how it joins. */
export function differentCluster(own: PeerIdentity, peer: PeerIdentity): Refusal | undefined {
  const [one, other] = [own.clusterId, peer.clusterId];
  if (one === other || one === undefined || other === undefined) return undefined;
  return {
    code: 'wrong-cluster',
    detail: `node ${own.nodeId} belongs to cluster ${one}, node ${peer.nodeId} to cluster ${other}`,
  };
}

/** A certificate speaks for the node it names, and for no other. */
function otherName(peer: Hello, proof: Proof): Refusal | undefined {
  if (proof.kind !== 'certificate') return undefined;
  const { nodeId } = peer.identity;
  const fault = checkServerIdentity(nodeId, proof.certificate);
  if (fault === undefined) return undefined;
  return {
    code: 'wrong-certificate',
    detail: `the certificate does not name node ${nodeId} (${fault.message})`,
  };
}
