/** What Node's own tools do with a stream, and what a server may ask of a socket: the same as with a `net.Socket`. */
import { on, once } from 'node:events';
import net from 'node:net';
import { Duplex, finished, Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { inspect, isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { type Guest, openTwoDoors } from '../helpers/two-doors.ts';

/** Each does something with a socket and its peer; the result is compared. */
const TOOLS: Readonly<Record<string, (socket: net.Socket, guest: Guest) => unknown>> = {
  'instanceof net.Socket': (socket) => socket instanceof net.Socket,
  // What old servers ask; no type has it.
  'instanceof net.Stream': (socket) => socket instanceof (net as unknown as { Stream: typeof net.Socket }).Stream,
  'instanceof Duplex': (socket) => socket instanceof Duplex,
  'instanceof Readable': (socket) => socket instanceof Readable,
  'util.inspect says something': (socket) => typeof inspect(socket) === 'string' && inspect(socket, { depth: 0 }).length > 0,
  'a Map and a Set have it': (socket) => new Map([[socket, 1]]).get(socket) === 1 && new Set([socket, socket]).size === 1,
  'it equals itself': (socket) => isDeepStrictEqual([socket], [socket]),
  'every name of net.Socket.prototype is there': (socket) =>
    Object.getOwnPropertyNames(net.Socket.prototype).filter((name) => !name.startsWith('_') && !(name in socket)),
  'structuredClone refuses it': (socket) => {
    try {
      structuredClone(socket);
      return 'cloned';
    } catch (error) {
      return (error as Error).name;
    }
  },
  'for await, until the peer leaves': async (socket, guest) => {
    guest.say('one', 'two');
    guest.leave();
    let text = '';
    for await (const chunk of socket) text += chunk;
    return text;
  },
  "events.on, until 'end'": async (socket, guest) => {
    guest.say('one', 'two');
    guest.leave();
    let text = '';
    for await (const [chunk] of on(socket, 'data', { close: ['end'] })) text += chunk;
    return text;
  },
  'events.once': async (socket, guest) => {
    guest.say('one');
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    return String(chunk);
  },
  'Readable.toWeb': async (socket, guest) => {
    guest.say('one', 'two');
    guest.leave();
    let text = '';
    for await (const chunk of Readable.toWeb(socket)) text += Buffer.from(chunk as Uint8Array);
    return text;
  },
  'pipeline, through an echo': async (socket, guest) => {
    guest.say('one', 'two');
    const loud = new Transform({ transform: (chunk, _encoding, done) => done(null, String(chunk).toUpperCase()) });
    const piped = pipeline(socket, loud, socket);
    await guest.sees('lines', 2);
    guest.leave();
    await piped;
    return guest.lines;
  },
  'pipe into itself': async (socket, guest) => {
    socket.pipe(socket);
    guest.say('one', 'two');
    await guest.sees('lines', 2);
    return guest.lines;
  },
  'stream.finished, by the peer': (socket, guest) =>
    new Promise((resolve) => {
      socket.resume();
      finished(socket, (error) => resolve(error?.code ?? null));
      guest.leave();
    }),
  'stream.finished, by destroy': (socket) =>
    new Promise((resolve) => {
      finished(socket, (error) => resolve(error?.code ?? null));
      socket.destroy();
    }),
  'stream.finished, by destroy with an error': (socket) =>
    new Promise((resolve) => {
      finished(socket, (error) => resolve(error?.message ?? null));
      socket.on('error', () => {});
      socket.destroy(new Error('of the server'));
    }),
  'setEncoding, and characters': async (socket, guest) => {
    socket.setEncoding('utf8');
    guest.say('gr\u00fc\u00dfe \u{1f642}');
    const [text] = (await once(socket, 'data')) as [string];
    return text.length;
  },
  'a listener for a name of its own': (socket) => {
    const heard: unknown[] = [];
    socket.on('registered', (nick) => void heard.push(nick));
    return [socket.emit('registered', 'nick'), socket.emit('nothing'), heard];
  },
  'what it says of itself': (socket) => [
    socket.readable,
    socket.writable,
    socket.destroyed,
    socket.connecting,
    socket.pending,
    socket.readyState,
    socket.timeout,
    socket.allowHalfOpen,
    socket.readableFlowing,
    socket.writableLength,
    socket.readableEncoding,
    socket.remoteAddress,
    socket.remoteFamily,
    socket.localAddress,
    typeof socket.remotePort,
    Object.keys(socket.address()).sort(),
  ],
};

test.each(Object.entries(TOOLS))('J3 %s', async (_name, tool) => {
  const doors = await openTwoDoors(() => {});
  const results: unknown[] = [];
  for (const door of ['net', 'hook'] as const) {
    const { socket, guest } = await doors.comeIn(door);
    results.push(await tool(socket, guest));
    guest.destroy();
    socket.destroy();
  }
  expect(results[1]).toEqual(results[0]);
  await doors.stop();
});
