/** The two files that pages load: their size, what they set, and that they run without a window. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { ROOT } from '../helpers/build.ts';
import { ResumingServer } from '../helpers/resume-page.ts';
import { TcpProxy } from '../helpers/tcp-proxy.ts';

/** Bytes, as `gzip -9` makes them: a page loads the file as it is. */
const BUDGET = 2_560;

const FILES = ['index.js', 'resumable-websocket.js'] as const;
const read = (name: (typeof FILES)[number]): string => readFileSync(join(ROOT, 'dist/browser', name), 'utf8');

test.each(FILES)(`%s loads nothing else, and is at most ${BUDGET} bytes gzipped`, (name) => {
  const code = read(name);
  expect(code).not.toMatch(/\bimport\b|\brequire\b/);
  expect(gzipSync(code, { level: 9 }).length).toBeLessThanOrEqual(BUDGET);
});

describe('the classic script', () => {
  /** Runs it as a page does. */
  function run(attributes: readonly string[] | null): {
    WebSocket: unknown;
    ResumableWebSocket: new (url: string) => { url: string };
  } {
    class WebSocket extends EventTarget {
      readonly url: string;
      constructor(url: string) {
        super();
        this.url = `native ${url}`;
      }
    }
    const currentScript = attributes && { hasAttribute: (name: string) => attributes.includes(name) };
    const document = attributes === null ? {} : { document: { currentScript } };
    const page = createContext({ WebSocket, EventTarget, Event, AbortController, ...document });
    runInContext(read('resumable-websocket.js'), page);
    return page as never;
  }

  test.each([null, [], ['data-other']])(
    'with attributes %j sets ResumableWebSocket, and leaves WebSocket alone',
    (attributes) => {
      const page = run(attributes);
      expect(page.WebSocket).not.toBe(page.ResumableWebSocket);
      expect(new page.ResumableWebSocket('ws://a').url).toBe('native ws://a');
    },
  );

  test('with data-replace replaces WebSocket, and uses the native one itself', () => {
    const page = run(['data-replace']);
    expect(page.WebSocket).toBe(page.ResumableWebSocket);
    expect(new page.ResumableWebSocket('ws://a').url).toBe('native ws://a');
  });
});

describe("on Node's own WebSocket, without a window", () => {
  /** Runs a module that has `ResumableWebSocket`, `url` and `events`; resolves to what it prints. */
  async function runInNode(port: number, code: string): Promise<unknown> {
    const program = `
      const { ResumableWebSocket } = await import(${JSON.stringify(`${ROOT}dist/browser/index.js`)});
      const url = 'ws://127.0.0.1:${port}/';
      const events = [];
      const record = (socket) => {
        for (const type of ['open', 'error', 'message', 'close'])
          socket.addEventListener(type, (event) => events.push([type, socket.readyState, event.data ?? event.code ?? null]));
        return socket;
      };
      ${code}`;
    // Node 20 has it behind a flag, which later versions accept.
    const args = ['--no-warnings', '--experimental-websocket', '--input-type=module', '-e', program];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    await once(child, 'close');
    return JSON.parse(output);
  }

  const closed =
    "await new Promise((resolve) => socket.addEventListener('close', resolve)); console.log(JSON.stringify(events));";

  test('a server that does not resume is a plain connection', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    server.on('connection', (socket) => {
      socket.send('hello');
      socket.on('message', (data) => socket.close(4000, String(data)));
    });
    const events = await runInNode(
      (server.address() as AddressInfo).port,
      `const socket = record(new ResumableWebSocket(url)); socket.onmessage = () => socket.send('bye'); ${closed}`,
    );
    server.close();
    expect(events).toEqual([
      ['open', 1, null],
      ['message', 1, 'hello'],
      ['close', 3, 4000],
    ]);
  });

  test('a failed handshake ends in one error and one close, though Node 20 fires no close', async () => {
    const server = createServer((socket) => socket.end('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n')).listen(
      0,
      '127.0.0.1',
    );
    await once(server, 'listening');
    const events = await runInNode(
      (server.address() as AddressInfo).port,
      `const socket = record(new ResumableWebSocket(url, 'text.ircv3.net')); ${closed}`,
    );
    server.close();
    expect(events).toEqual([
      ['error', 3, null],
      ['close', 3, 1006],
    ]);
  });

  test.each(['reset', 'half-close'] as const)('survives a network that fails by %s', async (fault) => {
    const server = await ResumingServer.start({ allowMissingOrigin: true });
    const proxy = await TcpProxy.start(server.port);
    const answer = setInterval(() => {
      const served = server.clients[0];
      if (served?.lines.at(-1) === 'fail' && served.events.length === 0) proxy.fail(fault);
      if (served?.lines.at(-1) === 'last') served.client.close(4000);
    }, 10);
    const events = await runInNode(
      proxy.port,
      `const socket = record(new ResumableWebSocket(url, 'text.ircv3.net'));
       socket.onopen = () => socket.send('fail');
       socket.onsuspend = () => { events.push('suspend'); socket.send('waits'); };
       socket.onresume = () => { events.push('resume'); socket.send('last'); };
       ${closed}`,
    );
    clearInterval(answer);
    await proxy.stop();
    await server.stop();
    expect(events).toEqual([['open', 1, null], 'suspend', 'resume', ['close', 3, 4000]]);
    expect(server.clients.map(({ lines }) => lines)).toEqual([['fail', 'waits', 'last']]);
  });

  test('imports where there is no WebSocket at all, and takes the one that is there at construction', async () => {
    const events = await runInNode(
      1,
      `globalThis.WebSocket = class extends EventTarget { url = 'a later one'; }; console.log(JSON.stringify(new ResumableWebSocket(url).url));`,
    );
    expect(events).toBe('a later one');
  });

  test.each(['ws://[', 'ftp://a'])('%s: the error of the native class', async (bad) => {
    const names = await runInNode(
      1,
      `console.log(JSON.stringify([WebSocket, ResumableWebSocket].map((Class) => {
         try { new Class(${JSON.stringify(bad)}); } catch (error) { return error.name; }
       })));`,
    );
    expect(names).toEqual(['SyntaxError', 'SyntaxError']);
  });
});
