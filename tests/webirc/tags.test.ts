import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { parseTags } from '../../src/config/tags.ts';
import { ConfigError } from '../../src/errors.ts';
import { gatewaysFromTags } from '../../src/webirc/tags.ts';

const SHA256 = 'ab'.repeat(32);
const read = (text: string) => gatewaysFromTags(parseTags(text));

test('tags as InspIRCd has them are gateways', () => {
  expect(
    read(`<server name="irc.example.com">
      <gateway type="webirc" mask="192.0.2.0/24  *.gw.example.com" password="${SHA256}" hash="sha256" trustedflags="secure remote-port">
      <gateway type="WebIRC" name="Kiwi" mask="::1" fingerprint="${SHA256}" hostname="Verify">
      <gateway type="username" mask="198.51.100.1" newusername="wobble">`),
  ).toEqual([
    {
      type: 'webirc',
      mask: ['192.0.2.0/24', '*.gw.example.com'],
      password: SHA256,
      hash: 'sha256',
      trustedFlags: ['secure', 'remote-port'],
    },
    { type: 'webirc', name: 'Kiwi', mask: ['::1'], fingerprint: SHA256, hostname: 'verify' },
    { type: 'username', mask: ['198.51.100.1'], newUsername: 'wobble' },
  ]);
});

test('an empty list of trusted flags trusts none', () => {
  expect(read(`<gateway type="webirc" mask="::1" fingerprint="ab" trustedflags="">`)).toEqual([
    { type: 'webirc', mask: ['::1'], fingerprint: 'ab', trustedFlags: [] },
  ]);
});

test.each([
  ['<gateway mask="::1" fingerprint="ab">', '<gateway:type> is missing'],
  ['<gateway type="ident" mask="::1">', '<gateway:type> "ident" must be one of'],
  ['<gateway type="webirc" fingerprint="ab">', '<gateway:mask> is missing'],
  ['<gateway type="webirc" mask=" " fingerprint="ab">', '<gateway:mask> is missing'],
  ['<gateway type="webirc" mask="::1">', '<gateway> needs a password or a fingerprint'],
  ['<gateway type="webirc" mask="::1" password="">', '<gateway:password> must be a text'],
  ['<gateway type="webirc" mask="::1 10.0.0.0/99" fingerprint="ab">', '<gateway:mask> "10.0.0.0/99"'],
  ['<gateway type="webirc" mask="::1" password="hunter2" hash="bcrypt">', '<gateway:hash> "bcrypt" is not known'],
  ['<gateway type="webirc" mask="::1" pasword="hunter2">', '<gateway:pasword> is not known'],
])('%s says what is wrong, and the line', (tag, message) => {
  const text = `# first\n<gateway type="webirc" mask="::1" fingerprint="ab">\n${tag}`;
  expect(() => read(text)).toThrow(ConfigError);
  expect(() => read(text)).toThrow(`line 3: ${message}`);
  expect(() => read(text)).toThrow(expect.not.objectContaining({ message: expect.stringContaining('hunter2') }));
});

test('a hash of a verifier is known', () => {
  const tags = parseTags('<gateway type="webirc" mask="::1" password="$2b$…" hash="bcrypt">');
  expect(gatewaysFromTags(tags, { bcrypt: () => true })).toEqual([
    { type: 'webirc', mask: ['::1'], password: '$2b$…', hash: 'bcrypt' },
  ]);
});

describe('<cgihost> of InspIRCd 3', () => {
  test('is read as InspIRCd 4’s documentation maps it, with one deprecation warning', async () => {
    const warned = once(process, 'warning');
    expect(
      read(`<cgihost type="webirc" mask="192.0.2.1" password="${SHA256}" hash="sha256" trustedflags="secure">
        <cgihost type="ident" mask="198.51.100.1 198.51.100.2" newident="wobble">`),
    ).toEqual([
      { type: 'webirc', mask: ['192.0.2.1'], password: SHA256, hash: 'sha256', trustedFlags: ['secure'] },
      { type: 'username', mask: ['198.51.100.1', '198.51.100.2'], newUsername: 'wobble' },
    ]);
    const [warning] = (await warned) as [Error & { code: string }];
    expect([warning.name, warning.code]).toEqual(['DeprecationWarning', 'IRCD_WEBSOCKET_CGIHOST']);
  });

  test.each([
    ['<cgihost mask="::1" password="x">', '<cgihost:type> is missing: "webirc" or "ident"'],
    ['<cgihost type="username" mask="::1">', '<cgihost:type> "username" must be one of webirc, ident'],
    ['<cgihost type="other" mask="::1" password="x">', '<cgihost:type> "other" must be one of webirc, ident'],
    ['<cgihost type="ident" mask="::1" newusername="x">', '<cgihost:newusername> is not known: use one of type, mask'],
    ['<cgihost type="ident" mask="::1" newident="a b">', '<cgihost:newident> "a b"'],
    ['<cgihost type="webirc" mask="::1" hostname="trust" password="x">', '<cgihost:hostname> is not known'],
    ['<cgihost type="webirc" mask="::1">', '<cgihost> needs a password or a fingerprint'],
  ])('%s', (text, message) => {
    expect(() => read(`\n${text}`)).toThrow(`line 2: ${message}`);
  });
});
