/** The server's half of docs/resume.md, by its bytes. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { type ConnectionFacts, HandshakeError, type IrcClient, type IrcSocket } from '../../src/index.ts';
import { Opcode } from '../../src/protocol/frame.ts';
import { clientClose, clientFrame, clientText } from '../helpers/frames.ts';
import { type RunningHook, startHook } from '../helpers/hook.ts';
import { RawClient, upgradeRequest } from '../helpers/raw-client.ts';

const RESUME = 'v1.resume.ircd-websocket';
const control = (text: string): Buffer => clientFrame(Opcode.BINARY, text);
const controls = (client: RawClient): string[] =>
  client.frames.filter(({ opcode }) => opcode === Opcode.BINARY).map(({ payload }) => payload.toString());
const texts = (client: RawClient): string[] =>
  client.frames.filter(({ opcode }) => opcode === Opcode.TEXT).map(({ payload }) => payload.toString());

/** Opens a session; its first message is acknowledged. */
async function openSession(running: RunningHook): Promise<{ client: RawClient; token: string; socket: IrcSocket }> {
  const [socket, client] = await Promise.all([
    running.nextSocket(),
    RawClient.open(running.port, { 'Sec-WebSocket-Protocol': `text.ircv3.net, ${RESUME}` }),
  ]);
  await client.until(() => controls(client).length === 1);
  const [word, window, token] = (controls(client)[0] as string).split(' ') as [string, string, string];
  expect([word, window]).toEqual(['session', String(running.hook.config.resumeWindow)]);
  expect(token).toMatch(/^0\.[\w-]{11}\.[\w-]{32}$/);
  client.socket.write(control('ack 0'));
  // A socket that nobody reads does not notice how its peer ends.
  socket.resume();
  return { client, token, socket };
}

/** Asks for a session and reads the answer. */
async function claim(
  { port }: RunningHook,
  token: string,
  received: number,
  attempt: number,
  fields: Parameters<typeof upgradeRequest>[0] = {},
): Promise<RawClient> {
  const client = await RawClient.connect(port);
  const protocols = `text.ircv3.net, ${RESUME}, v1.session.${token}.${received}.${attempt}`;
  client.socket.write(upgradeRequest({ 'Sec-WebSocket-Protocol': protocols, ...fields }));
  await client.until(() => controls(client).length > 0 || client.closeFrame !== undefined || client.ended);
  return client;
}

const tokenOf = (client: RawClient): string => (controls(client)[0] as string).split(' ')[3] as string;

describe('a connection that is lost', () => {
  test.each(['RST', 'FIN', 'Close 1012', 'Close 1013', 'Close 1014', 'Close 4902'] as const)(
    'by %s: the server sees nothing, lines wait, and each arrives once and in order, both ways',
    async (way) => {
      const running = await startHook();
      const { client, token, socket } = await openSession(running);
      const events: string[] = [];
      const lines: string[] = [];
      for (const event of ['end', 'close', 'error']) socket.on(event, () => events.push(event));
      socket.on('data', (chunk) => void lines.push(...String(chunk).split('\r\n').slice(0, -1)));
      socket.write('one\r\ntwo\r\n');
      client.socket.write(clientText('first'));
      await client.until(() => texts(client).length === 2);
      await expect.poll(() => lines).toEqual(['first']);
      if (way === 'RST') client.socket.resetAndDestroy();
      else client.socket.end(way === 'FIN' ? Buffer.alloc(0) : clientClose(Number(way.split(' ')[1])));
      await expect.poll(() => running.hook.stats().suspended).toBe(1);
      socket.write('three\r\nfo');
      socket.write('ur\r\n');
      expect(socket.writable).toBe(true);
      // The client has "one" alone.
      const back = await claim(running, token, 1, 1);
      await back.until(() => texts(back).length === 3);
      expect(controls(back)[0]).toMatch(/^resumed 1 \d+ 0\.[\w-]{11}\.[\w-]{32}$/);
      expect(tokenOf(back)).not.toBe(token);
      expect(texts(back)).toEqual(['two', 'three', 'four']);
      back.socket.write(Buffer.concat([control('ack 1'), clientText('second')]));
      await expect.poll(() => lines).toEqual(['first', 'second']);
      expect(events).toEqual([]);
      expect(running.sockets).toHaveLength(1);
      expect(running.hook.stats()).toMatchObject({ clients: 1, accepted: 1, suspended: 0, resumed: 1, expired: 0, closed: {} });
      expect(running.hook.clients.has(socket)).toBe(true);
    },
  );

  test.each([1000, 1001, 4000, 1005])('not by a Close with %i: that is the end, at once', async (code) => {
    const running = await startHook();
    const { client, token, socket } = await openSession(running);
    socket.resume();
    const closed = once(socket, 'close');
    client.socket.write(code === 1005 ? clientClose() : clientClose(code));
    await closed;
    expect(socket.closeStatus?.code).toBe(code);
    const refused = await claim(running, token, 0, 1);
    expect(refused.closeFrame).toEqual({ code: 4900, reason: 'WebSocket: Unknown session' });
  });

  test('by silence: a ping timeout suspends, and does not end', async () => {
    const running = await startHook({ pingInterval: 100, pingTimeout: 100 });
    const { socket } = await openSession(running);
    socket.resume();
    await expect.poll(() => running.hook.stats().suspended).toBe(1);
    expect(socket.closeStatus).toBeNull();
  });

  test('a client that does not come back is gone when the window is over: one close, 1006', async () => {
    const running = await startHook({ resumeWindow: 100 });
    const { client, token, socket } = await openSession(running);
    socket.resume();
    const closed = once(socket, 'close');
    client.socket.resetAndDestroy();
    expect(await closed).toEqual([false]);
    expect(socket.closeStatus).toEqual({ code: 1006, reason: '', clean: false });
    expect(running.hook.stats()).toMatchObject({ clients: 0, suspended: 0, expired: 1, closed: { 1006: 1 } });
    expect((await claim(running, token, 0, 1)).closeFrame?.code).toBe(4900);
  });

  test.each(['end', 'destroy', 'closeWebSocket', 'hook.close', 'sendQueueLimit'] as const)(
    'and ended by %s meanwhile: one close, at once',
    async (way) => {
      const running = await startHook({ sendQueueLimit: 50_000 });
      const { client, token, socket } = await openSession(running);
      let closes = 0;
      const closed = new Promise<void>((resolve) => {
        socket.on('close', () => {
          closes++;
          resolve();
        });
      });
      socket.resume();
      client.socket.resetAndDestroy();
      await expect.poll(() => running.hook.stats().suspended).toBe(1);
      if (way === 'end') socket.end('ERROR :bye\r\n');
      else if (way === 'destroy') socket.destroy();
      else if (way === 'closeWebSocket') socket.closeWebSocket(4001, 'K-lined');
      else if (way === 'hook.close') await running.hook.close();
      else for (let i = 0; i < 6; i++) socket.write(`${'x'.repeat(9_990)}\r\n`);
      await closed;
      await new Promise((resolve) => setImmediate(resolve));
      expect(closes).toBe(1);
      expect(running.hook.stats()).toMatchObject({ clients: 0, suspended: 0 });
      expect((await claim(running, token, 0, 1)).closeFrame?.code).toBe(4900);
    },
  );

  test('onClient: onSuspend and onResume are called, and drain follows a write that was told to wait', async () => {
    const events: string[] = [];
    const clients: IrcClient[] = [];
    const running = await startHook({
      onClient: (client: IrcClient) => {
        clients.push(client);
        client.onLine((line) => events.push(line));
        client.onSuspend(() => events.push('suspend'));
        client.onResume((facts) =>
          events.push(`resume ${facts.client.address} ${facts.resumes?.client.port !== facts.client.port}`),
        );
        client.onDrain(() => events.push('drain'));
        client.onClose(() => events.push('close'));
      },
    });
    const client = await RawClient.open(running.port, { 'Sec-WebSocket-Protocol': RESUME });
    await client.until(() => controls(client).length === 1);
    const token = (controls(client)[0] as string).split(' ')[2] as string;
    client.socket.write(control('ack 0'));
    client.socket.resetAndDestroy();
    await expect.poll(() => events).toEqual(['suspend']);
    expect(clients[0]?.writeLine('waits')).toBe(false);
    const back = await claim(running, token, 0, 1);
    back.socket.write(clientText('hello'));
    await expect.poll(() => events).toEqual(['suspend', 'resume 127.0.0.1 true', 'drain', 'hello']);
    expect(texts(back)).toEqual(['waits']);
  });
});

test('a client that lacks more than its transport takes at once is caught up, and is no longer behind', async () => {
  const running = await startHook({ sendQueueLimit: 64 * 1024 * 1024 });
  const { client, token, socket } = await openSession(running);
  client.socket.resetAndDestroy();
  await expect.poll(() => running.hook.stats().suspended).toBe(1);
  // More than any kernel takes at once.
  const count = 1_500;
  for (let i = 0; i < count; i++) socket.write(`${i} ${'x'.repeat(8_000)}\r\n`);
  let drains = 0;
  socket.on('drain', () => drains++);
  const back = await claim(running, token, 0, 1);
  await back.until(() => texts(back).length === count);
  expect(texts(back).map((line) => Number(line.split(' ')[0]))).toEqual(Array.from({ length: count }, (_, i) => i));
  await expect.poll(() => drains).toBe(1);
  // Lost once more before anything is acknowledged: now all of it is in the journal, and comes before the 101 is read.
  back.socket.resetAndDestroy();
  await expect.poll(() => running.hook.stats().suspended).toBe(1);
  const again = await claim(running, tokenOf(back), 0, 2);
  await again.until(() => texts(again).length === count);
  again.socket.write(clientFrame(Opcode.PING, 'x'));
  await again.until(() => again.frames.some(({ opcode }) => opcode === Opcode.PONG));
  expect(socket.write('last\r\n')).toBe(true);
  await again.until(() => texts(again).length === count + 1);
});

test('end() behind writes that wait for a transport, and then the transport is lost: one close', async () => {
  const running = await startHook({ sendQueueLimit: 64 * 1024 * 1024 });
  const { client, socket } = await openSession(running);
  client.socket.pause();
  while (socket.write(`${'x'.repeat(8_000)}\r\n`)) await new Promise((resolve) => setImmediate(resolve));
  for (let i = 0; i < 3; i++) socket.write('more\r\n');
  let closes = 0;
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => {
      closes++;
      resolve();
    });
  });
  socket.end('ERROR :bye\r\n');
  client.socket.resetAndDestroy();
  await closed;
  await new Promise((resolve) => setImmediate(resolve));
  expect(closes).toBe(1);
  expect(running.hook.stats()).toMatchObject({ clients: 0, suspended: 0 });
});

describe('claims', () => {
  test('the newer connection wins; the older one is told so and says nothing more', async () => {
    const running = await startHook();
    const { client, token, socket } = await openSession(running);
    const lines: string[] = [];
    socket.on('data', (chunk) => void lines.push(String(chunk)));
    const back = await claim(running, token, 0, 1);
    await client.until(() => client.closeFrame !== undefined);
    expect(client.closeFrame).toEqual({ code: 4901, reason: 'Another connection took over' });
    client.socket.write(clientText('old'));
    back.socket.write(clientText('new'));
    await expect.poll(() => lines).toEqual(['new\r\n']);
    client.socket.destroy();
    back.socket.write(clientText('still'));
    await expect.poll(() => lines).toEqual(['new\r\n', 'still\r\n']);
  });

  test('a lost answer: the old token works until the new one is acknowledged, and is dead then', async () => {
    const running = await startHook();
    const { client, token } = await openSession(running);
    client.socket.resetAndDestroy();
    const lost = await claim(running, token, 0, 1);
    const again = await claim(running, token, 0, 2);
    expect(controls(again)[0]).toMatch(/^resumed 0 /);
    again.socket.write(Buffer.concat([control('ack 0'), control('ping')]));
    await again.until(() => controls(again).length === 2);
    const newest = tokenOf(again);
    expect((await claim(running, token, 0, 1_000)).closeFrame).toEqual({ code: 4900, reason: 'WebSocket: Unknown session' });
    expect((await claim(running, tokenOf(lost), 0, 1_001)).closeFrame?.code).toBe(4900);
    expect(controls(await claim(running, newest, 0, 1_002))[0]).toMatch(/^resumed 0 /);
  });

  test('of two that arrive out of order the older one does not win', async () => {
    let release: () => void = () => {};
    let calls = 0;
    const running = await startHook({
      authorize: (facts: ConnectionFacts) => {
        if (facts.resumes === null || ++calls > 1) return undefined;
        return new Promise<void>((resolve) => {
          release = resolve;
        });
      },
    });
    const { client, token } = await openSession(running);
    client.socket.resetAndDestroy();
    const older = claim(running, token, 0, 1);
    await expect.poll(() => calls).toBe(1);
    const newer = await claim(running, token, 0, 2);
    release();
    expect((await older).closeFrame?.code).toBe(4900);
    expect(newer.closeFrame).toBeUndefined();
    expect((await claim(running, tokenOf(newer), 0, 2)).closeFrame?.code).toBe(4900);
  });

  test.each([
    ['one bit changed', (token: string) => token.slice(0, -1) + (token.endsWith('A') ? 'B' : 'A')],
    ['of another session', () => `0.${'a'.repeat(11)}.${'b'.repeat(32)}`],
    ['too long', (token: string) => `${token}x`],
    ['of another node', (token: string) => `other${token.slice(1)}`],
  ])('V3 a token %s is refused, and the session is unharmed', async (_what, change) => {
    const running = await startHook();
    const { client, token, socket } = await openSession(running);
    const wrong = change(token);
    if (wrong.startsWith('other')) expect(controls(await claim(running, wrong, 0, 1))[0]).toMatch(/^resumed/);
    else {
      expect((await claim(running, wrong, 0, 1)).closeFrame).toEqual({ code: 4900, reason: 'WebSocket: Unknown session' });
      expect(socket.destroyed).toBe(false);
      socket.write('here\r\n');
      await client.until(() => texts(client).length === 1);
    }
  });

  test('an async relaySession that rejects ends that connection, and onError gets the error', async () => {
    const errors: unknown[] = [];
    const running = await startHook({
      onError: (error, { during }) => void errors.push([during, (error as Error).message]),
      relaySession: (async () => {
        throw new Error('a fault of mine');
      }) as never,
    });
    const refused = await claim(running, `other.${'a'.repeat(11)}.${'b'.repeat(32)}`, 0, 1);
    expect(refused.received.toString()).toBe('');
    expect(errors).toEqual([['relaySession', 'a fault of mine']]);
  });

  test.each([1, 2 ** 53 - 1])('V4 a count of %i that was never sent is refused', async (received) => {
    const running = await startHook();
    const { token, socket } = await openSession(running);
    expect((await claim(running, token, received, 1)).closeFrame).toEqual({
      code: 4900,
      reason: 'WebSocket: Lines of this session are lost',
    });
    expect(socket.closeStatus).toBeNull();
  });

  test('from another origin: refused, and the session ends', async () => {
    const running = await startHook();
    const { token, socket } = await openSession(running);
    const closed = once(socket.resume(), 'close');
    const other = await claim(running, token, 0, 1, { Origin: 'https://other.example.com' });
    expect(other.closeFrame).toEqual({ code: 4900, reason: 'WebSocket: This session belongs to another origin' });
    await closed;
    expect(socket.closeStatus?.code).toBe(1008);
  });

  test('a 503 is for now: the page gets the HTTP error, after which it tries again, and the session lives', async () => {
    let isBusy = true;
    const running = await startHook({
      rejectMode: 'close-frame',
      authorize: (facts: ConnectionFacts) => {
        if (facts.resumes !== null && isBusy) throw new HandshakeError(503, 'No room for your new address');
      },
    });
    const { client, token } = await openSession(running);
    client.socket.resetAndDestroy();
    const refused = await claim(running, token, 0, 1);
    expect(refused.received.toString()).toMatch(/^HTTP\/1\.1 503 [\s\S]*No room for your new address$/);
    isBusy = false;
    expect(controls(await claim(running, token, 0, 2))[0]).toMatch(/^resumed 0 /);
  });

  test('banned meanwhile: refused by authorize, and the session ends; a fault of authorize ends nothing', async () => {
    let verdict: Error | null = new TypeError('a fault of mine');
    const seen: (string | undefined)[] = [];
    const running = await startHook({
      onError: () => {},
      authorize: (facts: ConnectionFacts) => {
        seen.push(facts.resumes?.client.address);
        if (facts.resumes !== null && verdict !== null) throw verdict;
      },
    });
    const { client, token, socket } = await openSession(running);
    socket.resume();
    client.socket.resetAndDestroy();
    expect((await claim(running, token, 0, 1)).closeFrame).toEqual({ code: 4900, reason: 'WebSocket: Connection refused' });
    expect(running.hook.stats().suspended).toBe(1);
    verdict = new HandshakeError(403, 'You are banned');
    const closed = once(socket, 'close');
    expect((await claim(running, token, 0, 2)).closeFrame).toEqual({ code: 4900, reason: 'You are banned' });
    await closed;
    verdict = null;
    expect((await claim(running, token, 0, 3)).closeFrame?.code).toBe(4900);
    expect(seen).toEqual([undefined, '127.0.0.1', '127.0.0.1']);
  });

  test('a client that is gone while authorize is pending is not attached', async () => {
    let release: () => void = () => {};
    const running = await startHook({
      authorize: (facts: ConnectionFacts) =>
        facts.resumes === null
          ? undefined
          : new Promise<void>((resolve) => {
              release = resolve;
            }),
    });
    const { client, token } = await openSession(running);
    client.socket.resetAndDestroy();
    await expect.poll(() => running.hook.stats().suspended).toBe(1);
    const gone = await RawClient.connect(running.port);
    gone.socket.write(upgradeRequest({ 'Sec-WebSocket-Protocol': `${RESUME}, v1.session.${token}.0.1` }));
    await expect.poll(() => String(release)).not.toBe('() => {}');
    gone.socket.resetAndDestroy();
    await new Promise((resolve) => setTimeout(resolve, 20));
    release();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(running.hook.stats().suspended).toBe(1);
  });
});

describe('control messages', () => {
  test('one of a transport that breaks in the same turn does not leave on the next one, behind a higher count', async () => {
    const running = await startHook();
    const connected = once(running.server, 'connection') as Promise<[Socket]>;
    const { client, token } = await openSession(running);
    const [transport] = await connected;
    await expect.poll(() => running.hook.stats().bytes.received).toBeGreaterThan(0);
    // Over 32 KiB: the server acknowledges five lines at the end of this turn. The sixth comes, and then no such end.
    for (let i = 0; i < 5; i++) transport.emit('data', clientText('x'.repeat(8_000)));
    transport.emit('data', clientText('the sixth'));
    transport.destroy(new Error('reset by the network'));
    await client.until(() => client.ended);
    const back = await claim(running, token, 0, 1);
    const line = 'behind everything that waited';
    running.sockets[0]?.write(`${line}\r\n`);
    await back.until(() => texts(back).includes(line));
    expect(controls(back).map((text) => text.split(' ').slice(0, 2).join(' '))).toEqual(['resumed 6']);
  });

  test.each([
    ['ack', 'WebSocket: Malformed control message'],
    ['ack -1', 'WebSocket: Malformed control message'],
    ['ack 1.5', 'WebSocket: Malformed control message'],
    ['ack 1e9', 'WebSocket: Malformed control message'],
    ['ack NaN', 'WebSocket: Malformed control message'],
    ['ack 01', 'WebSocket: Malformed control message'],
    ['ack 0 ', 'WebSocket: Malformed control message'],
    ['hello', 'WebSocket: Malformed control message'],
    ['', 'WebSocket: Malformed control message'],
    ['x'.repeat(300), 'WebSocket: Malformed control message'],
    ['ack 7', 'WebSocket: ack of 7, between 0 and 0 is possible'],
  ])('V4 %j is a Close with 1002, and the end of the session', async (text, reason) => {
    const running = await startHook();
    const { client, token, socket } = await openSession(running);
    const closed = once(socket.resume(), 'close');
    client.socket.write(control(text));
    await client.until(() => client.closeFrame !== undefined);
    expect(client.closeFrame).toEqual({ code: 1002, reason });
    await closed;
    expect((await claim(running, token, 0, 1)).closeFrame?.code).toBe(4900);
  });

  test('a count that goes backwards is one, too; an equal one is not', async () => {
    const running = await startHook();
    const { client, socket } = await openSession(running);
    socket.write('one\r\ntwo\r\n');
    await client.until(() => texts(client).length === 2);
    client.socket.write(Buffer.concat([control('ack 2'), control('ack 2'), control('ping')]));
    await client.until(() => controls(client).length === 2);
    expect(controls(client)[1]).toBe('ack 0');
    client.socket.write(control('ack 1'));
    await client.until(() => client.closeFrame !== undefined);
    expect(client.closeFrame?.code).toBe(1002);
  });

  test('V5 a flood of them is 1008; acknowledgements of something new are none', async () => {
    const running = await startHook();
    const { client, socket } = await openSession(running);
    socket.write(Array.from({ length: 500 }, (_, i) => `${i}\r\n`).join(''));
    await client.until(() => texts(client).length === 500);
    client.socket.write(Buffer.concat(Array.from({ length: 500 }, (_, i) => control(`ack ${i + 1}`))));
    client.socket.write(control('ping'));
    await client.until(() => controls(client).length === 2);
    expect(client.closeFrame).toBeUndefined();
    client.socket.write(Buffer.concat(Array.from({ length: 500 }, () => control('ack 500'))));
    await client.until(() => client.closeFrame !== undefined);
    expect(client.closeFrame).toEqual({ code: 1008, reason: 'WebSocket: Control message flood' });
  });

  test('a client that does not ask has none: its binary messages are lines, as ever', async () => {
    const lines: string[] = [];
    const running = await startHook({ onConnection: (socket: IrcSocket) => socket.onLine((line) => lines.push(line)) });
    const client = await RawClient.open(running.port, { 'Sec-WebSocket-Protocol': 'text.ircv3.net' });
    client.socket.write(control('ack 5'));
    await expect.poll(() => lines).toEqual(['ack 5']);
    client.socket.resetAndDestroy();
    await expect.poll(() => running.hook.clients.size).toBe(0);
  });

  test('resumeWindow: 0 leaves the subprotocol to nobody', async () => {
    const running = await startHook({ resumeWindow: 0 });
    const client = await RawClient.open(running.port, { 'Sec-WebSocket-Protocol': `text.ircv3.net, ${RESUME}` });
    expect(client.head).toContain('Sec-WebSocket-Protocol: text.ircv3.net\r\n');
  });
});
