import { expect, test } from 'vitest';
import { controlFrame, readPageMessage } from '../../src/resume/wire.ts';

test('a control message is one binary frame of words', () => {
  expect(Buffer.from(controlFrame('ack', 12), 'latin1').toString('hex')).toBe('820661636b203132');
});

test.each([
  ['ping', { kind: 'ping' }],
  ['ack 0', { kind: 'ack', received: 0 }],
  ['ack 9007199254740991', { kind: 'ack', received: 9_007_199_254_740_991 }],
])('%j is read', (text, message) => {
  expect(readPageMessage(Buffer.from(text))).toEqual(message);
});

test.each([
  '',
  ' ',
  'ping ',
  'ping 1',
  'PING',
  'ack',
  'ack ',
  'ack  1',
  'ack 1 2',
  'ack +1',
  'ack 00',
  'ack 9007199254740992',
  'ack 1\n',
  '\0ack 1',
  'session 1 x',
])('V4 %j is none', (text) => {
  expect(readPageMessage(Buffer.from(text))).toBeNull();
});

test('one of 257 bytes is none', () => {
  expect(readPageMessage(Buffer.alloc(257, 'a'))).toBeNull();
});
