/** The ClientHello, whole, in pieces, mutated, and against a reader of its own. */
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ClientHello, isIncomplete, MAX_HELLO_SIZE, readClientHello } from '../../src/listening/client-hello.ts';

/** What a hello is made of, for tests: each list as bytes. */
interface HelloParts {
  readonly sessionId?: Buffer;
  readonly ciphers?: Buffer;
  readonly extensions?: readonly (readonly [type: number, data: Buffer])[] | null;
  readonly recordSize?: number;
  readonly version?: number;
}

const vector = (bytes: Buffer, lengthSize: 1 | 2 | 3): Buffer => {
  const length = Buffer.alloc(lengthSize);
  length.writeUIntBE(bytes.length, 0, lengthSize);
  return Buffer.concat([length, bytes]);
};

const alpn = (...names: readonly (string | Buffer)[]): readonly [number, Buffer] => [
  16,
  vector(Buffer.concat(names.map((name) => vector(Buffer.from(name as string), 1))), 2),
];

const serverNames = (...names: readonly (readonly [type: number, name: string])[]): readonly [number, Buffer] => [
  0,
  vector(Buffer.concat(names.map(([type, name]) => Buffer.concat([Buffer.of(type), vector(Buffer.from(name), 2)]))), 2),
];

/** Writes a hello as RFC 8446 has it, over records of `recordSize` bytes. */
function hello({
  sessionId = Buffer.alloc(32, 7),
  ciphers = Buffer.from('130113021303', 'hex'),
  extensions = [],
  recordSize = 16_384,
  version = 1,
}: HelloParts = {}): Buffer {
  const fields = [
    Buffer.from('0303', 'hex'),
    Buffer.alloc(32, 9),
    vector(sessionId, 1),
    vector(ciphers, 2),
    vector(Buffer.of(0), 1),
  ];
  if (extensions !== null) {
    fields.push(vector(Buffer.concat(extensions.flatMap(([type, data]) => [uint16(type), vector(data, 2)])), 2));
  }
  const message = Buffer.concat([Buffer.of(1), vector(Buffer.concat(fields), 3)]);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += recordSize) {
    records.push(Buffer.from([22, 3, version]), vector(message.subarray(at, at + recordSize), 2));
  }
  return Buffer.concat(records);
}

const uint16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
};

/** Reads byte by byte, as a server does that gets one byte at a time. */
function readSlowly(bytes: Buffer): { result: ClientHello | null | undefined; looks: number } {
  let needed = 0;
  let looks = 0;
  for (let size = 1; size <= bytes.length; size++) {
    if (size < needed) continue;
    looks++;
    const result = readClientHello(bytes.subarray(0, size));
    if (!isIncomplete(result)) return { result, looks };
    expect(result.needed).toBeGreaterThan(size);
    needed = result.needed;
  }
  return { result: undefined, looks };
}

describe('what is in a hello', () => {
  const cases: readonly [string, HelloParts, ClientHello | null][] = [
    ['no extensions at all (TLS 1.0)', { extensions: null }, { protocols: [], serverName: null }],
    ['an empty list of extensions', {}, { protocols: [], serverName: null }],
    [
      'a browser',
      { extensions: [serverNames([0, 'irc.example.com']), alpn('h2', 'http/1.1')] },
      { protocols: ['h2', 'http/1.1'], serverName: 'irc.example.com' },
    ],
    ['a native client', { extensions: [alpn('irc')] }, { protocols: ['irc'], serverName: null }],
    [
      'GREASE and Encrypted ClientHello',
      { extensions: [[0x0a0a, Buffer.alloc(0)], alpn('\u00fa\u00fa'), [0xfe0d, Buffer.alloc(200, 1)]] },
      { protocols: ['\u00c3\u00ba\u00c3\u00ba'], serverName: null },
    ],
    [
      '255 names',
      { extensions: [alpn(...Array.from({ length: 255 }, (_, i) => `p${i}`))] },
      { protocols: Array.from({ length: 255 }, (_, i) => `p${i}`), serverName: null },
    ],
    [
      'a name that is no UTF-8',
      { extensions: [alpn(Buffer.from([0xff, 0xfe]))] },
      { protocols: ['\u00ff\u00fe'], serverName: null },
    ],
    [
      'two server names',
      { extensions: [serverNames([0, 'a.example'], [0, 'b.example'])] },
      { protocols: [], serverName: 'a.example' },
    ],
    [
      'a server name of another type first',
      { extensions: [serverNames([7, 'x'], [0, 'b.example'])] },
      { protocols: [], serverName: 'b.example' },
    ],
    [
      'an address, a trailing dot, upper case: as they are',
      { extensions: [serverNames([0, 'IRC.Example.COM.'])] },
      { protocols: [], serverName: 'IRC.Example.COM.' },
    ],
    ['ALPN with an empty name', { extensions: [alpn('h2', '')] }, null],
    ['ALPN without a name', { extensions: [alpn()] }, null],
    ['ALPN twice', { extensions: [alpn('h2'), alpn('irc')] }, null],
    ['server names twice', { extensions: [serverNames([0, 'a']), serverNames([0, 'b'])] }, null],
    ['an empty server name', { extensions: [serverNames([0, ''])] }, null],
    ['an ALPN list that overruns', { extensions: [[16, Buffer.from('00ff026832', 'hex')]] }, null],
    ['an ALPN name that overruns', { extensions: [[16, Buffer.from('0003ff6832', 'hex')]] }, null],
    ['bytes behind the ALPN list', { extensions: [[16, Buffer.from('000302683200', 'hex')]] }, null],
  ];

  test.each(cases)('T1 %s', (_what, parts, expected) => {
    for (const recordSize of [16_384, 100, 5, 1]) {
      const bytes = hello({ ...parts, recordSize });
      if (bytes.length > MAX_HELLO_SIZE) continue;
      expect(readClientHello(bytes)).toEqual(expected);
      expect(readSlowly(bytes).result).toEqual(expected);
      // What follows in another record is not looked at.
      expect(readClientHello(Buffer.concat([bytes, Buffer.from('140303000101', 'hex')]))).toEqual(expected);
    }
  });

  test.each([
    ['SSLv2', Buffer.from('802e0100020015000000100100800200800300800400800500800600400700c0', 'hex')],
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\n')],
    ['plain IRC', Buffer.from('NICK ada\r\n')],
    ['an alert', Buffer.from('15030300020228', 'hex')],
    ['another handshake message', Buffer.from('16030300040e000000', 'hex')],
    ['an empty record', Buffer.from('1603010000', 'hex')],
    ['a record that is too long', Buffer.from('1603014001', 'hex')],
    ['a message of 16 MB', Buffer.from('1603010004' + '01ffffff', 'hex')],
    ['a message of more than is looked at', Buffer.from('1603014000' + '01003ffd', 'hex')],
    [
      'another message in the same record',
      Buffer.concat([hello().subarray(0, 3), vector(Buffer.concat([hello().subarray(5), Buffer.of(1)]), 2)]),
    ],
    [
      'another record between two of the hello',
      Buffer.concat([hello({ recordSize: 30 }).subarray(0, 35), Buffer.from('140303000101', 'hex')]),
    ],
  ])('T1 %s is no hello', (_what, bytes) => {
    expect(readClientHello(bytes)).toBeNull();
    expect(readSlowly(bytes).result).toBeNull();
  });

  test('T1 a hello of 16 kB is read, one byte more is not; neither is one that never ends', () => {
    const of = (size: number): Buffer => hello({ extensions: [alpn('irc'), [21, Buffer.alloc(size)]] });
    const overhead = of(0).length;
    expect(readClientHello(of(MAX_HELLO_SIZE - overhead))).toEqual({ protocols: ['irc'], serverName: null });
    expect(readClientHello(of(MAX_HELLO_SIZE - overhead + 1))).toBeNull();
    const endless = hello({ extensions: [[21, Buffer.alloc(16_000)]], recordSize: 1 });
    expect(readSlowly(endless).result).toBeNull();
  });

  test('T1 16 kB in one-byte records and one-byte segments are looked at a few thousand times, not sixteen thousand', () => {
    const bytes = hello({ extensions: [[21, Buffer.alloc(2_600)]], recordSize: 1 });
    expect(bytes.length).toBeGreaterThan(MAX_HELLO_SIZE - 500);
    expect(readSlowly(bytes).looks).toBeLessThan(6_000);
  });

  test('T1 the hellos of OpenSSL, as Node’s client sends them', async () => {
    for (const options of [
      { ALPNProtocols: ['h2', 'http/1.1'], servername: 'irc.example.com' },
      { ALPNProtocols: ['irc'], servername: '' },
      { servername: 'a.example', maxVersion: 'TLSv1.2' as const },
    ]) {
      const bytes = await helloOfNode(options);
      expect(readClientHello(bytes)).toEqual({ protocols: options.ALPNProtocols ?? [], serverName: options.servername || null });
    }
  });
});

/** Takes down what Node's own client sends first. */
async function helloOfNode(options: tls.ConnectionOptions): Promise<Buffer> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = tls.connect({ port: (server.address() as net.AddressInfo).port, host: '127.0.0.1', ...options });
  client.on('error', () => {});
  const [socket] = (await once(server, 'connection')) as [net.Socket];
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  client.destroy();
  server.close();
  return bytes;
}

/**
 * A second reader, written from the RFCs in another way: it parses the whole into a tree, by exceptions, and knows nothing of
 * segments.
 */
function reference(bytes: Buffer): ClientHello | null {
  const take = (from: Buffer, size: number): [Buffer, Buffer] => {
    if (from.length < size) throw new RangeError('overrun');
    return [from.subarray(0, size), from.subarray(size)];
  };
  const takeVector = (from: Buffer, lengthSize: number): [Buffer, Buffer] => {
    const [length, rest] = take(from, lengthSize);
    return take(rest, length.readUIntBE(0, lengthSize));
  };
  const takeAll = <T>(from: Buffer, one: (rest: Buffer) => [T, Buffer]): T[] => {
    const all: T[] = [];
    let rest = from;
    while (rest.length > 0) {
      const [item, next] = one(rest);
      all.push(item);
      rest = next;
    }
    return all;
  };
  try {
    let message: Buffer = Buffer.alloc(0);
    let rest = bytes;
    for (;;) {
      const [header, body] = take(rest, 5);
      const length = header.readUInt16BE(3);
      if (header[0] !== 22 || header[1] !== 3 || length === 0 || length > 2 ** 14) return null;
      const [fragment, next] = take(body, length);
      message = Buffer.concat([message, fragment]);
      rest = next;
      if (message[0] !== 1) return null;
      if (message.length >= 4 && message.length >= 4 + message.readUIntBE(1, 3)) break;
    }
    if (message.length !== 4 + message.readUIntBE(1, 3) || bytes.length - rest.length > MAX_HELLO_SIZE) return null;
    let [, body] = take(message, 4 + 2 + 32);
    for (const size of [1, 2, 1]) [, body] = takeVector(body, size);
    if (body.length === 0) return { protocols: [], serverName: null };
    const [list, behind] = takeVector(body, 2);
    if (behind.length > 0) return null;
    const extensions = takeAll(list, (from): [[number, Buffer], Buffer] => {
      const [type, after] = take(from, 2);
      const [data, next] = takeVector(after, 2);
      return [[type.readUInt16BE(), data], next];
    });
    const only = (type: number): Buffer | null => {
      const found = extensions.filter(([each]) => each === type);
      if (found.length > 1) throw new RangeError('twice');
      const [entry] = found;
      if (entry === undefined) return null;
      const [content, more] = takeVector(entry[1], 2);
      if (more.length > 0 || content.length === 0) throw new RangeError('list');
      return content;
    };
    const protocols = takeAll(only(16) ?? Buffer.alloc(0), (from) => takeVector(from, 1)).map((name) => name.toString('latin1'));
    const hosts = takeAll(only(0) ?? Buffer.alloc(0), (from): [[number, string], Buffer] => {
      const [type, after] = take(from, 1);
      const [name, next] = takeVector(after, 2);
      return [[type.readUInt8(), name.toString('latin1')], next];
    });
    if (protocols.includes('') || hosts.some(([, name]) => name === '')) return null;
    return { protocols, serverName: hosts.find(([type]) => type === 0)?.[1] ?? null };
  } catch {
    return null;
  }
}

describe('T1 any bytes', () => {
  const smallBytes = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
  const extension = fc.oneof(
    fc.array(fc.string({ maxLength: 12 }), { maxLength: 6 }).map((names) => alpn(...names)),
    fc
      .array(fc.tuple(fc.constantFrom(0, 0, 1), fc.string({ maxLength: 20 })), { maxLength: 3 })
      .map((names) => serverNames(...names)),
    fc.tuple(fc.constantFrom(0, 16, 43, 0x0a0a, 0xfe0d), smallBytes),
  );
  const parts = fc.record({
    sessionId: smallBytes,
    ciphers: smallBytes,
    extensions: fc.option(fc.array(extension, { maxLength: 6 }), { nil: null }),
    recordSize: fc.integer({ min: 1, max: 400 }),
    version: fc.integer({ min: 0, max: 4 }),
  });
  const mutation = fc.tuple(fc.nat(), fc.constantFrom('flip', 'cut', 'insert', 'none'), fc.nat({ max: 255 }));

  test('are read as a second reader reads them, and the same in any segments', () => {
    fc.assert(
      fc.property(parts, fc.array(mutation, { maxLength: 3 }), (made, mutations) => {
        let bytes = hello(made);
        for (const [position, kind, value] of mutations) {
          const at = position % (bytes.length + 1);
          if (kind === 'flip' && at < bytes.length) bytes[at] = value;
          if (kind === 'cut') bytes = bytes.subarray(0, at);
          if (kind === 'insert') bytes = Buffer.concat([bytes.subarray(0, at), Buffer.of(value), bytes.subarray(at)]);
        }
        const whole = readClientHello(bytes);
        const slowly = readSlowly(bytes).result;
        expect(isIncomplete(whole) ? null : whole).toEqual(reference(bytes));
        // A reader that waits for the bytes that it was told to wait for may not have looked at the last ones.
        if (slowly === undefined) expect(isIncomplete(whole) || whole === null).toBe(true);
        else expect(slowly).toEqual(whole);
      }),
      { numRuns: 20_000 },
    );
  });

  test('never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (random, looksLikeOne) => {
        const bytes = looksLikeOne ? Buffer.concat([Buffer.from('160301', 'hex'), random]) : Buffer.from(random);
        readClientHello(bytes);
      }),
      { numRuns: 20_000 },
    );
  });
});
