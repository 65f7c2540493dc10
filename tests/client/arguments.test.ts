/** What a server does wrongly with a socket: the error, its code, and the events are those of a `net.Socket`. */
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { openTwoDoors } from '../helpers/two-doors.ts';
import { turns } from '../helpers/world.ts';

// biome-ignore lint/suspicious/noExplicitAny: each of these is a type error in TypeScript, and is not in JavaScript.
type Loose = any;

const CALLS: Readonly<Record<string, (socket: Loose) => unknown>> = {
  "setTimeout('5000')": (socket) => socket.setTimeout('5000'),
  'L10 setTimeout(2 ** 31)': (socket) => socket.setTimeout(2 ** 31),
  'L10 setTimeout(2 ** 40)': (socket) => socket.setTimeout(2 ** 40),
  'setTimeout(-1)': (socket) => socket.setTimeout(-1),
  'setTimeout(NaN)': (socket) => socket.setTimeout(Number.NaN),
  'setTimeout(Infinity)': (socket) => socket.setTimeout(Number.POSITIVE_INFINITY),
  'setTimeout()': (socket) => socket.setTimeout(),
  "setTimeout(0, 'x')": (socket) => socket.setTimeout(0, 'x'),
  "setTimeout(100_000, 'x')": (socket) => socket.setTimeout(100_000, 'x'),
  'write(null)': (socket) => socket.write(null),
  'write(undefined)': (socket) => socket.write(undefined),
  'write(5)': (socket) => socket.write(5),
  'write({})': (socket) => socket.write({}),
  'write([])': (socket) => socket.write([]),
  "write('', 'bogus')": (socket) => socket.write('', 'bogus'),
  "write('x', 'bogus')": (socket) => socket.write('x\r\n', 'bogus'),
  "write('x', 5)": (socket) => socket.write('x\r\n', 5),
  'write of a Uint16Array': (socket) => socket.write(new Uint16Array([0x0a0d])),
  'write of a DataView': (socket) => socket.write(new DataView(new ArrayBuffer(2))),
  'write of an empty string': (socket) => socket.write(''),
  'write of an empty Buffer': (socket) => socket.write(Buffer.alloc(0)),
  "write('x', 'hex')": (socket) => socket.write('780d0a', 'hex'),
  "write('x', 'utf16le')": (socket) => socket.write('x\r\n', 'utf16le'),
  'end(1)': (socket) => socket.end(1),
  "end('x', 'bogus')": (socket) => socket.end('x\r\n', 'bogus'),
  'end(callback)': (socket) => socket.end(() => {}),
  "destroy('x')": (socket) => socket.destroy('x'),
  'destroy(new Error)': (socket) => socket.destroy(new Error('of the server')),
  "setEncoding('bogus')": (socket) => socket.setEncoding('bogus'),
  "setDefaultEncoding('bogus')": (socket) => socket.setDefaultEncoding('bogus'),
  'on without a listener': (socket) => socket.on('data', 5),
  "setKeepAlive('x')": (socket) => socket.setKeepAlive('x'),
  "setNoDelay('x')": (socket) => socket.setNoDelay('x'),
  'write behind end': (socket) => {
    socket.end();
    socket.write('x\r\n');
  },
  'end behind end': (socket) => {
    socket.end();
    socket.end();
  },
  "end('x') behind end": (socket) => {
    socket.end();
    socket.end('x\r\n');
  },
  'write behind destroy': (socket) => {
    socket.destroy();
    socket.write('x\r\n');
  },
  'end behind destroy': (socket) => {
    socket.destroy();
    socket.end('x\r\n');
  },
  'destroy behind destroy': (socket) => {
    socket.destroy();
    socket.destroy();
  },
  'setTimeout behind destroy': (socket) => {
    socket.destroy();
    socket.setTimeout(1);
  },
  'pause and resume behind destroy': (socket) => {
    socket.destroy();
    socket.pause();
    socket.resume();
  },
};

/** What came of a call, by the outcome and by the events behind it. */
async function outcome(socket: Socket, call: (socket: Loose) => unknown): Promise<string[]> {
  const log: string[] = [];
  socket.on('error', (error: NodeJS.ErrnoException) => void log.push(`error ${error?.code ?? error}`));
  socket.on('close', (hadError) => void log.push(`close ${hadError}`));
  for (const event of ['end', 'finish', 'timeout'] as const) socket.on(event, () => void log.push(event));
  socket.resume();
  let said: string;
  try {
    const value = call(socket);
    said = value === socket ? 'returns itself' : `returns ${Boolean(value)}`;
  } catch (error) {
    said = `throws ${(error as Error).name} ${(error as NodeJS.ErrnoException).code}`;
  }
  await turns(5);
  // Time for what should not come: where it is too short on a slow machine, nothing fails that should not.
  await new Promise((resolve) => setTimeout(resolve, 30));
  return [said, ...log.filter((event) => event !== 'end')];
}

test.each(Object.entries(CALLS))('J4 %s', async (_name, call) => {
  const warnings: string[] = [];
  const take = ({ name }: Error): void => void warnings.push(name);
  process.on('warning', take);
  const doors = await openTwoDoors(() => {});
  const [plain, ours] = [await doors.comeIn('net'), await doors.comeIn('hook')];
  const expected = await outcome(plain.socket, call);
  const got = await outcome(ours.socket, call);
  // When one that closes in good order is closed is its peer's business. What was written before `end()` is framed at once, so that an error behind it comes after 'finish'.
  const hasFailed = got.some((event) => event.startsWith('error'));
  const kept = (event: string): boolean => event !== 'close false' && !(hasFailed && event === 'finish');
  expect(got.filter(kept)).toEqual(expected.filter(kept));
  process.off('warning', take);
  plain.guest.destroy();
  ours.guest.destroy();
  await doors.stop();
});
