import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AdmissionRequest, admit, explainAdmission, type Peer } from '../../src/admission/admission.ts';
import { isRewritten, withClient, withMode } from '../../src/admission/facts.ts';
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
