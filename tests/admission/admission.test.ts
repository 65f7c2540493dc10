import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AdmissionRequest, admit, explainAdmission, type Peer } from '../../src/admission/admission.ts';
import { isRewritten, withClient, withMode, withResumes } from '../../src/admission/facts.ts';
import { webSocketOffer } from '../../src/admission/web-socket-offer.ts';
import { compileConfig, type WebSocketConfig } from '../../src/config/config.ts';
import { HandshakeError } from '../../src/errors.ts';

const PEER: Peer = { address: '::ffff:127.0.0.1', port: 4711, encrypted: false };
const rules = (config: Partial<WebSocketConfig> = {}): ReturnType<typeof compileConfig>['rules'] =>
  compileConfig({ origins: ['https://*.example.com'], ...config }).rules;

function request(fields: { readonly [name: string]: string } = {}): AdmissionRequest {
  const all = {
    Host: 'irc.example.com:8067',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    Origin: 'https://chat.example.com',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
    ...fields,
  };
  return { method: 'GET', url: '/irc?x=1', httpVersion: '1.1', rawHeaders: Object.entries(all).flat() };
}

describe('facts', () => {
  test('a direct client', () => {
    const { facts, mode, key } = admit(
      request({ 'User-Agent': 'Mozilla', Cookie: 'sid=1; theme="dark"; sid=2; bad', __proto__: 'x' }),
      PEER,
      rules(),
    );
    expect([mode, key]).toEqual(['text', 'dGhlIHNhbXBsZSBub25jZQ==']);
    expect(facts).toMatchObject({
      mode: 'text',
      subprotocol: null,
      origin: 'https://chat.example.com',
      secure: false,
      peer: { address: '127.0.0.1', port: 4711 },
      client: { address: '127.0.0.1', port: 4711 },
      via: [],
      provenance: 'the peer of the connection',
      host: 'irc.example.com:8067',
      path: '/irc?x=1',
      userAgent: 'Mozilla',
    });
    expect({ ...facts.cookies }).toEqual({ sid: '1', theme: '"dark"' });
    expect(Object.getPrototypeOf(facts.cookies)).toBeNull();
    expect(facts.whoisGateway()).toBe('is connected from the https://chat.example.com WebSocket origin');
    expect(Object.isFrozen(facts) && Object.isFrozen(facts.client) && Object.isFrozen(facts.via)).toBe(true);
    expect(isRewritten(facts)).toBe(false);
  });

  test('a proxied client: its address, its security, never the proxy’s', () => {
    const { facts } = admit(
      request({ 'X-Real-IP': '203.0.113.9' }),
      { ...PEER, encrypted: true },
      rules({ proxyRanges: ['loopback'] }),
    );
    expect(facts).toMatchObject({
      client: { address: '203.0.113.9', port: undefined },
      peer: { address: '127.0.0.1' },
      secure: false,
      via: ['127.0.0.1'],
    });
    const https = admit(
      request({ 'X-Real-IP': '203.0.113.9', 'X-Forwarded-Proto': 'https' }),
      PEER,
      rules({ proxyRanges: ['loopback'] }),
    );
    expect(https.facts.secure).toBe(true);
    expect(https.facts.provenance).toBe('X-Real-IP, trusted by loopback');
  });

  test('P14 without a trusted proxy no header makes anybody secure', () => {
    expect(admit(request({ 'X-Forwarded-Proto': 'https' }), PEER, rules()).facts.secure).toBe(false);
  });

  test('the PROXY protocol’s word stands: no header is read, and none is required', () => {
    const forwarded = {
      address: '203.0.113.9',
      port: 555,
      secure: true,
      via: ['127.0.0.1'],
      provenance: 'PROXY v2, trusted by loopback',
    };
    const { facts } = admit(request({ 'X-Real-IP': '6.6.6.6' }), { ...PEER, forwarded }, rules({ proxyRanges: ['loopback'] }));
    expect(facts).toMatchObject({
      client: { address: '203.0.113.9', port: 555 },
      secure: true,
      provenance: 'PROXY v2, trusted by loopback',
    });
  });

  test('a native client behind a proxy has a WHOIS line of its own; a direct one has none', () => {
    const { Origin: _, ...rest } = Object.fromEntries(
      request({ 'X-Real-IP': '203.0.113.9' }).rawHeaders.flatMap((name, i, all) => (i % 2 === 0 ? [[name, all[i + 1]]] : [])),
    ) as Record<string, string>;
    const native = { ...request(), rawHeaders: Object.entries(rest).flat() };
    expect(admit(native, PEER, rules({ allowMissingOrigin: true, proxyRanges: ['loopback'] })).facts.whoisGateway()).toBe(
      'is connected from a non-web WebSocket origin',
    );
    expect(admit(native, PEER, rules({ allowMissingOrigin: true })).facts.whoisGateway()).toBe('');
  });

  test('withMode and withClient make new frozen facts', () => {
    const { facts } = admit(request(), PEER, rules());
    const binary = withMode(facts, 'binary');
    expect([facts.mode, binary.mode, Object.isFrozen(binary), binary.client]).toEqual(['text', 'binary', true, facts.client]);
    const moved = withClient(binary, { address: '203.0.113.9', port: undefined }, 'WEBIRC');
    expect([moved.client.address, moved.peer, moved.via, isRewritten(moved), isRewritten(withMode(moved, 'text'))]).toEqual([
      '203.0.113.9',
      facts.peer,
      ['127.0.0.1'],
      true,
      true,
    ]);
  });
});

test('withResumes keeps the last facts, and not those before them', () => {
  const first = admit(request(), PEER, rules()).facts;
  const second = withResumes(admit(request({ Origin: 'https://a.example.com' }), PEER, rules()).facts, first);
  const third = withResumes(admit(request(), PEER, rules()).facts, second);
  expect([first.resumes, second.resumes, third.resumes?.origin, third.resumes?.resumes]).toEqual([
    null,
    first,
    'https://a.example.com',
    null,
  ]);
  expect(Object.isFrozen(third) && Object.isFrozen(third.resumes)).toBe(true);
});

describe('what facts keep of a request is bounded', () => {
  const factsWith = (fields: { readonly [name: string]: string }, url = '/'): ReturnType<typeof admit>['facts'] =>
    admit({ ...request(fields), url }, PEER, rules()).facts;

  test.each([
    ['path', 1_024, (text: string) => factsWith({}, text).path],
    ['host', 300, (text: string) => factsWith({ Host: text }).host],
    ['userAgent', 256, (text: string) => factsWith({ 'User-Agent': text }).userAgent],
  ] as const)('%s: %i characters', (_what, limit, kept) => {
    for (const size of [limit - 1, limit, limit + 1, 14_000]) {
      const text = `${'x'.repeat(size - 1)}é`;
      expect(kept(text)).toBe(text.slice(0, limit));
    }
  });

  test('cookies: whole pairs within 4,096 characters, smaller ones behind a pair that does not fit too', () => {
    const large = 'x'.repeat(3_000);
    const all = `a=${large}; b=${large}; session=1; c=${large}`;
    expect({ ...factsWith({ Cookie: all }).cookies }).toEqual({ a: large, session: '1' });
    expect({ ...factsWith({ Cookie: `a=${'x'.repeat(4_094)}` }).cookies }).toEqual({ a: 'x'.repeat(4_094) });
    expect({ ...factsWith({ Cookie: `a=${'x'.repeat(4_095)}` }).cookies }).toEqual({});
    expect({ ...factsWith({ Cookie: `${'x'.repeat(14_000)}; session=1` }).cookies }).toEqual({ session: '1' });
  });
});

describe('TLS and the address that the client is connected to', () => {
  const LOCAL = { address: '192.0.2.1', port: 443 };
  const TLS = { version: 'TLSv1.3', cipher: 'x', authority: 'a', commonName: null, fingerprint: null, isVerified: false };
  const OTHER = { ...TLS, version: 'TLSv1.2' };
  const direct = { ...PEER, encrypted: true, tls: TLS, local: LOCAL };
  const forwarded = { address: '203.0.113.9', port: 1, via: ['127.0.0.1'], provenance: 'PROXY' };
  const factsOf = (peer: Peer, fields = {}, config = {}): ReturnType<typeof admit>['facts'] =>
    admit(request(fields), peer, rules(config)).facts;

  test('a direct client: what this server has negotiated', () => {
    expect(factsOf(direct)).toMatchObject({ secure: true, tls: TLS, local: LOCAL });
    expect(factsOf({ ...direct, encrypted: false, tls: undefined })).toMatchObject({ secure: false, tls: null });
    expect(factsOf(PEER).local).toEqual({ address: 'unknown', port: undefined });
  });

  test('behind an HTTP proxy: the transport’s TLS is the proxy’s own', () => {
    const facts = factsOf(direct, { 'X-Real-IP': '203.0.113.9' }, { proxyRanges: ['loopback'] });
    expect(facts).toMatchObject({ secure: false, tls: null, local: LOCAL });
  });

  test.each([
    ['TLS that ends here behind a proxy that says nothing is the client’s', { encrypted: true }, {}, true, TLS],
    ['no TLS at all', { encrypted: false, tls: undefined }, {}, false, null],
    ['TLS that ends at the proxy', { encrypted: false, tls: undefined }, { secure: true, tls: OTHER }, true, OTHER],
    ['TLS twice: the proxy tells of the client’s', { encrypted: true }, { secure: true, tls: OTHER }, true, OTHER],
    ['TLS here, and the proxy says that the client has none', { encrypted: true }, { secure: false, tls: null }, false, null],
  ] as const)('behind the PROXY protocol: %s', (_what, peer, told, secure, tls) => {
    const facts = factsOf({ ...direct, ...peer, forwarded: { ...forwarded, ...told } });
    expect([facts.secure, facts.tls]).toEqual([secure, tls]);
  });

  test('behind the PROXY protocol: the proxy’s end, or where it does not tell of one, this server’s', () => {
    const local = { address: '198.51.100.1', port: 6_697 };
    expect(factsOf({ ...direct, forwarded: { ...forwarded, local } }).local).toEqual(local);
    expect(factsOf({ ...direct, forwarded: { ...forwarded, local: null } }).local).toEqual(LOCAL);
  });
});

describe('connections that survive', () => {
  const OFFER = 'v1.resume.ircd-websocket';
  const SECRET = 'S3cret_-S3cret_-S3cret_-S3cret_-';
  const CLAIM = `v1.session.gw-1_a.AbCdEfGh_-1.${SECRET}.0.1`;
  const resumable = { ...rules(), allowsResumption: true };
  const resumeOf = (offers: string, changed = {}): unknown => {
    const { mode, subprotocol, resume } = admit(request({ 'Sec-WebSocket-Protocol': offers }), PEER, {
      ...resumable,
      ...changed,
    });
    return [mode, subprotocol, resume];
  };

  test.each([
    ['behind the others', `text.ircv3.net, ${OFFER}`],
    ['before the others', `${OFFER},text.ircv3.net`],
    ['alone', OFFER],
    ['behind a binary one', `binary.ircv3.net, ${OFFER}`],
  ])('the subprotocol is chosen wherever it stands: %s', (_what, offers) => {
    expect(resumeOf(offers)).toEqual(['text', OFFER, { isNew: true }]);
    expect(resumeOf(offers, { defaultMode: 'reject' })).toEqual(['text', OFFER, { isNew: true }]);
    expect(resumeOf(offers, { defaultMode: 'auto' })).toEqual(['text', OFFER, { isNew: true }]);
  });

  test.each([
    ['resumption is off', { allowsResumption: false }, ['text', 'text.ircv3.net', null]],
    ['the charset forbids text', { allowsText: false }, ['binary', 'binary.ircv3.net', null]],
  ])('where %s it is an unknown subprotocol', (_what, changed, expected) => {
    expect(resumeOf(`text.ircv3.net, binary.ircv3.net, ${OFFER}, ${CLAIM}`, changed)).toEqual(expected);
  });

  test('its name is answered exactly, so another spelling is another name', () => {
    expect(resumeOf(`text.ircv3.net, ${OFFER.toUpperCase()}`)).toEqual(['text', 'text.ircv3.net', null]);
  });

  test('a claim without the subprotocol is not looked at', () => {
    expect(resumeOf(`text.ircv3.net, ${CLAIM}`)).toEqual(['text', 'text.ircv3.net', null]);
  });

  test.each([
    ['0.AAAAAAAAAAA', '0.1', { node: '0', id: 'AAAAAAAAAAA', received: 0, attempt: 1 }],
    [`${'n'.repeat(64)}.AAAAAAAAAAA`, '9007199254740991.9007199254740991', { received: 2 ** 53 - 1, attempt: 2 ** 53 - 1 }],
    ['a.b-c_d-e_f-1', '12.3', { node: 'a', id: 'b-c_d-e_f-1', received: 12, attempt: 3 }],
  ] as const)('V4 a claim of %s … %s', (head, counts, claim) => {
    const item = `v1.session.${head}.${SECRET}.${counts}`;
    const [, , resume] = resumeOf(`text.ircv3.net, ${OFFER}, ${item}`) as [string, string, { claim: unknown }];
    expect(resume).toMatchObject({ isNew: false, claim: { ...claim, secret: SECRET } });
  });

  test.each([
    '',
    '0',
    `0.AAAAAAAAAAA.${SECRET}`,
    `0.AAAAAAAAAAA.${SECRET}.0`,
    `0.AAAAAAAAAAA.${SECRET}.0.0`,
    `0.AAAAAAAAAAA.${SECRET}.-1.1`,
    `0.AAAAAAAAAAA.${SECRET}.+1.1`,
    `0.AAAAAAAAAAA.${SECRET}.01.1`,
    `0.AAAAAAAAAAA.${SECRET}.1e9.1`,
    `0.AAAAAAAAAAA.${SECRET}.NaN.1`,
    `0.AAAAAAAAAAA.${SECRET}.9007199254740992.1`,
    `0.AAAAAAAAAAA.${SECRET}.1.9007199254740993`,
    `0.AAAAAAAAAAA.${SECRET}.${'9'.repeat(10_000)}.1`,
    `0.AAAAAAAAAAA.${SECRET}x.0.1`,
    `0.AAAAAAAAAAA.${SECRET.slice(1)}.0.1`,
    `0.AAAAAAAAAA.${SECRET}.0.1`,
    `.AAAAAAAAAAA.${SECRET}.0.1`,
    `${'n'.repeat(65)}.AAAAAAAAAAA.${SECRET}.0.1`,
    `ü.AAAAAAAAAAA.${SECRET}.0.1`,
    `0.AAAAAAAAAAA.${SECRET}.0.1.2`,
    `0.AAAAAAAAAAA.${'x'.repeat(12_000)}.0.1`,
  ])('V3 V4 v1.session.%.70s cannot be read: it claims nothing, and is no new session either', (rest) => {
    expect(resumeOf(`${OFFER}, v1.session.${rest}`)).toEqual(['text', OFFER, { isNew: false, claim: null }]);
  });

  test('two claims are none', () => {
    expect(resumeOf(`${OFFER}, ${CLAIM}, ${CLAIM}`)).toEqual(['text', OFFER, { isNew: false, claim: null }]);
  });

  test.each([CLAIM, CLAIM.toUpperCase(), `v1.session.${SECRET}`, `${CLAIM}, ${CLAIM}`])(
    'a report never shows a secret: %s',
    (claim) => {
      for (const allowsResumption of [true, false]) {
        for (const fields of [{}, { Origin: 'https://evil.test' }, { 'Sec-WebSocket-Key': 'x' }]) {
          const message = request({ ...fields, 'Sec-WebSocket-Protocol': `text.ircv3.net, ${OFFER}, ${claim}` });
          const report = explainAdmission(message, PEER, { ...resumable, allowsResumption });
          expect(JSON.stringify([report, String(report)]).toLowerCase()).not.toContain(SECRET.toLowerCase());
          expect(String(report)).toContain(report.error === null ? 'v1.session.…' : '');
        }
      }
    },
  );

  test('a refusal by a Close frame does not answer with a secret', () => {
    const offer = webSocketOffer(request({ 'Sec-WebSocket-Protocol': `${CLAIM}, ${CLAIM.toUpperCase()}, text.ircv3.net` }));
    expect(offer?.subprotocol).toBe('text.ircv3.net');
  });
});

describe('a request over HTTP/2, RFC 8441', () => {
  const h2 = (fields: { readonly [name: string]: string | null } = {}, method = 'CONNECT'): AdmissionRequest => {
    const all = {
      ':method': method,
      ':protocol': 'websocket',
      ':scheme': 'https',
      ':path': '/irc',
      ':authority': 'irc.example.com',
      origin: 'https://chat.example.com',
      'sec-websocket-version': '13',
      ...fields,
    };
    const rawHeaders = Object.entries(all).flatMap(([name, value]) => (value === null ? [] : [name, value]));
    return { method, url: '/irc', httpVersion: '2.0', rawHeaders };
  };

  test('needs neither a key nor an upgrade', () => {
    const { key, facts } = admit(h2({ 'sec-websocket-protocol': 'text.ircv3.net' }), PEER, rules());
    expect([key, facts.host, facts.path, facts.subprotocol]).toEqual(['', 'irc.example.com', '/irc', 'text.ircv3.net']);
  });

  test.each([
    [h2({ origin: null }), 400, 'did not send the Origin header'],
    [h2({ origin: 'https://evil.test' }), 403, 'non-whitelisted origin'],
    [h2({ ':protocol': null }), 405, 'method is not GET'],
    [h2({ ':protocol': 'connect-udp' }), 501, 'not a websocket upgrade'],
    [h2({}, 'GET'), 501, 'not a websocket upgrade'],
    [h2({}, 'POST'), 405, 'method is not GET'],
    [h2({ 'sec-websocket-version': '8' }), 426, 'version which is not 13'],
    [h2({ ':authority': null }), 400, 'did not send the Host header'],
    [h2({ 'content-length': '4' }), 400, 'has a body'],
  ] as const)('%# is refused with the same words', (message, status, reason) => {
    const { error } = explainAdmission(message, PEER, rules());
    expect([error?.status, error?.reason]).toEqual([status, expect.stringContaining(reason)]);
  });

  test('CONNECT over HTTP/1.1 is another method', () => {
    expect(explainAdmission({ ...request(), method: 'CONNECT' }, PEER, rules()).error?.status).toBe(405);
  });
});

describe('explainAdmission', () => {
  test('says of each check what it looked at and what it found', () => {
    const report = explainAdmission(
      request({ 'X-Forwarded-For': '203.0.113.9', 'Sec-WebSocket-Protocol': 'text.ircv3.net' }),
      PEER,
      rules({ proxyRanges: ['loopback'] }),
    );
    expect(report.error).toBeNull();
    expect(report.facts?.client.address).toBe('203.0.113.9');
    expect(report.steps.every(({ outcome }) => outcome === 'passed')).toBe(true);
    expect(report.steps.find(({ check }) => check === 'origin')).toEqual({
      check: 'origin',
      input: 'https://chat.example.com',
      outcome: 'passed',
      detail: 'allowed by "https://*.example.com"',
    });
    expect(String(report)).toContain(
      '+ proxy: "peer 127.0.0.1; X-Forwarded-For: 203.0.113.9": the client is 203.0.113.9: X-Forwarded-For hop 1 of 1, trusted by loopback',
    );
    expect(String(report)).toMatch(/= let in$/);
  });

  test('answers "why 403?", and stops there', () => {
    const report = explainAdmission(request({ Origin: 'https://evil.test' }), PEER, rules());
    expect(report.error?.status).toBe(403);
    expect(report.steps.map(({ outcome }) => outcome)).toEqual([
      'passed',
      'passed',
      'passed',
      'passed',
      'failed',
      ...Array(6).fill('not reached'),
    ]);
    expect(String(report)).toContain(
      '! origin: "https://evil.test": 403 WebSocket: Received HTTP request from a non-whitelisted origin',
    );
  });

  test('says what may help', () => {
    const { rawHeaders, ...rest } = request();
    const native = { ...rest, rawHeaders: rawHeaders.filter((_, i) => rawHeaders[i - (i % 2)] !== 'Origin') };
    expect(String(explainAdmission(native, PEER, rules()))).toContain(
      '400 WebSocket: Received HTTP request that did not send the Origin header (programs that are not web pages send none: allowMissingOrigin',
    );
    expect(String(explainAdmission(request({ Origin: '' }), PEER, rules()))).not.toContain('allowMissingOrigin');
    expect(String(explainAdmission(request(), PEER, rules({ proxyRanges: ['10.0.0.0/8'] })))).toContain('directClients');
    expect(String(explainAdmission(request(), PEER, rules({ proxyRanges: ['loopback'] })))).toContain('(proxyHeader is auto)');
  });

  test('agrees with admit', () => {
    for (const fields of [
      {},
      { Origin: 'x' },
      { Upgrade: 'h2c' },
      { 'Sec-WebSocket-Key': '' },
      { Host: '' },
      { 'Content-Length': '4' },
    ]) {
      let status: number | undefined;
      try {
        admit(request(fields), PEER, rules());
      } catch (error) {
        status = (error as { status: number }).status;
      }
      expect(explainAdmission(request(fields), PEER, rules()).error?.status).toBe(status);
    }
  });
});

describe('the order of checks, the stricter ones of RFC 6455 around the documents’ table', () => {
  /** One more mended at each step; what is wrong at first is wrong in all that follow. */
  const wrong = {
    method: 'POST',
    httpVersion: '1.0',
    fields: {
      Host: '',
      Upgrade: 'h2c',
      'Sec-WebSocket-Version': '8',
      'Sec-WebSocket-Key': '',
      'Content-Length': '4',
      Origin: '',
    } as { [name: string]: string },
    doubled: ['Host', 'b'],
    maxHeadersCount: 3,
    isClosing: true,
  };
  const mendings: [status: number, mended: Partial<typeof wrong>][] = [
    [431, {}],
    [400, { maxHeadersCount: 100 }],
    [405, { doubled: [] }],
    [505, { method: 'GET' }],
    [400, { httpVersion: '1.1' }],
    [403, { fields: { Origin: 'https://evil.test' } }],
    [501, { fields: { Origin: 'https://a.example.com' } }],
    [503, { fields: { 'Sec-WebSocket-Key': 'x' } }],
    [426, { isClosing: false }],
    [426, { fields: { Upgrade: 'WebSocket' } }],
    [400, { fields: { 'Sec-WebSocket-Version': '13' } }],
    [400, { fields: { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==' } }],
    [400, { fields: { Host: 'irc.example.com' } }],
    [101, { fields: { 'Content-Length': '0' } }],
  ];

  test('N3 N4 N5 N8 N9 H9 N17: each is found where the one before is mended', () => {
    let now = wrong;
    const reasons = new Set<string>();
    for (const [status, mended] of mendings) {
      now = { ...now, ...mended, fields: { ...now.fields, ...mended.fields } };
      const { rawHeaders, ...rest } = request(now.fields);
      const message = { ...rest, method: now.method, httpVersion: now.httpVersion, rawHeaders: [...rawHeaders, ...now.doubled] };
      const peer = { ...PEER, maxHeadersCount: now.maxHeadersCount };
      const { error } = explainAdmission(message, peer, rules(), now.isClosing);
      expect(error?.status ?? 101).toBe(status);
      if (error !== null) reasons.add(error.reason);
    }
    expect(reasons.size).toBe(mendings.length - 1);
  });

  test.each([
    [3, 2, undefined],
    [3, 3, 431],
    [3, 4, 431],
    [0, 5_000, undefined],
    [null, 999, undefined],
    [undefined, 1_000, 431],
  ])('N3 N4 with maxHeadersCount %s, %i fields: %s', (maxHeadersCount, count, status) => {
    const rawHeaders = Array<string[]>(count).fill(['X', 'y']).flat();
    const { error } = explainAdmission({ ...request(), rawHeaders }, { ...PEER, maxHeadersCount }, rules());
    expect(error?.status === 431 ? 431 : undefined).toBe(status);
  });

  test.each(['Host', 'Origin', 'Sec-WebSocket-Key', 'Sec-WebSocket-Version', 'X-Real-IP', 'CF-Connecting-IP', 'True-Client-IP'])(
    'N5 N6 %s twice is a 400, also from a direct client, also the same twice',
    (name) => {
      const { rawHeaders } = request();
      const at = rawHeaders.indexOf(name);
      const value = at < 0 ? '203.0.113.9' : (rawHeaders[at + 1] as string);
      const doubled = [...rawHeaders, name.toLowerCase(), value, ...(at < 0 ? [name, value] : [])];
      const { error } = explainAdmission({ ...request(), rawHeaders: doubled }, PEER, rules());
      expect([error?.status, error?.reason]).toEqual([
        400,
        `WebSocket: Received HTTP request that sent the ${name} header twice`,
      ]);
    },
  );
});

describe('the field that tells the address', () => {
  const withHeader = (header: string): ReturnType<typeof rules> => {
    const compiled = rules({ proxyRanges: ['loopback'] });
    return { ...compiled, proxy: { ...compiled.proxy, header } };
  };
  const twice = (name: string): AdmissionRequest => {
    const base = request();
    return { ...base, rawHeaders: [...base.rawHeaders, name, '203.0.113.9', name.toUpperCase(), '203.0.113.9'] };
  };

  test.each(['fly-client-ip', 'x-azure-clientip', 'x-real-ip'])('%s twice is a 400 where it is the configured one', (name) => {
    expect(explainAdmission(twice(name), PEER, withHeader(name)).error?.reason).toMatch(
      /^WebSocket: .* that sent the \S+ header twice$/,
    );
  });

  test('another field twice is nobody’s', () => {
    expect(explainAdmission(twice('fly-client-ip'), PEER, withHeader('x-forwarded-for')).error?.reason).toContain(
      'real IP address header',
    );
  });

  test.each(['x-forwarded-for', 'forwarded'])('%s is a list, and may have several lines', (name) => {
    const base = request();
    const value = name === 'forwarded' ? 'for=203.0.113.9' : '203.0.113.9';
    const message = { ...base, rawHeaders: [...base.rawHeaders, name, value, name, value] };
    expect(admit(message, PEER, withHeader(name)).facts.client.address).toBe('203.0.113.9');
  });

  test('a report shows it', () => {
    const report = explainAdmission(request({ 'Fly-Client-IP': '203.0.113.9' }), PEER, withHeader('fly-client-ip'));
    expect(String(report)).toContain('Fly-Client-IP: 203.0.113.9"');
    expect(report.facts?.provenance).toBe('Fly-Client-IP, trusted by loopback');
  });
});

test('any request is let in or refused by a HandshakeError, and the report agrees', () => {
  const name = fc.oneof(
    fc.constantFrom(...request().rawHeaders.filter((_, i) => i % 2 === 0)),
    fc.constantFrom('X-Real-IP', 'X-Forwarded-For', 'Forwarded', 'Sec-WebSocket-Protocol', 'Cookie', '__proto__', ''),
  );
  const latin1 = fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 12 }).map((codes) => String.fromCharCode(...codes));
  const value = fc.oneof(
    latin1,
    fc.constantFrom('13', 'websocket', 'for="[::1]:1";proto=https', '10.0.0.1, 203.0.113.9', ',;="\\'),
  );
  const fields = fc.array(fc.tuple(name, value), { maxLength: 6 });
  const header = fc.constantFrom('auto', 'x-real-ip', 'x-forwarded-for', 'forwarded', 'cf-connecting-ip', 'true-client-ip');
  fc.assert(
    fc.property(fields, header, fc.boolean(), (extra, proxyHeader, replaces) => {
      const base = request();
      const message = { ...base, rawHeaders: replaces ? extra.flat() : [...base.rawHeaders, ...extra.flat()] };
      const rulesNow = rules({ proxyRanges: ['loopback'], proxyHeader, allowMissingOrigin: true });
      const report = explainAdmission(message, PEER, rulesNow);
      let refused: unknown = null;
      try {
        expect(report.facts).toEqual(admit(message, PEER, rulesNow).facts);
      } catch (error) {
        refused = error;
      }
      if (refused !== null) expect(refused).toBeInstanceOf(HandshakeError);
      expect(report.error?.message).toBe((refused as HandshakeError | null)?.message);
      expect(String(report).split('\n').length).toBe(report.steps.length + 1);
    }),
    { numRuns: 1_000 },
  );
});
