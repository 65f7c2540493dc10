/** The doors that can be opened on this machine. */
import { watchTimers } from './left-over.ts';
import { requirePeer } from './peers.ts';
import { WirePeer } from './wire.ts';
import { DOORS, type Door, World } from './world.ts';

/** Whether a door can be opened here: the certificate of TLS needs `openssl`. */
export const canOpen = (door: Door): boolean => door !== 'tls' || requirePeer('openssl') !== null;

/** Begins to watch what is left over. Node opens descriptors of its own when it is first asked for a socket of a kind: it is asked here. */
export async function beginWatch(): Promise<void> {
  watchTimers();
  for (const door of DOORS.filter(canOpen)) {
    const world = await World.open(door, { onConnection: (socket) => void socket.resume() });
    const peer = await WirePeer.open(world.place);
    peer.socket.destroy();
    await world.hook.close();
    await world.stop();
  }
}
