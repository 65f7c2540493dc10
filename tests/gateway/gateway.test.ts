import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { IrcGateway, Upstream } from '../../src/gateway/index.ts';
import { CloseCode, ConfigError, HandshakeError } from '../../src/index.ts';
import { makeCertificate } from '../helpers/certificate.ts';
import { freePort } from '../helpers/daemons.ts';
import { clientClose, clientText } from '../helpers/frames.ts';
import { HOOK, joined, startGateway } from '../helpers/gateway.ts';
import { requirePeer } from '../helpers/peers.ts';
import { PlainIrc, type PlainIrcPeer } from '../helpers/plain-irc.ts';
import { RawClient, upgradeRequest } from '../helpers/raw-client.ts';

const WEBIRC = { password: 'gatepass', gateway: 'goodgw' };
const closeOf = async (client: RawClient): Promise<{ code: number; reason: string }> => {
  await client.until(() => client.closeFrame !== undefined);
  return client.closeFrame as { code: number; reason: string };
};

describe('lines', () => {
  test('pass both ways; WEBIRC comes first, and is the gateway’s alone to say', async () => {
    const { client, peer } = await joined({}, { webirc: WEBIRC });
    for (const line of ['WEBIRC gatepass x y 6.6.6.6', '@a=b :me  webirc gatepass x y 6.6.6.6', 'NICK ada']) {
      client.socket.write(clientText(line));
    }
    await peer.line(/^NICK ada$/);
    expect(peer.lines).toHaveLength(2);
    expect(peer.lines[0]).toMatch(/^WEBIRC gatepass goodgw 127\.0\.0\.1 127\.0\.0\.1 :remote-port=\d+ local-port=\d+$/);
    peer.socket.write(':irc.test 001 ada :Hello\r\n:irc.test 002 ada :half a li');
    peer.socket.write('ne\r\n');
    await client.until(() => client.lines.length === 2);
    expect(client.lines).toEqual([':irc.test 001 ada :Hello', ':irc.test 002 ada :half a line']);
  });

  test('more than a hundred at once: the client is slowed down, nothing is lost, nobody is ended', async () => {
    const { client, peer, gateway } = await joined({ limits: { linesPerSecond: 200 } });
    client.socket.write(Buffer.concat(Array.from({ length: 250 }, (_, i) => clientText(`PING ${i}`))));
    await peer.line(/^PING 249$/);
    expect(peer.lines).toEqual(Array.from({ length: 250 }, (_, i) => `PING ${i}`));
    expect(gateway.stats()).toMatchObject({ clients: 1, flooded: 0 });
  });

  test('who goes on with it is ended with the reason, the server gets a QUIT', async () => {
    const { client, peer, gateway, log } = await joined({ limits: { linesPerSecond: 1, floodTimeout: 200 } });
    client.socket.write(Buffer.concat(Array.from({ length: 150 }, (_, i) => clientText(`PING ${i}`))));
    expect(await closeOf(client)).toEqual({ code: CloseCode.POLICY_VIOLATION, reason: 'Excess Flood' });
    expect(client.lines).toEqual(['ERROR :Closing link: (127.0.0.1) [Excess Flood]']);
    await peer.until(() => peer.isClosed);
    expect(peer.lines.at(-1)).toBe('QUIT :Excess Flood');
    // The hundred, and what was refilled meanwhile.
    expect(peer.lines.length).toBeGreaterThanOrEqual(101);
    expect(peer.lines.length).toBeLessThan(150);
    expect(gateway.stats().flooded).toBe(1);
    expect(log).toContain('127.0.0.1 sent too many lines');
  });

  test('a rate that is kept is no flood, however long it goes on', async () => {
    const { client, peer, gateway } = await joined({ limits: { linesPerSecond: 1e9 } });
    client.socket.write(Buffer.concat(Array.from({ length: 1_000 }, (_, i) => clientText(`PING ${i}`))));
    await peer.line(/^PING 999$/);
    expect(gateway.stats().flooded).toBe(0);
  });
});

/** Waits until what `count` gives has not changed for so long that nothing is under way any more. */
async function plateau(count: () => number): Promise<number> {
  let last = count();
  for (let quiet = 0; quiet < 5; ) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    quiet = count() === last && last > 0 ? quiet + 1 : 0;
    last = count();
  }
  return last;
}

/** Writes the same bytes again and again, as fast as they are taken, and `last` at the end; counts what was taken. */
function pump(socket: Socket, block: Buffer, times: number, last: Buffer): { taken(): number } {
  let left = times;
  let given = 0;
  const go = (): void => {
    while (left-- > 0) {
      given += block.length;
      if (!socket.write(block)) {
        socket.once('drain', go);
        return;
      }
    }
    socket.write(last);
  };
  go();
  return { taken: () => given - socket.writableLength };
}

const MIB = 2 ** 20;

describe('back-pressure', () => {
  test('a browser that does not read stops the server from being read; nothing is lost, nobody is closed', async () => {
    const { gateway, client, peer } = await joined();
    client.socket.pause();
    const line = `:irc.test PRIVMSG #x :${'x'.repeat(476)}\r\n`;
    const block = Buffer.from(line.repeat(128));
    const total = 64 * MIB;
    const server = pump(peer.socket, block, total / block.length, Buffer.from('LAST\r\n'));
    const taken = await plateau(server.taken);
    // The rest is in the kernel: two sockets' send and receive buffers.
    expect(taken).toBeLessThan(total / 2);
    const [held] = [...gateway.hook.clients];
    expect(held?.queuedSize).toBeLessThan(MIB / 2);
    // A client that reads at last gets all of it.
    let received = 0;
    let end = Buffer.alloc(0);
    client.socket.removeAllListeners('data');
    client.socket.on('data', (chunk: Buffer) => {
      received += chunk.length;
      end = Buffer.concat([end, chunk]).subarray(-4);
    });
    client.socket.resume();
    while (end.toString() !== 'LAST') await once(client.socket, 'data');
    // Each line has four bytes of a frame's header in place of CR LF.
    expect(received).toBeGreaterThan(total);
    expect(gateway.stats().clients).toBe(1);
  });

  test('a server that does not read stops the browser from being read; nothing is lost', async () => {
    const { client, peer, gateway } = await joined({ limits: { linesPerSecond: 1e9 } });
    peer.socket.pause();
    const block = Buffer.concat(Array.from({ length: 8 }, () => clientText(`PRIVMSG #x :${'x'.repeat(8_000)}`)));
    const times = 1_000;
    const browser = pump(client.socket, block, times, clientText('LAST'));
    const taken = await plateau(browser.taken);
    expect(taken).toBeLessThan((times * block.length) / 2);
    peer.socket.resume();
    await peer.line(/^LAST$/);
    expect(peer.lines).toHaveLength(times * 8 + 1);
    expect(gateway.stats().clients).toBe(1);
  });

  test('a server that was paused for a browser that is gone learns of it, and is given up', async () => {
    const { gateway, client, peer } = await joined();
    client.socket.pause();
    const server = pump(peer.socket, Buffer.from(':irc.test NOTICE * :x\r\n'.repeat(3_000)), 1_000, Buffer.from('LAST\r\n'));
    await plateau(server.taken);
    client.socket.resetAndDestroy();
    await peer.line(/^QUIT :/);
    await peer.until(() => peer.isClosed);
    expect(gateway.stats().clients).toBe(0);
  });
});

describe('the end', () => {
  test.each<[string, (client: RawClient) => void, string]>([
    ['with the reason of its Close frame', (client) => client.socket.write(clientClose(1000, 'good night')), 'QUIT :good night'],
    ['with a page that is closed', (client) => client.socket.write(clientClose(1001)), 'QUIT :Page closed'],
    ['without a reason', (client) => client.socket.write(clientClose()), 'QUIT :Connection closed'],
    ['with a connection that broke', (client) => void client.socket.resetAndDestroy(), 'QUIT :Connection lost'],
    ['with line ends in the reason', (client) => client.socket.write(clientClose(1000, 'a\r\nJOIN #b')), 'QUIT :a JOIN #b'],
  ])('a browser leaves %s', async (_, leave, quit) => {
    const { client, peer } = await joined();
    leave(client);
    await peer.until(() => peer.isClosed);
    expect(peer.lines).toEqual([quit]);
  });

  test('a browser that has said QUIT itself: it is not said twice', async () => {
    const { client, peer } = await joined();
    client.socket.write(Buffer.concat([clientText('quit :mine'), clientClose(1000, 'other')]));
    await peer.until(() => peer.isClosed);
    expect(peer.lines).toEqual(['quit :mine']);
  });

  test('the server closes: its last lines come, then a Close frame', async () => {
    const { client, peer } = await joined();
    peer.socket.end('ERROR :Closing link: (127.0.0.1) [K-lined]\r\n');
    expect(await closeOf(client)).toEqual({ code: 1000, reason: 'The IRC server closed the connection' });
    expect(client.lines).toEqual(['ERROR :Closing link: (127.0.0.1) [K-lined]']);
  });

  test('the server breaks off: a Close frame, and no ERROR that would keep web clients away', async () => {
    const { client, peer } = await joined();
    peer.socket.write(':irc.test NOTICE * :Hello\r\n');
    await client.until(() => client.lines.length === 1);
    peer.socket.resetAndDestroy();
    expect(await closeOf(client)).toEqual({ code: 1001, reason: 'The IRC server is gone (read ECONNRESET)' });
    expect(client.lines).toEqual([':irc.test NOTICE * :Hello']);
  });

  test('close: QUIT for everybody, 1001 for everybody, and no connection is left on either side', async () => {
    const { gateway, client, peer } = await joined();
    const closed = gateway.close('Back in a minute');
    expect(await closeOf(client)).toEqual({ code: 1001, reason: 'Back in a minute' });
    client.socket.write(clientClose(1001));
    await closed;
    await peer.until(() => peer.isClosed);
    expect(peer.lines).toEqual(['QUIT :Back in a minute']);
  });

  test('close does not wait for ever for a server that does not read', async () => {
    const { gateway, client, peer } = await joined();
    peer.socket.pause();
    const closed = gateway.close();
    client.socket.destroy();
    await closed;
    peer.socket.resume();
    await peer.until(() => peer.isClosed);
  });
});

describe('servers', () => {
  test('clients are spread over them, and a dead one is passed over', async () => {
    const [one, two] = [await PlainIrc.start(), await PlainIrc.start()];
    const dead = await freePort();
    const { port, gateway, log } = await startGateway([
      { host: '127.0.0.1', port: one.port },
      { host: '127.0.0.1', port: dead },
      { host: '127.0.0.1', port: two.port },
    ]);
    for (let i = 0; i < 6; i++) await RawClient.open(port);
    await expect.poll(() => one.peers.length + two.peers.length).toBe(6);
    expect(Math.min(one.peers.length, two.peers.length)).toBeGreaterThan(0);
    const { upstreams } = gateway.stats();
    expect(upstreams.map(({ name, up }) => [name, up])).toEqual([
      [`127.0.0.1:${one.port}`, true],
      [`127.0.0.1:${dead}`, false],
      [`127.0.0.1:${two.port}`, true],
    ]);
    expect(log).toContain(`127.0.0.1:${dead}: connect ECONNREFUSED 127.0.0.1:${dead}`);
  });

  test('by weight: of eight clients six begin at the server of weight 3', async () => {
    const [one, two] = [await PlainIrc.start(), await PlainIrc.start()];
    const { port } = await startGateway([
      { host: '127.0.0.1', port: one.port, weight: 3 },
      { host: '127.0.0.1', port: two.port },
    ]);
    for (let i = 0; i < 8; i++) await RawClient.open(port);
    await expect.poll(() => [one.peers.length, two.peers.length]).toEqual([6, 2]);
  });

  test('none answers: 503 before any 101, and a note', async () => {
    const dead = await freePort();
    const { port, gateway, log } = await startGateway([{ host: '127.0.0.1', port: dead }]);
    await expect(RawClient.open(port)).rejects.toThrow(
      /^refused: HTTP\/1\.1 503 [\s\S]*Retry-After: 5[\s\S]*WebSocket: The IRC server cannot be reached$/,
    );
    expect(gateway.stats()).toMatchObject({ unreachable: 1, refused: 1, accepted: 0 });
    expect(log).toContain(`no IRC server for 127.0.0.1: connect ECONNREFUSED 127.0.0.1:${dead}`);
  });

  test('a client that goes away while its server is connected: no connection is left', async () => {
    const irc = await PlainIrc.start();
    let answer = (): void => {};
    const verdict = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const { port, gateway } = await startGateway([{ host: '127.0.0.1', port: irc.port }], {
      hook: { ...HOOK, authorize: () => verdict },
    });
    const client = await RawClient.connect(port);
    client.socket.write(upgradeRequest());
    client.socket.resetAndDestroy();
    answer();
    await expect.poll(() => irc.peers.every(({ isClosed }) => isClosed)).toBe(true);
    expect(gateway.stats()).toMatchObject({ clients: 0, accepted: 0 });
  });

  test.each([
    ':irc.test 464 * :Invalid password',
    ':irc.test 421 * WEBIRC :Unknown command',
    ':irc.test 451 * WEBIRC :Register first',
    ':irc.test 461 * WEBIRC :Not enough parameters',
    "ERROR :Closing link: (1AAAAAAAB@127.0.0.1) [WEBIRC: you don't match any configured WebIRC hosts.]",
  ])('WEBIRC is refused by %s: the client is ended', async (answer) => {
    const { client, peer, gateway, log } = await joined({}, { webirc: WEBIRC });
    peer.socket.write(`:irc.test NOTICE * :Looking up\r\n${answer}\r\n`);
    expect(await closeOf(client)).toEqual({ code: 1013, reason: 'The IRC server does not know this gateway' });
    expect(gateway.stats().webircRefused).toBe(1);
    expect(log.join('\n')).toContain(`refused WEBIRC: ${answer}`);
    expect(log.join('\n')).not.toContain('gatepass');
  });

  test('the same numerics behind the welcome are the user’s own business', async () => {
    const { client, peer } = await joined({}, { webirc: WEBIRC });
    const lines = [':irc.test 001 ada :Hello', ':irc.test 464 ada :Password incorrect'];
    peer.socket.write(`${lines.join('\r\n')}\r\n`);
    await client.until(() => client.lines.length === 2);
    expect(client.lines).toEqual(lines);
  });
});

describe('places by address', () => {
  const enter = async (port: number): Promise<RawClient> => {
    const client = await RawClient.connect(port);
    client.socket.write(upgradeRequest());
    return client;
  };
  const statusOf = async (client: RawClient): Promise<number> => {
    await client.until(() => client.head !== '');
    return client.status;
  };

  test('of two at once, while the first is still being asked about, one is refused', async () => {
    const irc = await PlainIrc.start();
    let ask = (): void => {};
    const asked = new Promise<void>((resolve) => {
      ask = resolve;
    });
    let answer = (): void => {};
    const verdict = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const { port } = await startGateway([{ host: '127.0.0.1', port: irc.port }], {
      limits: { connectionsPerAddress: 1 },
      hook: {
        ...HOOK,
        authorize: () => {
          ask();
          return verdict;
        },
      },
    });
    const first = await enter(port);
    await asked;
    expect(await statusOf(await enter(port))).toBe(429);
    answer();
    expect(await statusOf(first)).toBe(101);
  });

  test('who is refused, goes away meanwhile, or leaves gives the place back', async () => {
    const irc = await PlainIrc.start();
    const verdicts = [
      () => Promise.reject(new HandshakeError(403, 'not you')),
      (signal: AbortSignal) => new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      () => Promise.resolve(),
      () => Promise.resolve(),
    ];
    const asked: AbortSignal[] = [];
    let wake = (): void => {};
    const { port, gateway } = await startGateway([{ host: '127.0.0.1', port: irc.port }], {
      limits: { connectionsPerAddress: 1 },
      hook: {
        ...HOOK,
        authorize: (_facts, _request, signal) => {
          asked.push(signal);
          wake();
          return verdicts.shift()?.(signal);
        },
      },
    });
    expect(await statusOf(await enter(port))).toBe(403);
    const pending = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const leaver = await enter(port);
    await pending;
    const aborted = once(asked[1] as AbortSignal, 'abort');
    leaver.socket.destroy();
    await aborted;
    const next = irc.next();
    const third = await enter(port);
    expect(await statusOf(third)).toBe(101);
    const peer = await next;
    third.socket.write(clientClose(1001));
    await peer.until(() => peer.isClosed);
    expect(await statusOf(await enter(port))).toBe(101);
    expect(gateway.stats()).toMatchObject({ accepted: 2 });
  });
});

describe('reload', () => {
  test('newcomers meet what is new; who is in stays where it is', async () => {
    const { client, peer, gateway, port } = await joined();
    const second = await PlainIrc.start();
    gateway.reload({
      hook: { origins: ['https://other.example.com'] },
      upstreams: [{ host: '127.0.0.1', port: second.port }],
      limits: { connectionsPerAddress: 2 },
    });
    const open = (): Promise<RawClient> => RawClient.open(port, { Origin: 'https://other.example.com' });
    const next = second.next();
    await open();
    await next;
    client.socket.write(clientText('PING still'));
    await peer.line(/^PING still$/);
    await expect(open()).rejects.toThrow('429');
    await expect(RawClient.open(port)).rejects.toThrow('403');
  });

  test.each<[string, Partial<Parameters<IrcGateway['reload']>[0]>]>([
    ['<wsorigin>', { hook: { origins: [] } }],
    ['<upstream>', { upstreams: [] }],
    ['<upstream:port>', { upstreams: [{ host: 'a', port: 0 }] }],
    ['<upstream:tls>', { upstreams: [{ host: 'a', port: 1, tls: { ca: 'x', cert: 'no certificate' } }] }],
    ['<webirc:password>', { upstreams: [{ host: 'a', port: 1, webirc: { password: 'two words', gateway: 'g' } }] }],
    ['<dnsbl:domain>', { dnsbl: { zones: ['no domain'] } }],
    ['<limits:connectionsperaddress>', { limits: { connectionsPerAddress: 0 } }],
    ['<limits:linespersecond>', { limits: { linesPerSecond: 0 } }],
    ['<limits:linespersecond>', { limits: { linesPerSecond: Number.NaN } }],
    ['<limits:connecttimeout>', { limits: { connectTimeout: 2 ** 31 } }],
    ['<limits:connectTimeOut>', { limits: { connectTimeOut: 1 } as object }],
  ])('what is wrong in %s is refused, all of it', async (place, wrong) => {
    const { gateway, port, client } = await joined();
    const before = gateway.hook.config;
    let error: unknown;
    try {
      gateway.reload({ hook: { origins: ['https://other.example.com'] }, upstreams: [{ host: 'a', port: 1 }], ...wrong });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).message).toContain(place);
    expect((error as ConfigError).message).not.toContain('two words');
    expect(gateway.hook.config).toBe(before);
    await RawClient.open(port);
    client.socket.destroy();
  });
});

const OPENSSL = requirePeer('openssl');

describe.skipIf(OPENSSL === null)('servers by TLS', () => {
  async function overTls(tls: (cert: string) => NonNullable<Upstream['tls']>, host = 'localhost') {
    const { cert, key } = makeCertificate();
    const irc = await PlainIrc.start({ cert, key });
    const started = await startGateway([{ host, port: irc.port, tls: tls(cert), webirc: WEBIRC }]);
    const next = irc.next();
    // Where it never comes.
    next.catch(() => {});
    return { ...started, next, client: await RawClient.open(started.port) };
  }

  test.each<[string, (cert: string) => NonNullable<Upstream['tls']>, string]>([
    ['by its name', (ca) => ({ ca }), 'localhost'],
    ['by another name that it is told to have', (ca) => ({ ca, servername: 'localhost' }), '127.0.0.1'],
    ['because nobody looks', () => ({ rejectUnauthorized: false }), '127.0.0.1'],
  ])('one that is trusted %s', async (_, tls, host) => {
    const { client, next } = await overTls(tls, host);
    const peer: PlainIrcPeer = await next;
    client.socket.write(clientText('NICK ada'));
    await peer.line(/^NICK ada$/);
    expect(peer.lines[0]).toMatch(/^WEBIRC gatepass /);
    expect('encrypted' in peer.socket).toBe(true);
  });

  test.each<[string, (cert: string) => NonNullable<Upstream['tls']>, string]>([
    ['its certificate is nobody’s', () => true, 'localhost'],
    ['it has another name', (ca) => ({ ca, servername: 'irc.example.com' }), 'localhost'],
    ['it was reached by an address that the certificate has not', (ca) => ({ ca }), '127.0.0.1'],
  ])('one that is not trusted, as %s: nothing is said to it, and the client learns why', async (_, tls, host) => {
    const { cert, key } = makeCertificate();
    const irc = await PlainIrc.start({ cert, key });
    const { port, log } = await startGateway([{ host, port: irc.port, tls: tls(cert), webirc: WEBIRC }]);
    await expect(RawClient.open(port)).rejects.toThrow(/503 [\s\S]*The IRC server has a certificate that is not trusted$/);
    expect(irc.peers.flatMap(({ lines }) => lines)).toEqual([]);
    expect(log[0]).toMatch(/^(localhost|127\.0\.0\.1):\d+: has no trusted certificate: \S/);
    expect(log[1]).toMatch(/^no IRC server for 127\.0\.0\.1: has no trusted certificate: \S/);
  });
});
