import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { Client } from '../../examples/webirc/client.ts';
import { createWebirc, type Webirc } from '../../src/webirc/gateways.ts';

/** The example's clients on a free port; each line is answered with what the server has seen. */
async function listen(webirc: Webirc, notices: string[]): Promise<Server> {
  const ircServer = {
    webirc,
    tellOpers: (notice: string) => void notices.push(notice),
    handle: ({ socket, address }: Client, line: string) => void socket.write(`:irc.example SEEN ${line} from ${address}\r\n`),
  };
  const listening = createServer((socket) => new Client(socket, ircServer, '001AAAAAB')).listen(0, '127.0.0.1');
  await once(listening, 'listening');
  return listening;
}

let server: Server | undefined;
afterEach(() => new Promise<void>((resolve) => server?.close(() => resolve()) ?? resolve()));

/** Sends `text` in one write, and gives all that came back until the server's end or `until`. */
async function talk(webirc: Webirc, text: string, until = /$never/): Promise<{ answer: string; notices: string[] }> {
  const notices: string[] = [];
  server = await listen(webirc, notices);
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.setEncoding('utf8').write(text);
  let answer = '';
  for await (const chunk of socket) {
    answer += chunk;
    if (until.test(answer)) break;
  }
  socket.destroy();
  return { answer, notices };
}

const password = createHash('sha256').update('goodpass').digest('hex');
const GATEWAYS = createWebirc([{ mask: ['127.0.0.1'], password, hash: 'sha256' }]);
const WEBIRC = 'WEBIRC goodpass gw host 203.0.113.9\r\n';

test('W11 what came in one packet with WEBIRC is seen behind the verdict, from the user’s address', async () => {
  const { answer, notices } = await talk(GATEWAYS, `${WEBIRC}NICK a\r\nUSER a 0 * :a\r\n`, /USER/);
  expect(answer).toBe(':irc.example SEEN NICK a from 203.0.113.9\r\n:irc.example SEEN USER a 0 * :a from 203.0.113.9\r\n');
  expect(notices).toEqual([
    '*** GATEWAY: Connecting user 001AAAAAB is using the gw WebIRC gateway; changing their IP from 127.0.0.1 to 203.0.113.9.',
  ]);
});

describe('bad input: one ERROR, the end, one notice; never a half-trusted client', () => {
  test.each([
    ['WEBIRC goodpass gw host *', 'WEBIRC: IP address is invalid: *'],
    ['WEBIRC goodpass gw host :', 'WEBIRC: IP address is invalid: '],
    ['WEBIRC goodpass gw host 1.2.3', 'WEBIRC: IP address is invalid: 1.2.3'],
    ['WEBIRC goodpass gw host user.example', 'WEBIRC: IP address is invalid: user.example'],
    ['WEBIRC wrong gw host 203.0.113.9', "WEBIRC: you don't match any configured WebIRC hosts."],
    ['WEBIRC goodpass gw host', 'WEBIRC: not enough parameters.'],
    ['WEBIRC', 'WEBIRC: not enough parameters.'],
  ])('W2 W9 W16 %s', async (line, error) => {
    const { answer, notices } = await talk(GATEWAYS, `${line}\r\nNICK a\r\n${WEBIRC}NICK b\r\n`);
    expect(answer).toBe(`ERROR :Closing link: (001AAAAAB@127.0.0.1) [${error}]\r\n`);
    expect(notices).toHaveLength(1);
  });

  test('W1 a second WEBIRC', async () => {
    const { answer, notices } = await talk(GATEWAYS, `${WEBIRC}${WEBIRC}NICK a\r\n`);
    expect(answer).toBe('ERROR :Closing link: (001AAAAAB@203.0.113.9) [WEBIRC: your IP address was already changed.]\r\n');
    expect(notices).toHaveLength(2);
  });

  test('W1 a WEBIRC after NICK', async () => {
    const { answer, notices } = await talk(GATEWAYS, `NICK a\r\n${WEBIRC}USER a 0 * :a\r\n`);
    expect(answer).toBe(
      ':irc.example SEEN NICK a from 127.0.0.1\r\nERROR :Closing link: (001AAAAAB@127.0.0.1) [WEBIRC: must be sent before PASS, CAP, NICK and USER.]\r\n',
    );
    expect(notices).toHaveLength(1);
  });
});

test('W11 a client that is gone when the verdict comes gets none', async () => {
  const asked = new AbortController();
  let finish = (): void => {};
  const slow = (): Promise<boolean> =>
    new Promise((resolve) => {
      finish = () => resolve(true);
      asked.abort();
    });
  const webirc = createWebirc([{ mask: ['127.0.0.1'], password: 'x', hash: 'slow' }], { verifiers: { slow } });
  const notices: string[] = [];
  server = await listen(webirc, notices);
  const gone = new Promise<void>((resolve) =>
    server?.once('connection', (accepted: Socket) => accepted.once('close', () => resolve())),
  );
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.write(WEBIRC);
  await once(asked.signal, 'abort');
  socket.resetAndDestroy();
  await gone;
  finish();
  await new Promise(setImmediate);
  expect(notices).toEqual([]);
});
