/**
 * `ResumableWebSocket` beside the native `WebSocket` in Chromium: the same members, errors and events, against the same servers.
 *
 * One script runs in the page, once with each class; what it saw is compared. Differences that are meant stand here, and nowhere
 * else: `isTrusted`, and what is new.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { launchBrowser } from '../helpers/browser.ts';
import { ROOT } from '../helpers/build.ts';
import { requirePeer } from '../helpers/peers.ts';
import { ResumingServer } from '../helpers/resume-page.ts';

const CHROMIUM = requirePeer('chromium');

/** A plain server; the path says what it does. */
function serve(): Server {
  const http = createServer((_request, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end('<!doctype html><title>drop-in</title>');
  });
  const sockets = new WebSocketServer({ noServer: true });
  const choosingNone = new WebSocketServer({ noServer: true, handleProtocols: () => false });
  http.on('upgrade', (request, socket, head) => {
    const { pathname, searchParams } = new URL(`http://host${request.url}`);
    if (pathname === '/refuse') {
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    if (pathname === '/reset') {
      socket.destroy();
      return;
    }
    (pathname === '/none' ? choosingNone : sockets).handleUpgrade(request, socket, head, (client) => {
      client.on('message', (data, isBinary) => client.send(data, { binary: isBinary }));
      if (pathname === '/close') client.close(Number(searchParams.get('code')), searchParams.get('reason') ?? '');
      else if (pathname === '/close-without-code') client.close();
      else if (pathname === '/drop') client.send('before', () => client.terminate());
      else if (pathname === '/garbage') client.send('before', () => socket.write(Buffer.from([0xf3, 0x00])));
      else if (pathname === '/bytes') for (const data of ['text', Buffer.from('bytes'), Buffer.alloc(0), '']) client.send(data);
    });
  });
  return http.listen(0, '127.0.0.1');
}

describe.skipIf(CHROMIUM === null)('ResumableWebSocket is a drop-in for WebSocket in Chromium', () => {
  let browser: Browser;
  let server: Server;
  let page: Page;
  let base: string;

  beforeAll(async () => {
    browser = await launchBrowser(CHROMIUM as string);
    server = serve();
    await once(server, 'listening');
    base = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    page = await browser.newPage();
    await page.goto(`http://${base}/`);
    await page.addScriptTag({ content: readFileSync(join(ROOT, 'dist/browser/resumable-websocket.js'), 'utf8') });
    await page.evaluate(IN_PAGE);
  });

  afterAll(async () => {
    await browser?.close();
    server?.closeAllConnections();
    server?.close();
  });

  /** Runs a script with each class, and expects it to see the same; resolves to what it saw. */
  async function same(script: string): Promise<unknown> {
    const [native, ours] = (await page.evaluate(
      `(async () => { const seen = []; for (const Class of [WebSocket, ResumableWebSocket]) seen.push(await (async () => { ${script} })()); return seen; })()`,
    )) as [unknown, unknown];
    expect(ours).toEqual(native);
    return native;
  }

  test('members: names, kinds, values, lengths', async () => {
    const members = (await same(
      'return [members(WebSocket, Class), members(WebSocket.prototype, Class.prototype)];',
    )) as object[];
    // It compared something.
    expect(Object.keys(members[1] as object)).toContain('bufferedAmount');
    expect(Object.keys(members[0] as object)).toContain('CONNECTING');
  });

  test.each([
    '',
    '"ws://["',
    '"ftp://host"',
    '"ws://host/#fragment"',
    'Symbol()',
    'null, "chat"',
    'url("/echo"), ""',
    'url("/echo"), "a b"',
    'url("/echo"), "a,b"',
    'url("/echo"), ["a", "a"]',
    'url("/echo"), ["text.ircv3.net", "text.ircv3.net"]',
    'url("/echo"), ["text.ircv3.net", ""]',
    'url("/echo"), ["text.ircv3.net", Symbol()]',
    'url("/echo"), {}',
    'url("/echo"), ["chat"]',
    'url("/echo"), new Set(["chat"])',
    'url("/echo"), "chat"',
    'new URL(url("/echo"))',
    '"/echo"',
    '"http://" + location.host + "/echo"',
  ])('new WebSocket(%s)', async (args) => {
    await same(`try {
      const socket = new Class(${args});
      const before = look(socket);
      const events = await ending(socket, (event) => event.type === 'open' && socket.close(1000));
      return [before, events, look(socket)];
    } catch (error) { return [error.name, error instanceof DOMException, error.code]; }`);
  });

  const PATHS = [
    '/close?code=1000',
    '/close?code=1001&reason=Away',
    '/close?code=1012&reason=Restart',
    '/close?code=4000&reason=%C3%BC',
    '/close-without-code',
    '/drop',
    '/garbage',
    '/refuse',
    '/reset',
    '/none',
    '/bytes',
  ];
  const ASKED = ['undefined', '[]', '"text.ircv3.net"', '["binary.ircv3.net", "text.ircv3.net"]', '"binary.ircv3.net"', '"chat"'];
  test.each(PATHS.flatMap((path) => ASKED.map((asked) => [path, asked])))('events of %s, asked for %s', async (path, asked) => {
    await same(`const socket = new Class(url(${JSON.stringify(path)}), ${asked});
      const before = look(socket);
      const events = await ending(socket, (event) => (event.data === '' || (event.type === 'open' && ${path === '/none'})) && socket.close());
      return [before, events, look(socket)];`);
  });

  test.each(['"blob"', '"arraybuffer"', '"nodebuffer"', '5', 'undefined'])('binaryType = %s', async (type) => {
    await same(`const socket = new Class(url('/bytes'));
      socket.binaryType = ${type};
      const before = socket.binaryType;
      return [before, await ending(socket, (event) => event.data === '' && socket.close())];`);
  });

  test('binaryType set late', async () => {
    await same(`const socket = new Class(url('/echo'));
      return ending(socket, (event) => {
        if (event.type === 'open') socket.send(new Uint8Array(3));
        else if (event.data instanceof Blob) { socket.binaryType = 'arraybuffer'; socket.send(new Uint8Array(4)); }
        else if (event.type === 'message') socket.close();
      });`);
  });

  test.each([
    '"ü😀"',
    '"\\ud800"',
    '""',
    'new Blob(["blob"])',
    'new Uint8Array([1, 2, 3]).buffer',
    'new Uint8Array([1, 2, 3]).subarray(1)',
    'new DataView(new ArrayBuffer(5), 1, 2)',
    '5',
    'null',
    'undefined',
    '{}',
    '[1, 2]',
  ])('send(%s)', async (data) => {
    await same(
      `const socket = new Class(url('/echo'), 'chat');
      let amount;
      const events = await ending(socket, (event) => {
        if (event.type === 'open') { socket.send(${data}); amount = socket.bufferedAmount; socket.send('after'); }
        if (event.data === 'after') socket.close();
      });
      return [events, amount];`,
    );
  });

  test('errors of send and close in each state', async () => {
    const CALLS = [
      'socket.send()',
      'socket.send(Symbol())',
      'socket.send("x")',
      'socket.close(999)',
      'socket.close(1001)',
      'socket.close(2999)',
      'socket.close(5000)',
      'socket.close(NaN)',
      'socket.close("x")',
      'socket.close(3000, "x".repeat(124))',
      'socket.close(3000, "ü".repeat(62))',
      'socket.close(Symbol())',
    ];
    await same(`const results = [];
      const tryAll = (socket) => results.push([${CALLS.map((call) => `() => ${call}`)}].map((call) => {
        const before = socket.readyState;
        try { call(); return [before, socket.readyState]; } catch (error) { return [before, socket.readyState, error.name, error instanceof DOMException]; }
      }));
      const socket = new Class(url('/echo'), 'chat');
      tryAll(socket);
      await ending(socket, (event) => {
        if (event.type !== 'open') return;
        tryAll(socket);
        socket.close(3000, 'x'.repeat(123));
        tryAll(socket);
      });
      tryAll(socket);
      return [results, socket.bufferedAmount];`);
  });

  test('close() while connecting, and twice', async () => {
    await same(`const socket = new Class(url('/echo'), 'chat');
      socket.close(4000, 'early');
      socket.close(4001, 'again');
      return [look(socket), await ending(socket, () => {}), look(socket)];`);
  });

  test('handlers and listeners: order, replacement, null, objects, this, once, exceptions', async () => {
    await same(`const socket = new Class(url('/bytes'));
      const log = [];
      addEventListener('error', (event) => event.preventDefault(), { once: true });
      const say = (name) => function (event) { log.push([name, event.type, this === socket, event.target === socket]); };
      log.push([socket.onopen, socket.onmessage]);
      socket.addEventListener('message', say('first'));
      socket.onmessage = say('handler');
      socket.addEventListener('message', say('second'), { once: true });
      socket.onmessage = say('replaced');
      socket.addEventListener('message', { handleEvent: say('object') });
      socket.onopen = say('taken back');
      socket.addEventListener('open', say('listener'));
      socket.onopen = null;
      socket.onopen = say('last');
      socket.addEventListener('open', () => { throw new Error('a listener fails'); });
      for (const value of [5, 'text', {}, undefined, () => {}]) { socket.onerror = value; log.push(typeof socket.onerror, socket.onerror === value); }
      socket.onerror = null;
      await ending(socket, (event) => event.data === '' && socket.close());
      return log;`);
  });

  test('a subclass, and addEventListener with a signal', async () => {
    await same(`class Mine extends Class { get mine() { return this.url.length > 0; } }
      const socket = new Mine(url('/bytes'), 'chat');
      const log = [socket.mine, socket instanceof Class, socket instanceof EventTarget, String(socket)];
      const controller = new AbortController();
      socket.addEventListener('message', () => { log.push('heard'); controller.abort(); }, { signal: controller.signal });
      await ending(socket, (event) => event.data === '' && socket.close());
      return log;`);
  });

  describe('against a server that resumes', () => {
    let resuming: ResumingServer;
    beforeAll(async () => {
      resuming = await ResumingServer.start();
    });
    afterAll(() => resuming?.stop());

    /** Answers each line as it asks. */
    async function sameWith(script: string): Promise<unknown> {
      const stop = setInterval(() => {
        for (const { client, lines } of resuming.clients)
          for (const line of lines.splice(0)) {
            if (line === 'close') client.close(4000, 'Bye');
            else if (line === 'destroy') client.destroy();
            else client.writeLine(`echo ${line}`);
          }
      }, 5);
      try {
        return await same(script.replaceAll('HOOK', `'ws://127.0.0.1:${resuming.port}/'`));
      } finally {
        clearInterval(stop);
      }
    }

    test('both are what they are', async () => {
      expect(
        await page.evaluate(`(async () => {
          const socket = new ResumableWebSocket('ws://127.0.0.1:${resuming.port}/', 'text.ircv3.net');
          await ending(socket, (event) => event.type === 'open' && (globalThis.was = socket.isResumable, socket.close()));
          return was;
        })()`),
      ).toBe(true);
    });

    const ASKED_OF_IRC = ['"text.ircv3.net"', '["binary.ircv3.net", "text.ircv3.net"]', '["text.inspircd.org"]', 'undefined'];
    const LINES = ['"ü😀"', '"close"', '"destroy"', 'new Blob(["blob"])', 'new Uint8Array([105, 114, 99]).subarray(1)', '5'];
    test.each(ASKED_OF_IRC.flatMap((asked) => LINES.map((line) => [asked, line])))(
      'asked for %s, sent %s',
      async (asked, line) => {
        // What the other chooses first is binary; a session is text.
        const shown = asked.startsWith('["binary')
          ? 'for (const event of events) { delete event.protocol; delete event.data; }'
          : '';
        await sameWith(`const socket = new Class(HOOK, ${asked});
        const before = look(socket);
        const events = await ending(socket, (event) => {
          if (event.type === 'open') socket.send(${line});
          if (event.type === 'message') socket.close(3000, 'seen');
        });
        ${shown}
        const after = look(socket);
        ${shown && "after[1] = '';"}
        return [before, events, after];`);
      },
    );

    test.each(['socket.close()', 'socket.close(1000)', 'socket.close(4999, "ü")'])('%s on open', async (call) => {
      await sameWith(`const socket = new Class(HOOK, 'text.ircv3.net');
        const events = await ending(socket, (event) => event.type === 'open' && ${call});
        return [events, look(socket)];`);
    });
  });
});

/** What the scripts use: it stands in the page. */
const IN_PAGE = `
  globalThis.url = (path) => 'ws://' + location.host + path;

  /** The members of ours that the native one has, as far as they can be seen. */
  globalThis.members = (native, mine) => Object.fromEntries(Reflect.ownKeys(native).filter((key) => key !== 'name').map((key) => {
    const found = Object.getOwnPropertyDescriptor(mine, key);
    if (found === undefined) return [String(key), null];
    const { value, get, set, ...flags } = found;
    const kind = typeof value === 'function' ? 'function ' + value.length : typeof value === 'object' ? 'object' : value;
    return [String(key), { ...flags, kind, get: typeof get, set: typeof set }];
  }));

  globalThis.look = (socket) => ['url', 'protocol', 'extensions', 'readyState', 'bufferedAmount', 'binaryType', 'onopen', 'onclose'].map((key) => socket[key]);

  /** Every event until close, in full. */
  globalThis.ending = (socket, react) => new Promise((resolve) => {
    const events = [];
    for (const type of ['open', 'message', 'error', 'close']) socket.addEventListener(type, (event) => {
      const { data } = event;
      events.push({
        class: event.constructor.name, type: event.type, state: socket.readyState, protocol: socket.protocol,
        bubbles: event.bubbles, cancelable: event.cancelable, composed: event.composed, phase: event.eventPhase,
        target: event.target === socket, current: event.currentTarget === socket,
        data: data instanceof Blob ? ['Blob', data.size, data.type] : data instanceof ArrayBuffer ? ['ArrayBuffer', ...new Uint8Array(data)] : data,
        origin: event.origin, id: event.lastEventId, source: event.source, ports: event.ports?.length,
        code: event.code, reason: event.reason, clean: event.wasClean,
      });
      react(event);
      if (type === 'close') setTimeout(resolve, 0, events);
    });
  });
`;
