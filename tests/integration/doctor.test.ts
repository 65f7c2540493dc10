/** `doctor` and `gateway --probe`: a right installation, and faulty ones of one fault each. Every fault is found, and named. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { ROOT } from '../helpers/build.ts';
import { freePort } from '../helpers/daemons.ts';
import { GatewayCli } from '../helpers/gateway-cli.ts';
import { startInspircd } from '../helpers/inspircd.ts';
import { requirePeer } from '../helpers/peers.ts';

const INSPIRCD = requirePeer('inspircd');
const NGINX = requirePeer('nginx');
const OPENSSL = requirePeer('openssl');
const PAGE = 'https://chat.example.com';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

async function run(...args: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [join(ROOT, 'dist/cli/main.js'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

const doctor = (url: string, ...args: string[]) => run('doctor', url, '--origin', PAGE, '--idle', '0', ...args);

/** Expects exactly one finding. */
function expectFinding({ code, output }: { code: number | null; output: string }, tried: RegExp, toDo: RegExp): void {
  const found = output.split('\n').filter((line) => line.startsWith('FAIL'));
  expect(found, output).toHaveLength(1);
  expect(found[0]).toMatch(tried);
  expect(output.split('\n').find((line) => line.startsWith('      → '))).toMatch(toDo);
  expect(code).toBe(1);
}

interface Site {
  readonly ircPort?: number;
  readonly websocket?: string;
  readonly origin?: string;
  readonly bind?: string;
  readonly files?: Readonly<Record<string, string>>;
}

/** A gateway; in front of a real InspIRCd where no port is given. */
async function startSite({ ircPort, websocket = '', origin = PAGE, bind = '', files = {} }: Site = {}): Promise<GatewayCli> {
  let port = ircPort;
  if (port === undefined) {
    const started = await startInspircd(INSPIRCD as string);
    cleanup.push(() => started.daemon.stop());
    port = started.port;
  }
  return GatewayCli.start(
    `<bind port="0" ${bind}><wsorigin allow="${origin}">${websocket}<limits connectionsperminute="1000">
<upstream host="127.0.0.1" port="${port}"><webirc password="gatepass">`,
    { files },
  );
}

/** nginx with these lines in its location, in front of a port. */
async function startNginx(to: number, location: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'ircd-websocket-'));
  const port = await freePort();
  mkdirSync(join(folder, 'logs'));
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path ${folder}/a; proxy_temp_path ${folder}/b; fastcgi_temp_path ${folder}/c;
  uwsgi_temp_path ${folder}/d; scgi_temp_path ${folder}/e;
  server { listen 127.0.0.1:${port}; location /irc { proxy_pass http://127.0.0.1:${to}; ${location} } location / { return 404; } }
}`,
  );
  const nginx: ChildProcess = spawn(NGINX as string, ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: 'ignore' });
  cleanup.push(async () => {
    nginx.kill('SIGTERM');
    if (nginx.exitCode === null && nginx.signalCode === null) await once(nginx, 'exit');
    rmSync(folder, { recursive: true, force: true });
  });
  await expect
    .poll(() =>
      fetch(`http://127.0.0.1:${port}/`).then(
        () => true,
        () => false,
      ),
    )
    .toBe(true);
  return `ws://127.0.0.1:${port}/irc`;
}

const UPGRADE = 'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";';
const FORWARDED = 'proxy_set_header X-Forwarded-For $remote_addr;';
const BEHIND_NGINX = '<websocket proxyranges="loopback" proxyheader="x-forwarded-for">';

describe.skipIf(INSPIRCD === null)('a right installation', () => {
  test('nothing is found, and WEBIRC is believed', async () => {
    const gateway = await startSite();
    const { code, output } = await doctor(`ws://127.0.0.1:${gateway.webPort()}/`, '--idle', '0.5');
    expect([code, output]).toEqual([0, expect.stringMatching(/^ok {4}0\.5 s of silence: still connected\nno problem found\n$/m)]);
    const probe = await run('gateway', '--config', join(gateway.folder, 'gateway.conf'), '--probe');
    expect([probe.code, probe.output]).toEqual([0, expect.stringContaining('the server believes it: ')]);
  });

  test.skipIf(NGINX === null)('behind nginx', async () => {
    const gateway = await startSite({ websocket: BEHIND_NGINX });
    const url = await startNginx(gateway.webPort(), UPGRADE + FORWARDED);
    expect(await doctor(url)).toEqual({ code: 0, output: expect.stringContaining('no problem found') as string });
  });
});

describe('the way there', () => {
  test('1: a name that is not in the DNS', async () => {
    expectFinding(await doctor('wss://gateway.invalid/'), /look up gateway\.invalid: /, /A or AAAA record/);
  });

  test('2: nobody listens', async () => {
    const url = `ws://127.0.0.1:${await freePort()}/`;
    expectFinding(await doctor(url), /connect to 127\.0\.0\.1: connect ECONNREFUSED/, /Start the server/);
  });

  test('3: a port that does not speak TLS', async () => {
    const gateway = await startSite({ ircPort: 1 });
    expectFinding(await doctor(`wss://127.0.0.1:${gateway.webPort()}/`), /TLS handshake: /, /does not speak TLS/);
  });
});

describe.skipIf(OPENSSL === null || INSPIRCD === null)('certificates', () => {
  const BIND = 'certificate="cert.pem" key="key.pem"';

  async function secureSite(days = 30): Promise<{ gateway: GatewayCli; ca: string }> {
    const { cert, key } = certificateOf(days);
    const gateway = await startSite({ bind: BIND, files: { 'cert.pem': cert, 'key.pem': key } });
    return { gateway, ca: join(gateway.folder, 'cert.pem') };
  }

  test('a right one: nothing is found', async () => {
    const { gateway, ca } = await secureSite();
    const { code, output } = await doctor(`wss://localhost:${gateway.webPort()}/`, '--ca', ca);
    // The gateway listens on IPv4 alone: where localhost is ::1, too, that is a finding of its own.
    const found = output.split('\n').filter((line) => line.startsWith('FAIL') && !line.includes('connect to ::1'));
    expect(found).toEqual([]);
    expect([0, 1]).toContain(code);
  });

  test('4: one of another name', async () => {
    const { gateway, ca } = await secureSite();
    const found = await doctor(`wss://127.0.0.1:${gateway.webPort()}/`, '--ca', ca);
    expectFinding(found, /TLS certificate: .*127\.0\.0\.1/, /Get a certificate for 127\.0\.0\.1/);
  });

  test('5: one that nobody trusts', async () => {
    const { gateway } = await secureSite();
    const { output } = await doctor(`wss://localhost:${gateway.webPort()}/`);
    expect(output).toMatch(/FAIL {2}TLS certificate: not trusted: \S+\n {6}→ Serve the whole chain/);
  });

  test('6: one that ends within days', async () => {
    const { gateway, ca } = await secureSite(2);
    const { output } = await doctor(`wss://localhost:${gateway.webPort()}/`, '--ca', ca);
    expect(output).toMatch(/FAIL {2}TLS certificate: it ends in [12] days, on .*\n {6}→ Renew it/);
  });
});

function certificateOf(days: number): { cert: string; key: string } {
  const folder = mkdtempSync(join(tmpdir(), 'ircd-websocket-'));
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', String(days)];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  execFileSync('openssl', [...request, ...names, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  const pem = { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
  rmSync(folder, { recursive: true });
  return pem;
}

describe.skipIf(NGINX === null || INSPIRCD === null)('nginx in front', () => {
  test.each<[string, string, string, RegExp, RegExp]>([
    [
      '7: does not pass the upgrade on',
      FORWARDED,
      '/irc',
      /handshake .*: 505 from nginx/,
      /does not pass the upgrade on\. nginx: proxy_http_version/,
    ],
    ['8: does not say who the client is', UPGRADE, '/irc', /handshake .*: 400 .*real IP address/, /set X-Forwarded-For there/],
    ['9: has no such path', UPGRADE + FORWARDED, '/chat', /handshake .*: 404 from nginx/, /has no such path/],
  ])('%s', async (_, location, path, tried, toDo) => {
    const gateway = await startSite({ websocket: BEHIND_NGINX });
    const url = await startNginx(gateway.webPort(), location);
    expectFinding(await doctor(url.replace('/irc', path)), tried, toDo);
  });

  test('10: the gateway is not there', async () => {
    const url = await startNginx(await freePort(), UPGRADE + FORWARDED);
    expectFinding(await doctor(url), /handshake .*: 502 from nginx/, /does not reach the gateway/);
  });

  test('11: a forged X-Forwarded-For is believed: nginx passes on what the client wrote', async () => {
    const gateway = await startSite({ websocket: BEHIND_NGINX });
    // The client's own where there is one, its address where there is none.
    const location = `${UPGRADE} set $told $http_x_forwarded_for; if ($told = "") { set $told $remote_addr; }
      proxy_set_header X-Forwarded-For $told;`;
    const url = await startNginx(gateway.webPort(), location);
    const found = await doctor(url);
    expectFinding(
      found,
      /X-Forwarded-For: 192\.0\.2\.113, .*: believed: .*192\.0\.2\.113/,
      /Let the proxy overwrite X-Forwarded-For/,
    );
  });

  test('12: a field that nginx does not overwrite is believed', async () => {
    const gateway = await startSite({ websocket: '<websocket proxyranges="loopback">' });
    const url = await startNginx(gateway.webPort(), UPGRADE + FORWARDED);
    const { output, code } = await doctor(url);
    // X-Real-IP goes before X-Forwarded-For, and nginx passes the client's own on.
    expect(output).toMatch(/FAIL {2}X-Real-IP: 192\.0\.2\.113, .*: believed: .*192\.0\.2\.113/);
    expect(output).toContain('set <websocket proxyheader> to the field that it does overwrite');
    expect(output.match(/^FAIL/gm)).toHaveLength(1);
    expect(code).toBe(1);
  });

  test('13: cuts a silent connection', async () => {
    const gateway = await startSite({ websocket: BEHIND_NGINX.replace('>', ' nativeping="no">') });
    const url = await startNginx(gateway.webPort(), `${UPGRADE + FORWARDED} proxy_read_timeout 2s;`);
    const found = await run('doctor', url, '--origin', PAGE, '--idle', '10');
    expectFinding(
      found,
      /10 s of silence: after \d+(\.\d)? s: the connection was cut/,
      /raise its limit \(nginx: proxy_read_timeout\)/,
    );
  });
});

describe.skipIf(INSPIRCD === null)('the gateway', () => {
  test('14: the page is not allowed', async () => {
    const gateway = await startSite({ origin: 'https://other.example.com' });
    const found = await doctor(`ws://127.0.0.1:${gateway.webPort()}/`);
    expectFinding(
      found,
      /handshake from https:\/\/chat\.example\.com: 403: /,
      /Add <wsorigin allow="https:\/\/chat\.example\.com">/,
    );
  });

  test('15: every page is allowed', async () => {
    const gateway = await startSite({ origin: '*' });
    const found = await doctor(`ws://127.0.0.1:${gateway.webPort()}/`);
    expectFinding(found, /doctor\.invalid, which must be refused: 101/, /Any web page can connect/);
  });

  test('16: the IRC server is not there', async () => {
    const gateway = await startSite({ ircPort: await freePort() });
    const found = await doctor(`ws://127.0.0.1:${gateway.webPort()}/`);
    expectFinding(found, /handshake .*: 503: .*IRC server cannot be reached/, /--probe/);
  });

  test('17: WEBIRC has a wrong password', async () => {
    const { daemon, port } = await startInspircd(INSPIRCD as string);
    cleanup.push(() => daemon.stop());
    const gateway = await startSite({ ircPort: port });
    const wrong = readFileSync(join(gateway.folder, 'gateway.conf'), 'utf8').replace('gatepass', 'wrong');
    gateway.write('wrong.conf', wrong);
    const probe = await run('gateway', '--config', join(gateway.folder, 'wrong.conf'), '--probe');
    expectFinding(probe, /the server refused WEBIRC: ERROR /, /Compare the password/);
    expect(probe.output).not.toContain('wrong');
    await gateway.reload(wrong);
    const found = await doctor(`ws://127.0.0.1:${gateway.webPort()}/`);
    // Before or behind the answer to a ping: InspIRCd is fast.
    expectFinding(found, /(register, and WHOIS on itself|ping): .*does not know this gateway/, /--probe|did not welcome/);
  });

  test('18: the IRC server expects the gateway from another address', async () => {
    const { daemon, port } = await startInspircd(INSPIRCD as string, '10.0.0.0/8');
    cleanup.push(() => daemon.stop());
    const gateway = await startSite({ ircPort: port });
    const probe = await run('gateway', '--config', join(gateway.folder, 'gateway.conf'), '--probe');
    expectFinding(probe, /the server refused WEBIRC: ERROR .*don't match/, /address or host name \(mask\)/);
  });

  test('19: no WEBIRC at all', async () => {
    const { daemon, port } = await startInspircd(INSPIRCD as string);
    cleanup.push(() => daemon.stop());
    const gateway = await startSite({ ircPort: port });
    const config = readFileSync(join(gateway.folder, 'gateway.conf'), 'utf8').replace(/<webirc.*>/, '');
    gateway.write('none.conf', config);
    const probe = await run('gateway', '--config', join(gateway.folder, 'none.conf'), '--probe');
    expectFinding(probe, /without WEBIRC: all users have the same address/, /Add <webirc/);
  });

  test('20: --probe, and the IRC server is not there', async () => {
    const gateway = await startSite({ ircPort: await freePort() });
    const probe = await run('gateway', '--config', join(gateway.folder, 'gateway.conf'), '--probe');
    expectFinding(probe, /connect to 127\.0\.0\.1:\d+: connect ECONNREFUSED/, /Start the IRC server/);
  });
});

describe('servers that break WebSockets', () => {
  /** A server that answers handshakes as it is told, then acts. */
  async function startFake(fields: (key: string) => string, act: (socket: Socket) => void = () => {}): Promise<string> {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', (chunk: Buffer) => {
        const text = chunk.toString('latin1');
        const key = /Sec-WebSocket-Key: (\S+)/.exec(text)?.[1] ?? '';
        if (/doctor\.invalid/.test(text)) socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
        else socket.write(`HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${fields(key)}${choose(text)}\r\n`);
        act(socket);
      });
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    cleanup.push(() => server.close());
    return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }
  const accept = (key: string): string => {
    const digest = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    return `Sec-WebSocket-Accept: ${digest}\r\n`;
  };
  const choose = (text: string): string => {
    const asked = /Sec-WebSocket-Protocol: (\S+)/.exec(text)?.[1];
    return asked === undefined ? '' : `Sec-WebSocket-Protocol: ${asked}\r\n`;
  };

  test('21: an answer from a cache: another key’s Sec-WebSocket-Accept', async () => {
    expectFinding(await doctor(await startFake(() => accept('x'))), /wrong Sec-WebSocket-Accept/, /from a cache/);
  });

  test('22: a subprotocol that was not asked for', async () => {
    const url = await startFake((key) => `${accept(key)}Sec-WebSocket-Protocol: irc\r\n`);
    expect((await doctor(url)).output).toMatch(
      /FAIL .*101 with the subprotocol irc, which was not asked for\n {6}→ Browsers refuse/,
    );
  });

  test('23: compression that was not asked for', async () => {
    const url = await startFake((key) => `${accept(key)}Sec-WebSocket-Extensions: permessage-deflate\r\n`);
    expect((await doctor(url)).output).toMatch(/FAIL .*101 with an extension, which was not asked for/);
  });

  test('24: masked frames', async () => {
    const url = await startFake(accept, (socket) => socket.write(Buffer.from([0x81, 0x81, 1, 2, 3, 4, 5])));
    expect((await doctor(url)).output).toMatch(/FAIL {2}ping: bytes that are not a frame from a server: 8181/);
  });

  test('25: bytes that are no HTTP', async () => {
    const server = createServer((socket) => void socket.on('error', () => {}).end(':irc.test NOTICE * :Looking up\r\n'));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    cleanup.push(() => server.close());
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    expectFinding(await doctor(url), /no HTTP answer, but \d+ bytes/, /speaks no HTTP/);
  });

  test('26: a redirect', async () => {
    const server = createServer((socket) => {
      socket
        .on('error', () => {})
        .end('HTTP/1.1 301 Moved\r\nLocation: https://chat.example.com/irc\r\nContent-Length: 0\r\n\r\n');
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    cleanup.push(() => server.close());
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    expectFinding(
      await doctor(url),
      /handshake .*: 301/,
      /do not follow redirects of WebSockets: use https:\/\/chat\.example\.com\/irc/,
    );
  });
});
