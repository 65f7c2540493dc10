/**
 * Native WebSocket clients, which send no Origin: what Halloy sends (its `websocket.rs` over tungstenite), and what becomes of
 * it.
 */
import { describe, expect, test } from 'vitest';
import type { IrcSocket } from '../../src/index.ts';
import { clientFrame } from '../helpers/frames.ts';
import { startHook } from '../helpers/hook.ts';
import { RawClient } from '../helpers/raw-client.ts';
import { answerTo } from '../helpers/request.ts';

/** Halloy's request: no Origin, no user agent, binary frames preferred. */
const HALLOY = [
  'GET /irc HTTP/1.1',
  'Host: irc.example.com:443',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-protocol: binary.ircv3.net, text.ircv3.net',
  '\r\n',
].join('\r\n');

const BINARY = 2;
const PING = 9;
const PONG = 10;

describe('what Halloy sends', () => {
  test('is the documented 400 by default', async () => {
    const { port } = await startHook();
    expect(await answerTo(port, HALLOY)).toMatchObject({
      status: 400,
      body: 'WebSocket: Received HTTP request that did not send the Origin header',
    });
  });

  test('explain names the option', async () => {
    const reports: string[] = [];
    const { hook, port } = await startHook({
      onReject: (_error, request) => void reports.push(hook.explain(request).toString()),
    });
    await answerTo(port, HALLOY);
    expect(reports.join()).toMatch(/allowMissingOrigin/i);
  });

  test('is let in with allowMissingOrigin: binary lines each way, its pings answered; a page of another site still is not', async () => {
    const { port, nextSocket } = await startHook({
      allowMissingOrigin: true,
      onConnection: (socket: IrcSocket) => void socket.onLine((line: string) => void socket.writeLine(`echo ${line}`)),
    });
    const next = nextSocket();
    const client = await RawClient.connect(port);
    client.socket.write(HALLOY);
    await client.until(() => client.head !== '');
    expect(client.head).toContain('Sec-WebSocket-Protocol: binary.ircv3.net');
    expect((await next).websocket).toMatchObject({ origin: null, mode: 'binary', userAgent: null });
    client.socket.write(Buffer.concat([clientFrame(BINARY, 'NICK ada'), clientFrame(PING, '')]));
    await client.until(() => client.frames.length === 2);
    expect(client.frames.map(({ opcode, payload }) => [opcode, payload.toString()])).toEqual([
      [BINARY, 'echo NICK ada'],
      [PONG, ''],
    ]);
    expect((await answerTo(port, HALLOY.replace('Connection:', 'Origin: https://evil.test\r\nConnection:'))).status).toBe(403);
  });
});
