import { Buffer } from 'node:buffer';
import { createHash, createHmac, pbkdf2Sync, scryptSync } from 'node:crypto';
import { once } from 'node:events';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/errors.ts';
import { compilePassword } from '../../src/webirc/password.ts';

const PLACE = { tag: 'gateway', line: 7 };
const compile = (stored: string, hash: string) => compilePassword(stored, hash, {}, PLACE);
const unpadded = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64').replace(/=+$/, '');

/** What InspIRCd 3.15's MKPASSWD answered for `correct-horse`; the last is of this library's own making. */
const STORED: Readonly<Record<string, string>> = {
  plaintext: 'correct-horse',
  sha256: '9dca666eb54730714630d1519264a7bf1eeaad00b8f2edc90d3ecbfad928d163',
  'hmac-sha256': 'z4ZaTTtybGVFN4qzZoErgfwyeIDr4jgfo7YlQr6iBaM$KC2iLhc401BN10++qjZO7nuE8mV2tSR3wMu36rXWJvM',
  'pbkdf2-hmac-sha256': '12288:TWIyyriv11obYbtpILYmDnN1zs7RHb+2C4Xarrhq7eI:FYxt/aVYe+QMZ8ir+CgueBYd7wihFNIIXyqU7QatZS8',
  scrypt: '$scrypt$ln=14,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$j3OclHNko+F7TbOjNyV8uyazTf5sEzhM0VYB9bxVx5A',
};

describe.each(Object.entries(STORED))('%s', (hash, stored) => {
  test('lets the password in', async () => {
    expect(await compile(stored, hash)('correct-horse')).toBe(true);
    expect(await compile(stored, hash.toUpperCase())('correct-horse')).toBe(true);
  });

  test.each(['', 'correct-hors', 'correct-horse ', 'Correct-horse', '\ud800'])('W10 keeps %j out', async (given) => {
    expect(await compile(stored, hash)(given)).toBe(false);
  });

  test('the stored form itself is no password', async () => {
    expect(await compile(stored, hash)(stored)).toBe(hash === 'plaintext');
  });
});

test.each(['pässwörd', '😀', 'a:b$c', 'x'.repeat(400)])('every form takes the UTF-8 of %j', async (password) => {
  const salt = Buffer.from('salt of 16 bytes');
  const stored = {
    plaintext: password,
    sha256: createHash('sha256').update(password).digest('hex').toUpperCase(),
    'hmac-sha256': `${unpadded(salt)}$${createHmac('sha256', salt).update(password).digest('base64')}`,
    'pbkdf2-hmac-sha256': `10:${unpadded(pbkdf2Sync(password, salt, 10, 20, 'sha256'))}:${salt.toString('base64')}`,
    scrypt: `$scrypt$ln=4,r=1,p=2$${unpadded(salt)}$${unpadded(scryptSync(password, salt, 64, { N: 16, r: 1, p: 2 }))}`,
  };
  for (const [hash, form] of Object.entries(stored)) {
    expect(await compile(form, hash)(password)).toBe(true);
    expect(await compile(form, hash)(`${password}.`)).toBe(false);
  }
});

const HASH = 'A'.repeat(43);

test.each([
  ['sha256', ''],
  ['sha256', 'correct-horse'],
  ['sha256', 'f'.repeat(63)],
  ['sha256', 'g'.repeat(64)],
  ['hmac-sha256', HASH],
  ['hmac-sha256', `$${HASH}`],
  ['hmac-sha256', `AAAA$`],
  ['hmac-sha256', `AAAA$AAAA`],
  ['hmac-sha256', `AAAA$${HASH}$AAAA`],
  ['hmac-sha256', `AA_A$${HASH}`],
  ['pbkdf2-hmac-sha256', `0:${HASH}:AAAA`],
  ['pbkdf2-hmac-sha256', `10000001:${HASH}:AAAA`],
  ['pbkdf2-hmac-sha256', `99999999999:${HASH}:AAAA`],
  ['pbkdf2-hmac-sha256', `10::AAAA`],
  ['pbkdf2-hmac-sha256', `10:AAAA:AAAA`],
  ['pbkdf2-hmac-sha256', `10:${HASH}:`],
  ['pbkdf2-hmac-sha256', `10:${HASH}:AAAA:`],
  ['pbkdf2-hmac-sha256', `10:${'A'.repeat(800)}:AAAA`],
  ['scrypt', `$scrypt$ln=0,r=8,p=1$AAAA$${HASH}`],
  ['scrypt', `$scrypt$ln=14,r=0,p=1$AAAA$${HASH}`],
  ['scrypt', `$scrypt$ln=14,r=8,p=0$AAAA$${HASH}`],
  ['scrypt', `$scrypt$ln=20,r=8,p=1$AAAA$${HASH}`],
  ['scrypt', `$scrypt$ln=99,r=8,p=1$AAAA$${HASH}`],
  ['scrypt', `$scrypt$ln=14,r=8,p=1$$${HASH}`],
  ['scrypt', `$scrypt$ln=14,r=8,p=1$AAAA$AAAA`],
  ['scrypt', `$scrypt$v=1$ln=14,r=8,p=1$AAAA$${HASH}`],
])('refuses what is not of the form of %s when it is configured: %s', (hash, stored) => {
  expect(() => compile(stored, hash)).toThrow(`line 7: <gateway:password> is not of the form that ${hash} stores`);
});

test('no password is in an error', () => {
  expect(() => compile('open-sesame', 'sha256')).toThrow(
    expect.not.objectContaining({ message: expect.stringContaining('sesame') }),
  );
});

test.each(['md5', '', 'constructor', '__proto__', 'toString'])('W13 the algorithm %j is not known', (hash) => {
  expect(() => compile('x', hash)).toThrow(ConfigError);
  expect(() => compile('x', hash)).toThrow('or add it to "verifiers"');
});

test('hashes of any text: only the same text fits', async () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(text, text, async (password, given) => {
      const stored = createHash('sha256').update(password).digest('hex');
      expect(await compile(stored, 'sha256')(given)).toBe(password === given);
      expect(await compile(password, 'plaintext')(given)).toBe(password === given);
    }),
  );
});

describe('verifiers', () => {
  test('a verifier gets what was given and what is stored, and may take its time', async () => {
    const seen: string[][] = [];
    const bcrypt = async (given: string, stored: string) => {
      seen.push([given, stored]);
      return given === 'right';
    };
    const check = compilePassword('$2b$…', 'BCrypt', { bcrypt }, PLACE);
    expect([await check('right'), await check('wrong')]).toEqual([true, false]);
    expect(seen).toEqual([
      ['right', '$2b$…'],
      ['wrong', '$2b$…'],
    ]);
  });

  test('a verifier of one’s own goes before a built-in one', async () => {
    expect(await compilePassword('anything', 'sha256', { sha256: () => true }, PLACE)('x')).toBe(true);
  });

  test('W11 one that throws or rejects has said no, and a warning tells of it', async () => {
    for (const broken of [
      () => Promise.reject(new Error('72 bytes')),
      () => {
        throw new Error('72 bytes');
      },
    ]) {
      const warned = once(process, 'warning');
      expect(await compilePassword('x', 'argon2id', { argon2id: broken }, PLACE)('x')).toBe(false);
      expect(await warned).toEqual([
        expect.objectContaining({ code: 'IRCD_WEBSOCKET_VERIFIER', message: expect.stringContaining('72 bytes') }),
      ]);
    }
  });

  test('only true is yes', async () => {
    const check = compilePassword('x', 'odd', { odd: (() => 'no') as unknown as () => boolean }, PLACE);
    expect(await check('x')).toBe(false);
  });
});
