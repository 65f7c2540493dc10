/**
 * Lines that arrive together, and lines that leave together: the short ways through the library must do what the long ones do.
 */
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import type { IrcSocket } from '../../src/index.ts';
import { Opcode } from '../../src/protocol/frame.ts';
import { clientFrame, clientText } from '../helpers/frames.ts';
import { startHook } from '../helpers/hook.ts';
import { RawClient } from '../helpers/raw-client.ts';

/** Lines of every length up to a few hundred bytes, enough for several windows. */
const LINES = Array.from({ length: 400 }, (_, i) => `PRIVMSG #c :${i} ${'x'.repeat((i * 7) % 300)}`);
/** One segment that the server reads at once. */
const together = (lines: readonly string[]): Buffer => Buffer.concat(lines.map((line) => clientText(line)));

async function open(onConnection: (socket: IrcSocket) => void, fields = {}): Promise<{ socket: IrcSocket; client: RawClient }> {
  const { port, nextSocket } = await startHook({ onConnection });
  const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port, fields)]);
  return { socket, client };
}

describe('lines that arrive together', () => {
  test.each(['utf8', 'latin1', 'buffer'] as const)('reach onLine whole and in order, as %s', async (encoding) => {
    const lines: string[] = [];
    const { client } = await open((socket) => {
      if (encoding === 'buffer') socket.onLine((line) => void lines.push(line.toString()), 'buffer');
      else socket.onLine((line) => void lines.push(line), encoding);
    });
    client.socket.write(together([...LINES, 'END']));
    await expect.poll(() => lines.at(-1)).toBe('END');
    expect(lines).toEqual([...LINES, 'END']);
  });

  test('are a stream of bytes for a data listener, with CR LF behind each', async () => {
    let text = '';
    const { client } = await open((socket) => {
      socket.setEncoding('utf8').on('data', (data) => {
        text += data;
      });
    });
    client.socket.write(together([...LINES, 'END']));
    await expect.poll(() => text.endsWith('END\r\n')).toBe(true);
    expect(text).toBe([...LINES, 'END', ''].join('\r\n'));
  });

  test('may be mixed with any others: line ends within, text that is not ASCII, empty ones, fragments, pings, binary', async () => {
    const lines: string[] = [];
    const { client } = await open((socket) => void socket.onLine((line) => lines.push(line)));
    client.socket.write(
      Buffer.concat([
        together(['a', 'b', 'grüße', 'c', 'd\r\ne\rf\n', 'g\r\n', '', '\u0001ACTION h\u0001', 'i']),
        clientFrame(Opcode.PING, 'p'),
        clientFrame(Opcode.BINARY, 'j'),
        clientFrame(Opcode.BINARY, 'k'),
        clientText('l', { fin: false }),
        clientFrame(Opcode.CONTINUATION, 'm'),
        together(['n', `o${'x'.repeat(8_000)}`, 'p', 'q']),
      ]),
    );
    await expect.poll(() => lines.at(-1)).toBe('q');
    expect(lines).toEqual([
      'a',
      'b',
      'grüße',
      'c',
      'd',
      'e',
      'f',
      'g',
      '\u0001ACTION h\u0001',
      'i',
      'j',
      'k',
      'lm',
      'n',
      `o${'x'.repeat(8_000)}`,
      'p',
      'q',
    ]);
    // The pong leaves at the end of the turn in which the lines were delivered.
    await client.until(() => client.frames.length > 0);
    expect(client.frames.map(({ opcode, payload }) => [opcode, payload.toString()])).toEqual([[Opcode.PONG, 'p']]);
  });

  test('before a fault are delivered, none after it is', async () => {
    const lines: string[] = [];
    const { client } = await open((socket) => void socket.onLine((line) => lines.push(line)));
    client.socket.write(Buffer.concat([together(['a', 'b', 'c']), Buffer.from('c1800000', 'hex'), together(['d', 'e'])]));
    await client.until(() => client.closeFrame !== undefined);
    expect(lines).toEqual(['a', 'b', 'c']);
    expect(client.closeFrame?.code).toBe(1002);
  });

  test('stop where the listener destroys, pauses, or goes back to the stream', async () => {
    const lines: string[] = [];
    const destroyed = await open((socket) =>
      socket.onLine((line) => {
        lines.push(line);
        if (line === 'b') socket.destroy();
      }),
    );
    destroyed.client.socket.write(together(['a', 'b', 'c', 'd']));
    await once(destroyed.socket, 'close');
    expect(lines).toEqual(['a', 'b']);

    lines.length = 0;
    const paused = await open((socket) =>
      socket.onLine((line) => {
        lines.push(line);
        if (line === 'b') socket.pause();
      }),
    );
    paused.client.socket.write(together(['a', 'b', 'c', 'd']));
    await expect.poll(() => lines.length).toBe(2);
    await new Promise((resolve) => setImmediate(resolve));
    expect(lines).toEqual(['a', 'b']);
    paused.socket.resume();
    expect(lines).toEqual(['a', 'b', 'c', 'd']);

    lines.length = 0;
    let text = '';
    const back = await open((socket) => {
      socket.on('data', (data) => {
        text += data;
      });
      socket.onLine((line) => {
        lines.push(line);
        if (line === 'b') socket.onLine(null);
      });
    });
    back.client.socket.write(together(['a', 'b', 'c', 'd']));
    await expect.poll(() => text).toBe('c\r\nd\r\n');
    expect(lines).toEqual(['a', 'b']);
  });

  test('end with the one whose listener throws, by 1011', async () => {
    const lines: string[] = [];
    const { client, socket } = await open((each) =>
      each.onLine((line) => {
        lines.push(line);
        if (line === 'b') throw new Error('a fault of the server’s own');
      }),
    );
    client.socket.write(together(['a', 'b', 'c', 'd']));
    await client.until(() => client.closeFrame !== undefined);
    expect(client.closeFrame).toEqual({ code: 1011, reason: 'Internal error' });
    expect(lines).toEqual(['a', 'b']);
    socket.destroy();
  });
});

describe('lines that leave', () => {
  test('a buffer that is used again says what it says now', async () => {
    const { socket, client } = await open(() => {});
    const bytes = Buffer.from('line 1\r\n');
    for (const digit of '1123') {
      bytes[5] = digit.charCodeAt(0);
      socket.write(bytes);
    }
    await client.until(() => client.lines.length === 4);
    expect(client.lines).toEqual(['line 1', 'line 1', 'line 2', 'line 3']);
  });

  test('the same string in another encoding is other bytes', async () => {
    const { socket, client } = await open(() => {});
    socket.write('é\r\n');
    socket.write('é\r\n', 'latin1');
    socket.write('é\r\n');
    socket.write('e90d0a', 'hex');
    socket.setDefaultEncoding('latin1');
    socket.write('é\r\n');
    await client.until(() => client.lines.length === 5);
    // One byte 0xE9 is not UTF-8: replaced, as no fallback is set.
    expect(client.lines).toEqual(['é', '\ufffd', 'é', '\ufffd', '\ufffd']);
  });

  test('the same line to text and binary clients has each one’s opcode', async () => {
    const { port, sockets } = await startHook();
    const clients = [
      await RawClient.open(port, { 'Sec-WebSocket-Protocol': 'text.ircv3.net' }),
      await RawClient.open(port, { 'Sec-WebSocket-Protocol': 'binary.ircv3.net' }),
      await RawClient.open(port, { 'Sec-WebSocket-Protocol': 'text.ircv3.net' }),
    ];
    for (const socket of sockets) socket.write('PING x\r\n');
    for (const client of clients) await client.until(() => client.lines.length === 1);
    expect(clients.map(({ frames }) => frames[0]?.opcode)).toEqual([Opcode.TEXT, Opcode.BINARY, Opcode.TEXT]);
  });

  test('a rest without LF stands before what follows, whichever way that takes', async () => {
    const { socket, client } = await open(() => {});
    socket.write('a\r\n');
    socket.write('rest ');
    socket.write('a\r\n');
    socket.cork();
    socket.write('b\r\n');
    socket.write('c\r\n');
    process.nextTick(() => socket.uncork());
    await client.until(() => client.lines.length === 4);
    expect(client.lines).toEqual(['a', 'rest a', 'b', 'c']);
  });

  test('callbacks come, in order; a write behind the end is the error that it is on any stream', async () => {
    const { socket, client } = await open(() => {});
    const order: string[] = [];
    socket.write('a\r\n', () => order.push('a'));
    socket.write('b\r\n', 'utf8', () => order.push('b'));
    socket.write('c\r\n');
    await client.until(() => client.lines.length === 3);
    expect(order).toEqual(['a', 'b']);
    expect(() => socket.write(null as never)).toThrow('null');
    expect(() => socket.write(1 as never)).toThrow('chunk');
    socket.end();
    const failed = once(socket, 'error');
    expect(socket.write('d\r\n')).toBe(false);
    expect((await failed)[0]).toMatchObject({ code: 'ERR_STREAM_WRITE_AFTER_END' });
  });
});
