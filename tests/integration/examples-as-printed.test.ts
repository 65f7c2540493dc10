/**
 * What the heads of the examples tell their readers to type into a browser's console, typed into a browser's console.
 */
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchBrowser } from '../helpers/browser.ts';
import { ROOT } from '../helpers/build.ts';
import { makeCertificate } from '../helpers/certificate.ts';
import { startExample } from '../helpers/example.ts';
import { requirePeer } from '../helpers/peers.ts';

const CHROMIUM = requirePeer('chromium');
const OPENSSL = requirePeer('openssl');

interface Printed {
  readonly name: string;
  /** The page to open. */
  readonly url: string;
  /** What to type; what the console then shows, where the head says so. */
  readonly lines: readonly { readonly code: string; readonly shown: string | null }[];
}

/** Every example whose head has lines for the console. */
const PRINTED: readonly Printed[] = readdirSync(join(ROOT, 'examples'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name }) => {
    const [head = ''] = readFileSync(join(ROOT, 'examples', name, 'main.ts'), 'utf8').split('*/');
    const url = /^ \* Try: open (\S+), .*console/m.exec(head)?.[1];
    if (url === undefined) return [];
    const lines = [...head.matchAll(/^ \* {5}(?! )(.*?)(?: \/\/ (.*))?$/gm)]
      .map(([, code, shown]) => ({ code: code as string, shown: shown ?? null }))
      .filter(({ code }) => code.startsWith('socket'));
    return [{ name, url, lines }];
  });

/** Starts an example on free ports; returns the one for browsers. */
async function start(name: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'ircd-websocket-'));
  const write = (file: string, text: string): string => {
    writeFileSync(join(folder, file), text);
    return join(folder, file);
  };
  switch (name) {
    case 'registry': {
      const text = readFileSync(join(ROOT, 'examples/registry/ircd.conf'), 'utf8').replace(/port="\d+"/g, 'port="0"');
      return (await startExample(name, [write('ircd.conf', text)], 2)).ports[1] as number;
    }
    case 'existing-server':
      return (await startExample(name, ['carry', 0, 0], 2)).ports[1] as number;
    case 'line-api':
      return (await startExample(name, [0, 0], 2)).ports[0] as number;
    case 'tls': {
      const { cert, key } = makeCertificate();
      return (await startExample(name, [write('cert.pem', cert), write('key.pem', key), 0])).ports[0] as number;
    }
    case 'gateway': {
      const { ports } = await startExample('webirc');
      return (await startExample(name, [0, '127.0.0.1', ports[0] as number], 1, { WEBIRC_PASSWORD: 'secret' }))
        .ports[0] as number;
    }
    default:
      return (await startExample(name)).ports[0] as number;
  }
}

describe.skipIf(CHROMIUM === null || OPENSSL === null)('the heads of the examples, in a browser', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launchBrowser(CHROMIUM as string);
  });
  afterAll(() => browser?.close());

  test('seven have lines to type, and an answer to expect', () => {
    expect(PRINTED.map(({ name }) => name).sort()).toEqual(
      ['ban-check', 'existing-server', 'gateway', 'line-api', 'minimal', 'registry', 'tls'].sort(),
    );
    for (const { lines } of PRINTED) expect(lines.some(({ shown }) => shown !== null)).toBe(true);
  });

  test.each(PRINTED)('$name', async ({ name, url, lines }) => {
    const port = await start(name);
    const here = (text: string): string => text.replace(/(?<=:)(8067|8443)(?=\/)/, String(port));
    const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
    const shown: string[] = [];
    page.on('console', (message) => void shown.push(message.text()));
    await page.goto(here(url));
    for (const { code, shown: expected } of lines) {
      // Nobody types the next line before the connection is open.
      await page.evaluate(
        'globalThis.socket && new Promise((resolve) => { if (socket.readyState > 0) resolve(); else socket.onopen = resolve; })',
      );
      await page.evaluate(here(code));
      if (expected !== null) await expect.poll(() => shown).toContain(expected);
    }
    await page.context().close();
  });
});
