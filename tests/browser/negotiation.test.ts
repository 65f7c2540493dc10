/** What is offered, what is chosen, and what the page learns of it. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ResumableWebSocket } from '../../src/browser/index.ts';
import { Conversation, RESUME } from './conversation.ts';
import type { FakeTransport } from './fake-network.ts';

let it: Conversation;
beforeEach(() => {
  it = new Conversation();
});
afterEach(() => it.page.close());

/** A server that knows nothing of this: it chooses the first one on offer, as `ws` does, or none. */
function choose(chosen: (offered: readonly string[]) => string | null): void {
  it.network.onconnection = (transport: FakeTransport) => {
    const protocol = chosen(transport.request.protocols);
    // A browser fails where it offered some and none was chosen.
    if (protocol === null && transport.request.protocols.length > 0) transport.losePage();
    else transport.accept(protocol ?? '');
  };
}

const first = (offered: readonly string[]): string | null => offered[0] ?? null;

describe('offers', () => {
  test.each([
    ['text.ircv3.net', ['text.ircv3.net', RESUME]],
    [['text.ircv3.net'], ['text.ircv3.net', RESUME]],
    [
      ['binary.ircv3.net', 'TEXT.inspircd.org'],
      ['binary.ircv3.net', 'TEXT.inspircd.org', RESUME],
    ],
    ['binary.ircv3.net', ['binary.ircv3.net']],
    ['vite-hmr', ['vite-hmr']],
    ['context.ircv3.network', ['context.ircv3.network']],
    [undefined, ['text.ircv3.net', RESUME]],
    [[], ['text.ircv3.net', RESUME]],
    // The page speaks it itself, as a copy of this class in a copy of this class does.
    [
      ['text.ircv3.net', RESUME],
      ['text.ircv3.net', RESUME],
    ],
  ])('%j → %j', (asked, offered) => {
    choose(first);
    it.connect(asked);
    expect(it.network.requests).toEqual([{ url: 'ws://irc.example.com/', protocols: offered }]);
  });

  test('an iterable is read once', () => {
    const once = (function* () {
      yield 'text.ircv3.net';
    })();
    it.connect(once as unknown as string[]);
    expect(it.network.requests[0]?.protocols).toEqual(['text.ircv3.net', RESUME]);
  });

  test('null is the subprotocol "null", as in a browser', () => {
    it.connect(null as unknown as string);
    expect(it.network.requests[0]?.protocols).toEqual([null]);
  });
});

describe('a server that resumes', () => {
  test.each([
    ['text.ircv3.net', 'text.ircv3.net'],
    [['binary.ircv3.net', 'Text.InspIRCd.org', 'text.ircv3.net'], 'Text.InspIRCd.org'],
    [undefined, ''],
  ])('the page that asked for %j sees %j', (asked, shown) => {
    const socket = it.connect(asked);
    expect([socket.protocol, socket.isResumable, socket.readyState]).toEqual(['', false, 0]);
    vi.advanceTimersByTime(100);
    expect([socket.protocol, socket.isResumable, socket.readyState]).toEqual([shown, true, 1]);
    expect(it.take()).toEqual(['open']);
  });

  test('until `session` comes it is CONNECTING, whatever the transport is', () => {
    let transport: FakeTransport | undefined;
    it.network.onconnection = (one) => {
      transport = one;
      one.accept(RESUME);
    };
    const socket = it.connect('text.ircv3.net');
    vi.advanceTimersByTime(100);
    expect([socket.readyState, socket.protocol, it.take()]).toEqual([0, '', []]);
    expect(() => socket.send('x')).toThrow(expect.objectContaining({ name: 'InvalidStateError' }));
    transport?.send(Buffer.from('session 60000 0.id.secret'));
    vi.advanceTimersByTime(100);
    expect([socket.readyState, it.take()]).toEqual([1, ['open']]);
  });

  test('a transport lost before `session` is a failure to connect', () => {
    it.network.onconnection = (one) => {
      one.accept(RESUME);
      setTimeout(() => one.losePage(), 100);
    };
    const socket = it.connect();
    vi.advanceTimersByTime(1_000);
    expect([socket.readyState, it.take(), it.network.requests.length]).toEqual([3, ['error', 'close 1006'], 1]);
  });

  test.each([
    'a line',
    Buffer.from('resumed 0 60000 0.id.secret'),
    Buffer.from('ack 0'),
    Buffer.from('sessions 1 2'),
    Buffer.from([0xff]),
  ])('whose first message is %j fails the connection', (message) => {
    let code = 0;
    it.network.onconnection = (one) => {
      one.onclose = (given) => {
        code = given;
      };
      one.accept(RESUME);
      one.send(message);
    };
    const socket = it.connect('text.ircv3.net');
    vi.advanceTimersByTime(1_000);
    expect([socket.readyState, it.take(), code]).toEqual([3, ['error', 'close 1006'], 4903]);
  });
});

describe('a server that does not', () => {
  test('is a plain WebSocket: binary messages pass, in the type that the page set', () => {
    choose(first);
    const socket = it.connect('text.ircv3.net');
    vi.advanceTimersByTime(100);
    expect([socket.protocol, socket.isResumable, socket.binaryType, it.take()]).toEqual([
      'text.ircv3.net',
      false,
      'blob',
      ['open'],
    ]);
    socket.binaryType = 'arraybuffer';
    socket.binaryType = 'nodebuffer' as 'blob';
    expect(socket.binaryType).toBe('arraybuffer');
    it.transport.send(Buffer.from('session 60000 0.id.secret'));
    it.transport.send('ack 0');
    vi.advanceTimersByTime(100);
    expect(it.take()).toEqual(['message [object ArrayBuffer]', 'message ack 0']);
    it.lose();
    vi.advanceTimersByTime(100_000);
    expect([it.take(), socket.readyState, it.network.requests.length]).toEqual([['close 1006'], 3, 1]);
  });

  test('choosing a subprotocol that the page did not ask for is not shown', () => {
    choose(first);
    const socket = it.connect();
    vi.advanceTimersByTime(100);
    expect([socket.protocol, it.take()]).toEqual(['', ['open']]);
    // What ends later is the end, and no reason to connect again.
    it.lose();
    vi.advanceTimersByTime(100_000);
    expect([it.take(), it.network.requests.length]).toEqual([['close 1006'], 1]);
  });

  test('choosing none: one try without, which the page does not see; the URL is remembered', () => {
    choose(() => null);
    const socket = it.connect(undefined, 'ws://remembered.example.com/');
    expect(socket.url).toBe('ws://remembered.example.com/');
    vi.advanceTimersByTime(1_000);
    expect([it.take(), socket.readyState, socket.protocol]).toEqual([['open'], 1, '']);
    expect(it.network.requests.map(({ protocols }) => protocols)).toEqual([['text.ircv3.net', RESUME], []]);
    it.connect(undefined, 'ws://remembered.example.com/');
    vi.advanceTimersByTime(1_000);
    expect([it.take(), it.network.requests[2]?.protocols]).toEqual([['open'], []]);
  });

  test('unreachable: two tries, one error, one close, and nothing is remembered', () => {
    it.goOffline();
    const socket = it.connect();
    expect(socket.readyState).toBe(0);
    vi.advanceTimersByTime(1_000);
    expect([it.take(), socket.readyState, it.network.requests.length]).toEqual([['error', 'close 1006'], 3, 2]);
    it.goOnline();
    it.connect();
    vi.advanceTimersByTime(1_000);
    expect([it.take(), it.network.requests[2]?.protocols]).toEqual([['open'], ['text.ircv3.net', RESUME]]);
  });

  test('unreachable, and the page asked for a subprotocol: one try', () => {
    it.goOffline();
    it.connect('text.ircv3.net');
    vi.advanceTimersByTime(1_000);
    expect([it.take(), it.network.requests.length]).toEqual([['error', 'close 1006'], 1]);
  });
});

describe('which class is the native one', () => {
  test('the one at construction; after a page replaced it by this class, or one made of it, the one before', () => {
    choose(first);
    const globals = globalThis as unknown as Record<string, unknown>;
    it.connect('text.ircv3.net');
    globals['WebSocket'] = ResumableWebSocket;
    it.connect('text.ircv3.net');
    globals['WebSocket'] = class extends ResumableWebSocket {};
    it.connect('text.ircv3.net');
    expect(it.network.requests).toHaveLength(3);
  });
});
