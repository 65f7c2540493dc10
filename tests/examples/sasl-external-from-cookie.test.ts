import { expect, test } from 'vitest';
import { startExample, WebUser } from '../helpers/example.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** Starts the site, and logs `ada` in. */
async function login(): Promise<{ url: string; origin: string; cookie: string; page: string }> {
  const { ports } = await startExample('sasl-external-from-cookie');
  const origin = `http://127.0.0.1:${ports[0]}`;
  const response = await fetch(`${origin}/login?as=ada`);
  const cookie = response.headers.get('set-cookie') ?? '';
  expect(cookie).toContain('HttpOnly; SameSite=Strict');
  return { url: `ws://127.0.0.1:${ports[0]}`, origin, cookie: cookie.split(';')[0] as string, page: await response.text() };
}

test('sasl-external-from-cookie: who is logged in on the site is logged in on IRC', async () => {
  const { url, origin, cookie, page } = await login();
  // What the page's own script sends.
  const lines = [...(/send\('(.*)'\);/.exec(page)?.[1] ?? '').split("', '")];
  expect(lines).toHaveLength(4);
  const user = await WebUser.open(url, { origin, headers: { Cookie: `theme=dark; ${cookie}` } });
  user.send(...lines);
  await user.line(/ 903 /);
  expect(user.lines).toEqual([
    ':irc.example.com CAP * LS :sasl=EXTERNAL',
    ':irc.example.com CAP * ACK :sasl',
    'AUTHENTICATE +',
    ':irc.example.com 900 * *!*@127.0.0.1 ada :You are now logged in as ada',
    ':irc.example.com 903 * :SASL authentication successful',
  ]);
});

test.each([
  ['+', 'session=stolen', '904'],
  [base64('ada'), 'session=stolen', '904'],
  [base64('bob'), 'its own', '904'],
  [base64('ada'), 'its own', '903'],
])('sasl-external-from-cookie: AUTHENTICATE %s with %s: %s', async (authzid, session, numeric) => {
  const { url, origin, cookie } = await login();
  const user = await WebUser.open(url, { origin, headers: { Cookie: session === 'its own' ? cookie : session } });
  user.send('AUTHENTICATE EXTERNAL', `AUTHENTICATE ${authzid}`);
  await user.line(/ 90[34] /);
  expect(user.lines.at(-1)).toContain(` ${numeric} `);
});

test('sasl-external-from-cookie: another site’s page does not come in by the cookie', async () => {
  const { url, cookie } = await login();
  await expect(WebUser.open(url, { origin: 'https://evil.test', headers: { Cookie: cookie } })).rejects.toThrow('403');
});
