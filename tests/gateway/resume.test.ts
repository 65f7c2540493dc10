/** A client that loses its connection and comes back: its IRC server notices nothing. */
import { expect, test } from 'vitest';
import { HandshakeError } from '../../src/index.ts';
import { Opcode } from '../../src/protocol/frame.ts';
import { clientFrame, clientText } from '../helpers/frames.ts';
import { HOOK, startGateway } from '../helpers/gateway.ts';
import { PlainIrc } from '../helpers/plain-irc.ts';
import { RawClient } from '../helpers/raw-client.ts';

const RESUME = 'v1.resume.ircd-websocket';
const BEHIND_PROXY = { ...HOOK, proxyRanges: ['loopback'], proxyHeader: 'x-real-ip' as const };

const control = (text: string): Buffer => clientFrame(Opcode.BINARY, text);
const controls = (client: RawClient): string[] =>
  client.frames.filter(({ opcode }) => opcode === Opcode.BINARY).map(({ payload }) => payload.toString());
const texts = (client: RawClient): string[] =>
  client.frames.filter(({ opcode }) => opcode === Opcode.TEXT).map(({ payload }) => payload.toString());

/** Opens a session from an address; returns its token too. */
async function begin(port: number, address: string): Promise<{ client: RawClient; token: string }> {
  const fields = { 'Sec-WebSocket-Protocol': `text.ircv3.net, ${RESUME}`, 'X-Real-IP': address };
  const client = await RawClient.open(port, fields);
  await client.until(() => controls(client).length === 1);
  client.socket.write(control('ack 0'));
  return { client, token: (controls(client)[0] as string).split(' ')[2] as string };
}

/** Comes back from an address. */
async function comeBack(port: number, address: string, token: string, received: number, attempt = 1): Promise<RawClient> {
  const protocols = `text.ircv3.net, ${RESUME}, v1.session.${token}.${received}.${attempt}`;
  const client = await RawClient.open(port, { 'Sec-WebSocket-Protocol': protocols, 'X-Real-IP': address });
  await client.until(() => controls(client).length > 0 || client.closeFrame !== undefined);
  return client;
}

test('the IRC server’s connection stays, lines wait, PINGs are answered, and no second connection is made', async () => {
  const irc = await PlainIrc.start();
  const { port, gateway, log } = await startGateway([{ host: '127.0.0.1', port: irc.port }], { hook: BEHIND_PROXY });
  const next = irc.next();
  const { client, token } = await begin(port, '203.0.113.9');
  const peer = await next;
  peer.socket.write(':irc.test 001 ada :Welcome\r\n');
  client.socket.write(clientText('NICK ada'));
  await client.until(() => texts(client).length === 1);
  await peer.line(/^NICK ada$/);
  client.socket.resetAndDestroy();
  await expect.poll(() => gateway.hook.stats().suspended).toBe(1);
  peer.socket.write(':b PRIVMSG ada :while you were away\r\nPING :still there\r\n:b PRIVMSG ada :and this\r\n');
  await peer.line(/^PONG :still there$/);

  const back = await comeBack(port, '198.51.100.7', token, 1);
  await back.until(() => texts(back).length === 2);
  expect(texts(back)).toEqual([':b PRIVMSG ada :while you were away', ':b PRIVMSG ada :and this']);
  back.socket.write(Buffer.concat([control('ack 3'), clientText('PRIVMSG b :hello')]));
  await peer.line(/^PRIVMSG b :hello$/);
  expect(irc.peers).toHaveLength(1);
  expect(peer.lines).not.toContainEqual(expect.stringMatching(/^QUIT/));
  expect(gateway.stats()).toMatchObject({ clients: 1, accepted: 1 });
  expect(log).toContain(`198.51.100.7 has come back to 127.0.0.1:${irc.port}`);
});

test('the place moves to the new address: the old one has room again, and the new one is full', async () => {
  const irc = await PlainIrc.start();
  const { port, gateway } = await startGateway([{ host: '127.0.0.1', port: irc.port }], {
    hook: BEHIND_PROXY,
    limits: { connectionsPerAddress: 1 },
  });
  const { client, token } = await begin(port, '203.0.113.9');
  client.socket.resetAndDestroy();
  await expect.poll(() => gateway.hook.stats().suspended).toBe(1);
  // Its place waits for it.
  await expect(begin(port, '203.0.113.9')).rejects.toThrow('429');
  const same = await comeBack(port, '203.0.113.9', token, 0);
  same.socket.write(control('ack 0'));
  same.socket.resetAndDestroy();
  await expect.poll(() => gateway.hook.stats().suspended).toBe(1);
  await expect(begin(port, '203.0.113.9')).rejects.toThrow('429');
  const back = await comeBack(port, '198.51.100.7', (controls(same)[0] as string).split(' ')[3] as string, 0, 2);
  expect(controls(back)[0]).toMatch(/^resumed /);
  await begin(port, '203.0.113.9');
  await expect(begin(port, '198.51.100.7')).rejects.toThrow('429');
  back.socket.write(clientFrame(Opcode.CLOSE, Buffer.from([0x03, 0xe8])));
  await expect
    .poll(() =>
      begin(port, '198.51.100.7').then(
        () => 'in',
        () => 'full',
      ),
    )
    .toBe('in');
});

test('who may not come back: the IRC server gets a QUIT, and no place is left taken', async () => {
  const irc = await PlainIrc.start();
  const { port, gateway } = await startGateway([{ host: '127.0.0.1', port: irc.port }], {
    hook: {
      ...BEHIND_PROXY,
      authorize: (facts) => {
        if (facts.resumes !== null) throw new HandshakeError(403, `banned, ${facts.resumes.client.address}`);
      },
    },
    limits: { connectionsPerAddress: 1 },
  });
  const next = irc.next();
  const { client, token } = await begin(port, '203.0.113.9');
  const peer = await next;
  client.socket.resetAndDestroy();
  await expect.poll(() => gateway.hook.stats().suspended).toBe(1);
  const back = await comeBack(port, '198.51.100.7', token, 0);
  expect(back.closeFrame?.code).toBe(4900);
  await peer.line(/^QUIT :/);
  await begin(port, '203.0.113.9');
  await begin(port, '198.51.100.7');
  expect(gateway.stats().clients).toBe(2);
});
