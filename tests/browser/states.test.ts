/** The page's states: what each event does in each of them, and when. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Conversation, RESUME } from './conversation.ts';
import { THROUGH } from './fake-network.ts';

let it: Conversation;
beforeEach(() => {
  it = new Conversation();
});
afterEach(() => it.page.close());

const attempts = (): number => it.network.requests.length - 1;

describe('a loss', () => {
  test.each([1006, 1012, 1013, 1014])('by %i suspends, and the session goes on', (code) => {
    const socket = it.open();
    it.lose(code);
    expect([it.take(), socket.readyState, socket.protocol]).toEqual([['suspend'], 1, 'text.ircv3.net']);
    socket.send('NICK a');
    it.session.send('PING 1');
    vi.advanceTimersByTime(1_000);
    expect([it.take(), socket.readyState]).toEqual([['resume', 'message PING 1'], 1]);
    expect([it.session.lines, it.server.sessions.length]).toEqual([['NICK a'], 1]);
  });

  test('shows on the wire as the same subprotocols, and one more, last', () => {
    const socket = it.open();
    it.session.send('one');
    vi.advanceTimersByTime(100);
    it.lose();
    vi.advanceTimersByTime(400);
    it.lose();
    vi.advanceTimersByTime(5_000);
    expect(it.network.requests.map(({ protocols }) => protocols.at(-1))).toEqual([
      RESUME,
      'v1.session.0.id.secret0.1.1',
      'v1.session.0.id.secret1.1.2',
    ]);
    expect(it.network.requests[2]).toEqual({
      url: socket.url,
      protocols: ['text.ircv3.net', RESUME, 'v1.session.0.id.secret1.1.2'],
    });
  });

  test.each([1000, 1001, 1005, 1008, 1011, 1015, 4901, 4999])('by %i is the end', (code) => {
    const socket = it.open();
    it.transport.losePage(code);
    expect([it.take(), socket.readyState]).toEqual([[`close ${code} clean`], 3]);
    vi.advanceTimersByTime(100_000);
    expect([it.take(), attempts()]).toEqual([[], 0]);
  });

  test('by an `error` alone, as on Node 20, counts for an attempt', () => {
    it.open();
    it.lose();
    const { WebSocket } = it.network;
    // Its handshakes fail with `error`, and nothing after it.
    it.page.use(
      class extends EventTarget {
        readyState = 0;
        constructor() {
          super();
          setTimeout(() => this.dispatchEvent(new Event('error')));
        }
        close(): void {}
      },
    );
    const other = it.connect('text.ircv3.net');
    vi.advanceTimersByTime(300);
    // The other socket has all it needs; the page's goes on trying.
    expect([it.take(), other.readyState]).toEqual([['suspend', 'error', 'close 1006'], 3]);
    vi.advanceTimersByTime(4_000);
    it.page.use(WebSocket);
    it.connect('text.ircv3.net');
    vi.advanceTimersByTime(10_000);
    expect(it.take()).toContain('resume');
  });
});

describe('the back-off', () => {
  test('begins at once, doubles up to 5 s, is spread, and ends with the window', () => {
    const socket = it.open();
    it.goOffline();
    const times: number[] = [];
    const start = Date.now();
    it.network.fate = () => {
      times.push(Date.now() - start);
      return { latency: 20, detour: 0, outcome: 'refused' };
    };
    it.lose();
    vi.advanceTimersByTime(60_000);
    expect([it.take(), socket.readyState, socket.isResumable]).toEqual([['suspend', 'close 1006'], 3, true]);
    const delays = times.map((time, index) => time - (times[index - 1] ?? 0));
    const bases = [300, 500, 1_000, 2_000, 4_000, ...Array<number>(delays.length - 5).fill(5_000)];
    for (const [index, delay] of delays.entries()) {
      const base = bases[index] as number;
      expect(delay).toBeGreaterThanOrEqual(index === 0 ? 0 : base / 2);
      expect(delay).toBeLessThanOrEqual(index === 0 ? 300 : base * 1.5 + 1);
    }
    expect(delays.length).toBeGreaterThan(10);
    vi.advanceTimersByTime(600_000);
    expect(times).toHaveLength(delays.length);
  });

  test('does not begin anew where each transport is lost at once', () => {
    it.open();
    vi.advanceTimersByTime(10_000);
    const start = Date.now();
    while (Date.now() - start < 60_000) {
      if (it.session.state === 'attached') it.lose();
      vi.advanceTimersByTime(50);
    }
    expect(attempts()).toBeLessThan(25);
    vi.advanceTimersByTime(10_000);
    // This one lived long enough.
    const before = attempts();
    it.lose();
    vi.advanceTimersByTime(301);
    expect(attempts()).toBe(before + 1);
  });

  test.each(['online', 'pageshow', 'visibilitychange'])('does not wait after `%s`', (type) => {
    it.open();
    it.goOffline();
    it.lose();
    vi.advanceTimersByTime(20_000);
    it.goOnline();
    const before = attempts();
    it.page.dispatch(type);
    expect(attempts()).toBe(before + 1);
    // One attempt at a time.
    it.page.dispatch(type);
    expect(attempts()).toBe(before + 1);
    vi.advanceTimersByTime(100);
    expect(it.take()).toEqual(['suspend', 'resume']);
  });

  test('an attempt that has not resumed in 8 s is given up, and what it still says does not count', () => {
    it.open();
    it.session.send('missed');
    it.lose();
    it.network.fate = () => ({ ...THROUGH, detour: 8_500 });
    vi.advanceTimersByTime(300);
    expect(attempts()).toBe(1);
    it.network.fate = () => THROUGH;
    vi.advanceTimersByTime(8_000);
    expect(it.take()).toEqual(['suspend']);
    vi.advanceTimersByTime(2_000);
    expect([it.take(), attempts(), it.session.lines]).toEqual([['resume', 'message missed'], 2, []]);
  });
});

describe('a refusal', () => {
  test.each([4900, 1000, 1002, 1008, 4901])('by Close %i is an ordinary close, at once', (code) => {
    const socket = it.open();
    it.lose();
    it.network.onconnection = (transport) => {
      transport.accept(RESUME);
      transport.close(code);
    };
    vi.advanceTimersByTime(400);
    expect([it.take(), socket.readyState, attempts()]).toEqual([['suspend', 'close 1006'], 3, 1]);
    vi.advanceTimersByTime(100_000);
    expect([it.take(), attempts()]).toEqual([[], 1]);
  });

  test.each([1006, 1012, 1013, 1014])('is not what a proxy says by %i', (code) => {
    it.open();
    it.lose();
    it.network.onconnection = (transport) => transport.losePage(code);
    vi.advanceTimersByTime(10_000);
    expect(it.take()).toEqual(['suspend']);
    it.network.onconnection = (transport) => it.server.accept(transport);
    vi.advanceTimersByTime(10_000);
    expect(it.take()).toEqual(['resume']);
  });

  test.each(['text.ircv3.net', ''])('is a 101 with %j: no line is sent, and the connection is closed with 1000', (protocol) => {
    const socket = it.open();
    it.lose();
    socket.send('for the other session');
    const heard: unknown[] = [];
    it.network.onconnection = (transport) => {
      transport.onmessage = (data) => void heard.push(data);
      transport.onclose = (code) => void heard.push(code);
      transport.accept(protocol);
    };
    vi.advanceTimersByTime(1_000);
    expect([it.take(), heard, attempts()]).toEqual([['suspend', 'close 1006'], [1000], 1]);
  });
});

describe('a fault of the server', () => {
  test.each([
    'ack 1',
    'ack -1',
    'ack 1e0',
    'ack',
    'ack ',
    'ACK 0',
    'pong',
    'session 60000 0.id.secret',
    'resumed 0 60000 0.id.secret',
    '',
  ])('control message %j: closed with 4903', (message) => {
    const socket = it.open();
    const { transport } = it;
    let code = 0;
    transport.onclose = (given) => {
      code = given;
    };
    transport.send(Buffer.from(message));
    vi.advanceTimersByTime(100);
    expect([it.take(), socket.readyState, code]).toEqual([['close 1006'], 3, 4903]);
    vi.advanceTimersByTime(100_000);
    expect(attempts()).toBe(0);
  });

  test.each(['session 60000 0.id.secret', 'resumed 2 60000 0.id.secret', 'ack 0', 'resumed 0 60000 0.id'])(
    'answer %j to a resumption: closed with 4903',
    (answer) => {
      const socket = it.open();
      socket.send('one');
      it.lose();
      let code = 0;
      it.network.onconnection = (transport) => {
        transport.onclose = (given) => {
          code = given;
        };
        transport.accept(RESUME);
        transport.send(Buffer.from(answer));
      };
      vi.advanceTimersByTime(1_000);
      expect([it.take(), code]).toEqual([['suspend', 'close 1006'], 4903]);
    },
  );

  test('an acknowledgement that goes back', () => {
    const socket = it.open();
    socket.send('one');
    vi.advanceTimersByTime(10_000);
    it.transport.send(Buffer.from('ack 1'));
    vi.advanceTimersByTime(100);
    expect(it.take()).toEqual([]);
    it.transport.send(Buffer.from('ack 0'));
    vi.advanceTimersByTime(100);
    expect(it.take()).toEqual(['close 1006']);
  });
});

describe('a dead network that nobody reports', () => {
  test('is noticed within 30 s of sending, and given up with 4902', () => {
    const socket = it.open();
    vi.advanceTimersByTime(300_000);
    const { transport } = it;
    it.goSilent();
    socket.send('PRIVMSG #a :hello');
    vi.advanceTimersByTime(27_900);
    expect(it.take()).toEqual([]);
    vi.advanceTimersByTime(200);
    expect(it.take()).toEqual(['suspend']);
    vi.advanceTimersByTime(1_000);
    expect([it.take(), it.session.lines]).toEqual([['resume'], ['PRIVMSG #a :hello']]);
    expect(transport).not.toBe(it.transport);
  });

  test('is noticed within 30 s of sending whatever else is sent meanwhile', () => {
    const socket = it.open();
    it.goSilent();
    for (let second = 0; second < 28; second++) {
      socket.send(`${second}`);
      vi.advanceTimersByTime(1_000);
    }
    expect(it.take()).toEqual(['suspend']);
  });

  test('a living server hears 4902, not a clean end', () => {
    const socket = it.open();
    const codes: number[] = [];
    const { transport } = it;
    const { onclose } = transport;
    transport.onclose = (code) => {
      codes.push(code);
      onclose(code);
    };
    transport.toPage.cut(0);
    socket.send('one');
    vi.advanceTimersByTime(28_100);
    expect([it.take(), codes, it.session.state]).toEqual([['suspend'], [4902], 'suspended']);
    vi.advanceTimersByTime(1_000);
    expect([it.take(), it.session.lines]).toEqual([['resume'], ['one']]);
  });

  test.each(['online', 'pageshow', 'visibilitychange'])(
    'is noticed within 10 s of `%s`, however often it comes, whatever is sent',
    (type) => {
      const socket = it.open();
      it.goSilent();
      for (let second = 0; second < 9; second++) {
        it.page.dispatch(type);
        socket.send('x');
        vi.advanceTimersByTime(1_000);
      }
      expect(it.take()).toContain('suspend');
    },
  );

  test('is not asked after by a page that becomes hidden, but after `online`', () => {
    it.open();
    it.goSilent();
    it.page.document.hidden = true;
    it.page.dispatch('visibilitychange');
    vi.advanceTimersByTime(100_000);
    expect(it.take()).toEqual([]);
    it.page.dispatch('online');
    vi.advanceTimersByTime(9_000);
    expect(it.take()).toContain('suspend');
  });

  test('a living one answers, and nothing happens', () => {
    const socket = it.open();
    for (let minute = 0; minute < 10; minute++) {
      it.page.dispatch('visibilitychange');
      socket.send('x');
      vi.advanceTimersByTime(60_000);
    }
    expect([it.take(), attempts(), it.session.lines.length]).toEqual([[], 0, 10]);
  });
});

describe('acknowledgements', () => {
  /** The control messages that the server gets from now on. */
  function record(): string[] {
    const heard: string[] = [];
    const { transport } = it;
    const { onmessage } = transport;
    transport.onmessage = (data) => {
      if (typeof data !== 'string') heard.push(Buffer.from(data).toString());
      onmessage(data);
    };
    return heard;
  }

  test('4 s after a line, for all that came meanwhile', () => {
    it.open();
    const heard = record();
    it.session.send('one');
    vi.advanceTimersByTime(2_000);
    it.session.send('two');
    vi.advanceTimersByTime(1_900);
    expect(heard).toEqual([]);
    vi.advanceTimersByTime(200);
    expect(heard).toEqual(['ack 2']);
    vi.advanceTimersByTime(100_000);
    expect(heard).toEqual(['ack 2']);
  });

  test('at once after 32 KiB', () => {
    it.open();
    const heard = record();
    for (let count = 0; count < 100; count++) it.session.send('x'.repeat(1_024));
    vi.advanceTimersByTime(100);
    expect(heard).toEqual(['ack 32', 'ack 64', 'ack 96']);
    vi.advanceTimersByTime(5_000);
    expect(heard.slice(3)).toEqual(['ack 100']);
  });
});

describe('sending', () => {
  test('bytes are IRC lines, as in text mode; order is kept, also behind a Blob', async () => {
    const socket = it.open();
    const bytes = new TextEncoder().encode('….ü.…');
    socket.send(new Blob(['one']));
    socket.send('two');
    socket.send(bytes.subarray(4, 6));
    bytes.fill(0);
    socket.send(new TextEncoder().encode('four').buffer);
    socket.send(5 as unknown as string);
    expect(socket.bufferedAmount).toBe('onetwoü45'.length + 1 + 'our'.length);
    await vi.waitFor(() => expect(socket.bufferedAmount).toBe(0));
    vi.advanceTimersByTime(100);
    expect(it.session.lines).toEqual(['one', 'two', 'ü', 'four', '5']);
  });

  test('a Blob that cannot be read is an empty message', async () => {
    const socket = it.open();
    const blob = new Blob(['gone']);
    blob.arrayBuffer = () => Promise.reject(new Error('gone'));
    socket.send(blob);
    socket.send('next');
    await vi.waitFor(() => expect(socket.bufferedAmount).toBe(0));
    vi.advanceTimersByTime(100);
    expect(it.session.lines).toEqual(['', 'next']);
  });

  test('while suspended it waits, and bufferedAmount counts its bytes', () => {
    const socket = it.open();
    socket.send('lost with the transport');
    it.goOffline();
    it.lose();
    expect(socket.bufferedAmount).toBe(0);
    socket.send('ü');
    socket.send('xyz');
    socket.send(new Blob(['12345']));
    expect(socket.bufferedAmount).toBe(10);
    it.goOnline();
    vi.advanceTimersByTime(10_000);
    expect(it.session.lines.slice(0, 3)).toEqual(['lost with the transport', 'ü', 'xyz']);
  });

  test('what is sent within `suspend` and `resume` has its place', () => {
    const socket = it.open();
    socket.onsuspend = () => socket.send('in suspend');
    socket.onresume = () => socket.send('in resume');
    it.lose();
    socket.send('while suspended');
    vi.advanceTimersByTime(1_000);
    expect(it.session.lines).toEqual(['in suspend', 'while suspended', 'in resume']);
  });

  test('nothing is not a message', () => {
    const socket = it.open();
    expect(() => socket.send(`${Symbol.iterator.toString()}`)).not.toThrow();
    expect(() => socket.send(Symbol.iterator as unknown as string)).toThrow(TypeError);
  });
});

describe('close()', () => {
  test('ends the session, and the page hears it once', () => {
    const socket = it.open();
    socket.close(4000, 'bye');
    expect([socket.readyState, it.take()]).toEqual([2, []]);
    socket.close();
    vi.advanceTimersByTime(10_000);
    expect([it.take(), socket.readyState, it.session.history.at(-1)]).toEqual([['close 4000 clean'], 3, 'ended 4000']);
    socket.send('x');
    vi.advanceTimersByTime(100_000);
    expect([it.take(), it.session.lines, attempts()]).toEqual([[], [], 0]);
  });

  test('on a dead network it ends when the native one does, and nothing resumes', () => {
    const socket = it.open();
    socket.send('never answered');
    it.goSilent();
    socket.close();
    vi.advanceTimersByTime(100_000);
    expect([it.take(), socket.readyState, attempts()]).toEqual([['close 1006'], 3, 0]);
  });

  test.each(['waiting', 'connecting', 'answered'])(
    'while suspended, the attempt %s: CLOSING, then an unclean close in a later turn',
    (what) => {
      const socket = it.open();
      it.lose();
      it.network.fate = () => (what === 'connecting' ? { ...THROUGH, outcome: 'unanswered' } : THROUGH);
      it.network.onconnection = (transport) => transport.accept(RESUME);
      if (what !== 'waiting') vi.advanceTimersByTime(1_000);
      expect(it.take()).toEqual(['suspend']);
      socket.close(1000);
      expect([socket.readyState, it.take()]).toEqual([2, []]);
      vi.advanceTimersByTime(100_000);
      expect([it.take(), socket.readyState, attempts()]).toEqual([['close 1006'], 3, what === 'waiting' ? 0 : 1]);
    },
  );

  test('within `suspend`', () => {
    const socket = it.open();
    socket.onsuspend = () => socket.close();
    it.lose();
    vi.advanceTimersByTime(100_000);
    expect([it.take(), attempts()]).toEqual([['suspend', 'close 1006'], 0]);
  });

  test('while connecting: error and close', () => {
    const socket = it.connect();
    socket.close();
    expect(socket.readyState).toBe(2);
    vi.advanceTimersByTime(100_000);
    expect([it.take(), socket.readyState, it.network.requests.length]).toEqual([['error', 'close 1006'], 3, 1]);
  });

  test('after it no event of the page matters', () => {
    const socket = it.open();
    socket.close();
    vi.advanceTimersByTime(100);
    it.take();
    for (const type of ['online', 'pageshow', 'visibilitychange']) it.page.dispatch(type);
    vi.advanceTimersByTime(100_000);
    expect([it.take(), attempts()]).toEqual([[], 0]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a page that is left', () => {
  test('over TLS says so itself: a browser resets its HTTP/2 stream, which is a loss', () => {
    it.open('wss://irc.example.com/');
    it.page.dispatch('pagehide', { persisted: false });
    vi.advanceTimersByTime(100);
    expect([it.session.state, it.take()]).toEqual(['ended', ['close 1000 clean']]);
  });

  test.each([
    ['wss://irc.example.com/', true],
    ['ws://irc.example.com/', false],
  ])('%s, persisted %s: is left to the browser', (url, persisted) => {
    it.open(url);
    it.page.dispatch('pagehide', { persisted });
    vi.advanceTimersByTime(100);
    expect([it.session.state, it.take()]).toEqual(['attached', []]);
  });
});

test('the window over while an attempt is under way: one close, and a session that comes too late is ended', () => {
  const socket = it.open();
  it.lose();
  it.goOffline();
  vi.advanceTimersByTime(53_000);
  // The server has more patience than the page.
  it.network.fate = () => THROUGH;
  const codes: number[] = [];
  it.network.onconnection = (transport) => {
    transport.accept(RESUME);
    transport.onclose = (code) => void codes.push(code);
  };
  vi.advanceTimersByTime(20_000);
  expect([it.take(), socket.readyState]).toEqual([['suspend', 'close 1006'], 3]);
  expect(codes.at(-1)).toBe(1000);
  vi.advanceTimersByTime(100_000);
  expect(vi.getTimerCount()).toBe(0);
});
