import { once } from 'node:events';
import net from 'node:net';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { broadcast, type IrcSocket, prepareLine } from '../../src/index.ts';
import { Opcode } from '../../src/protocol/frame.ts';
import { clientClose, clientFrame, clientText } from '../helpers/frames.ts';
import { startHook } from '../helpers/hook.ts';
import { RawClient, upgradeRequest } from '../helpers/raw-client.ts';
import { steadily } from '../helpers/steady.ts';

describe('the shape of a net.Socket', () => {
  test('every public name of net.Socket.prototype is there, on this Node', async () => {
    const { port, nextSocket } = await startHook();
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    const names = Object.getOwnPropertyNames(net.Socket.prototype).filter((name) => !name.startsWith('_'));
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) expect(name in socket, name).toBe(true);
    expect(socket.readyState).toBe('open');
    expect(socket.connecting).toBe(false);
    expect(socket.remoteAddress).toBe('127.0.0.1');
    expect(socket.remoteFamily).toBe('IPv4');
    expect(socket.remotePort).toBe((client.socket.address() as net.AddressInfo).port);
    expect(socket.localPort).toBe(port);
    expect((socket.address() as net.AddressInfo).port).toBe(port);
    expect(() => socket.connect(1)).toThrow('connected already');
    socket.setNoDelay(true).setKeepAlive(true, 1_000).unref().ref();
  });

  test('a server that knows only net.Socket serves it: setEncoding, data, write, end, close', async () => {
    const seen: unknown[] = [];
    const serve = (socket: net.Socket): void => {
      let rest = '';
      socket.setEncoding('utf8');
      socket.on('data', (chunk: string) => {
        rest += chunk;
        for (let lf = rest.indexOf('\n'); lf >= 0; lf = rest.indexOf('\n')) {
          const line = rest.slice(0, lf).replace(/\r$/, '');
          rest = rest.slice(lf + 1);
          seen.push(line);
          if (line.startsWith('PING')) socket.write(`PONG ${line.slice(5)}\r\n`);
          if (line.startsWith('QUIT')) socket.end('ERROR :Closing link\r\n');
        }
      });
      socket.on('end', () => seen.push('end'));
      socket.on('close', (hadError) => seen.push(['close', hadError]));
    };
    const { port, nextSocket } = await startHook({ onConnection: serve });
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    client.socket.write(Buffer.concat([clientText('NICK é'), clientText('PING 1'), clientText('PING 2\r\nPING 3')]));
    await client.until(() => client.lines.length === 3);
    expect(client.lines).toEqual(['PONG 1', 'PONG 2', 'PONG 3']);
    client.socket.write(clientText('QUIT'));
    await client.until(() => client.closeFrame !== undefined);
    expect(client.lines.at(-1)).toBe('ERROR :Closing link');
    expect(client.closeFrame).toEqual({ code: 1000, reason: '' });
    const closed = once(socket, 'close');
    client.socket.end(clientClose(1000));
    await closed;
    expect(seen).toEqual(['NICK é', 'PING 1', 'PING 2', 'PING 3', 'QUIT', 'end', ['close', false]]);
    expect(socket.closeStatus).toEqual({ code: 1000, reason: '', clean: true });
  });

  test('readline reads it', async () => {
    const lines: string[] = [];
    const { port, nextSocket } = await startHook({
      onConnection: (socket) => void createInterface({ input: socket }).on('line', (line) => void lines.push(line)),
    });
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    client.socket.write(Buffer.concat([clientText('A é'), clientText('B'), clientClose(1001)]));
    await once(socket, 'close');
    expect(lines).toEqual(['A é', 'B']);
    expect(socket.closeStatus).toEqual({ code: 1001, reason: '', clean: true });
  });

  test('for await reads it to its end', async () => {
    const { port, nextSocket } = await startHook();
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    client.socket.write(Buffer.concat([clientText('one'), clientText('two'), clientClose(1000)]));
    let text = '';
    for await (const chunk of socket) text += chunk;
    expect(text).toBe('one\r\ntwo\r\n');
  });

  test('end(rest) sends the rest as a last frame, then Close, then FIN', async () => {
    const { port, nextSocket } = await startHook();
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    socket.write('whole\r\nre');
    socket.end('st');
    client.socket.write(clientClose(1000));
    await client.until(() => client.ended);
    expect(client.frames.map(({ opcode, payload }) => [opcode, payload.toString('latin1')])).toEqual([
      [Opcode.TEXT, 'whole'],
      [Opcode.TEXT, 'rest'],
      [Opcode.CLOSE, '\x03\xe8'],
    ]);
  });

  test('what was written before destroy() in the same turn still leaves, as on a net.Socket', async () => {
    const { port, nextSocket } = await startHook();
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    socket.write('ERROR :Closing link: banned\r\n');
    socket.destroy();
    await client.until(() => client.ended || client.closed);
    expect(client.lines).toEqual(['ERROR :Closing link: banned']);
    expect(socket.destroyed).toBe(true);
    expect(socket.write('x\r\n')).toBe(false);
  });

  test('after destroy() neither data nor onLine is called again', async () => {
    for (const face of ['data', 'line'] as const) {
      const got: string[] = [];
      const { port, nextSocket } = await startHook({
        onConnection: (socket) => {
          const take = (line: string | Buffer): void => {
            got.push(String(line));
            socket.destroy();
          };
          if (face === 'data') socket.on('data', take);
          else socket.onLine(take);
        },
      });
      const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
      const closed = once(socket, 'close');
      client.socket.write(Buffer.concat([clientText('one'), clientText('two\nthree'), clientText('four')]));
      await closed;
      expect(got.length).toBe(1);
    }
  });

  test('setTimeout fires after silence, and not before: lines count, pings do not', async () => {
    await steadily(60, async () => {
      const { port, nextSocket } = await startHook();
      const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
      socket.resume();
      let timeouts = 0;
      socket.setTimeout(150, () => timeouts++);
      expect(socket.timeout).toBe(150);
      const beat = setInterval(() => client.socket.write(clientText('PING')), 30);
      await new Promise((resolve) => setTimeout(resolve, 300));
      clearInterval(beat);
      expect(timeouts).toBe(0);
      const pings = setInterval(() => client.socket.write(clientFrame(Opcode.PING, '')), 30);
      await once(socket, 'timeout');
      clearInterval(pings);
      expect(timeouts).toBe(1);
      socket.setTimeout(0);
      expect(() => socket.setTimeout(-1)).toThrow(RangeError);
    });
  });

  test('a reset is an error to those who listen for it, and ends nobody who does not', async () => {
    for (const listens of [true, false]) {
      const { port, nextSocket } = await startHook();
      const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
      socket.resume();
      const errors: unknown[] = [];
      if (listens) socket.on('error', (error) => errors.push((error as NodeJS.ErrnoException).code));
      const closed = new Promise((resolve) => socket.once('close', resolve));
      client.socket.resetAndDestroy();
      expect(await closed).toBe(true);
      expect(errors).toEqual(listens ? ['ECONNRESET'] : []);
      expect(socket.closeStatus).toEqual({ code: 1006, reason: '', clean: false });
    }
  });
});

describe('the line face', () => {
  test('onLine gives lines without CR LF, as utf8, latin1 or views', async () => {
    const expected = { utf8: ['a é', 'b \ufffd'], latin1: ['a \xc3\xa9', 'b \xff'], buffer: ['6120c3a9', '6220ff'] };
    for (const encoding of ['utf8', 'latin1', 'buffer'] as const) {
      const got: string[] = [];
      const { port, nextSocket } = await startHook({
        defaultMode: 'binary',
        onConnection: (socket) => {
          if (encoding === 'buffer') socket.onLine((line: Buffer) => void got.push(line.toString('hex')), 'buffer');
          else socket.onLine((line: string) => void got.push(line), encoding);
        },
      });
      const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
      client.socket.write(
        Buffer.concat([
          clientText('a é\r\n'),
          clientFrame(Opcode.BINARY, Buffer.from('b \xff\r\n', 'latin1')),
          clientClose(1000),
        ]),
      );
      await once(socket, 'close');
      expect(got).toEqual(expected[encoding]);
    }
  });

  test('pause() holds the lines that are parsed already, in order; resume() gives them', async () => {
    const got: string[] = [];
    const { port, nextSocket } = await startHook({
      onConnection: (socket) =>
        void socket.onLine((line: string) => {
          got.push(line);
          if (line === '2' || line === '4') {
            socket.pause();
            setImmediate(() => {
              got.push('resume');
              socket.resume();
            });
          }
        }),
    });
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    client.socket.write(Buffer.concat([...['1', '2', '3', '4', '5', '6'].map((n) => clientText(n)), clientClose(1000)]));
    await once(socket, 'close');
    expect(got).toEqual(['1', '2', 'resume', '3', '4', 'resume', '5', '6']);
  });

  test('paused before the first line comes, or as soon as onLine is called: nothing comes until it is resumed', async () => {
    for (const isOnStreamBefore of [false, true]) {
      const got: string[] = [];
      const { port, nextSocket } = await startHook({
        onConnection: (socket) => {
          if (isOnStreamBefore) socket.on('data', () => {});
          socket.onLine((line: string) => got.push(line)).pause();
          expect(socket.isPaused()).toBe(true);
        },
      });
      const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
      client.socket.write(Buffer.concat([clientText('1'), clientText('2'), clientClose(1000)]));
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(got).toEqual([]);
      socket.resume();
      await once(socket, 'close');
      expect(got).toEqual(['1', '2']);
    }
  });

  test('onLine(null) goes back to the stream', async () => {
    const got: string[] = [];
    const { port, nextSocket } = await startHook({
      onConnection: (socket) =>
        void socket.onLine((line: string) => {
          got.push(`line ${line}`);
          socket.onLine(null);
          socket.on('data', (chunk) => void got.push(`data ${chunk}`));
        }),
    });
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    client.socket.write(Buffer.concat([clientText('1'), clientText('2'), clientClose(1000)]));
    await once(socket, 'close');
    expect(got).toEqual(['line 1', 'data 2\r\n']);
    expect(() => socket.onLine('x' as unknown as null)).toThrow(TypeError);
  });

  test('writeLine and broadcast reach text, binary and TCP clients, each in its own form', async () => {
    const { port, nextSocket } = await startHook();
    const [text, textClient] = await Promise.all([nextSocket(), RawClient.open(port)]);
    const [binary, binaryClient] = await Promise.all([
      nextSocket(),
      RawClient.open(port, { 'Sec-WebSocket-Protocol': 'binary.ircv3.net' }),
    ]);
    const tcpServer = net.createServer().listen(0, '127.0.0.1');
    await once(tcpServer, 'listening');
    const plain = net.connect((tcpServer.address() as net.AddressInfo).port, '127.0.0.1');
    const [[tcp]] = (await Promise.all([once(tcpServer, 'connection'), once(plain, 'connect')])) as unknown as [[net.Socket]];
    const line = prepareLine(Buffer.from(':x PRIVMSG #a :caf\xe9', 'latin1'));
    broadcast([text, binary, tcp], line);
    broadcast([text, binary, tcp], ':y PRIVMSG #a :😀\r\n');
    const [chunk] = (await once(plain, 'data')) as [Buffer];
    expect(chunk.toString('latin1')).toContain(':x PRIVMSG #a :caf\xe9\r\n');
    await textClient.until(() => textClient.lines.length === 2);
    await binaryClient.until(() => binaryClient.lines.length === 2);
    expect(textClient.frames.map(({ opcode, payload }) => [opcode, payload.toString()])).toEqual([
      [Opcode.TEXT, ':x PRIVMSG #a :caf\ufffd'],
      [Opcode.TEXT, ':y PRIVMSG #a :😀'],
    ]);
    expect(binaryClient.frames.map(({ opcode, payload }) => [opcode, payload.toString('latin1')])).toEqual([
      [Opcode.BINARY, ':x PRIVMSG #a :caf\xe9'],
      [Opcode.BINARY, Buffer.from(':y PRIVMSG #a :😀').toString('latin1')],
    ]);
    plain.destroy();
    tcpServer.close();
    binary.destroy();
    broadcast([binary, text], 'still');
    await textClient.until(() => textClient.lines.length === 3);
  });

  test.each(['writeLine', 'write', 'pipe'] as const)(
    '%s: who goes on within a drain, until false again, is told of the next one',
    async (way) => {
      const { port, nextSocket } = await startHook({ sendQueueLimit: 64 * 1024 * 1024 });
      const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
      const count = 1_500;
      const lines = Array.from({ length: count }, (_, i) => `${i} ${'x'.repeat(8_000)}\r\n`);
      let drains = 0;
      socket.on('drain', () => drains++);
      if (way === 'pipe') {
        Readable.from(lines, { objectMode: false }).pipe(socket);
      } else {
        let next = 0;
        const go = (): void => {
          while (next < count && socket[way](lines[next++] as string));
        };
        socket.on('drain', go);
        go();
      }
      await client.until(() => client.lines.length === count);
      expect(client.lines.map((line) => Number(line.split(' ')[0]))).toEqual(Array.from({ length: count }, (_, i) => i));
      expect(drains).toBeGreaterThan(1);
    },
  );

  test('writeLine does not overtake what was written before and is held back', async () => {
    const { port, nextSocket } = await startHook({ sendQueueLimit: 64 * 1024 * 1024 });
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    client.socket.pause();
    const long = 'x'.repeat(8_000);
    let n = 0;
    while (socket.write(`${n++} ${long}\r\n`)) await new Promise((resolve) => setImmediate(resolve));
    for (let more = 0; more < 10; more++) socket.write(`${n++} ${long}\r\n`);
    expect(socket.writeLine(`${n++} ${long}`)).toBe(false);
    const drained = once(socket, 'drain');
    client.socket.resume();
    await drained;
    expect(socket.writeLine(`${n++} last`)).toBe(true);
    await client.until(() => client.lines.length === n);
    expect(client.lines.map((line) => Number(line.split(' ')[0]))).toEqual(Array.from({ length: n }, (_, i) => i));
  });
});

describe('the end', () => {
  test('closeWebSocket says why, behind everything written before', async () => {
    const { port, nextSocket } = await startHook();
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    socket.resume();
    socket.write('ERROR :K-lined\r\n');
    socket.closeWebSocket(4403, 'ü'.repeat(100));
    expect(() => socket.closeWebSocket(1006)).toThrow(RangeError);
    await client.until(() => client.closeFrame !== undefined);
    expect(client.lines).toEqual(['ERROR :K-lined']);
    expect(client.closeFrame).toEqual({ code: 4403, reason: 'ü'.repeat(61) });
    const closed = once(socket, 'close');
    client.socket.write(clientClose(4403));
    expect(await closed).toEqual([false]);
    await client.until(() => client.ended);
  });

  test('C7 a peer that never answers the Close frame is let go after closeTimeout', async () => {
    const { port, nextSocket } = await startHook({ closeTimeout: 100 });
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    socket.resume();
    const closed = once(socket, 'close');
    socket.end();
    expect(await closed).toEqual([false]);
    await client.until(() => client.closed || client.ended);
    expect(socket.closeStatus).toEqual({ code: 1006, reason: '', clean: false });
  });

  test('C7 a FIN without a Close frame is an end, and 1006', async () => {
    const { port, nextSocket } = await startHook();
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    const ended = once(socket.resume(), 'end');
    client.socket.end();
    await ended;
    expect(socket.closeStatus).toEqual({ code: 1006, reason: '', clean: false });
    await client.until(() => client.ended);
  });

  test('a fault of the peer is a Close frame and the end, never an error', async () => {
    const { port, nextSocket } = await startHook();
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    const got: string[] = [];
    socket.on('data', (chunk) => void got.push(String(chunk)));
    socket.on('error', (error) => void got.push(`error ${error}`));
    const closed = once(socket, 'close');
    client.socket.write(Buffer.concat([clientText('before'), Buffer.from('83', 'hex')]));
    expect(await closed).toEqual([false]);
    expect(got).toEqual(['before\r\n']);
    await client.until(() => client.ended);
    expect(client.closeFrame).toEqual({ code: 1002, reason: 'WebSocket: Invalid opcode' });
    expect(socket.closeStatus).toEqual({ code: 1002, reason: 'WebSocket: Invalid opcode', clean: false });
  });
});

describe("'data' as it comes", () => {
  /** What a server gets of these messages, in one chunk and then in another. */
  async function serve(onConnection: (socket: IrcSocket, got: string[]) => void): Promise<string[]> {
    const got: string[] = [];
    const { port, nextSocket } = await startHook({ defaultMode: 'binary', onConnection: (socket) => onConnection(socket, got) });
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    const closed = once(socket, 'close');
    const lines = (...texts: string[]): Buffer =>
      Buffer.concat(texts.map((text) => clientFrame(Opcode.BINARY, Buffer.from(text, 'latin1'))));
    client.socket.write(lines('1', '2', '3\xff', 'a\r\nb'));
    await new Promise((resolve) => setTimeout(resolve, 30));
    client.socket.write(Buffer.concat([lines('4'), clientClose(1000)]));
    await closed;
    return got;
  }

  test('all of it, in every encoding, with and without a stream', async () => {
    for (const encoding of [undefined, 'utf8', 'utf-8', 'latin1', 'binary', 'ascii', 'hex', 'base64'] as const) {
      const expected = Buffer.from('1\r\n2\r\n3\xff\r\na\r\nb\r\n4\r\n', 'latin1').toString(encoding ?? 'latin1');
      for (const hasStream of [false, true]) {
        const got = await serve((socket, chunks) => {
          if (hasStream) expect(socket.readableFlowing).toBe(null);
          if (encoding !== undefined) socket.setEncoding(encoding);
          socket.on('data', (chunk: Buffer | string) => {
            expect(typeof chunk).toBe(encoding === undefined ? 'object' : 'string');
            chunks.push(typeof chunk === 'string' ? chunk : chunk.toString('latin1'));
          });
          socket.on('end', () => expect(socket.readableEnded).toBe(true));
          expect(socket.destroyed).toBe(false);
        });
        expect(got.join(''), `${encoding} ${hasStream}`).toBe(expected);
      }
    }
  });

  test('paused and resumed in the listener, nothing is lost or out of order', async () => {
    const got = await serve((socket, chunks) => {
      socket.setEncoding('latin1');
      socket.on('pause', () => chunks.push('<pause>'));
      socket.on('data', (chunk) => {
        chunks.push(String(chunk));
        if (chunks.length > 3) return;
        socket.pause();
        setTimeout(() => {
          chunks.push('<resume>');
          socket.resume();
        }, 10);
      });
    });
    expect(got.join('').replaceAll(/<\w+>/g, '')).toBe('1\r\n2\r\n3\xff\r\na\r\nb\r\n4\r\n');
    expect(got.slice(1, 3)).toEqual(['<pause>', '<resume>']);
  });

  test('a listener that comes once, goes, or turns to another way of reading', async () => {
    expect(await serve((socket, got) => void socket.once('data', (chunk) => got.push(String(chunk))))).toHaveLength(1);
    expect(
      await serve((socket, got) =>
        socket.once('data', (first) => {
          got.push(String(first));
          socket.on('readable', () => {
            for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) got.push(String(chunk));
          });
        }),
      ).then((got) => got.join('')),
    ).toMatch(/4\r\n$/);
    expect(await serve((socket) => socket.resume())).toEqual([]);
    const both = await serve((socket, got) => {
      socket.on('data', () => got.push('one'));
      socket.on('data', () => got.push('two'));
    });
    expect(both.slice(0, 4)).toEqual(['one', 'two', 'one', 'two']);
  });

  test('what came behind the request is not given within on(), nor out of order', async () => {
    for (const isLate of [false, true]) {
      const got: string[] = [];
      const { port, nextSocket } = await startHook({
        onConnection: (socket) => {
          const listen = (): void => {
            let isWithin = true;
            socket.on('data', (chunk) => {
              for (const line of String(chunk).split('\r\n').slice(0, -1)) got.push(`${isWithin} ${line}`);
            });
            isWithin = false;
          };
          if (isLate) setTimeout(listen, 10);
          else listen();
        },
      });
      const client = await RawClient.connect(port);
      client.socket.write(Buffer.concat([Buffer.from(upgradeRequest()), clientText('1'), clientText('2')]));
      const socket = await nextSocket();
      await new Promise((resolve) => setTimeout(resolve, 30));
      client.socket.write(Buffer.concat([clientText('3'), clientClose(1000)]));
      await once(socket, 'close');
      expect(got).toEqual(['false 1', 'false 2', 'false 3']);
    }
  });

  test('a listener that throws ends its client by 1011', async () => {
    const { port } = await startHook({
      onConnection: (socket) =>
        void socket.on('data', () => {
          throw new Error('a fault of the server’s own');
        }),
    });
    const client = await RawClient.open(port);
    client.socket.write(clientText('x'));
    await client.until(() => client.closeFrame !== undefined);
    expect(client.closeFrame?.code).toBe(1011);
  });
});
