import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { gatewaySettings, readGatewayConfig } from '../../src/cli/gateway-config.ts';
import { ConfigError } from '../../src/errors.ts';
import { makeCertificate } from '../helpers/certificate.ts';
import { requirePeer } from '../helpers/peers.ts';

const OPENSSL = requirePeer('openssl');
const folder = mkdtempSync(join(tmpdir(), 'ircd-websocket-'));
const SECRET = 'hunter2';

beforeAll(() => {
  const [one, two] = OPENSSL === null ? [null, null] : [makeCertificate(), makeCertificate()];
  const files = {
    'cert.pem': one?.cert ?? '',
    'key.pem': one?.key ?? '',
    'other-key.pem': two?.key ?? '',
    'text.pem': 'this is no PEM\n',
    password: `${SECRET}\n`,
    words: 'two words\n',
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
});

afterAll(() => rmSync(folder, { recursive: true }));

const BIND = '<bind port="8067">';
const ORIGIN = '<wsorigin allow="https://chat.example.com">';
const UPSTREAM = '<upstream host="127.0.0.1" port="6667">';
const ENOUGH = `${BIND}${ORIGIN}${UPSTREAM}`;

describe('what is read', () => {
  test('the least that is enough, with what it then is', () => {
    expect(gatewaySettings(ENOUGH, folder)).toEqual({
      binds: [
        { address: '127.0.0.1', port: 8067, path: null, permissions: null, tls: null, proxyProtocol: false, websocket: '' },
      ],
      hooks: { '': { origins: ['https://chat.example.com'] } },
      upstreams: [{ host: '127.0.0.1', port: 6667, tls: false }],
      users: {},
      hostnames: false,
      dnsbl: null,
      limits: {},
      health: null,
      warnings: ["127.0.0.1:6667 has no <webirc>: it sees the gateway's own address for everybody"],
    });
  });

  test.skipIf(OPENSSL === null)('every tag and key', () => {
    const settings = gatewaySettings(
      `# comment
<define name="pass" value="${SECRET}">
<bind address="::" port="443" certificate="cert.pem" key="key.pem">
<bind path="web.sock" permissions="0660" proxyprotocol="yes">
<bind port="8068" websocket="native">
<websocket defaultmode="binary" proxyranges="unix 10.0.0.0/8" pinginterval="20s">
<websocket name="native" allowmissingorigin="yes">
<wsorigin allow="https://a.example.com"> <wsorigin allow="https://b.example.com" websocket="">
<wsorigin allow="https://native.example.com" websocket="native">
<upstream name="one" host="irc1.example.com" port="6697" tls="yes" cafile="cert.pem" servername="irc.example.com" certificate="cert.pem" key="key.pem">
<upstream host="irc2.example.com" port="6697" tls="yes" verify="no">
<upstream host="::1" port="6667" family="6" localaddress="::1" passfile="password" weight="3" encoding="koi8-r">
<upstream path="ircd.sock" pass="server">
<webirc password="&pass;" gateway="goodgw">
<webirc upstream="one" passwordfile="password" gateway="other">
<users username="%i" realname="%n from %o" hostname="%h">
<limits connectionsperaddress="5" connectionsperminute="30" ipv6prefix="56" linespersecond="2.5" floodtimeout="2m" connecttimeout="1m30s" stalltimeout="45s">
<hostnames lookup="yes">
<dnsbl zone="a.example.net b.example.net"> <dnsbl zone="c.example.net" codes="3 5-7" action="mark">
<dns servers="127.0.0.1:5353 ::1" timeout="2.5">
<health port="8068" hosts="gateway.internal">`,
      folder,
    );
    const pem = (name: string) => expect.stringContaining(`-----BEGIN ${name}`) as string;
    const dns = { timeout: 2_500, servers: ['127.0.0.1:5353', '::1'] };
    expect(settings).toEqual({
      binds: [
        {
          address: '::',
          port: 443,
          path: null,
          permissions: null,
          tls: { cert: pem('CERTIFICATE'), key: pem('PRIVATE KEY') },
          proxyProtocol: false,
          websocket: '',
        },
        {
          address: '',
          port: 0,
          path: join(folder, 'web.sock'),
          permissions: 0o660,
          tls: null,
          proxyProtocol: true,
          websocket: '',
        },
        { address: '127.0.0.1', port: 8068, path: null, permissions: null, tls: null, proxyProtocol: false, websocket: 'native' },
      ],
      hooks: {
        '': {
          origins: ['https://a.example.com', 'https://b.example.com'],
          defaultMode: 'binary',
          proxyRanges: ['unix', '10.0.0.0/8'],
          pingInterval: 20_000,
        },
        native: { origins: ['https://a.example.com', 'https://native.example.com'], allowMissingOrigin: true },
      },
      upstreams: [
        {
          name: 'one',
          host: 'irc1.example.com',
          port: 6697,
          tls: { ca: pem('CERTIFICATE'), cert: pem('CERTIFICATE'), key: pem('PRIVATE KEY'), servername: 'irc.example.com' },
          webirc: { password: SECRET, gateway: 'other' },
        },
        {
          host: 'irc2.example.com',
          port: 6697,
          tls: { rejectUnauthorized: false },
          webirc: { password: SECRET, gateway: 'goodgw' },
        },
        {
          host: '::1',
          port: 6667,
          tls: false,
          family: 6,
          localAddress: '::1',
          pass: SECRET,
          weight: 3,
          encoding: 'koi8-r',
          webirc: { password: SECRET, gateway: 'goodgw' },
        },
        { path: join(folder, 'ircd.sock'), tls: false, pass: 'server', webirc: { password: SECRET, gateway: 'goodgw' } },
      ],
      hostnames: dns,
      dnsbl: {
        ...dns,
        zones: ['a.example.net', 'b.example.net', { zone: 'c.example.net', codes: [3, 5, 6, 7], action: 'mark' }],
      },
      users: { username: '%i', realname: '%n from %o', hostname: '%h' },
      limits: {
        connectionsPerAddress: 5,
        connectionsPerMinute: 30,
        ipv6Prefix: 56,
        linesPerSecond: 2.5,
        floodTimeout: 120_000,
        connectTimeout: 90_000,
        stallTimeout: 45_000,
      },
      health: { address: '127.0.0.1', port: 8068, hosts: ['gateway.internal'] },
      warnings: ['<upstream:verify> of irc2.example.com:6697 is "no": anybody in between can read and write everything'],
    });
    // As it goes to a worker.
    expect(JSON.parse(JSON.stringify(settings))).toEqual(settings);
  });

  test('a password that would travel in clear is warned of', () => {
    const text = `${BIND}${ORIGIN}<upstream host="irc.example.com" port="6667"><webirc password="${SECRET}">`;
    expect(gatewaySettings(text, folder).warnings).toEqual(['the WEBIRC password for irc.example.com:6667 travels without TLS']);
  });

  test('paths are relative to the file', () => {
    writeFileSync(join(folder, 'gateway.conf'), `${ENOUGH}<webirc passwordfile="password">`);
    expect(readGatewayConfig(join(folder, 'gateway.conf')).upstreams[0]?.webirc?.password).toBe(SECRET);
  });
});

describe('what is refused', () => {
  test.each<[string, string]>([
    [`${ORIGIN}${UPSTREAM}`, '<bind> is missing: web clients have nowhere to connect to'],
    [`${BIND}${UPSTREAM}`, '<wsorigin>'],
    [`${BIND}${ORIGIN}`, '<upstream> is missing: there is no IRC server to connect to'],
    [
      `${ENOUGH}\n<module name="x">`,
      'line 2: <module> is not known: use one of bind, websocket, wsorigin, upstream, webirc, users, limits, hostnames, dnsbl, dns, health, define, include',
    ],
    [`${ENOUGH}\n<bind prot="80">`, 'line 2: <bind:prot> is not known'],
    [`${ENOUGH}\n<bind proxyprotcol="yes" port="1">`, 'line 2: <bind:proxyprotcol> is not known: did you mean proxyprotocol?'],
    [`${ENOUGH}\n<bind address="127.0.0.1">`, 'line 2: <bind:port> is missing'],
    [`${ENOUGH}\n<bind port="65536">`, 'line 2: <bind:port> "65536" must be a port from 0 to 65535'],
    [`${ENOUGH}\n<bind port="0x50">`, 'line 2: <bind:port> "0x50" must be a port from 0 to 65535'],
    [
      `${ENOUGH}\n<bind address="localhost" port="1">`,
      'line 2: <bind:address> "localhost" must be an IP address, such as "0.0.0.0" or "::" for all',
    ],
    [`${ENOUGH}\n<bind path="x" port="1">`, 'line 2: <bind:port> cannot be combined with path: a bind has one or the other'],
    [`${ENOUGH}\n<bind port="1" permissions="0600">`, 'line 2: <bind:permissions> needs a path'],
    [`${ENOUGH}\n<bind path="x" permissions="rw">`, 'line 2: <bind:permissions> "rw" must be a mode such as "0660"'],
    [`${ENOUGH}\n<bind port="1" certificate="cert.pem">`, 'line 2: <bind:key> is missing: TLS needs a certificate and a key'],
    [`${ENOUGH}\n<bind port="1" key="key.pem">`, 'line 2: <bind:certificate> is missing: TLS needs a certificate and a key'],
    [
      `${ENOUGH}\n<bind port="1" certificate="gone.pem" key="key.pem">`,
      'line 2: <bind:certificate> "gone.pem" cannot be read: ENOENT',
    ],
    [
      `${ENOUGH}\n<bind port="1" certificate="text.pem" key="text.pem">`,
      'line 2: <bind:certificate> "text.pem" cannot be used: ',
    ],
    [
      `${ENOUGH}\n<bind port="1" proxyprotocol="yes">`,
      'line 2: <bind:proxyprotocol> needs <websocket:proxyranges>: no header would be believed',
    ],
    [`${ENOUGH}\n<bind port="1" proxyprotocol="perhaps">`, 'line 2: <bind:proxyprotocol> "perhaps" must be "yes" or "no"'],
    [`${ENOUGH}\n<websocket defaultmode="txt">`, 'line 2: <websocket:defaultmode> "txt" must be one of'],
    [`${ENOUGH}\n<wsorigin allow="https://a.example.com/">`, 'line 2: <wsorigin:allow> "https://a.example.com/"'],
    [`${ENOUGH}\n<upstream port="1">`, 'line 2: <upstream:host> is missing'],
    [`${ENOUGH}\n<upstream host="" port="1">`, 'line 2: <upstream:host> is empty'],
    [`${ENOUGH}\n<upstream host="a" port="0">`, 'line 2: <upstream:port> "0" must be a port from 1 to 65535'],
    [`${ENOUGH}\n${UPSTREAM}`, 'line 2: <upstream:name> "127.0.0.1:6667" appears twice: give one of them another name'],
    [`${ENOUGH}\n<upstream host="a" port="1" cafile="x">`, 'line 2: <upstream:cafile> needs tls="yes"'],
    [
      `${ENOUGH}\n<upstream host="a" port="1" tls="yes" cafile="gone">`,
      'line 2: <upstream:cafile> "gone" cannot be read: ENOENT',
    ],
    [
      `${ENOUGH}\n<upstream host="a" port="1" tls="yes" cafile="text.pem">`,
      'line 2: <upstream:cafile> "text.pem" has no certificate in PEM',
    ],
    [`${ENOUGH}\n<webirc gateway="x">`, 'line 2: <webirc:password> is missing'],
    [`${ENOUGH}\n<webirc password="">`, 'line 2: <webirc:password> is empty'],
    [`${ENOUGH}\n<webirc password="${SECRET} x">`, 'line 2: <webirc:password> must be a word'],
    [`${ENOUGH}\n<webirc passwordfile="words">`, 'line 2: <webirc:passwordfile> must be a word'],
    [`${ENOUGH}\n<webirc password=":${SECRET}">`, 'line 2: <webirc:password> must be a word'],
    [`${ENOUGH}\n<webirc pasword="${SECRET}">`, 'line 2: <webirc:pasword> is not known: did you mean password?'],
    [`${ENOUGH}\n<webirc password="a&${SECRET};b">`, 'line 2: <webirc:password> has an "&" that begins no entity: write "&amp;"'],
    [`${ENOUGH}\n<webirc password="${SECRET}`, 'line 2: <webirc:password> has a value that is not closed by a quote'],
    [
      `${ENOUGH}\n<webirc password="${SECRET}" passwordfile="password">`,
      'line 2: <webirc:passwordfile> cannot be combined with password: set one of them',
    ],
    [`${ENOUGH}\n<webirc password="${SECRET}" gateway="a b">`, 'line 2: <webirc:gateway> "a b" must be a word'],
    [
      `${ENOUGH}\n<webirc password="${SECRET}">\n<webirc password="x">`,
      'line 3: <webirc:upstream> appears twice: the one on line 2 is for all servers too',
    ],
    [
      `${ENOUGH}\n<webirc upstream="b" password="${SECRET}">`,
      'line 2: <webirc:upstream> "b" is not the name of an <upstream>: use one of 127.0.0.1:6667',
    ],
    [
      `${ENOUGH}\n<limits connectionsperaddress="0">`,
      'line 2: <limits:connectionsperaddress> "0" must be a whole number, 1 or more',
    ],
    [`${ENOUGH}\n<limits linespersecond="0">`, 'line 2: <limits:linespersecond> "0" must be a number above 0'],
    [`${ENOUGH}\n<limits linespersecond="Infinity">`, 'line 2: <limits:linespersecond> "Infinity" must be a number above 0'],
    [`${ENOUGH}\n<limits connecttimeout="0">`, 'line 2: <limits:connecttimeout> "0" must be from 0.001 seconds to 24 days'],
    [`${ENOUGH}\n<limits connecttimeout="soon">`, 'line 2: <limits:connecttimeout> "soon" must be a duration'],
    [`${ENOUGH}\n<limits>\n<limits>`, 'line 3: <limits> appears twice, first on line 2'],
    [`${ENOUGH}\n<dnsbl>`, 'line 2: <dnsbl:zone> is missing'],
    [`${ENOUGH}\n<dnsbl zone="a.example.net localhost">`, 'line 2: <dnsbl:zone> "localhost" is not a domain'],
    [`${ENOUGH}\n<dns servers="resolver">`, 'line 2: <dns:servers> "resolver" must be addresses'],
    [`${ENOUGH}\n<health address="here" port="1">`, 'line 2: <health:address> "here" must be an IP address'],
    [`${ENOUGH}\n<health>`, 'line 2: <health:port> is missing'],
    [`${ENOUGH}\n${BIND}`, 'line 2: <bind:port> "8067" appears twice, first on line 1'],
    [`${ENOUGH}\n<bind path="x">\n<bind path="./x">`, '/x" appears twice, first on line 2'],
    [
      `${ENOUGH}\n<bind port="1" websocket="other">`,
      'line 2: <bind:websocket> is not the name of a <websocket>: no <websocket> has a name',
    ],
    [`${BIND}${ORIGIN}${UPSTREAM}\n<websocket name="a">`, 'line 1: <bind:websocket> is missing: use one of a'],
    [
      `${ENOUGH}\n<wsorigin allow="https://a.example.com" websocket="b">`,
      'line 2: <wsorigin:websocket> "b" is not the name of a <websocket>',
    ],
    [`${ENOUGH}\n<upstream host="a" port="1" path="x">`, 'line 2: <upstream:host> cannot be combined with path'],
    [`${ENOUGH}\n<upstream host="a" port="1" family="5">`, 'line 2: <upstream:family> "5" must be one of 4, 6'],
    [
      `${ENOUGH}\n<upstream host="a" port="1" localaddress="eth0">`,
      'line 2: <upstream:localaddress> "eth0" must be an IP address',
    ],
    [`${ENOUGH}\n<upstream host="a" port="1" weight="0">`, 'line 2: <upstream:weight> "0" must be a whole number from 1 to 1000'],
    [`${ENOUGH}\n<upstream host="a" port="1" encoding="klingon">`, 'line 2: <upstream:encoding> "klingon" is not an encoding'],
    [`${ENOUGH}\n<upstream host="a" port="1" pass="${SECRET}&nl;NICK x">`, 'line 2: <upstream:pass> must be a word'],
    [
      `${ENOUGH}\n<upstream host="a" port="1" pass="x" passfile="password">`,
      'line 2: <upstream:passfile> cannot be combined with pass',
    ],
    [`${ENOUGH}\n<users username="%x">`, 'line 2: <users:username> "%x" has an unknown "%x": use %a, %i, %h, %n, %o or %%'],
    [`${ENOUGH}\n<users realname="a&nl;QUIT">`, 'line 2: <users:realname> "a\\nQUIT" has a line end'],
    [`${ENOUGH}\n<limits ipv6prefix="129">`, 'line 2: <limits:ipv6prefix> "129" must be a whole number from 1 to 128'],
    [`${ENOUGH}\n<dnsbl zone="a.example.net" codes="3 9-5">`, 'line 2: <dnsbl:codes> "9-5" must be numbers from 0 to 255'],
    [`${ENOUGH}\n<dnsbl zone="a.example.net" action="kill">`, 'line 2: <dnsbl:action> "kill" must be one of deny, mark'],
    [`${ENOUGH}\n<include file="none.conf">`, 'line 2: <include:file> "none.conf" cannot be read: ENOENT'],
    [`${ENOUGH}\n<include>`, 'line 2: <include:file> is missing'],
    [`${ENOUGH}\n<upsteam host="a" port="1">`, 'line 2: <upsteam> is not known: did you mean upstream?'],
    [
      `${ENOUGH}\n<define name="p" value="a&${SECRET};b">`,
      'line 2: <define:value> has an "&" that begins no entity: write "&amp;"',
    ],
    [`${ENOUGH}\n<bind port="1"`, 'line 2: <bind> is not closed by ">"'],
  ])('%s', (text, message) => {
    let thrown: unknown;
    try {
      gatewaySettings(text, folder);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ConfigError);
    for (const error of (thrown as ConfigError).errors) {
      expect(error).toBeInstanceOf(ConfigError);
      expect(error.message).not.toContain(SECRET);
      expect(error.value ?? '').not.toContain(SECRET);
    }
    expect((thrown as Error).message).toContain(message);
  });

  test.skipIf(OPENSSL === null)('a key of another certificate', () => {
    const text = `${ENOUGH}\n<bind port="1" certificate="cert.pem" key="other-key.pem">`;
    expect(() => gatewaySettings(text, folder)).toThrow(
      /^line 2: <bind:key> "other-key\.pem" cannot be used: .*key values mismatch/,
    );
  });
});

describe('all mistakes of a configuration are told at once', () => {
  test('in the order of its tags, each with its line', () => {
    const text = `<bind prot="80">
<upstream host="" port="0" tls="perhaps">
<limits linespersecond="many" connecttimeout="soon">
<webirc password="two ${SECRET}">`;
    let thrown: unknown;
    try {
      gatewaySettings(text, folder);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ConfigError);
    expect((thrown as ConfigError).errors.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^line 1: <bind:prot> is not known/),
      'line 1: <bind:port> is missing',
      expect.stringMatching(/^<wsorigin>/),
      'line 2: <upstream:host> is empty',
      'line 2: <upstream:port> "0" must be a port from 1 to 65535',
      'line 2: <upstream:tls> "perhaps" must be "yes" or "no"',
      expect.stringMatching(/^line 4: <webirc:password> must be a word/),
      'line 3: <limits:linespersecond> "many" must be a number above 0',
      expect.stringMatching(/^line 3: <limits:connecttimeout> "soon" must be a duration/),
    ]);
    expect((thrown as Error).message).not.toContain(SECRET);
  });

  test('L9: a part of a secret in <define value> is not shown', () => {
    expect(() => gatewaySettings(`${ENOUGH}<define name="x" value="${SECRET}&${SECRET};">`, folder)).toThrow(
      /^line 1: <define:value> has an "&" that begins no entity: write "&amp;"$/,
    );
  });
});

describe('<include>', () => {
  test('its tags stand in its place; paths are relative to it; variables go into it', () => {
    mkdirSync(join(folder, 'parts'));
    writeFileSync(join(folder, 'parts/upstream.conf'), '<upstream host="&host;" port="6667"><webirc passwordfile="secret">');
    writeFileSync(join(folder, 'parts/secret'), SECRET);
    const text = `${BIND}${ORIGIN}<define name="host" value="::1"><include file="parts/upstream.conf">`;
    expect(gatewaySettings(text, folder).upstreams).toEqual([
      { host: '::1', port: 6667, tls: false, webirc: { password: SECRET, gateway: 'webchat' } },
    ]);
  });

  test('a mistake in it is told with its name; one that includes itself is none', () => {
    writeFileSync(join(folder, 'wrong.conf'), '\n<limits linespersecond="0"><include file="wrong.conf">');
    expect(() => gatewaySettings(`${ENOUGH}<include file="wrong.conf">`, folder)).toThrow(
      'wrong.conf: line 2: <include:file> "wrong.conf" includes itself\nwrong.conf: line 2: <limits:linespersecond> "0" must be',
    );
  });
});

describe('docs/gateway.md', () => {
  const page = readFileSync(fileURLToPath(new URL('../../docs/gateway.md', import.meta.url)), 'utf8');
  const examples = [...page.matchAll(/^```\n([^`]*<bind [^`]*)^```$/gm)].map(([, text]) => text as string);

  test.skipIf(OPENSSL === null)('its configurations are right', () => {
    expect(examples).toHaveLength(2);
    const names = { 'fullchain.pem': 'cert.pem', 'privkey.pem': 'key.pem', 'network-ca.pem': 'cert.pem' };
    for (const example of examples) {
      let text = example
        .replace('/etc/letsencrypt/live/irc.example.com', folder)
        .replaceAll(/webirc-password[a-z-]*/g, 'password');
      for (const [name, ours] of Object.entries(names)) text = text.replaceAll(name, ours);
      expect(gatewaySettings(text, folder).warnings).toEqual([]);
    }
  });

  test('the configuration of examples/gateway is right, and what Dockerfile and compose.yaml name is there', () => {
    const example = (name: string): string =>
      readFileSync(fileURLToPath(new URL(`../../examples/gateway/${name}`, import.meta.url)), 'utf8');
    const text = example('gateway.conf').replace('webirc-password"', 'password"');
    const { binds, health, warnings } = gatewaySettings(text, folder);
    expect(warnings).toEqual([]);
    expect(example('compose.yaml')).toContain(`:${binds[0]?.port}"`);
    expect(example('Dockerfile')).toContain(`EXPOSE ${binds[0]?.port}\n`);
    expect(example('Dockerfile')).toContain(`127.0.0.1:${health?.port}/health`);
    expect(example('Dockerfile')).toContain('node_modules/ircd-websocket/dist/cli/main.js", "gateway"');
    for (const [, file] of example('compose.yaml').matchAll(/- \.\/(\S+?):/g))
      expect(['gateway.conf', 'webirc-password']).toContain(file);
  });
});
