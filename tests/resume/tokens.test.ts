import { expect, test } from 'vitest';
import { Tokens } from '../../src/resume/tokens.ts';

test('a secret has 192 bits, and no two are alike', () => {
  const tokens = new Tokens();
  const secrets = Array.from({ length: 100 }, () => tokens.issue());
  for (const secret of secrets) expect(secret).toMatch(/^[\w-]{32}$/);
  expect(new Set(secrets).size).toBe(100);
});

test('every token since the last acknowledged one works; an older one is dead', () => {
  const tokens = new Tokens();
  const [a, b, c] = [tokens.issue(), tokens.issue(), tokens.issue()] as [string, string, string];
  expect([tokens.accept(a), tokens.accept(c)]).toEqual([true, true]);
  // To show one acknowledges it.
  expect([tokens.accept(a), tokens.accept(b), tokens.accept(c)]).toEqual([false, false, true]);
  const d = tokens.issue();
  tokens.acknowledge();
  expect([tokens.accept(c), tokens.accept(d)]).toEqual([false, true]);
});

test('V3 one bit changed, another length, or nothing at all is refused', () => {
  const tokens = new Tokens();
  const secret = tokens.issue();
  for (let i = 0; i < secret.length; i++) {
    const changed = secret.slice(0, i) + String.fromCharCode(secret.charCodeAt(i) ^ 1) + secret.slice(i + 1);
    expect(tokens.accept(changed)).toBe(false);
  }
  for (const wrong of ['', secret.slice(1), `${secret}A`, 'x'.repeat(1_000_000), `${secret}\0`])
    expect(tokens.accept(wrong)).toBe(false);
  expect(tokens.accept(secret)).toBe(true);
});

test('a client whose every answer is lost keeps its token, however often it comes, and memory is bounded', () => {
  const tokens = new Tokens();
  const first = tokens.issue();
  let newest = first;
  for (let i = 0; i < 2_000; i++) {
    expect(tokens.accept(first)).toBe(true);
    newest = tokens.issue();
  }
  expect([tokens.accept(first), tokens.accept(newest)]).toEqual([true, true]);
});
