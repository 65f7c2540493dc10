import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeFrame, Opcode } from '../../src/protocol/frame.ts';
import { ReadyState } from '../../src/protocol/session.ts';
import { WebSocketSession } from '../../src/protocol/web-socket-session.ts';
import { clientClose, clientFrame, clientText, everyWay, recordingSession } from '../helpers/frames.ts';

const hex = (text: string): string => Buffer.from(text).toString('hex');
const closeFrame = (code: number, reason: string): string => {
  const payload = Buffer.concat([Buffer.of(code >> 8, code & 0xff), Buffer.from(reason)]);
  return encodeFrame(Opcode.CLOSE, payload).toString('hex');
};

/** Every way of feeding `input` fails the connection with this code and reason, after these messages. */
function expectFailure(input: Uint8Array, code: number, reason: string, messages: string[] = []): void {
  for (const record of everyWay(input)) {
    expect(record.closed).toEqual({ code, reason, clean: false });
    expect(record.written).toBe(closeFrame(code, reason));
    expect(record.messages.map(({ bytes }) => bytes)).toEqual(messages.map(hex));
  }
}

describe('5.4 fragmentation', () => {
  test.each([0, 1, 125, 126, 127, 8_701])('a message of %i bytes arrives whole', (size) => {
    const text = 'a'.repeat(size);
    for (const record of everyWay(clientText(text))) {
      expect(record).toEqual({ messages: [{ text: true, bytes: hex(text) }], pongs: [], written: '', closed: null });
    }
  });

  test('fragments are one message, with control frames in between', () => {
    const input = Buffer.concat([
      clientText('gr', { fin: false }),
      clientFrame(Opcode.PING, 'now'),
      clientFrame(Opcode.CONTINUATION, Buffer.from('c3', 'hex'), { fin: false }),
      clientFrame(Opcode.PONG, 'x'),
      clientFrame(Opcode.CONTINUATION, Buffer.from('bcn', 'latin1').subarray(0, 0), { fin: false }),
      clientFrame(Opcode.CONTINUATION, Buffer.from('bc6e', 'hex')),
      clientFrame(Opcode.BINARY, 'next'),
    ]);
    for (const record of everyWay(input)) {
      expect(record.messages).toEqual([
        { text: true, bytes: hex('grün') },
        { text: false, bytes: hex('next') },
      ]);
      expect(record.pongs).toEqual([hex('x')]);
      expect(record.written).toBe(encodeFrame(Opcode.PONG, Buffer.from('now')).toString('hex'));
      expect(record.closed).toBeNull();
    }
  });

  test('F8 a continuation without a message is 1002', () => {
    for (const fin of [true, false]) {
      expectFailure(
        clientFrame(Opcode.CONTINUATION, 'x', { fin }),
        1002,
        'WebSocket protocol violation: continuation without a message',
      );
    }
  });

  test('F8 a new message within a message is 1002', () => {
    const input = Buffer.concat([clientText('a', { fin: false }), clientText('b')]);
    expectFailure(input, 1002, 'WebSocket protocol violation: new message within a message');
  });

  test('more fragments than allowed are 1008, empty ones included', () => {
    const empty = clientFrame(Opcode.CONTINUATION, '', { fin: false });
    const start = clientText('', { fin: false });
    expectFailure(Buffer.concat([start, ...Array(16).fill(empty)]), 1008, 'WebSocket: message of 17 fragments, limit 16');
    const within = Buffer.concat([start, ...Array(14).fill(empty), clientFrame(Opcode.CONTINUATION, 'ok')]);
    for (const record of everyWay(within)) expect(record.messages).toEqual([{ text: true, bytes: hex('ok') }]);
  });
});

describe('5.2 framing', () => {
  test.each([0x3, 0x4, 0x5, 0x6, 0x7, 0xb, 0xc, 0xd, 0xe, 0xf])('F4 reserved opcode %i is 1002', (opcode) => {
    expectFailure(Buffer.of(0x80 | opcode, 0x80, 0, 0, 0, 0), 1002, 'WebSocket: Invalid opcode');
  });

  test.each([0x40, 0x20, 0x10, 0x70])('F4 RSV bits %i are 1002 on any frame', (rsv) => {
    for (const opcode of [0x0, 0x1, 0x2, 0x8, 0x9, 0xa]) {
      expectFailure(Buffer.of(0x80 | rsv | opcode, 0x80, 0, 0, 0, 0), 1002, 'WebSocket: Invalid opcode');
    }
  });

  test('F1 an unmasked frame is 1002, known from its second byte', () => {
    for (const opcode of [Opcode.TEXT, Opcode.CLOSE, Opcode.PING]) {
      expectFailure(Buffer.of(0x80 | opcode, 0x00), 1002, 'WebSocket protocol violation: unmasked client frame');
    }
  });

  test.each([
    ['fe0005', 'a 16-bit length of 5'],
    ['fe007d', 'a 16-bit length of 125'],
    ['ff0000000000000005', 'a 64-bit length of 5'],
    ['ff000000000000ffff', 'a 64-bit length of 65535'],
  ])('F2 81%s: %s is not minimal: 1002', (header) => {
    expectFailure(
      Buffer.from(`81${header}01020304`, 'hex'),
      1002,
      'WebSocket protocol violation: non-minimal length encoding used',
    );
  });

  test('F2 a 64-bit length with its top bit set is 1002', () => {
    expectFailure(Buffer.from('82ff8000000000000001', 'hex'), 1002, 'WebSocket protocol violation: length out of range');
  });

  test.each([
    ['82ff001fffffffffffff01020304', 9007199254740991],
    ['82ff7fffffffffffffff01020304', 2 ** 63],
    ['82ff000000010000000001020304', 4294967296],
    ['82fe21fe01020304', 8_702],
  ])('F10 %s: too long a message is 1009 at its header, before any payload', (header, size) => {
    expectFailure(Buffer.from(header, 'hex'), 1009, `WebSocket: message of ${size} bytes, limit 8701`);
  });

  test('the limit is for the whole message, not for a frame', () => {
    const input = Buffer.concat([
      clientText('a'.repeat(8_000), { fin: false }),
      clientFrame(Opcode.CONTINUATION, 'b'.repeat(702)),
    ]);
    const { session, record } = recordingSession();
    session.receive(input);
    expect(record.closed).toEqual({ code: 1009, reason: 'WebSocket: message of 8702 bytes, limit 8701', clean: false });
  });
});

describe('5.5 control frames', () => {
  test('a ping is answered by its own payload', () => {
    for (const size of [0, 1, 125]) {
      for (const record of everyWay(clientFrame(Opcode.PING, 'p'.repeat(size)))) {
        expect(record.written).toBe(encodeFrame(Opcode.PONG, Buffer.from('p'.repeat(size))).toString('hex'));
      }
    }
  });

  test('F8 a control frame over 125 bytes, or in fragments, is 1002', () => {
    expectFailure(Buffer.from('89fe007e01020304', 'hex'), 1002, 'WebSocket protocol violation: large control frame');
    expectFailure(Buffer.from('89ff01020304', 'hex'), 1002, 'WebSocket protocol violation: large control frame');
    expectFailure(Buffer.from('098001020304', 'hex'), 1002, 'WebSocket protocol violation: fragmented control frame');
  });
});

describe('8.1 UTF-8', () => {
  test('text that is not UTF-8 is 1007', () => {
    expectFailure(clientFrame(Opcode.TEXT, Buffer.from('ff', 'hex')), 1007, 'WebSocket: text is not UTF-8');
    expectFailure(clientFrame(Opcode.TEXT, Buffer.from('61c3', 'hex')), 1007, 'WebSocket: text is not UTF-8');
  });

  test('it fails at the first wrong byte, before the rest of the frame has come', () => {
    const { session, record } = recordingSession();
    const frame = clientFrame(Opcode.TEXT, Buffer.from('616263eda0806465', 'hex'));
    session.receive(Buffer.from(frame.subarray(0, 6 + 4)));
    expect(record.closed).toBeNull();
    session.receive(Buffer.from(frame.subarray(10, 11)));
    expect(record.closed).toEqual({ code: 1007, reason: 'WebSocket: text is not UTF-8', clean: false });
  });

  test('a sequence may be cut by a fragment, but not by an ASCII one', () => {
    const good = Buffer.concat([
      clientFrame(Opcode.TEXT, Buffer.from('c3', 'hex'), { fin: false }),
      clientFrame(Opcode.CONTINUATION, Buffer.from('a9', 'hex')),
    ]);
    for (const record of everyWay(good)) expect(record.messages).toEqual([{ text: true, bytes: 'c3a9' }]);
    const bad = Buffer.concat([
      clientFrame(Opcode.TEXT, Buffer.from('c3', 'hex'), { fin: false }),
      clientFrame(Opcode.CONTINUATION, 'abc', { fin: false }),
    ]);
    expectFailure(bad, 1007, 'WebSocket: text is not UTF-8');
  });

  test('a wrong message does not spoil the check of another connection, nor an ASCII message the next one', () => {
    const input = Buffer.concat([
      clientText('é', { fin: false }),
      clientFrame(Opcode.CONTINUATION, ''),
      clientText('plain'),
      clientText('ü'),
    ]);
    for (const record of everyWay(input)) expect(record.messages.map(({ bytes }) => bytes)).toEqual(['é', 'plain', 'ü'].map(hex));
  });

  test('binary messages are not looked at', () => {
    for (const record of everyWay(clientFrame(Opcode.BINARY, Buffer.from('ff00fe', 'hex')))) {
      expect(record.messages).toEqual([{ text: false, bytes: 'ff00fe' }]);
    }
  });
});

describe('7 closing', () => {
  test.each([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])(
    'code %i is echoed',
    (code) => {
      for (const record of everyWay(clientClose(code, 'bye'))) {
        expect(record.closed).toEqual({ code, reason: 'bye', clean: true });
        expect(record.written).toBe(closeFrame(code, ''));
      }
    },
  );

  test('a Close frame without a code is answered without one, and reported as 1005', () => {
    for (const record of everyWay(clientClose())) {
      expect(record.closed).toEqual({ code: 1005, reason: '', clean: true });
      expect(record.written).toBe('8800');
    }
  });

  test.each([0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535])('F13 code %i is 1002', (code) => {
    expectFailure(clientClose(code), 1002, `WebSocket protocol violation: close code ${code}`);
  });

  test('F13 a payload of one byte is 1002, a reason that is not UTF-8 is 1007', () => {
    expectFailure(clientFrame(Opcode.CLOSE, 'x'), 1002, 'WebSocket protocol violation: close payload of 1 byte');
    expectFailure(clientFrame(Opcode.CLOSE, Buffer.from('03e8ff', 'hex')), 1007, 'WebSocket: close reason is not UTF-8');
  });

  test('what stands before a Close frame is delivered, what stands behind it is not', () => {
    const input = Buffer.concat([
      clientText('QUIT :bye'),
      clientClose(1000),
      clientText('PRIVMSG #a :ghost'),
      Buffer.of(0xff, 0xff),
    ]);
    for (const record of everyWay(input)) {
      expect(record.messages).toEqual([{ text: true, bytes: hex('QUIT :bye') }]);
      expect(record.closed).toEqual({ code: 1000, reason: '', clean: true });
      expect(record.written).toBe(closeFrame(1000, ''));
    }
  });

  test('what stands before a fault is delivered', () => {
    expectFailure(Buffer.concat([clientText('a'), clientText('b'), Buffer.of(0x83, 0x80)]), 1002, 'WebSocket: Invalid opcode', [
      'a',
      'b',
    ]);
  });

  test('we first: messages still come until the peer answers', () => {
    const { session, record } = recordingSession();
    session.close(4000, 'enough');
    expect(session.readyState).toBe(ReadyState.CLOSING);
    expect(record.written).toBe(closeFrame(4000, 'enough'));
    expect(session.sendText('late')).toBe(false);
    session.close(1000);
    session.receive(Buffer.concat([clientText('in flight'), clientFrame(Opcode.PING, 'x'), clientClose(4000)]));
    expect(record.messages).toEqual([{ text: true, bytes: hex('in flight') }]);
    expect(record.written).toBe(closeFrame(4000, 'enough'));
    expect(record.closed).toEqual({ code: 4000, reason: '', clean: true });
    expect(session.readyState).toBe(ReadyState.CLOSED);
  });

  test('C7 an end without a Close frame is 1006, once', () => {
    const { session, record } = recordingSession();
    session.receiveEnd();
    session.receiveEnd();
    expect(record.closed).toEqual({ code: 1006, reason: '', clean: false });
    expect(record.written).toBe('');
    expect(session.ping()).toBe(false);
  });

  test('C6 a reason over 123 bytes is cut at a code point', () => {
    const { session, record } = recordingSession();
    session.close(1008, 'ü'.repeat(100));
    expect(record.written).toBe(closeFrame(1008, 'ü'.repeat(61)));
  });

  test('a code that may not be sent is the caller’s error', () => {
    const { session, record } = recordingSession();
    for (const code of [0, 999, 1004, 1006, 1015, 2999, 5000, 3000.5, Number.NaN])
      expect(() => session.close(code)).toThrow(RangeError);
    expect(() => session.ping(Buffer.alloc(126))).toThrow(RangeError);
    expect(record.written).toBe('');
  });
});

describe('the sink', () => {
  test('may close from within a message: later frames of the chunk are still messages until the peer closes', () => {
    const got: string[] = [];
    let ended = 0;
    const own = new WebSocketSession(
      { maxMessageSize: 100, maxFragments: 2 },
      {
        write: () => {},
        message: (bytes) => {
          got.push(bytes.toString());
          own.fail(1008, 'no');
        },
        closed: () => {
          ended++;
        },
      },
    );
    own.receive(Buffer.concat([clientText('one'), clientText('two')]));
    expect(got).toEqual(['one']);
    expect(ended).toBe(1);
  });

  test('what it throws passes through to whoever feeds the session', () => {
    const throwing = new WebSocketSession(
      { maxMessageSize: 100, maxFragments: 2 },
      {
        write: () => {},
        message: () => {
          throw new TypeError('mine');
        },
        closed: () => {},
      },
    );
    expect(() => throwing.receive(clientText('x'))).toThrow(TypeError);
  });
});

test('F5 ten thousand frames in one chunk neither recurse nor get lost', () => {
  const frame = clientText('x');
  const { session, record } = recordingSession();
  session.receive(Buffer.concat(Array(10_000).fill(frame)));
  expect(record.messages.length).toBe(10_000);
});

test('nothing that arrives makes receive throw, and the outcome does not depend on the chunks', () => {
  const part = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 140 }).map((text) => clientText(text)),
    fc.uint8Array({ maxLength: 140 }).map((bytes) => clientFrame(Opcode.BINARY, bytes)),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => clientFrame(Opcode.TEXT, bytes, { fin: false })),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => clientFrame(Opcode.CONTINUATION, bytes)),
    fc.uint8Array({ maxLength: 125 }).map((bytes) => clientFrame(Opcode.PING, bytes)),
    fc.integer({ min: 990, max: 5_010 }).map((code) => clientClose(code)),
    fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), fc.infiniteStream(fc.integer({ min: 1, max: 60 })), (parts, sizes) => {
      const input = Buffer.concat(parts);
      const whole = recordingSession();
      whole.session.receive(Buffer.from(input));
      const cut = recordingSession();
      for (let at = 0; at < input.length; ) {
        const size = sizes.next().value as number;
        cut.session.receive(Buffer.from(input.subarray(at, at + size)));
        at += size;
      }
      expect(cut.record).toEqual(whole.record);
    }),
    { numRuns: 500 },
  );
});

describe("the client's side", () => {
  const MASK = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);

  function clientSession(): { session: WebSocketSession; written: string[]; messages: string[]; ends: number[] } {
    const [written, messages, ends]: [string[], string[], number[]] = [[], [], []];
    const session = new WebSocketSession(
      { maxMessageSize: 100, maxFragments: 2 },
      {
        write: (bytes) => void written.push(bytes.toString('hex')),
        message: (bytes) => void messages.push(bytes.toString()),
        closed: (code) => void ends.push(code),
      },
      { maskKey: () => MASK },
    );
    return { session, written, messages, ends };
  }

  test('masks what it sends: "Hello" of section 5.7, a pong, a Close frame', () => {
    const { session, written } = clientSession();
    session.sendText('Hello');
    session.receive(Buffer.from('890141', 'hex'));
    session.close(1000);
    expect(written).toEqual(['818537fa213d7f9f4d5158', '8a8137fa213d76', '888237fa213d3412']);
  });

  test('takes frames that are not masked, and fails on one that is', () => {
    const { session, messages, ends } = clientSession();
    session.receive(Buffer.from('810548656c6c6f', 'hex'));
    expect(messages).toEqual(['Hello']);
    session.receive(Buffer.from('818537fa213d7f9f4d5158', 'hex'));
    expect(ends).toEqual([1002]);
    expect(messages).toEqual(['Hello']);
  });
});
