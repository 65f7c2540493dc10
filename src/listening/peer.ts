/**
 * The peer: the other end of a socket.
 *
 * In: a socket, and what came before its request. Out: a {@link Peer} for admission. It does not know whom to trust.
 */
import { type Server, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { canonicalAddress, UNIX, UNKNOWN } from '../address/ranges.ts';
import type { Forwarded, Peer } from '../admission/admission.ts';
import type { Endpoint } from '../admission/facts.ts';
import { tlsOf } from './tls-facts.ts';

/** What the PROXY protocol said of a socket's client, before its request. */
const forwardedClients = new WeakMap<Duplex, Forwarded>();

/** Remembers what the PROXY protocol said. */
export function setForwarded(socket: Duplex, forwarded: Forwarded): void {
  forwardedClients.set(socket, forwarded);
}

/** The sockets below the TLS sockets that this library has made. */
const encryptedSockets = new WeakMap<Duplex, Duplex>();

/** Remembers what a TLS socket lies over. */
export function setEncrypted(socket: Duplex, below: Duplex): void {
  encryptedSockets.set(socket, below);
}

/** The peers of HTTP/2 sessions: their `socket` is not the socket that they came by. */
const sessionPeers = new WeakMap<Duplex, Peer>();

/** Remembers the peer of a session under `session.socket`. */
export function setSessionPeer(socket: Duplex, peer: Peer): void {
  sessionPeers.set(socket, peer);
}

/**
 * Returns the peer of a socket, or `null` where nobody is on the other end any more. A TCP peer that has reset the connection
 * has no address, and must not pass for a Unix domain socket.
 */
export function peerOf(socket: Duplex): Peer | null {
  const known = sessionPeers.get(socket);
  if (known !== undefined) return known;
  if (socket.destroyed) return null;
  const tcp = socket as Partial<Socket> & { encrypted?: boolean; server?: { maxHeadersCount?: number | null } };
  // Read once: Node asks the system for an address that it does not know yet.
  let { remoteAddress } = tcp;
  if (remoteAddress === undefined) {
    // A TCP socket that the peer has reset still knows its own address.
    if (tcp.localAddress !== undefined) return null;
    remoteAddress = isUnixSocket(socket) ? UNIX : UNKNOWN;
  }
  return {
    address: remoteAddress,
    port: tcp.remotePort,
    encrypted: tcp.encrypted === true,
    tls: socket instanceof TLSSocket ? tlsOf(socket) : null,
    local: localOf(tcp, remoteAddress),
    maxHeadersCount: tcp.server?.maxHeadersCount,
    forwarded: forwardedClients.get(socket),
  };
}

/**
 * The result of the last call of {@link localOf}, and the address that it was made from: most clients are connected to the same
 * address, and share the object.
 */
let lastLocal: Endpoint = Object.freeze({ address: UNKNOWN, port: undefined });
let lastAddress: string = UNKNOWN;

/** Returns the address that a peer is connected to. */
function localOf({ localAddress, localPort }: Partial<Socket>, remoteAddress: string): Endpoint {
  // Without an address it is a Unix domain socket at both ends, or a stream of which nothing is known.
  const address = localAddress ?? (remoteAddress === UNIX ? UNIX : UNKNOWN);
  if (address !== lastAddress || localPort !== lastLocal.port) {
    lastAddress = address;
    lastLocal = Object.freeze({ address: canonicalAddress(address) ?? address, port: localPort });
  }
  return lastLocal;
}

/**
 * Whether a socket without addresses is a Unix domain socket, and not some other stream: only the former may be trusted by the
 * name `unix`. A stream of the program's own that stands for one says so by a `remoteAddress` of `unix`.
 */
function isUnixSocket(socket: Duplex): boolean {
  // `pending`: not connected to anything.
  if (!(socket instanceof Socket) || socket.pending) return false;
  if (!(socket instanceof TLSSocket)) return true;
  // TLS can lie over any stream. What it lies over is known where this library has put it there, or where it came from a server
  // that listens on a path.
  const below = encryptedSockets.get(socket);
  if (below !== undefined) return isUnixSocket(below);
  const { server } = socket as { server?: Partial<Server> };
  return typeof server?.address?.() === 'string';
}
