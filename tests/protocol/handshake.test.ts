import { expect, test } from 'vitest';
import { acceptKey, hasSha1, isWebSocketKey, switchingProtocols } from '../../src/protocol/handshake.ts';

test('the accept value is that of RFC 6455 section 1.3', () => {
  expect(acceptKey('dGhlIHNhbXBsZSBub25jZQ==')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
});

test('a key is 16 bytes of base64, no more and no less', () => {
  expect(isWebSocketKey('dGhlIHNhbXBsZSBub25jZQ==')).toBe(true);
  for (const key of [
    '',
    'x',
    'dGhlIHNhbXBsZSBub25jZQ=',
    'dGhlIHNhbXBsZSBub25jZR==',
    'dGhlIHNhbXBsZSBub25jZQ== ',
    `${'A'.repeat(128)}==`,
    'dGhlIHNhbXBsZSBub25jZ:==',
  ]) {
    expect(isWebSocketKey(key), key).toBe(false);
  }
});

test('the 101 has its fields in order, and a subprotocol only where one was chosen', () => {
  expect(switchingProtocols('dGhlIHNhbXBsZSBub25jZQ==', 'TEXT.IRCV3.NET')).toBe(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: TEXT.IRCV3.NET\r\n\r\n',
  );
  expect(switchingProtocols('dGhlIHNhbXBsZSBub25jZQ==', null)).not.toContain('Protocol:');
});

test('this Node has SHA-1', () => {
  expect(hasSha1()).toBe(true);
});
