import { describe, expect, test } from 'vitest';
import { ConfigError, createWebSocketHook } from '../../src/index.ts';
import { startHook } from '../helpers/hook.ts';
import { handshake } from '../helpers/request.ts';

describe('the documented errors, in InspIRCd’s order', () => {
  /** Everything wrong at once; then one after the other is mended. */
  const ORDER: [fields: { [name: string]: string | null }, status: number, body: string][] = [
    [{ Origin: null }, 400, 'WebSocket: Received HTTP request that did not send the Origin header'],
    [{ Origin: 'https://evil.test' }, 403, 'WebSocket: Received HTTP request from a non-whitelisted origin'],
    [
      { Origin: 'https://chat.example.com' },
      400,
      'WebSocket: Received a proxied HTTP request that did not send a real IP address header',
    ],
    [{ 'X-Forwarded-For': 'unknown' }, 400, 'WebSocket: Received a proxied HTTP request that sent a malformed real IP address'],
    [
      { 'X-Forwarded-For': '203.0.113.9' },
      400,
      'WebSocket: Received HTTP request that did not send the Sec-WebSocket-Protocol header',
    ],
    [
      { 'Sec-WebSocket-Protocol': 'text.ircv3.net' },
      400,
      'WebSocket: Received HTTP request that requested a text protocol which is not compatible with the server character set',
    ],
    [
      { 'Sec-WebSocket-Protocol': 'text.ircv3.net, binary.ircv3.net' },
      501,
      'WebSocket: Received HTTP request which is not a websocket upgrade',
    ],
    [{ 'Sec-WebSocket-Key': 'x' }, 426, 'WebSocket: Received HTTP request for a WebSocket version which is not 13'],
    [
      { 'Sec-WebSocket-Version': '13' },
      400,
      'WebSocket: Received HTTP request whose Sec-WebSocket-Key is not 16 bytes of base64',
    ],
    [{ 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==' }, 101, ''],
  ];

  test('each is found where the one before is mended', async () => {
    const { port } = await startHook({ proxyRanges: ['127.0.0.1/32'], defaultMode: 'reject', charset: 'iso-8859-1' });
    let fields: { [name: string]: string | null } = { 'Sec-WebSocket-Key': null, 'Sec-WebSocket-Version': '8' };
    for (const [mended, status, body] of ORDER) {
      fields = { ...fields, ...mended };
      const answer = await handshake(port, fields);
      expect([answer.status, answer.body]).toEqual([status, body]);
    }
  });

  test('S4 where the charset forbids text, the next offer is taken, with its own spelling', async () => {
    const { port } = await startHook({ defaultMode: 'binary', charset: 'koi8-r' });
    const answer = await handshake(port, { 'Sec-WebSocket-Protocol': 'text.ircv3.net,Binary.InspIRCd.org' });
    expect(answer.head).toContain('\r\nSec-WebSocket-Protocol: Binary.InspIRCd.org\r\n');
  });
});

describe('Origin', () => {
  test.each([
    ['https://chat.example.com', 101],
    ['HTTPS://CHAT.EXAMPLE.COM', 101],
    ['https://a.b.example.com', 101],
    ['https://a.example.com  ', 101],
    ['https://example.com', 403],
    ['https://evilexample.com', 403],
    ['http://a.example.com', 403],
    ['https://a.example.com:8443', 403],
    ['https://a.example.com/', 403],
    ['https://evil.test/.example.com', 403],
    ['https://evil.test?.example.com', 403],
    ['https://evil.test#.example.com', 403],
    ['https://evil@a.example.com', 403],
    ['https://evil.test https://a.example.com', 403],
    ['https://a.example.com, https://a.example.com', 403],
    ['https://evil.test\\.example.com', 403],
    ['https://\xe9.example.com', 403],
    ['https://\t.example.com', 403],
    ['null', 403],
    [`https://${'a'.repeat(8_000)}.example.com`, 403],
    ['', 400],
    ['   ', 400],
  ])('O3 O5 O6 O7 H12 %j is %i', async (origin, status) => {
    const { port } = await startHook({ allowMissingOrigin: true });
    expect((await handshake(port, { Origin: origin })).status).toBe(status);
  });

  test('O1 O4 a native client without Origin comes in only by allowMissingOrigin, `*` does not do', async () => {
    expect((await handshake((await startHook({ origins: ['*'] })).port, { Origin: null })).status).toBe(400);
    const { port, nextSocket } = await startHook({ allowMissingOrigin: true });
    const [socket, answer] = await Promise.all([nextSocket(), handshake(port, { Origin: null })]);
    expect(answer.status).toBe(101);
    expect(socket.websocket.origin).toBeNull();
    expect(socket.websocket.whoisGateway()).toBe('');
  });

  test('O6 null is let in by the patterns null and * alone', async () => {
    for (const [pattern, status] of [
      ['null', 101],
      ['*', 101],
      ['*null', 403],
      ['n?ll', 403],
      ['https://*', 403],
    ] as const) {
      expect((await handshake((await startHook({ origins: [pattern] })).port, { Origin: 'null' })).status).toBe(status);
    }
  });

  test.each([
    ['http://localhost:8080/', 'trailing slash'],
    ['https://example.com/chat', 'path'],
    ['example.com', 'scheme://host'],
    ['', 'empty'],
    ['https://', 'scheme://host'],
    ['https://a b.example', 'no Origin has'],
    ['https://user@example.com', 'no Origin has'],
    [`https://${'*a'.repeat(200)}`, 'limit 300'],
  ])('O2 the pattern %j can never match, and is refused when it is configured', (pattern, problem) => {
    const make = (): unknown => createWebSocketHook({ origins: ['https://ok.example', pattern], onConnection: () => {} });
    expect(make).toThrow(ConfigError);
    expect(make).toThrow('<wsorigin:allow>');
    expect(make).toThrow(problem);
  });

  test('O8 no origins at all is an error', () => {
    expect(() => createWebSocketHook({ origins: [], onConnection: () => {} })).toThrow('<wsorigin>');
  });
});

describe('subprotocols', () => {
  test.each([
    ['text.ircv3.net', 'text.ircv3.net', 'text'],
    ['binary.ircv3.net,text.ircv3.net', 'binary.ircv3.net', 'binary'],
    ['chat , TEXT.IRCV3.NET', 'TEXT.IRCV3.NET', 'text'],
    [',, binary.inspircd.org ,', 'binary.inspircd.org', 'binary'],
    ['text.ircv3.net;q=1', null, 'text'],
    ['text . ircv3 . net', null, 'text'],
    ['', null, 'text'],
  ] as const)('S1 S2 S3 S6 S8 %j chooses %j', async (offer, chosen, mode) => {
    const { port, nextSocket } = await startHook();
    const [socket, answer] = await Promise.all([nextSocket(), handshake(port, { 'Sec-WebSocket-Protocol': offer })]);
    expect(answer.status).toBe(101);
    if (chosen === null) expect(answer.head).not.toContain('Sec-WebSocket-Protocol');
    else expect(answer.head).toContain(`\r\nSec-WebSocket-Protocol: ${chosen}\r\n`);
    expect([socket.websocket.subprotocol, socket.websocket.mode]).toEqual([chosen, mode]);
  });

  test('S5 a list field of blanks takes no time, extensions are not negotiated', async () => {
    const { port } = await startHook();
    expect((await handshake(port, { 'Sec-WebSocket-Protocol': `a${' '.repeat(14_000)}b` })).status).toBe(101);
    const answer = await handshake(port, {
      'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits, constructor, a; b="\\c\\c',
    });
    expect(answer.status).toBe(101);
    expect(answer.head).not.toContain('Extensions');
  });
});
