/**
 * The PROXY protocol against a second reader, which is written from the document and shares nothing with the first: it reads from a list of numbers, by
 * recursion, and finds addresses with a regular expression or Node's `BlockList`.
 */
import { BlockList, isIPv4, isIPv6, SocketAddress } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readProxyHeader } from '../../src/admission/proxy-protocol.ts';

/** What both readers are asked for. */
type Outcome =
  | null
  | 'incomplete'
  | { size: number; client: string | null; local: string | null; secure: boolean | undefined; tls: string };

const notHosts = new BlockList();
notHosts.addAddress('0.0.0.0');
notHosts.addAddress('255.255.255.255');
notHosts.addSubnet('224.0.0.0', 4);
notHosts.addAddress('::', 'ipv6');
notHosts.addSubnet('ff00::', 8, 'ipv6');

function host(text: string, port: number): string | null {
  const family = isIPv4(text) ? 'ipv4' : isIPv6(text) ? 'ipv6' : null;
  if (family === null || text.includes('%')) return null;
  const { address } = new SocketAddress({ address: text, family });
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1];
  if (mapped !== undefined) return host(mapped, port);
  return notHosts.check(address, family) ? null : `${address} ${port}`;
}

function reference(bytes: readonly number[]): Outcome {
  const text = String.fromCharCode(...bytes);
  if ('\r\n\r\n\0\r\nQUIT\n'.startsWith(text.slice(0, 12))) return bytes.length < 16 ? 'incomplete' : version2(bytes);
  if (!'PROXY '.startsWith(text.slice(0, 6))) return null;
  const line = /^([^\r]|\r(?!\n))*\r\n/.exec(text.slice(0, 107))?.[0];
  if (line === undefined) return text.length < 107 ? 'incomplete' : null;
  const [, family, from, to, fromPort, toPort, ...more] = line.slice(0, -2).split(' ');
  const nobody = { size: line.length, client: null, local: null, secure: undefined, tls: 'null' };
  if (family === 'UNKNOWN') return nobody;
  const isRight = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : () => false;
  const isPort = (port = ''): boolean => String(Number(port)) === port && /^\d+$/.test(port) && Number(port) < 65_536;
  if (more.length > 0 || !isRight(from ?? '') || !isRight(to ?? '') || !isPort(fromPort) || !isPort(toPort)) return null;
  const client = host(from as string, Number(fromPort));
  return client === null ? null : { ...nobody, client, local: host(to as string, Number(toPort)) };
}

const word = (at: readonly number[], i: number): number => (at[i] as number) * 256 + (at[i + 1] as number);

function version2(bytes: readonly number[]): Outcome {
  const [command, family, length] = [bytes[12] as number, bytes[13] as number, word(bytes, 14)];
  if ((command !== 0x20 && command !== 0x21) || length > 2_032) return null;
  if (bytes.length < 16 + length) return 'incomplete';
  const nobody = { size: 16 + length, client: null, local: null, secure: undefined, tls: 'null' };
  if (command === 0x20) return nobody;
  const size = ({ 17: 4, 33: 16 } as Record<number, number>)[family];
  if (size === undefined) return family === 0 || (family >= 0x30 && family < 0x40) ? nobody : null;
  const body = bytes.slice(16, 16 + length);
  if (body.length < 2 * size + 4) return null;
  const address = (at: number): string =>
    size === 4
      ? body.slice(at, at + 4).join('.')
      : Array.from({ length: 8 }, (_, i) => word(body, at + 2 * i).toString(16)).join(':');
  const client = host(address(0), word(body, 2 * size));
  const values = tlvs(body.slice(2 * size + 4));
  if (client === null || values === null) return null;
  const local = host(address(size), word(body, 2 * size + 2));
  const told = meaning(values);
  return told === null ? null : { size: nobody.size, client, local, ...told };
}

/** Every type with its values, or `null` where one does not fit. */
function tlvs(bytes: readonly number[]): [number, number[]][] | null {
  if (bytes.length === 0) return [];
  const size = bytes.length < 3 ? Number.POSITIVE_INFINITY : word(bytes, 1);
  if (3 + size > bytes.length) return null;
  const rest = tlvs(bytes.slice(3 + size));
  return rest === null ? null : [[bytes[0] as number, bytes.slice(3, 3 + size)], ...rest];
}

function meaning(values: [number, number[]][]): { secure: boolean | undefined; tls: string } | null {
  const only = (from: [number, number[]][], type: number): number[] | undefined | null => {
    const found = from.filter(([other]) => other === type);
    return found.length > 1 ? null : found[0]?.[1];
  };
  const text = (bytes: number[] | undefined): string | undefined => bytes && String.fromCharCode(...bytes);
  const [authority, ssl, digest] = [only(values, 2), only(values, 0x20), only(values, 0xe0)];
  if (authority === null || ssl === null || digest === null) return null;
  if (authority !== undefined && !/^[a-z0-9_.:[\]-]{1,255}$/i.test(text(authority) as string)) return null;
  if (ssl === undefined) return { secure: undefined, tls: 'null' };
  const nested = ssl.length < 5 ? null : tlvs(ssl.slice(5));
  if (nested === null) return null;
  const [version, name, cipher] = [only(nested, 0x21), only(nested, 0x22), only(nested, 0x23)];
  if (version === null || name === null || cipher === null) return null;
  for (const own of [version, cipher]) if (own !== undefined && !/^[!-~]{1,64}$/.test(text(own) as string)) return null;
  if (((ssl[0] as number) & 1) === 0) return { secure: false, tls: 'null' };
  const hex = text(digest) ?? '';
  const isHex = hex.length > 0 && hex.length <= 128 && hex.length % 2 === 0 && !/[^0-9a-f]/i.test(hex);
  const raw = [20, 32, 48, 64].includes(hex.length) ? Buffer.from(hex, 'latin1').toString('hex') : null;
  const shownName = name === undefined ? '' : Buffer.from(name).toString();
  const tls = {
    version: text(version) ?? null,
    cipher: text(cipher) ?? null,
    authority: text(authority)?.toLowerCase() ?? null,
    commonName:
      shownName === '' || shownName.length > 256 || /[\0-\x1f\x7f-\x9f\u2028\u2029\ufffd]/.test(shownName) ? null : shownName,
    fingerprint: isHex ? hex.toLowerCase() : raw,
    isVerified: ((ssl[0] as number) & 6) !== 0 && ssl.slice(1, 5).every((byte) => byte === 0),
  };
  return { secure: true, tls: JSON.stringify(tls) };
}

function outcome(bytes: Buffer): Outcome {
  const found = readProxyHeader(bytes);
  if (found === null || found === 'incomplete') return found;
  const show = (end: { address: string; port: number | undefined } | null): string | null => end && `${end.address} ${end.port}`;
  const { size, client, local, secure, tls } = found;
  return { size, client: show(client), local: show(local), secure, tls: JSON.stringify(tls) };
}

const tlv = (type: number, value: Buffer): Buffer =>
  Buffer.concat([Buffer.of(type, value.length >> 8, value.length & 255), value]);
const bytesOf = (max: number): fc.Arbitrary<Buffer> => fc.uint8Array({ maxLength: max }).map((bytes) => Buffer.from(bytes));
const oneOf = (...texts: string[]): fc.Arbitrary<Buffer> =>
  fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...texts.map((text) => Buffer.from(text))) }, bytesOf(6));

const nestedValue = fc.oneof(
  oneOf('TLSv1.3', 'TLSv1.2').map((value) => tlv(0x21, value)),
  oneOf('ada', 'dædalus', 'a\nb').map((value) => tlv(0x22, value)),
  oneOf('TLS_AES_256_GCM_SHA384').map((value) => tlv(0x23, value)),
  bytesOf(5).map((value) => tlv(0x24, value)),
);
const value = fc.oneof(
  oneOf('irc.example.com', 'a/b').map((name) => tlv(0x02, name)),
  oneOf('ab'.repeat(32), 'abc', 'AB').map((digest) => tlv(0xe0, digest)),
  fc.constantFrom(20, 32, 19).map((size) => tlv(0xe0, Buffer.alloc(size, 0xa5))),
  fc
    .tuple(fc.constantFrom(0, 1, 3, 5, 7), fc.constantFrom(0, 0, 1), fc.array(nestedValue, { maxLength: 3 }))
    .map(([flags, verify, nested]) => tlv(0x20, Buffer.concat([Buffer.of(flags, 0, 0, 0, verify), ...nested]))),
  bytesOf(5).map((unknown) => tlv(0x04, unknown)),
);
const addresses = fc.oneof(
  fc
    .constantFrom('cb007109c6336401d43101bb', 'cb00710900000000d43101bb', 'e0000001c6336401d43101bb')
    .map((hex): [number, string] => [0x11, hex]),
  fc
    .constantFrom(
      `20010db8${'0'.repeat(23)}7ff02${'0'.repeat(27)}1d43101bb`,
      `${'0'.repeat(20)}ffffcb00710900ff${'0'.repeat(28)}d43101bb`,
    )
    .map((hex): [number, string] => [0x21, hex]),
);
const version2Header = fc
  .tuple(fc.constantFrom(0x21, 0x21, 0x21, 0x20), addresses, fc.array(value, { maxLength: 4 }))
  .map(([command, [family, hex], values]) => {
    const body = Buffer.concat([Buffer.from(hex, 'hex'), ...values]);
    return Buffer.concat([
      Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'),
      Buffer.of(command, family, body.length >> 8, body.length & 255),
      body,
    ]);
  });
const version1Header = fc
  .constantFrom(
    'TCP4 203.0.113.9 10.0.0.1 54321 443',
    'TCP6 2001:DB8::7 ff:a:b::1 1 65535',
    'TCP6 ::ffff:203.0.113.9 ::1 1 2',
    'UNKNOWN x',
  )
  .map((text) => Buffer.from(`PROXY ${text}\r\n`));
const header = fc.oneof({ weight: 3, arbitrary: version2Header }, { weight: 1, arbitrary: version1Header });

test('T4 both readers agree on headers, on headers with wrong bytes, and on every beginning of them', () => {
  const counts = { read: 0, refused: 0, incomplete: 0 };
  const mutations = fc.array(
    fc.tuple(fc.nat(300), fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0x20, 0x30, 0x0d, 0x0a))),
    { maxLength: 3 },
  );
  const parts = fc.oneof(
    { weight: 3, arbitrary: fc.constant(1) },
    fc.integer({ min: 0, max: 99 }).map((percent) => percent / 100),
  );
  fc.assert(
    fc.property(header, mutations, parts, (whole, changes, part) => {
      const bytes = Buffer.from(whole);
      for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
      const given = bytes.subarray(0, Math.floor(bytes.length * part));
      const expected = reference([...given]);
      expect(outcome(given)).toEqual(expected);
      counts[expected === null ? 'refused' : expected === 'incomplete' ? 'incomplete' : 'read']++;
    }),
    { numRuns: 4_000 },
  );
  expect(Math.min(...Object.values(counts))).toBeGreaterThan(200);
});

test('no byte that the client sends behind a header changes what the proxy said', () => {
  const sent = fc.oneof(bytesOf(40), header, fc.constantFrom(Buffer.from('GET / HTTP/1.1\r\n'), Buffer.from('\r\n')));
  fc.assert(
    fc.property(header, sent, (said, tail) => {
      expect(outcome(Buffer.concat([said, tail]))).toEqual(outcome(said));
    }),
    { numRuns: 1_000 },
  );
});
