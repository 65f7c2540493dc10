import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { runCommandLine } from '../../src/cli/command-line.ts';
import { makeCertificate } from '../helpers/certificate.ts';
import { requirePeer } from '../helpers/peers.ts';

const PACKAGE = fileURLToPath(new URL('../../package.json', import.meta.url));
const OPENSSL = requirePeer('openssl');
const folder = mkdtempSync(join(tmpdir(), 'ircd-websocket-'));
const SECRET = 'hunter2';

afterAll(() => rmSync(folder, { recursive: true }));

function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return runWith('', ...args);
}

async function runWith(stdin: string, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const written = { stdout: '', stderr: '' };
  const code = await runCommandLine(args, {
    stdin: Readable.from([stdin]),
    stdout: (text) => {
      written.stdout += text;
    },
    stderr: (text) => {
      written.stderr += text;
    },
  });
  return { code, ...written };
}

function configFile(text: string): string {
  const path = join(folder, 'gateway.conf');
  writeFileSync(path, text);
  return path;
}

describe('what is asked for', () => {
  test('--help, with or without a command', async () => {
    for (const args of [['--help'], ['-h'], ['gateway', '--help']]) {
      const { code, stdout, stderr } = await run(...args);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^Usage: ircd-websocket gateway --config FILE/);
      expect(stderr).toBe('');
    }
  });

  test('--version is the package’s', async () => {
    const { version } = JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string };
    expect(await run('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  test.each<[string[], string]>([
    [[], 'a command is missing: gateway or doctor'],
    [['serve'], 'unknown command "serve": the commands are gateway and doctor'],
    [['gateway', '--config', 'x', '--check', '--probe'], '--check cannot be combined with --probe'],
    [['gateway', '--config', 'x', '--log-format', 'xml'], '--log-format must be one of text, json'],
    [['gateway', '--config', 'x', '--log-level', 'all'], '--log-level must be one of debug, info, warn, error'],
    [['gateway', '--config', 'x', '--explain', '--peer', 'here'], '--peer must be an IP address'],
    [['gateway', '--config', 'x', '--idle', '5'], '--idle is not an option of gateway'],
    [['doctor'], 'doctor needs the URL of a WebSocket, such as wss://chat.example.com/irc'],
    [['doctor', 'https://chat.example.com'], 'not the URL of a WebSocket: "https://chat.example.com"'],
    [['doctor', 'wss://a', 'wss://b'], 'unexpected argument "wss://b"'],
    [['doctor', 'wss://a', '--workers', '2'], '--workers is not an option of doctor'],
    [['doctor', 'wss://a', '--idle', 'long'], '--idle must be a number of seconds from 0 to 3600'],
    [['doctor', 'wss://a', '--ca', '/none'], '--ca cannot be read: ENOENT'],
    [['gateway'], 'gateway needs --config FILE'],
    [['gateway', '--config='], 'gateway needs --config FILE'],
    [['gateway', 'gateway.conf'], 'unexpected argument "gateway.conf"'],
    [['gateway', '--conf', 'x'], "Unknown option '--conf'"],
    [['gateway', '--config'], "Option '--config <value>' argument missing"],
    [['gateway', '--config', 'x', '--workers', '0'], '--workers must be a number from 1 to 1024, or auto'],
    [['gateway', '--config', 'x', '--workers', 'many'], '--workers must be a number from 1 to 1024, or auto'],
    [['gateway', '--config', 'x', '--workers', '1.5'], '--workers must be a number from 1 to 1024, or auto'],
  ])('%j is not understood: exit code 2', async (args, problem) => {
    expect(await run(...args)).toEqual({
      code: 2,
      stdout: '',
      stderr: `ircd-websocket: ${problem}\nTry: ircd-websocket --help\n`,
    });
  });
});

describe('--check', () => {
  const LEAST = `<bind port="8067"><wsorigin allow="https://chat.example.com"><upstream host="::1" port="6667"><webirc password="${SECRET}">`;

  test('says what would be done', async () => {
    const path = configFile(LEAST);
    expect(await run('gateway', '--config', path, '--check', '--workers', 'auto')).toEqual({
      code: 0,
      stderr: '',
      stdout: `${path} is right
  listen on   ws://127.0.0.1:8067/
  origins     https://chat.example.com
  proxies     none
  connect to  [::1]:6667, plain TCP, WEBIRC as webchat
  host names  not looked up
  blocklists  none
  health on   nothing
  workers     ${availableParallelism()}
`,
    });
  });

  test.skipIf(OPENSSL === null)('reads certificates, lists, limits; shows no secret', async () => {
    const { cert, key } = makeCertificate();
    writeFileSync(join(folder, 'cert.pem'), cert);
    writeFileSync(join(folder, 'key.pem'), key);
    const path = configFile(`${LEAST}
<bind address="::" port="443" certificate="cert.pem" key="key.pem" proxyprotocol="yes"><websocket proxyranges="10.0.0.0/8">
<bind path="${folder}/web.sock" permissions="0660">
<upstream host="irc.example.com" port="6697" tls="yes" cafile="cert.pem"><upstream host="irc2.example.com" port="6697" tls="yes" verify="no">
<limits linespersecond="5"><hostnames><dnsbl zone="a.example.net"><health port="8068">`);
    const { code, stdout } = await run('gateway', '--config', path, '--check');
    expect(code).toBe(0);
    for (const line of [
      /^ {2}listen on {3}wss:\/\/\[::\]:443\/, certificate of DNS:localhost, valid until \w+ .*, PROXY protocol$/m,
      /^ {2}listen on {3}ws\+unix:\/\/\S+\/web\.sock, mode 0660$/m,
      /^ {2}connect to {2}irc\.example\.com:6697, TLS, certificate verified, WEBIRC as webchat$/m,
      /^ {2}connect to {2}irc2\.example\.com:6697, TLS, certificate NOT VERIFIED, WEBIRC as webchat$/m,
      /^ {2}limit {7}linesPerSecond 5$/m,
      /^ {2}host names {2}looked up$/m,
      /^ {2}blocklists {2}a\.example\.net$/m,
      /^ {2}health on {3}127\.0\.0\.1 port 8068$/m,
      /^ {2}warning {5}<upstream:verify> of irc2\.example\.com:6697 is "no"/m,
    ]) {
      expect(stdout).toMatch(line);
    }
    expect(stdout).not.toContain(SECRET);
    expect(stdout).not.toContain('PRIVATE KEY');
  });

  test('warns of what the library warns of', async () => {
    const path = configFile(LEAST.replace('https://chat.example.com', '*'));
    const { code, stdout, stderr } = await run('gateway', '--config', path, '--check');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.match(/^ {2}warning {5}<wsorigin:allow> "\*" lets any web page connect/gm)).toHaveLength(1);
  });

  test('what is wrong is said with the file and the line: exit code 1', async () => {
    const path = configFile(`${LEAST}\n<bind port="x">`);
    expect(await run('gateway', '--config', path, '--check')).toEqual({
      code: 1,
      stdout: '',
      stderr: `${path}: line 2: <bind:port> "x" must be a port from 0 to 65535\n`,
    });
  });

  test('a file that is not there', async () => {
    const path = join(folder, 'none.conf');
    const { code, stderr } = await run('gateway', '--config', path, '--check');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^\S+none\.conf: ENOENT/);
  });

  test('binds nothing: a port that is taken is no matter', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    const { code } = await run('gateway', '--config', configFile(LEAST.replace('8067', String(port))), '--check');
    taken.close();
    expect(code).toBe(0);
  });
});

describe('--explain', () => {
  const CONFIG =
    '<bind port="8067"><wsorigin allow="https://chat.example.com"><websocket proxyranges="10.0.0.0/8"><upstream host="::1" port="6667">';
  const request = (origin: string): string =>
    `GET /irc HTTP/1.1
Host: chat.example.com
Upgrade: websocket
Connection: Upgrade
Origin: ${origin}
X-Forwarded-For: 203.0.113.9
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13
`;

  test('what each check says to a request, and who the client would be', async () => {
    const args = ['gateway', '--config', configFile(CONFIG), '--explain', '--peer', '10.0.0.1'];
    const { code, stdout, stderr } = await runWith(request('https://chat.example.com'), ...args);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('203.0.113.9');
  });

  test('a request that would be refused: the check that refuses it, exit code 1', async () => {
    const args = ['gateway', '--config', configFile(CONFIG), '--explain', '--peer', '10.0.0.1'];
    const { code, stdout } = await runWith(request('https://evil.example.com'), ...args);
    expect(code).toBe(1);
    expect(stdout).toMatch(/403 /);
    expect(stdout).toContain('https://evil.example.com');
  });

  test('what is no request', async () => {
    const { code, stderr } = await runWith('hello', 'gateway', '--config', configFile(CONFIG), '--explain');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^this is not an HTTP request: /);
  });
});

test('without --check what is wrong is a line of the log, with the time', async () => {
  const path = configFile(`<webirc pasword="${SECRET}">`);
  const { code, stdout, stderr } = await run('gateway', '--config', path);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z \S+gateway\.conf: <bind> is missing: /);
  expect(stderr).not.toContain(SECRET);
});
