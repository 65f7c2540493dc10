import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { diagnostics } from '../../src/diagnostics.ts';
import type { IrcSocket } from '../../src/index.ts';
import { Opcode } from '../../src/protocol/frame.ts';
import { clientClose, clientText } from '../helpers/frames.ts';
import { type RunningHook, startHook } from '../helpers/hook.ts';
import { RawClient } from '../helpers/raw-client.ts';

/** What the server saw of a client's end, in order. */
interface Ending {
  readonly events: string[];
  /** Resolves at 'close'. */
  readonly closed: Promise<void>;
}

function watch(socket: IrcSocket): Ending {
  const events: string[] = [];
  socket.onLine((line: string) => void events.push(line));
  socket.on('end', () => void events.push(`end ${socket.closeStatus?.code}`));
  socket.on('error', (error) => void events.push(`error ${(error as NodeJS.ErrnoException).code}`));
  const closed = new Promise<void>((resolve) => {
    socket.on('close', (hadError) => {
      events.push(`close ${hadError}`);
      resolve();
    });
  });
  return { events, closed };
}

async function connect(options: Parameters<typeof startHook>[0] = {}): Promise<{
  running: RunningHook;
  socket: IrcSocket;
  client: RawClient;
  ending: Ending;
}> {
  let ending: Ending | undefined;
  const running = await startHook({
    onConnection: (socket) => {
      ending = watch(socket);
    },
    ...options,
  });
  const [socket, client] = await Promise.all([running.nextSocket(), RawClient.open(running.port)]);
  return { running, socket, client, ending: ending as Ending };
}

const closeFrames = (client: RawClient): number => client.frames.filter(({ opcode }) => opcode === Opcode.CLOSE).length;

describe('the peer goes first', () => {
  test.each([
    ['a closed tab', clientClose(1001), { code: 1001, reason: '', clean: true }, { code: 1001, reason: '' }],
    ['a code and a reason', clientClose(4000, 'bye'), { code: 4000, reason: 'bye', clean: true }, { code: 4000, reason: '' }],
    ['no code', clientClose(), { code: 1005, reason: '', clean: true }, { code: 1005, reason: '' }],
  ])('Close (%s), our Close, our FIN, its FIN: an end at once, before its FIN', async (_what, frame, status, answer) => {
    const { running, socket, client, ending } = await connect();
    client.socket.write(Buffer.concat([clientText('last line'), frame]));
    await ending.closed;
    // Its FIN has not come: the server is not made to wait for that.
    expect(client.socket.writableEnded).toBe(false);
    expect(ending.events).toEqual(['last line', `end ${status.code}`, 'close false']);
    expect(socket.closeStatus).toEqual(status);
    await client.until(() => client.ended);
    expect(client.closeFrame).toMatchObject({ code: answer.code });
    expect(closeFrames(client)).toBe(1);
    expect(running.hook.stats()).toMatchObject({ clients: 0, closed: { [status.code]: 1 } });
    client.socket.end();
    await client.until(() => client.closed);
  });

  test('Close and FIN in one segment', async () => {
    const { socket, client, ending } = await connect();
    client.socket.end(clientClose(1000, 'bye'));
    await ending.closed;
    await client.until(() => client.closed);
    expect(ending.events).toEqual(['end 1000', 'close false']);
    expect(socket.closeStatus).toEqual({ code: 1000, reason: 'bye', clean: true });
    expect(client.closeFrame?.code).toBe(1000);
  });

  test('Close and then RST, before our answer is read: the Close counts, and it is no error', async () => {
    const { socket, client, ending } = await connect();
    client.socket.write(clientClose(1001), () => client.socket.resetAndDestroy());
    await ending.closed;
    // Where RST overtook the Close frame in the kernel, there was none.
    if (socket.closeStatus?.code === 1001) expect(ending.events).toEqual(['end 1001', 'close false']);
    else expect(ending.events).toEqual(['error ECONNRESET', 'close true']);
  });

  test('Close, our answer read, and then RST: nobody’s business any more', async () => {
    const { running, socket, client, ending } = await connect();
    client.socket.write(clientClose(1001));
    await client.until(() => client.closeFrame !== undefined);
    await ending.closed;
    client.socket.resetAndDestroy();
    await running.hook.close();
    expect(ending.events).toEqual(['end 1001', 'close false']);
    expect(socket.closeStatus).toEqual({ code: 1001, reason: '', clean: true });
  });

  test('FIN without Close: an end, 1006, and it is not clean; our FIN follows', async () => {
    const { socket, client, ending } = await connect();
    client.socket.end(clientText('last line'));
    await ending.closed;
    await client.until(() => client.closed);
    expect(ending.events).toEqual(['last line', 'end 1006', 'close false']);
    expect(socket.closeStatus).toEqual({ code: 1006, reason: '', clean: false });
    expect(client.closeFrame).toBeUndefined();
  });

  test('FIN in the middle of a frame: what was whole comes, what was not never does', async () => {
    const { socket, client, ending } = await connect();
    client.socket.end(Buffer.concat([clientText('whole'), clientText('torn').subarray(0, 7)]));
    await ending.closed;
    expect(ending.events).toEqual(['whole', 'end 1006', 'close false']);
    expect(socket.closeStatus?.clean).toBe(false);
  });

  test('RST: an error to who listens, and a close that had one', async () => {
    const { socket, client, ending } = await connect();
    client.socket.resetAndDestroy();
    await ending.closed;
    expect(ending.events).toEqual(['error ECONNRESET', 'close true']);
    expect(socket.closeStatus).toEqual({ code: 1006, reason: '', clean: false });
  });

  test('Close, and then it neither reads nor ends: TCP is destroyed after closeTimeout, the server knew at once', async () => {
    const { running, client, ending } = await connect({ closeTimeout: 100 });
    client.socket.write(clientClose(1000));
    await ending.closed;
    expect(ending.events).toEqual(['end 1000', 'close false']);
    // Resolves when the transport is gone: the peer has not ended its side.
    await running.hook.close();
    expect(client.socket.writableEnded).toBe(false);
  });
});

describe('we go first', () => {
  test('Close, its Close, our FIN, its FIN', async () => {
    const { running, socket, client, ending } = await connect();
    socket.closeWebSocket(4001, 'K-lined');
    await client.until(() => client.closeFrame !== undefined);
    // The handshake is half done: no FIN of ours before the peer has answered, and the server is not told of an end.
    expect(client.ended).toBe(false);
    expect(ending.events).toEqual([]);
    client.socket.write(clientClose(4001));
    await ending.closed;
    await client.until(() => client.ended);
    client.socket.end();
    await client.until(() => client.closed);
    expect(ending.events).toEqual(['end 4001', 'close false']);
    expect(socket.closeStatus).toEqual({ code: 4001, reason: '', clean: true });
    expect(closeFrames(client)).toBe(1);
    expect(running.hook.stats().closed).toEqual({ 4001: 1 });
  });

  test('lines that were under way when we said Close still come', async () => {
    const { socket, client, ending } = await connect();
    socket.end();
    await client.until(() => client.closeFrame !== undefined);
    client.socket.write(Buffer.concat([clientText('crossed'), clientClose(1000)]));
    await ending.closed;
    expect(ending.events).toEqual(['crossed', 'end 1000', 'close false']);
  });

  test('Close, and its FIN without a Close: 1006, an end', async () => {
    const { socket, client, ending } = await connect();
    socket.closeWebSocket(4001);
    await client.until(() => client.closeFrame !== undefined);
    client.socket.end();
    await ending.closed;
    await client.until(() => client.closed);
    expect(ending.events).toEqual(['end 1006', 'close false']);
    expect(socket.closeStatus).toEqual({ code: 1006, reason: '', clean: false });
  });

  test('Close, and its RST: an error, 1006', async () => {
    const { socket, client, ending } = await connect();
    socket.closeWebSocket(4001);
    await client.until(() => client.closeFrame !== undefined);
    client.socket.resetAndDestroy();
    await ending.closed;
    expect(ending.events).toEqual(['error ECONNRESET', 'close true']);
    expect(socket.closeStatus).toEqual({ code: 1006, reason: '', clean: false });
  });

  test('Close, and no answer: destroyed after closeTimeout, 1006, no error', async () => {
    const { running, socket, client, ending } = await connect({ closeTimeout: 100 });
    socket.closeWebSocket(4001, 'K-lined');
    await ending.closed;
    await client.until(() => client.ended || client.closed);
    expect(ending.events.at(-1)).toBe('close false');
    expect(ending.events.some((event) => event.startsWith('error'))).toBe(false);
    expect(socket.closeStatus).toEqual({ code: 1006, reason: '', clean: false });
    await running.hook.close();
  });

  test('Close, and lines without end in place of an answer: closeTimeout is not put off by them', async () => {
    const { socket, client, ending } = await connect({ closeTimeout: 100 });
    socket.closeWebSocket(4001);
    const talk = setInterval(() => client.socket.write(clientText('not yet')), 5);
    await ending.closed;
    clearInterval(talk);
    expect(ending.events.at(-1)).toBe('close false');
    expect(socket.closeStatus).toEqual({ code: 1006, reason: '', clean: false });
  });

  test('destroy(): FIN without Close, 1006, at once', async () => {
    const { running, socket, client, ending } = await connect();
    socket.destroy();
    await ending.closed;
    await client.until(() => client.ended || client.closed);
    expect(ending.events).toEqual(['close false']);
    expect(client.closeFrame).toBeUndefined();
    expect(socket.closeStatus).toEqual({ code: 1006, reason: '', clean: false });
    expect(running.hook.clients.size).toBe(0);
  });

  test('closeWebSocket() and destroy() in one turn: the Close frame leaves, and nothing is waited for', async () => {
    const { socket, client, ending } = await connect();
    socket.closeWebSocket(4001, 'K-lined');
    socket.destroy();
    await ending.closed;
    await client.until(() => client.ended);
    expect(client.closeFrame).toEqual({ code: 4001, reason: 'K-lined' });
  });

  test('resetAndDestroy(): the peer sees a reset', async () => {
    const { socket, client, ending } = await connect();
    const failed = once(client.socket, 'error');
    socket.resetAndDestroy();
    await ending.closed;
    expect(((await failed) as [NodeJS.ErrnoException])[0].code).toBe('ECONNRESET');
    expect(ending.events).toEqual(['close false']);
  });
});

describe('both at once', () => {
  test('Close frames cross: each is the answer to the other, and both sides keep their word', async () => {
    const { socket, client, ending } = await connect();
    // Its Close is in our kernel before ours is written: neither has seen the other's.
    client.socket.write(clientClose(4002, 'mine'));
    socket.closeWebSocket(4001, 'yours');
    await ending.closed;
    await client.until(() => client.ended);
    expect(closeFrames(client)).toBe(1);
    expect(client.closeFrame).toEqual({ code: 4001, reason: 'yours' });
    expect(ending.events).toEqual(['end 4002', 'close false']);
    expect(socket.closeStatus).toEqual({ code: 4002, reason: 'mine', clean: true });
  });

  test('we fail the connection, it closes: ours is what happened', async () => {
    const failures: unknown[] = [];
    const listener = (message: unknown): void => void failures.push((message as { code: number }).code);
    diagnostics.protocolError.subscribe(listener);
    const { socket, client, ending } = await connect();
    client.socket.write(Buffer.concat([Buffer.from('8300', 'hex'), clientClose(1000)]));
    await ending.closed;
    diagnostics.protocolError.unsubscribe(listener);
    await client.until(() => client.ended);
    expect(closeFrames(client)).toBe(1);
    expect(socket.closeStatus).toMatchObject({ code: 1002, clean: false });
    expect(ending.events).toEqual(['end 1002', 'close false']);
    expect(failures).toEqual([1002]);
  });
});

describe('half-open', () => {
  test('it ended its side without Close, and still reads: it gets what was written before, and our FIN', async () => {
    const { socket, client, ending } = await connect();
    socket.writeLine('before');
    client.socket.end();
    await ending.closed;
    await client.until(() => client.closed);
    expect(client.lines).toEqual(['before']);
    expect(ending.events).toEqual(['end 1006', 'close false']);
    expect(socket.writeLine('after')).toBe(false);
  });

  test('it is silent: pinged, and closed with a reason that the server can tell its channels', async () => {
    const { socket, client, ending } = await connect({ pingInterval: 60, pingTimeout: 60, closeTimeout: 100 });
    await ending.closed;
    expect(socket.closeStatus).toMatchObject({ code: 1001, clean: false });
    expect(socket.closeStatus?.reason).toMatch(/^Ping timeout/);
    expect(ending.events).toEqual(['end 1001', 'close false']);
    await client.until(() => client.closeFrame !== undefined);
  });

  test('it is silent and does not read either: its transport is gone all the same', async () => {
    const { running, client, ending } = await connect({ pingInterval: 60, pingTimeout: 60, closeTimeout: 100 });
    client.socket.pause();
    await ending.closed;
    expect(ending.events).toEqual(['end 1001', 'close false']);
    await running.hook.close();
    expect(running.hook.stats()).toMatchObject({ clients: 0, closed: { 1001: 1 } });
  });
});

describe('a server that does not read', () => {
  test('never has, and says goodbye: the end comes all the same, once the peer has answered', async () => {
    const events: string[] = [];
    const { hook, port, nextSocket } = await startHook({
      onConnection: (socket) => {
        socket.on('end', () => void events.push('end'));
        socket.on('close', (hadError) => void events.push(`close ${hadError}`));
      },
    });
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    client.socket.write(clientText('nobody reads this'));
    socket.closeWebSocket(4001, 'K-lined');
    await client.until(() => client.closeFrame !== undefined);
    client.socket.end(clientClose(4001));
    await closed;
    expect(events).toEqual(['end', 'close false']);
    expect(hook.stats()).toMatchObject({ clients: 0, closed: { 4001: 1 } });
  });

  test('has its lines paused, and says goodbye: those that are held are not waited for', async () => {
    const { running, socket, client, ending } = await connect();
    socket.onLine((line: string) => {
      ending.events.push(line);
      socket.pause();
    });
    client.socket.write(Buffer.concat([clientText('one'), clientText('two')]));
    while (ending.events.length === 0) await new Promise((resolve) => setImmediate(resolve));
    socket.end('ERROR :Excess flood\r\n');
    await client.until(() => client.closeFrame !== undefined);
    client.socket.end(clientClose(1000));
    await ending.closed;
    expect(ending.events).toEqual(['one', 'end 1000', 'close false']);
    expect(running.hook.clients.size).toBe(0);
  });

  test('has its stream paused with something unread: no end yet, but it is no client of the hook any more; read, the end comes', async () => {
    const { hook, port, nextSocket } = await startHook();
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    const readable = once(socket, 'readable');
    client.socket.write(clientText('unread'));
    await readable;
    const closed = hook.close('Restarting');
    await client.until(() => client.closeFrame !== undefined);
    client.socket.end(clientClose(1001));
    await closed;
    expect(hook.stats()).toMatchObject({ clients: 0, closed: { 1001: 1 } });
    expect(socket.destroyed).toBe(false);
    const gone = new Promise((resolve) => socket.once('close', resolve));
    expect(String(socket.read())).toBe('unread\r\n');
    await gone;
    expect(hook.stats()).toMatchObject({ clients: 0, closed: { 1001: 1 } });
  });
});
