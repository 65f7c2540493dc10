/** Both faces of a client, in orders that a server may come upon: nothing is lost, nothing comes twice, and an end is always seen. */
import { describe, expect, test } from 'vitest';
import type { IrcClient, IrcSocket, WebSocketHookOptions } from '../../src/index.ts';
import { canOpen } from '../helpers/doors.ts';
import { WirePeer, wireClose, wireText } from '../helpers/wire.ts';
import { comes, type Door, turns, World } from '../helpers/world.ts';

const OPTIONS = { closeTimeout: 5_000, pingInterval: 0 };
const text = (...lines: string[]): Buffer => Buffer.concat(lines.map(wireText));

async function socketOf(
  behind: Buffer = Buffer.alloc(0),
  door: Door = 'tcp',
  options: { readonly sendQueueLimit?: number } = {},
): Promise<{ world: World; peer: WirePeer; socket: IrcSocket }> {
  let socket: IrcSocket | undefined;
  const world = await World.open(door, {
    ...OPTIONS,
    ...options,
    onConnection: (arrived) => {
      socket = arrived;
    },
  });
  const peer = await WirePeer.open(world.place, true, { behind });
  await comes(() => socket !== undefined);
  return { world, peer, socket: socket as IrcSocket };
}

async function clientOf(
  take: (client: IrcClient) => void = () => {},
  behind: Buffer = Buffer.alloc(0),
): Promise<{ world: World; peer: WirePeer; client: IrcClient }> {
  let client: IrcClient | undefined;
  const options = {
    ...OPTIONS,
    onConnection: undefined,
    onClient: (arrived: IrcClient) => {
      client = arrived;
      take(arrived);
    },
  } as unknown as Omit<WebSocketHookOptions, 'origins'>;
  const world = await World.open('tcp', options);
  const peer = await WirePeer.open(world.place, true, { behind });
  await comes(() => client !== undefined);
  return { world, peer, client: client as IrcClient };
}

async function leave({ world, peer }: { world: World; peer: WirePeer }): Promise<void> {
  peer.socket.destroy();
  await world.hook.close();
  await world.stop();
}

describe('a socket', () => {
  test('L1 back to data while lines are held: each of them comes, in order, and the end behind them', async () => {
    const open = await socketOf();
    const { socket, peer } = open;
    const got: string[] = [];
    let closes = 0;
    socket.on('close', () => void closes++);
    socket.onLine((line: string) => {
      got.push(line);
      socket.pause();
    });
    peer.send(Buffer.concat([text('1', '2', '3', '4'), wireClose(1_000)]));
    expect(await comes(() => got.length === 1)).toBe(true);
    socket.on('data', (chunk) => void got.push(...String(chunk).split('\r\n').filter(Boolean)));
    socket.onLine(null);
    socket.resume();
    expect(await comes(() => closes > 0)).toBe(true);
    expect(got).toEqual(['1', '2', '3', '4']);
    expect(closes).toBe(1);
    await leave(open);
  });

  test('L2 from data to lines while the stream holds some: each of them comes, in order', async () => {
    const open = await socketOf();
    const { socket, peer } = open;
    const got: string[] = [];
    const take = (chunk: Buffer): void => void got.push(`data ${chunk}`);
    socket.on('data', take);
    socket.pause();
    const { bytesRead } = socket;
    peer.send(text('1', '2', '3'));
    await comes(() => socket.bytesRead > bytesRead);
    await turns();
    socket.off('data', take);
    socket.onLine((line: string) => void got.push(line));
    peer.send(text('4'));
    expect(await comes(() => got.length >= 4)).toBe(true);
    expect(got).toEqual(['1', '2', '3', '4']);
    await leave(open);
  });

  test('K1 onLine, pause, back to data, resume: data comes, and the end', async () => {
    const open = await socketOf();
    const { socket, peer } = open;
    let got = '';
    let isClosed = false;
    socket.on('close', () => {
      isClosed = true;
    });
    socket.onLine(() => {});
    socket.pause();
    socket.onLine(null);
    socket.on('data', (chunk) => {
      got += chunk;
    });
    socket.resume();
    peer.send(text('here'));
    peer.close(1_000);
    expect(await comes(() => isClosed)).toBe(true);
    expect(got).toBe('here\r\n');
    await leave(open);
  });

  test.each(['FIN', 'Close'] as const)('K2 lines behind the request, and %s before the server reads: they come', async (end) => {
    const open = await socketOf(text('1', '2'));
    const { socket, peer, world } = open;
    if (end === 'FIN') peer.socket.end();
    else peer.close(1_000);
    await peer.until(() => peer.socket.bytesWritten > 0);
    // Long enough for it to come; where it is not, the test has nothing to say and passes.
    await new Promise((resolve) => setTimeout(resolve, 50));
    let got = '';
    let isClosed = false;
    socket.on('close', () => {
      isClosed = true;
    });
    socket.on('data', (chunk) => {
      got += chunk;
    });
    expect(await comes(() => isClosed)).toBe(true);
    expect(got).toBe('1\r\n2\r\n');
    expect(world.hook.clients.size).toBe(0);
    await leave(open);
  });

  test('K6 a line goes before the part of a line that waits, also while the socket is corked', async () => {
    const open = await socketOf();
    const { socket, peer } = open;
    socket.cork();
    socket.write('half ');
    socket.writeLine('whole');
    socket.write('a line\r\n');
    socket.uncork();
    await peer.until(() => peer.lines.length >= 2);
    expect(peer.lines).toEqual(['whole', 'half a line']);
    await leave(open);
  });

  test('L4 the first closeWebSocket counts, also while what was written before it is held', async () => {
    const open = await socketOf(Buffer.alloc(0), 'unix');
    const { socket, peer } = open;
    socket.resume();
    peer.socket.pause();
    for (let i = 0; i < 200 && !socket.writableNeedDrain; i++) {
      socket.write(`${'x'.repeat(10_000)}\r\n`);
      await turns(1);
    }
    socket.write('ERROR :K-lined\r\n');
    socket.closeWebSocket(4_001, 'K-lined');
    socket.closeWebSocket(4_002, 'again');
    socket.end();
    peer.socket.resume();
    await peer.until(() => peer.closeFrame !== null);
    expect(peer.closeFrame).toEqual({ code: 4_001, reason: 'K-lined' });
    expect(peer.lines.at(-1)).toBe('ERROR :K-lined');
    await leave(open);
  });

  test('L12 the limit of the queue counts bytes: CJK strings count threefold', async () => {
    const open = await socketOf(undefined, 'unix', { sendQueueLimit: 600_000 });
    const held = open.socket.resume();
    open.peer.socket.pause();
    // The kernel takes what it takes; behind that, 300,000 characters are 900,000 bytes.
    for (let i = 0; i < 200 && !held.writableNeedDrain && held.writable; i++) {
      held.write(`${'x'.repeat(10_000)}\r\n`);
      await turns(1);
    }
    for (let i = 0; i < 30 && held.writable; i++) held.write(`${'\u4e2d'.repeat(10_000)}\r\n`);
    expect(await comes(() => held.destroyed)).toBe(true);
    expect(held.closeStatus).toEqual({ code: 1_008, reason: 'SendQ exceeded', clean: false });
    await leave(open);
  });

  test('a chunk that the transport does not take at once counts once in the queue', async () => {
    const open = await socketOf(undefined, 'unix', { sendQueueLimit: 600_000 });
    const held = open.socket.resume();
    open.peer.socket.pause();
    const line = `${'x'.repeat(9_998)}\r\n`;
    held.write(line.repeat(50));
    await turns(3);
    expect(held.writableNeedDrain).toBe(true);
    expect(held.closeStatus).toBeNull();
    // What waits in the stream itself comes on top.
    held.write(line.repeat(20));
    expect(await comes(() => held.destroyed)).toBe(true);
    expect(held.closeStatus).toEqual({ code: 1_008, reason: 'SendQ exceeded', clean: false });
    await leave(open);
  });

  test.each((['tls', 'unix'] as const).filter(canOpen))(
    'L13 resetAndDestroy over %s ends the client, and throws nothing',
    async (door) => {
      let socket: IrcSocket | undefined;
      const world = await World.open(door, {
        ...OPTIONS,
        onConnection: (arrived) => {
          socket = arrived.resume();
        },
      });
      const peer = await WirePeer.open(world.place);
      await comes(() => socket !== undefined);
      let closes = 0;
      socket?.on('close', () => void closes++);
      expect(() => socket?.resetAndDestroy()).not.toThrow();
      expect(await comes(() => closes === 1)).toBe(true);
      await leave({ world, peer });
    },
  );
});

describe('a client of lines', () => {
  test('K2 lines behind the request, and Close before there is a listener: they come', async () => {
    const open = await clientOf(() => {}, text('1', '2'));
    const { client, peer } = open;
    const got: string[] = [];
    let closes = 0;
    peer.close(1_000);
    await new Promise((resolve) => setTimeout(resolve, 50));
    client.onClose(() => void closes++);
    client.onLine((line) => void got.push(line));
    expect(await comes(() => closes > 0)).toBe(true);
    expect(got).toEqual(['1', '2']);
    expect(closes).toBe(1);
    await leave(open);
  });

  test('K3 onClose behind destroy() is called once', async () => {
    const open = await clientOf();
    let closes = 0;
    open.client.destroy();
    open.client.onClose(() => void closes++);
    await comes(() => closes > 0);
    await turns();
    expect(closes).toBe(1);
    open.client.onClose(() => void closes++);
    await comes(() => closes > 1);
    await turns();
    expect(closes).toBe(2);
    await leave(open);
  });

  test('K4 a socket made of a client that is gone is gone: destroyed, with its close', async () => {
    const events: string[] = [];
    const open = await clientOf((client) => {
      client.onClose(() => {
        const socket = client.toSocket();
        socket.on('close', () => void events.push('close'));
        socket.on('data', () => void events.push('data'));
        socket.write('too late\r\n');
      });
      client.onLine(() => {});
    });
    open.peer.close(1_000);
    expect(await comes(() => events.length > 0)).toBe(true);
    await turns();
    expect(events).toEqual(['close']);
    await leave(open);
  });

  test('K5 a listener that takes itself away as it is given held lines: those behind wait for the next one', async () => {
    const got: string[] = [];
    const open = await clientOf((client) => {
      const once = (line: string): void => {
        got.push(line);
        client.onLine(null);
        setImmediate(() => client.onLine(once));
      };
      client.onLine(once);
    });
    open.peer.send(text('1', '2', '3', '4', '5'));
    expect(await comes(() => got.length >= 5)).toBe(true);
    expect(got).toEqual(['1', '2', '3', '4', '5']);
    await leave(open);
  });

  test('pause takes effect behind the lines of the present read; resume goes on', async () => {
    const got: string[] = [];
    const open = await clientOf((client) => void client.onLine((line) => void got.push(line)).pause());
    open.peer.send(text('1', '2'));
    await turns();
    open.client.resume();
    expect(await comes(() => got.length === 2)).toBe(true);
    await leave(open);
  });

  test('the same client as a stream: lines go to the listener while there is one, then to the stream; each once', async () => {
    const got: string[] = [];
    let socket: IrcSocket | undefined;
    const open = await clientOf(
      (client) =>
        void client.onLine((line) => {
          got.push(`line ${line}`);
          if (line !== '2') return;
          socket = client.toSocket();
          socket.on('data', (chunk) => {
            for (const part of String(chunk).split('\r\n').filter(Boolean)) got.push(`data ${part}`);
          });
          client.onLine(null);
        }),
    );
    open.peer.send(text('1', '2', '3', '4'));
    expect(await comes(() => got.length >= 4)).toBe(true);
    expect(got.join()).toBe('line 1,line 2,data 3,data 4');
    expect(open.client.toSocket()).toBe(socket);
    let isClosed = false;
    socket?.on('close', () => {
      isClosed = true;
    });
    open.peer.close(1_000);
    expect(await comes(() => isClosed)).toBe(true);
    await leave(open);
  });
});
