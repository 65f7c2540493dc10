import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/errors.ts';
import type { WebircGateway, WebircPeer } from '../../src/webirc/gateway-block.ts';
import { createWebirc, type WebircOptions, type WebircState } from '../../src/webirc/gateways.ts';
import { addressOfUsername } from '../../src/webirc/username-gateway.ts';
import type { WebircAccepted, WebircRefused } from '../../src/webirc/verdict.ts';
import { parseWebirc } from '../../src/webirc/webirc.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** A gateway on this machine, by the name and password of the observed runs. */
const GOOD: WebircGateway = { mask: ['127.0.0.1', '::1'], password: sha256('goodpass'), hash: 'sha256' };
const LOCAL: WebircPeer = { address: '127.0.0.1', secure: false };
const FINGERPRINT = 'ab'.repeat(32);

function judge(
  gateways: WebircGateway | WebircGateway[],
  line: string,
  { peer = LOCAL, state, options }: { peer?: WebircPeer; state?: WebircState; options?: WebircOptions } = {},
): Promise<WebircAccepted | WebircRefused> {
  return createWebirc([gateways].flat(), options).authenticate(parseWebirc(line), peer, state);
}

const accepted = (over: object = {}) => expect.objectContaining({ ok: true, ...over });
const refused = (reason: string) => expect.objectContaining({ ok: false, reason });

describe('verdicts', () => {
  test('a user of a gateway: everything the server needs, in one frozen object', async () => {
    const verdict = await judge(GOOD, 'WEBIRC goodpass goodgw user.example 203.0.113.9', { state: { client: '00AAAAAEX' } });
    expect(verdict).toEqual({
      ok: true,
      address: '203.0.113.9',
      hostname: null,
      gateway: 'goodgw',
      secure: false,
      certificates: new Map(),
      options: new Map(),
      via: { address: '127.0.0.1', hostname: '127.0.0.1' },
      whoisGateway: 'is connected via the goodgw WebIRC gateway',
      notice: 'Connecting user 00AAAAAEX is using the goodgw WebIRC gateway; changing their IP from 127.0.0.1 to 203.0.113.9.',
    });
    expect(Object.isFrozen(verdict)).toBe(true);
  });

  test('the words of InspIRCd for whom no gateway fits', async () => {
    expect(await judge(GOOD, 'WEBIRC wrong goodgw host 203.0.113.9', { state: { client: '00AAAAAAZ' } })).toEqual({
      ok: false,
      reason: 'gateway',
      error: "WEBIRC: you don't match any configured WebIRC hosts.",
      notice: "Connecting user 00AAAAAAZ (127.0.0.1) tried to use WEBIRC but didn't match any configured WebIRC hosts.",
    });
  });

  test('the words of InspIRCd for an address that is none', async () => {
    expect(await judge(GOOD, 'WEBIRC goodpass goodgw host 256.1.1.1', { state: { client: '00AAAAAAB' } })).toEqual({
      ok: false,
      reason: 'address',
      error: 'WEBIRC: IP address is invalid: 256.1.1.1',
      notice: 'Connecting user 00AAAAAAB (127.0.0.1) tried to use WEBIRC but gave an invalid IP address.',
    });
  });

  test('a gateway’s operator may call it otherwise than it calls itself', async () => {
    const verdict = await judge({ ...GOOD, name: 'Kiwi' }, 'WEBIRC goodpass goodgw host 203.0.113.9');
    expect(verdict).toEqual(accepted({ gateway: 'Kiwi', whoisGateway: 'is connected via the Kiwi WebIRC gateway' }));
  });

  test('what a gateway calls itself reaches operators without control characters, and cut', async () => {
    const request = {
      password: 'goodpass',
      gateway: `a\nb\x02${'x'.repeat(100)}`,
      hostname: '',
      address: '192.0.2.1',
      options: new Map(),
    };
    const verdict = (await createWebirc([GOOD]).authenticate(request, LOCAL)) as WebircAccepted;
    expect(verdict.gateway).toBe(`a?b?${'x'.repeat(60)}`);
    expect(verdict.notice + verdict.whoisGateway).not.toMatch(/[\x00-\x1f]/);
  });

  test('an invalid address reaches operators and the client without control characters, and cut', async () => {
    const request = {
      password: 'goodpass',
      gateway: 'g',
      hostname: '',
      address: `\r\nQUIT ${'9'.repeat(300)}`,
      options: new Map(),
    };
    const verdict = (await createWebirc([GOOD]).authenticate(request, LOCAL)) as WebircRefused;
    expect(verdict.error).toBe(`WEBIRC: IP address is invalid: ??QUIT ${'9'.repeat(57)}`);
  });
});

describe('the address', () => {
  test.each([
    ['0::1', '::1', '0::1'],
    ['[::1]', '::1', '0::1'],
    [':::1', '::1', '0::1'],
    ['2001:0DB8:0000::9', '2001:db8::9', '2001:db8::9'],
    ['::ffff:203.0.113.9', null, null],
    [':::ffff:203.0.113.9', '203.0.113.9', '203.0.113.9'],
    ['0::ffff:203.0.113.9', '203.0.113.9', '203.0.113.9'],
  ])('W4 W5 %s is canonical: %s', async (sent, address, shown) => {
    const verdict = await judge(GOOD, `WEBIRC goodpass goodgw host ${sent}`);
    if (address === null) expect(verdict).toEqual(refused('address'));
    else expect(verdict).toEqual(accepted({ address, notice: expect.stringMatching(`to ${shown}\\.$`) }));
  });

  test.each([
    '*',
    '*x',
    ':',
    '1.2.3',
    '::gg',
    'user.example',
    '0.0.0.0',
    '0::',
    '::',
    '1.2.3.4:80',
    'fe80::1%lo',
    '224.0.0.1',
    '::1:9 secure',
  ])('W2 W16 P16 %j ends it: one ERROR, one notice', async (address) => {
    expect(await judge(GOOD, `WEBIRC goodpass goodgw host ${address}`)).toEqual(refused('address'));
  });

  test('W2 the address is read only behind the password: a stranger is told nothing of it', async () => {
    expect(await judge(GOOD, 'WEBIRC wrong goodgw host *')).toEqual(refused('gateway'));
  });
});

describe('once, and first', () => {
  const line = 'WEBIRC goodpass goodgw host 203.0.113.9';

  test('W1 P15 a second WEBIRC, or one behind a proxy’s header, is the end', async () => {
    expect(await judge(GOOD, line, { state: { rewritten: true, client: 'x' } })).toEqual({
      ok: false,
      reason: 'rewritten',
      error: 'WEBIRC: your IP address was already changed.',
      notice: 'Connecting user x (127.0.0.1) tried to use WEBIRC after their IP was already changed.',
    });
  });

  test('W1 a WEBIRC after NICK is the end', async () => {
    expect(await judge(GOOD, line, { state: { registering: true, client: 'nick' } })).toEqual({
      ok: false,
      reason: 'registering',
      error: 'WEBIRC: must be sent before PASS, CAP, NICK and USER.',
      notice: 'Connecting user nick (127.0.0.1) tried to use WEBIRC after registration began.',
    });
  });

  test('W1 no password is checked then: a late try is no guess', async () => {
    let asked = 0;
    const gateway: WebircGateway = { mask: ['127.0.0.1'], password: 'x', hash: 'own' };
    const options: WebircOptions = { verifiers: { own: () => ++asked > 0 } };
    await judge(gateway, line, { state: { registering: true }, options });
    await judge(gateway, line, { state: { rewritten: true }, options });
    expect(asked).toBe(0);
    await judge(gateway, line, { options });
    expect(asked).toBe(1);
  });

  test.each(['WEBIRC', 'WEBIRC goodpass goodgw host', 'WEBIRC  goodgw host 203.0.113.9'])(
    'too few parameters are the end too, never the gateway’s own address: %s',
    async (short) => {
      expect(await judge(GOOD, short)).toEqual({
        ok: false,
        reason: 'parameters',
        error: 'WEBIRC: not enough parameters.',
        notice: 'Connecting user * (127.0.0.1) tried to use WEBIRC but did not send enough parameters.',
      });
    },
  );
});

describe('who is a gateway', () => {
  const line = 'WEBIRC goodpass goodgw host 203.0.113.9';
  const from = (mask: string, peer: Partial<WebircPeer>) =>
    judge({ ...GOOD, mask: [mask] }, line, { peer: { ...LOCAL, ...peer } });

  test.each<[string, Partial<WebircPeer>]>([
    ['127.0.0.1', {}],
    ['127.*', {}],
    ['127.0.0.0/8', {}],
    ['loopback', {}],
    ['127.0.0.1', { address: '::ffff:127.0.0.1' }],
    ['::1', { address: '::1' }],
    ['0::1', { address: '::1' }],
    ['0::*', { address: '::1' }],
    ['2001:db8::/32', { address: '2001:DB8::1' }],
    ['unix', { address: 'unix' }],
    ['gw.example.com', { address: '192.0.2.1', hostname: 'GW.example.com' }],
    ['*.example.com', { address: '192.0.2.1', hostname: 'gw.example.com' }],
  ])('the mask %s lets %j in', async (mask, peer) => {
    expect(await from(mask, peer)).toEqual(accepted());
  });

  test.each<[string, Partial<WebircPeer>]>([
    ['127.0.0.2', {}],
    ['127.*', { address: '::1' }],
    ['127.0.0.0/8', { address: '128.0.0.1' }],
    ['loopback', { address: '192.0.2.1' }],
    ['*.example.com', { address: '192.0.2.1' }],
    ['*.example.com', { address: '192.0.2.1', hostname: 'gw.example.org' }],
    ['*.example.com', { address: '192.0.2.1', hostname: 'gw.example.com.evil.test' }],
    ['127.*', { address: '192.0.2.1', hostname: '127.evil.test' }],
    ['unix', { address: '192.0.2.1', hostname: 'host' }],
  ])('the mask %s keeps %j out', async (mask, peer) => {
    expect(await from(mask, peer)).toEqual(refused('gateway'));
  });

  test('W9 a wrong password goes on to the next block of the same mask', async () => {
    const blocks: WebircGateway[] = [
      { ...GOOD, name: 'first', password: sha256('other') },
      { ...GOOD, name: 'elsewhere', mask: ['192.0.2.1'] },
      { ...GOOD, name: 'second' },
      { ...GOOD, name: 'third' },
    ];
    expect(await judge(blocks, line)).toEqual(accepted({ gateway: 'second' }));
    expect(await judge(blocks, line.replace('goodpass', 'other'))).toEqual(accepted({ gateway: 'first' }));
    expect(await judge(blocks, line.replace('goodpass', 'none'))).toEqual(refused('gateway'));
  });

  test('an expensive hash is only for those who come from a gateway’s address', async () => {
    let asked = 0;
    const options: WebircOptions = { verifiers: { own: () => ++asked > 0 } };
    const gateway: WebircGateway = { mask: ['192.0.2.1'], password: 'x', hash: 'own' };
    expect(await judge(gateway, line, { options })).toEqual(refused('gateway'));
    expect(asked).toBe(0);
  });

  test('without gateways nobody is one', async () => {
    expect(await judge([], line)).toEqual(refused('gateway'));
  });

  test.each(['constructor', '__proto__', 'goodpass '])('W13 the password %j is none', async (password) => {
    expect(await createWebirc([GOOD]).authenticate({ ...(parseWebirc(line) as object), password } as never, LOCAL)).toEqual(
      refused('gateway'),
    );
  });

  describe('fingerprints', () => {
    const byFingerprint: WebircGateway = { mask: ['127.0.0.1'], fingerprint: FINGERPRINT };

    test.each([[FINGERPRINT], [FINGERPRINT.toUpperCase()], [FINGERPRINT.replace(/..(?=.)/g, '$&:')]])(
      'W10 %s is the gateway’s, and any password will do',
      async (shown) => {
        const peer = { ...LOCAL, fingerprints: ['cd'.repeat(20), shown] };
        expect(await judge(byFingerprint, 'WEBIRC * goodgw host 203.0.113.9', { peer })).toEqual(accepted());
      },
    );

    test.each([undefined, [], [''], ['cd'.repeat(32)], [FINGERPRINT.slice(2)]])('W10 %j is not', async (fingerprints) => {
      const peer = { ...LOCAL, ...(fingerprints === undefined ? {} : { fingerprints }) };
      expect(await judge(byFingerprint, 'WEBIRC * goodgw host 203.0.113.9', { peer })).toEqual(refused('gateway'));
    });

    test('a base64 fingerprint is compared letter by letter, in its case', async () => {
      const gateway: WebircGateway = { mask: ['127.0.0.1'], fingerprint: 'spki:Zm9v+/A=' };
      expect(await judge(gateway, line, { peer: { ...LOCAL, fingerprints: ['spki:Zm9v+/A='] } })).toEqual(accepted());
      expect(await judge(gateway, line, { peer: { ...LOCAL, fingerprints: ['spki:zm9v+/a='] } })).toEqual(refused('gateway'));
    });

    test('where there is a password as well, both must fit', async () => {
      const both = { ...GOOD, fingerprint: FINGERPRINT };
      const peer = { ...LOCAL, fingerprints: [FINGERPRINT] };
      expect(await judge(both, line, { peer })).toEqual(accepted());
      expect(await judge(both, line)).toEqual(refused('gateway'));
      expect(await judge(both, line.replace('goodpass', 'x'), { peer })).toEqual(refused('gateway'));
    });
  });
});

describe('options', () => {
  const told = async (options: string, gateway: Partial<WebircGateway> = {}, peer: Partial<WebircPeer> = {}) => {
    const mask = ['127.0.0.1', '::1', 'unix', '192.0.2.1'];
    const verdict = await judge({ ...GOOD, ...gateway, mask }, `WEBIRC goodpass goodgw host 203.0.113.9${options}`, {
      peer: { ...LOCAL, ...peer },
    });
    return verdict as WebircAccepted;
  };
  const REMOTE: Partial<WebircPeer> = { address: '192.0.2.1' };

  test('W8 what a gateway does not tell is not so: its own TLS and certificate are never the user’s', async () => {
    const peer = { ...REMOTE, secure: true, fingerprints: [FINGERPRINT] };
    for (const options of ['', ' :', ' remote-port=1', ' :insecure not-secure']) {
      const { secure, certificates } = await told(options, {}, peer);
      expect({ secure, certificates }).toEqual({ secure: false, certificates: new Map() });
    }
  });

  test.each([' secure', ' :secure', ' secure=anything', ' secure=', ' :x secure=no y', ' :secure=0'])(
    'W6%s is secure, whatever its value',
    async (options) => {
      expect((await told(options, {}, { ...REMOTE, secure: true })).secure).toBe(true);
    },
  );

  test.each([' SECURE', ' Secure', ' securex', ' :x=secure', ' tls'])('W6%s is not secure', async (options) => {
    expect((await told(options, {}, { ...REMOTE, secure: true })).secure).toBe(false);
  });

  test.each<[boolean, Partial<WebircPeer>]>([
    [true, { address: '192.0.2.1', secure: true }],
    [false, { address: '192.0.2.1', secure: false }],
    [true, { address: '127.0.0.1', secure: false }],
    [true, { address: '::ffff:127.0.0.1', secure: false }],
    [true, { address: '::1', secure: false }],
    [true, { address: 'unix', secure: false }],
  ])('W7 secure is %j over the link %j', async (secure, peer) => {
    expect((await told(' secure', {}, peer)).secure).toBe(secure);
  });

  test.each([
    [' :remote-port=40000 local-port=6697', 40_000, 6_697],
    [' :remote-port=1 local-port=65535', 1, 65_535],
    [' :remote-port=1 remote-port=2', 2, undefined],
    [' :remote-port=0 local-port=65536', undefined, undefined],
    [' :remote-port= local-port', undefined, undefined],
    [' :remote-port=-1 local-port=+1', undefined, undefined],
    [' :remote-port=1e3 local-port=0x10', undefined, undefined],
    [' :remote-port=080 local-port=99999999999', undefined, undefined],
  ])('ports of %j', async (options, port, localPort) => {
    const verdict = await told(options);
    expect([verdict.port, verdict.localPort]).toEqual([port, localPort]);
  });

  test('W6 certificates by algorithm, in one spelling', async () => {
    const { certificates } = await told(` :secure certfp-sha-256=AB:CD:${'0'.repeat(60)} spkifp-sha-512=ff00`);
    expect([...certificates]).toEqual([
      ['certfp-sha-256', `abcd${'0'.repeat(60)}`],
      ['spkifp-sha-512', 'ff00'],
    ]);
  });

  test.each([
    'certfp-sha-256',
    'certfp-sha-256=',
    'certfp-sha-256=xyz',
    'certfp-sha-256=abc',
    'certfp-=abcd',
    'certfp=abcd',
    'xcertfp-a=abcd',
  ])('W6 %s is no certificate', async (option) => {
    expect((await told(` :secure ${option}`)).certificates.size).toBe(0);
  });

  test('W8 no certificate without TLS', async () => {
    expect((await told(' :certfp-sha-256=abcd')).certificates.size).toBe(0);
    expect((await told(' :secure certfp-sha-256=abcd', {}, REMOTE)).certificates.size).toBe(0);
  });

  test.each([
    [['*'], ['secure', 'remote-port', 'x']],
    [['secure'], ['secure']],
    [
      ['remote-port', 'x'],
      ['remote-port', 'x'],
    ],
    [
      ['*', '-secure'],
      ['remote-port', 'x'],
    ],
    [
      ['-secure', '*'],
      ['secure', 'remote-port', 'x'],
    ],
    [['-secure'], []],
    [[], []],
  ])('trustedFlags %j believe %j', async (trustedFlags, believed) => {
    const verdict = await told(' :secure remote-port=7 x=y', { trustedFlags });
    expect([...verdict.options.keys()]).toEqual(believed);
    expect(verdict.secure).toBe(believed.includes('secure'));
    expect(verdict.port).toBe(believed.includes('remote-port') ? 7 : undefined);
  });
});

describe('host names', () => {
  const hostnameOf = async (sent: string, hostname?: 'ignore' | 'trust') =>
    (
      (await judge(
        { ...GOOD, ...(hostname === undefined ? {} : { hostname }) },
        `WEBIRC goodpass gw ${sent} 203.0.113.9`,
      )) as WebircAccepted
    ).hostname;

  test('are the server’s to look up, unless the gateway is trusted with them', async () => {
    expect(await hostnameOf('user.example')).toBeNull();
    expect(await hostnameOf('user.example', 'ignore')).toBeNull();
    expect(await hostnameOf('user.example', 'trust')).toBe('user.example');
  });

  test.each([
    '203.0.113.9',
    '198.51.100.1',
    '*',
    'x:y',
    'a/b',
    'a@b',
    'a!b',
    'a..b',
    '.a',
    '-a',
    '\x02a',
    'é.example',
    `${'a'.repeat(64)}`,
    `${'a.'.repeat(32)}a`,
  ])('W3 %j is none, whoever is trusted', async (sent) => {
    expect(await hostnameOf(sent, 'trust')).toBeNull();
  });

  test('W3 63 characters are a host name', async () => {
    const longest = `${'a'.repeat(31)}.${'b'.repeat(31)}`;
    expect(await hostnameOf(longest, 'trust')).toBe(longest);
  });

  test('the gateway’s own are kept for WHOIS', async () => {
    const peer = { ...LOCAL, hostname: 'gw.example.com' };
    const verdict = await judge(GOOD, 'WEBIRC goodpass gw host 203.0.113.9', { peer });
    expect(verdict).toEqual(accepted({ via: { address: '127.0.0.1', hostname: 'gw.example.com' }, hostname: null }));
  });
});

describe('username gateways', () => {
  const GATEWAYS: WebircGateway[] = [{ type: 'username', mask: ['127.0.0.1'], newUsername: 'wobble' }, GOOD];
  const webirc = createWebirc(GATEWAYS);

  test.each([
    ['cb007109', '203.0.113.9'],
    ['~CB007109', '203.0.113.9'],
    ['01020304', '1.2.3.4'],
    ['cb00710', null],
    ['cb0071099', null],
    ['~~cb00710', null],
    ['cb00710g', null],
    ['0xcb0071', null],
    ['', null],
  ])('the username %j holds %j', (username, address) => {
    expect(addressOfUsername(username)).toBe(address);
  });

  test('the user’s address, and another username', () => {
    expect(webirc.authenticateUsername('cb007109', LOCAL, { client: '00AAAAAAB' })).toEqual({
      ok: true,
      address: '203.0.113.9',
      hostname: null,
      username: 'wobble',
      gateway: '127.0.0.1',
      secure: false,
      certificates: new Map(),
      options: new Map(),
      via: { address: '127.0.0.1', hostname: '127.0.0.1' },
      whoisGateway: 'is connected via a username gateway',
      notice:
        'Connecting user 00AAAAAAB is using a username gateway; changing their IP from 127.0.0.1 to 203.0.113.9 and their real username from cb007109 to wobble.',
    });
  });

  test('newUsername is "gateway" unless it is set', () => {
    const verdict = createWebirc([{ type: 'username', mask: ['loopback'], name: 'old' }]).authenticateUsername(
      '~cb007109',
      LOCAL,
    );
    expect(verdict).toEqual(accepted({ username: 'gateway', gateway: 'old' }));
  });

  test.each<[string, Partial<WebircPeer>, WebircState]>([
    ['somebody', {}, {}],
    ['cb007109', { address: '192.0.2.1' }, {}],
    ['cb007109', {}, { rewritten: true }],
  ])('nothing to do for %j from %j, %j', (username, peer, state) => {
    expect(webirc.authenticateUsername(username, { ...LOCAL, ...peer }, state)).toBeNull();
  });

  test.each(['00000000', 'ffffffff', 'e0000001'])('P16 %s is no address of a user', (username) => {
    expect(webirc.authenticateUsername(username, LOCAL)).toEqual(refused('address'));
  });

  test('a username gateway has no say in WEBIRC, nor the other way round', async () => {
    expect(await judge(GATEWAYS[0] as WebircGateway, 'WEBIRC x gw host 203.0.113.9')).toEqual(refused('gateway'));
    expect(createWebirc([GOOD]).authenticateUsername('cb007109', LOCAL)).toBeNull();
  });
});

describe('W10 what could not work, or would let anybody in, is refused when it is configured', () => {
  const password = sha256('x');
  test.each<[object, string]>([
    [{ mask: ['127.0.0.1'] }, '<gateway> needs a password or a fingerprint'],
    [{ mask: ['127.0.0.1'], password: '' }, '<gateway:password> must be a text that is not empty'],
    [{ mask: ['127.0.0.1'], password: 7 }, '<gateway:password> must be a text that is not empty'],
    [{ mask: ['127.0.0.1'], password: '', fingerprint: 'ab' }, '<gateway:password> must be a text that is not empty'],
    [{ mask: ['127.0.0.1'], password, hash: '' }, '<gateway:hash> "" is empty'],
    [{ mask: ['127.0.0.1'], password, hash: 'md4' }, '<gateway:hash> "md4" is not known'],
    [{ mask: ['127.0.0.1'], password: 'short', hash: 'sha256' }, '<gateway:password> is not of the form'],
    [{ mask: ['127.0.0.1'], fingerprint: '' }, '<gateway:fingerprint> "" is empty'],
    [{ mask: ['127.0.0.1'], fingerprint: 'ab', hash: 'sha256' }, '<gateway:hash> "sha256" needs a password'],
    [{ mask: [], password }, '<gateway:mask> is missing'],
    [{ password }, '<gateway:mask> must be a list'],
    [{ mask: '127.0.0.1', password }, '<gateway:mask> "127.0.0.1" must be a list'],
    [{ mask: [7], password }, '<gateway:mask> [7] must be a list'],
    [{ mask: ['10.0.0.0/33'], password }, '<gateway:mask> "10.0.0.0/33"'],
    [{ mask: ['0.0.0.0'], password }, '<gateway:mask> "0.0.0.0"'],
    [{ mask: ['[::1]'], password }, '<gateway:mask> "[::1]"'],
    [{ mask: ['a b'], password }, '<gateway:mask> "a b"'],
    [{ mask: [''], password }, '<gateway:mask> ""'],
    [{ mask: ['127.0.0.1'], password, type: 'ident' }, '<gateway:type> "ident" must be one of webirc, username'],
    [{ mask: ['127.0.0.1'], password, hostname: 'yes' }, '<gateway:hostname> "yes" must be one of ignore, verify, trust'],
    [{ mask: ['127.0.0.1'], password, trustedFlags: '*' }, '<gateway:trustedflags> "*" must be a list'],
    [{ mask: ['127.0.0.1'], password, name: 'a\nb' }, '<gateway:name>'],
    [{ mask: ['127.0.0.1'], password, trustedflags: [] }, '<gateway:trustedflags> is not known'],
    [{ mask: ['127.0.0.1'], type: 'username', newUsername: 'a b' }, '<gateway:newusername> "a b"'],
    [{ mask: ['127.0.0.1'], type: 'username', password }, '<gateway:password> cannot be combined with the type "username"'],
    [{ mask: ['127.0.0.1'], type: 'username', fingerprint: 'ab' }, '<gateway:fingerprint> cannot be combined'],
  ])('%j', (gateway, message) => {
    expect(() => createWebirc([gateway as WebircGateway])).toThrow(ConfigError);
    expect(() => createWebirc([gateway as WebircGateway])).toThrow(message);
  });

  test.each([null, 'x', 7])('%j is no gateway', (gateway) => {
    expect(() => createWebirc([gateway as never])).toThrow('<gateway>');
  });

  test('a plaintext password warns', async () => {
    const warned = once(process, 'warning');
    const webirc = createWebirc([
      { mask: ['127.0.0.1'], password: 'open' },
      { mask: ['127.0.0.1'], password: 'sesame', hash: 'plaintext' },
    ]);
    expect(await warned).toEqual([
      expect.objectContaining({
        code: 'IRCD_WEBSOCKET_PLAINTEXT_PASSWORD',
        message: '2 <gateway:password> in plain text: set <gateway:hash>',
      }),
    ]);
    expect(await webirc.authenticate(parseWebirc('WEBIRC sesame gw host 203.0.113.9'), LOCAL)).toEqual(accepted());
  });
});

test('W11 a slow verdict is a promise: other verdicts are not held up by it', async () => {
  let finish = (_isRight: boolean): void => {};
  const options: WebircOptions = {
    verifiers: {
      slow: () =>
        new Promise<boolean>((resolve) => {
          finish = resolve;
        }),
    },
  };
  const webirc = createWebirc(
    [
      { mask: ['127.0.0.1'], password: 'x', hash: 'slow' },
      { ...GOOD, mask: ['::1'] },
    ],
    options,
  );
  const order: string[] = [];
  const slow = webirc.authenticate(parseWebirc('WEBIRC x gw host 203.0.113.9'), LOCAL).then(() => order.push('slow'));
  await webirc
    .authenticate(parseWebirc('WEBIRC goodpass gw host 203.0.113.9'), { address: '::1', secure: false })
    .then(() => order.push('quick'));
  finish(true);
  await slow;
  expect(order).toEqual(['quick', 'slow']);
});
