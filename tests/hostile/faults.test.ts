import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { diagnostics } from '../../src/diagnostics.ts';
import { broadcast, createWebSocketHook, type HandshakeError, type IrcSocket } from '../../src/index.ts';
import { Opcode } from '../../src/protocol/frame.ts';
import { clientFrame, clientText } from '../helpers/frames.ts';
import { startHook } from '../helpers/hook.ts';
import { RawClient, upgradeRequest } from '../helpers/raw-client.ts';

const echo = (socket: IrcSocket): void => void socket.onLine((line: string) => void socket.writeLine(`echo ${line}`));

const undo: (() => void)[] = [];
afterEach(() => {
  for (const step of undo.splice(0)) step();
});

/** What a channel was told, until the end of the test. */
function record<Message>(channel: (typeof diagnostics)[keyof typeof diagnostics]): Message[] {
  const messages: Message[] = [];
  const listener = (message: unknown): void => void messages.push(message as Message);
  channel.subscribe(listener);
  undo.push(() => channel.unsubscribe(listener));
  return messages;
}

/** Warnings of the process until the end of the test, also those that come a tick later. */
function recordWarnings(): Error[] {
  const warnings: Error[] = [];
  const listener = (warning: Error): void => void warnings.push(warning);
  process.on('warning', listener);
  undo.push(() => void process.off('warning', listener));
  return warnings;
}

/** A transport over a socket whose writes fail, or throw, from some moment on. */
class FailingTransport extends Duplex {
  readonly #socket: Socket;
  failure: NodeJS.ErrnoException | null = null;
  throws = false;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.on('data', (chunk) => void this.push(chunk));
    socket.on('end', () => void this.push(null));
    socket.on('close', () => void this.destroy());
    socket.on('error', () => {});
  }

  override _read(): void {}

  /** As no stream should. */
  override write(...args: unknown[]): boolean {
    if (this.throws && this.failure !== null) throw this.failure;
    return super.write(...(args as Parameters<Duplex['write']>));
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    if (this.failure !== null) callback(this.failure);
    else this.#socket.write(chunk, callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#socket.end(callback);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#socket.destroy();
    callback(error);
  }
}

/** `hadError` of 'close'; not `once`, which would listen for 'error' too. */
const closing = (socket: IrcSocket): Promise<boolean> =>
  new Promise((resolve) => {
    socket.once('close', resolve);
  });

const errno = (code: string): NodeJS.ErrnoException => Object.assign(new Error(`write ${code}`), { code, syscall: 'write' });

describe('write errors', () => {
  test.each([
    ['fails by', 'ENOMEM'],
    ['fails by', 'ENOBUFS'],
    ['fails by', 'EPIPE'],
    ['fails by', 'ECONNRESET'],
    ['fails by', 'EIO'],
    ['throws', 'EIO'],
  ])('a write that %s %s ends that one client, hadError; others get every line', async (how, code) => {
    const transports: FailingTransport[] = [];
    const sockets: IrcSocket[] = [];
    const hook = createWebSocketHook({
      origins: ['https://*.example.com'],
      onConnection: (socket) => void sockets.push(socket.resume()),
    });
    const server = createServer().listen(0, '127.0.0.1');
    server.on('upgrade', (request, socket, head) => {
      const transport = new FailingTransport(socket as Socket);
      transports.push(transport);
      hook.handleUpgrade(request, transport, head);
    });
    undo.push(() => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const clients = [];
    for (let i = 0; i < 3; i++) clients.push(await RawClient.open(port));
    const [first, second, third] = clients as [RawClient, RawClient, RawClient];
    const [, failing] = sockets as [IrcSocket, IrcSocket, IrcSocket];
    const errors: unknown[] = [];
    failing.on('error', (error) => errors.push(error));
    (transports[1] as FailingTransport).failure = errno(code);
    (transports[1] as FailingTransport).throws = how === 'throws';
    const closed = closing(failing);
    broadcast(sockets, 'to all');
    expect(await closed).toBe(true);
    expect(errors).toEqual([(transports[1] as FailingTransport).failure]);
    expect(failing.closeStatus).toEqual({ code: 1006, reason: '', clean: false });
    expect(failing.bufferSize).toBe(0);
    await second.until(() => second.closed || second.ended);
    broadcast(sockets, 'to all again');
    for (const client of [first, third]) {
      await client.until(() => client.lines.length === 2);
      expect(client.lines).toEqual(['to all', 'to all again']);
    }
    expect(hook.stats()).toMatchObject({ clients: 2, closed: { 1006: 1 } });
    for (const client of [first, third]) client.socket.destroy();
    await hook.close();
  });

  test('a reset in the middle of a broadcast ends one of fifty; the others get every line, once, in order', async () => {
    const { hook, port, sockets } = await startHook({ onConnection: (socket) => void socket.resume() });
    const clients = await Promise.all(Array.from({ length: 50 }, () => RawClient.open(port)));
    const victim = clients[20] as RawClient;
    const victimPort = (victim.socket.address() as AddressInfo).port;
    const closed = closing(sockets.find(({ remotePort }) => remotePort === victimPort) as IrcSocket);
    for (let n = 0; n < 200; n++) {
      broadcast(sockets, `${n}`);
      if (n === 100) victim.socket.resetAndDestroy();
      if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const expected = Array.from({ length: 200 }, (_, n) => `${n}`);
    for (const client of clients) {
      if (client === victim) continue;
      await client.until(() => client.lines.length === 200);
      expect(client.lines).toEqual(expected);
    }
    await closed;
    expect(hook.clients.size).toBe(49);
  });
});

describe('the server’s own code', () => {
  test('a throwing ping callback ends that one client, 1011 without details', async () => {
    const faults = record<{ error: Error; code: number }>(diagnostics.protocolError);
    const { port, nextSocket } = await startHook({ onConnection: echo });
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    const other = await RawClient.open(port);
    socket.ping(() => {
      throw new Error('secret');
    });
    await client.until(() => client.frames.some(({ opcode }) => opcode === Opcode.PING));
    client.socket.write(clientFrame(Opcode.PONG, ''));
    await client.until(() => client.closeFrame !== undefined);
    expect(client.closeFrame).toEqual({ code: 1011, reason: 'Internal error' });
    other.socket.write(clientText('here'));
    await other.until(() => other.lines.length === 1);
    expect(faults.map(({ code, error }) => [code, error.message])).toEqual([[1011, 'secret']]);
  });

  test('what is no Error can be thrown too; lines before it were delivered, lines behind it are not', async () => {
    const lines: string[] = [];
    const faults = record<{ error: unknown }>(diagnostics.protocolError);
    const { port, nextSocket } = await startHook({
      onConnection: (socket) =>
        void socket.onLine((line: string) => {
          lines.push(line);
          if (line === 'two') throw 'a string';
        }),
    });
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    const closed = once(socket, 'close');
    client.socket.write(Buffer.concat(['one', 'two', 'three'].map((line) => clientText(line))));
    await client.until(() => client.closeFrame !== undefined);
    expect(await closed).toEqual([false]);
    expect(lines).toEqual(['one', 'two']);
    expect(client.closeFrame?.code).toBe(1011);
    expect(faults.map(({ error }) => error)).toEqual(['a string']);
    expect(socket.closeStatus).toEqual({ code: 1011, reason: 'Internal error', clean: false });
  });

  test('where nobody subscribed, the fault is a warning of the process: it is not lost on the author', async () => {
    const warnings = recordWarnings();
    const { port } = await startHook({
      onConnection: () => {
        throw new TypeError('x of undefined');
      },
    });
    const client = await RawClient.open(port);
    await client.until(() => client.closeFrame !== undefined);
    await new Promise((resolve) => setImmediate(resolve));
    expect(warnings.map(({ message }) => message)).toEqual(['x of undefined']);
  });

  test('an onConnection that wrote a greeting and then threw: the greeting, then 1011', async () => {
    record(diagnostics.protocolError);
    const { port, hook } = await startHook({
      onConnection: (socket) => {
        socket.writeLine('NOTICE * :hello');
        throw new Error('secret');
      },
    });
    const client = await RawClient.open(port);
    await client.until(() => client.ended);
    expect(client.lines).toEqual(['NOTICE * :hello']);
    expect(client.closeFrame).toEqual({ code: 1011, reason: 'Internal error' });
    client.socket.end();
    await client.until(() => client.closed);
    expect(hook.stats()).toMatchObject({ clients: 0, accepted: 1, closed: { 1011: 1 } });
  });

  test.each([
    ['rejects', () => Promise.reject(new Error('secret'))],
    [
      'throws',
      () => {
        throw new Error('secret');
      },
    ],
  ])(
    'an authorize that %s is a 403 without details; the channel knows the cause; the next client comes in',
    async (_how, fail) => {
      const rejections = record<{ error: HandshakeError }>(diagnostics.reject);
      let isFirst = true;
      const { port } = await startHook({
        onConnection: echo,
        authorize: () => {
          if (!isFirst) return undefined;
          isFirst = false;
          return fail();
        },
      });
      const refused = await RawClient.connect(port);
      refused.socket.write(upgradeRequest());
      await refused.until(() => refused.ended);
      expect(refused.status).toBe(403);
      expect(refused.received.includes('secret')).toBe(false);
      expect(rejections.map(({ error }) => (error.cause as Error).message)).toEqual(['secret']);
      const client = await RawClient.open(port);
      client.socket.write(clientText('x'));
      await client.until(() => client.lines.length === 1);
    },
  );

  test('a throwing onReject is a warning; the answer had left before', async () => {
    const warnings = recordWarnings();
    const { port } = await startHook({
      onReject: () => {
        throw new Error('in onReject');
      },
    });
    const refused = await RawClient.connect(port);
    refused.socket.write(upgradeRequest({ Origin: 'https://evil.test' }));
    await refused.until(() => refused.ended);
    expect(refused.status).toBe(403);
    expect(warnings.map(({ message }) => message)).toEqual(['in onReject']);
    await RawClient.open(port);
  });
});
