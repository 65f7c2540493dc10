import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { Connection, type ConnectionOwner, type ConnectionSettings } from '../../src/connection/connection.ts';
import { Outbox, type OutboxOwner } from '../../src/connection/outbox.ts';
import { Sweeper } from '../../src/connection/sweeper.ts';
import { Counters } from '../../src/metrics/counters.ts';
import { Opcode } from '../../src/protocol/frame.ts';
import { clientClose, clientFrame, clientText } from '../helpers/frames.ts';

const settings: ConnectionSettings = {
  maxMessageSize: 1_000,
  maxFragments: 16,
  sendQueueLimit: 100_000,
  pingInterval: 0,
  pingTimeout: 1_000,
  closeTimeout: 1_000,
  pingPayload: Buffer.from('ping'),
  sweeper: new Sweeper(1_000_000),
  counters: new Counters(),
  onTransportClosed: () => {},
};

interface Peer {
  readonly connection: Connection;
  readonly outbox: Outbox;
  /** Messages, and the end, in order. */
  readonly got: string[];
  /** What was written to the peer, as hex, from the next turn of the event loop on. */
  written(): string;
  onMessage: (text: string) => void;
}

/** A connection on a transport in memory; `receive` is called as the transport would. */
function open(limits: Partial<ConnectionSettings> = {}): Peer {
  const transport = new PassThrough();
  const got: string[] = [];
  const peer = { got, onMessage: (_text: string): void => {} };
  const take = (text: string): void => {
    got.push(text);
    peer.onMessage(text);
  };
  const owner: ConnectionOwner & OutboxOwner = {
    message: (chunk, start, end) => {
      take(chunk.toString('utf8', start, end));
      return 1;
    },
    readEnded: () => {},
    survivesLoss: false,
    drained: () => {},
    threw: () => connection.fail(1011, 'Internal error'),
    describe: () => ({}),
    ended: ({ code, reason, clean }) => void got.push(`ended ${code} ${reason} ${clean}`),
    broken: ({ code }) => void got.push(`broken ${code}`),
    overflowed: () => connection.break({ code: 1008, reason: 'SendQ exceeded', clean: false }),
    fellBehind: () => connection.awaitDrain(),
    writeFailed: (error) => connection.transportFailed(error),
  };
  const all = { ...settings, ...limits };
  const outbox = new Outbox(owner, all);
  const connection: Connection = new Connection(transport, new Uint8Array(0), outbox, owner, all);
  connection.begin('');
  const chunks: Buffer[] = [];
  transport.on('data', (chunk: Buffer) => chunks.push(chunk));
  connection.resume();
  return Object.assign(peer, { connection, outbox, written: () => Buffer.concat(chunks).toString('hex') });
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

const bytesOf = (text: string): Uint8Array[] => Array.from(Buffer.from(text, 'latin1'), (byte) => Uint8Array.of(byte));
const frames = (...parts: Buffer[]): string => Buffer.concat(parts).toString('latin1');
const key = (byte: number): { maskKey: Uint8Array } => ({ maskKey: Uint8Array.of(byte, byte + 1, byte + 2, byte + 3) });

/** What a peer sends, by what its bytes leave unfinished here and there. */
const STREAMS: Readonly<Record<string, string>> = {
  lines: frames(clientText('one', key(1)), clientText('two', key(9)), clientText('é'.repeat(100), key(77))),
  'a long line': frames(clientText('x'.repeat(900), key(40)), clientText('y', key(3))),
  fragments: frames(
    clientText('fra', { fin: false, ...key(5) }),
    clientFrame(Opcode.PING, 'within', key(6)),
    clientFrame(Opcode.CONTINUATION, 'g\u00e9', { fin: false, ...key(7) }),
    clientFrame(Opcode.CONTINUATION, 'ment', key(8)),
    clientText('next', key(9)),
  ),
  pings: frames(clientFrame(Opcode.PING, 'a', key(20)), clientFrame(Opcode.PING, '', key(21)), clientText('b', key(22))),
  'a Close frame': frames(clientText('last', key(30)), clientClose(1000, 'bye'), clientText('never', key(31))),
  'a fault': frames(clientText('last', key(32)), Buffer.of(0xc1, 0x80), clientText('never', key(33))),
  'a message that is too big': frames(clientText('last', key(34)), clientText('z'.repeat(1_001), key(35))),
  'text that is not UTF-8': frames(clientText('last', key(36)), clientFrame(Opcode.TEXT, Buffer.of(0xff), key(37))),
};

async function alone(stream: string): Promise<{ got: string[]; written: string }> {
  const peer = open();
  for (const chunk of bytesOf(stream)) peer.connection.receive(chunk);
  await turn();
  return { got: peer.got, written: peer.written() };
}

describe('what a connection remembers between two chunks is its own', () => {
  for (const [name, stream] of Object.entries(STREAMS)) {
    test(`${name}, byte by byte, between the bytes of every other peer`, async () => {
      const expected = await alone(stream);
      expect(expected.got.length).toBeGreaterThan(0);
      for (const other of Object.values(STREAMS)) {
        const [one, two] = [open(), open()];
        const otherBytes = bytesOf(other);
        const bytes = bytesOf(stream);
        for (let i = 0; i < Math.max(bytes.length, otherBytes.length); i++) {
          const [mine, theirs] = [bytes[i], otherBytes[i]];
          if (mine !== undefined) one.connection.receive(mine);
          if (theirs !== undefined) two.connection.receive(theirs);
        }
        await turn();
        expect({ got: one.got, written: one.written() }).toEqual(expected);
        expect({ got: two.got, written: two.written() }).toEqual(await alone(other));
      }
    });

    test(`${name}, cut anywhere, with pings of ours in between`, async () => {
      const expected = await alone(stream);
      for (let cut = 1; cut < stream.length; cut += 7) {
        const peer = open();
        peer.connection.receive(Buffer.from(stream.slice(0, cut), 'latin1'));
        peer.connection.sendPing();
        peer.connection.receive(Buffer.from(stream.slice(cut), 'latin1'));
        await turn();
        expect(peer.got).toEqual(expected.got);
        expect(peer.written().replace('890470696e67', '')).toBe(expected.written);
      }
    });
  }

  test('a listener that makes another connection receive, whose listener makes the first one receive', () => {
    const [one, two] = [open(), open()];
    const hello = clientText('hello', key(1));
    one.connection.receive(Buffer.from(hello.subarray(0, 8)));
    two.onMessage = (text) => {
      if (text === 'a') one.connection.receive(Buffer.from(hello.subarray(8)));
    };
    one.onMessage = () => two.connection.receive(clientText('from one', key(2)));
    two.connection.receive(Buffer.concat([clientText('a', key(3)), clientText('é', key(4)), clientText('b', key(5))]));
    expect(one.got).toEqual(['hello']);
    expect(two.got).toEqual(['a', 'from one', 'é', 'b']);
  });

  test('a listener that makes its own connection receive, then closes it: what follows in both chunks is not delivered after the peer’s Close frame', async () => {
    const peer = open();
    peer.onMessage = (text) => {
      if (text === 'outer') peer.connection.receive(clientText('inner', key(2)));
      if (text === 'inner') peer.connection.close(4000, 'enough');
    };
    peer.connection.receive(
      Buffer.concat([clientText('outer', key(1)), clientText('still', key(3)), clientClose(4000), clientText('never', key(4))]),
    );
    expect(peer.got).toEqual(['outer', 'inner', 'still', 'ended 4000  true']);
    await turn();
    // One Close frame.
    expect(peer.written()).toBe('88080fa0656e6f756768');
  });

  test('a listener that throws ends its own connection by 1011, and no other', async () => {
    const [one, two] = [open(), open()];
    process.once('warning', () => {});
    one.onMessage = () => {
      throw new Error('a fault of the server’s own');
    };
    const bytes = clientText('two is well', key(5));
    two.connection.receive(Buffer.from(bytes.subarray(0, 8)));
    one.connection.receive(Buffer.concat([clientText('x', key(1)), clientText('never', key(2))]));
    two.connection.receive(Buffer.from(bytes.subarray(8)));
    expect(one.got).toEqual(['x', 'ended 1011 Internal error false']);
    expect(two.got).toEqual(['two is well']);
  });

  test('closing needs no chunk before: the peer’s answer is awaited, and nothing more can be sent', async () => {
    const peer = open();
    peer.connection.close(1000, '');
    expect(peer.connection.sendPing()).toBe(false);
    peer.connection.receive(Buffer.concat([clientText('before', key(1)), clientClose(1000)]));
    expect(peer.got).toEqual(['before', 'ended 1000  true']);
    await turn();
    expect(peer.written()).toBe('880203e8');
  });

  test('a queue that the Close frame makes too long is the end of the connection, once', async () => {
    const { connection, outbox, got } = open({ sendQueueLimit: 10_000 });
    // Takes the bytes, and keeps them.
    connection.transport.pause();
    outbox.queue('x'.repeat(65_530));
    connection.close(1000, 'a reason');
    expect(got).toEqual(['broken 1008']);
    await turn();
    expect(connection.transport.closed).toBe(true);
    expect(got).toEqual(['broken 1008']);
  });

  test('the end of the transport without a Close frame is 1006', () => {
    const peer = open();
    peer.connection.transportEnded();
    expect(peer.got).toEqual(['ended 1006  false']);
  });
});
