import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { Opcode } from '../../src/protocol/frame.ts';
import { makeCertificate } from '../helpers/certificate.ts';
import { freePort } from '../helpers/daemons.ts';
import { clientClose, clientFrame, clientText } from '../helpers/frames.ts';
import { GatewayCli } from '../helpers/gateway-cli.ts';
import { requirePeer } from '../helpers/peers.ts';
import { PlainIrc } from '../helpers/plain-irc.ts';
import { RawClient } from '../helpers/raw-client.ts';

const OPENSSL = requirePeer('openssl');
const ORIGIN = '<wsorigin allow="https://chat.example.com">\n';
const LOCAL = '<bind port="0"><health port="0">\n';
const SECRET = 'gatepass';

const to = (port: number): string => `<upstream host="127.0.0.1" port="${port}"><webirc password="${SECRET}" gateway="goodgw">\n`;
/** The workers' process ids, in the order of their start. */
function childrenOf({ process: { pid } }: GatewayCli): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
}

/** Whether a process has ended; one that nobody has waited for yet is a zombie. */
function isGone(pid: number): boolean {
  try {
    return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

const cleanup: (() => unknown)[] = [];

afterEach(() => {
  for (const undo of cleanup.splice(0)) undo();
});

describe('one process, or several', () => {
  test.each([1, 2])('%i: health, counters, a client to its server and back', async (workers) => {
    const irc = await PlainIrc.start();
    const gateway = await GatewayCli.start(LOCAL + ORIGIN + to(irc.port), { workers });
    expect(await gateway.health('/health')).toEqual({ status: 200, body: 'ok\n' });
    expect((await gateway.health('/other')).status).toBe(404);
    const next = irc.next();
    const client = await RawClient.open(gateway.webPort());
    const peer = await next;
    client.socket.write(clientText('NICK ada'));
    await peer.line(/^NICK ada$/);
    expect(peer.lines[0]).toMatch(/^WEBIRC gatepass goodgw 127\.0\.0\.1 127\.0\.0\.1 :/);
    await expect(RawClient.open(gateway.webPort(), { Origin: 'https://evil.example.com' })).rejects.toThrow('403');
    const stats = await gateway.stats();
    expect(stats).toMatchObject({
      workers,
      restarts: 0,
      gateway: { clients: 1, accepted: 1, refused: 1 },
      hook: { clients: 1, accepted: 1, rejected: { 403: 1 } },
    });
    const metrics = (await gateway.health('/metrics')).body;
    expect(metrics).toContain('# TYPE ircd_websocket_gateway_clients gauge\nircd_websocket_gateway_clients 1\n');
    expect(metrics).toContain('ircd_websocket_gateway_rejected_total{status="403"} 1\n');
    expect(metrics).toContain(`ircd_websocket_gateway_workers ${workers}\n`);

    gateway.process.kill('SIGTERM');
    await client.until(() => client.closeFrame !== undefined);
    expect(client.closeFrame).toEqual({ code: 1001, reason: 'Gateway is shutting down' });
    client.socket.end(clientClose(1001));
    await peer.until(() => peer.isClosed);
    expect(peer.lines.at(-1)).toBe('QUIT :Gateway is shutting down');
    expect(await gateway.ended()).toBe(0);
    await gateway.logged(/drained: 1 client served/);
    expect(gateway.log).not.toContain(SECRET);
    for (const line of gateway.log.trim().split('\n')) expect(line).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S/);
  });

  test.each([1, 2])('%i: while it drains health is 503; a second signal ends it at once', async (workers) => {
    const irc = await PlainIrc.start();
    const config = `${LOCAL}${ORIGIN}<websocket closetimeout="60s">${to(irc.port)}`;
    const gateway = await GatewayCli.start(config, { workers });
    // It never answers the Close frame.
    const client = await RawClient.open(gateway.webPort());
    gateway.process.kill('SIGTERM');
    await client.until(() => client.closeFrame !== undefined);
    expect(await gateway.health('/health')).toEqual({ status: 503, body: 'draining\n' });
    expect((await gateway.health('/metrics')).body).toContain('ircd_websocket_gateway_draining 1\n');
    await expect(RawClient.connect(gateway.webPort())).rejects.toThrow('ECONNREFUSED');
    gateway.process.kill('SIGINT');
    expect(await gateway.ended()).toBe(1);
    await client.until(() => client.closed || client.ended);
    await gateway.logged(/SIGINT again: ending at once/);
  });

  test.each([1, 2])('%i: a drain is bounded, whatever the client does', async (workers) => {
    const irc = await PlainIrc.start();
    const gateway = await GatewayCli.start(`${LOCAL}${ORIGIN}<websocket closetimeout="0.3">${to(irc.port)}`, { workers });
    const client = await RawClient.open(gateway.webPort());
    client.socket.pause();
    gateway.process.kill('SIGINT');
    expect(await gateway.ended()).toBe(0);
  });

  test.each([1, 2])('%i: a port that is taken is said, with the place, and the exit code is 1', async (workers) => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    cleanup.push(() => taken.close());
    const { port } = taken.address() as AddressInfo;
    const gateway = await GatewayCli.start(`<bind port="${port}">${ORIGIN}${to(1)}`, { workers });
    expect(await gateway.ended()).toBe(1);
    await gateway.logged(new RegExp(`not started: <bind:port> "${port}" cannot be listened on: .*EADDRINUSE`));
  });

  test.each([1, 2])('%i: a Unix domain socket, also where a killed process left its file', async (workers) => {
    const irc = await PlainIrc.start();
    const config = `<bind path="web.sock" permissions="0600">${ORIGIN}<websocket proxyranges="unix">${to(irc.port)}`;
    const gateway = await GatewayCli.start(config, { workers });
    const path = `${gateway.folder}/web.sock`;
    const ask = async (): Promise<string> => {
      const socket = connect(path);
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      const [answer] = (await once(socket, 'data')) as [Buffer];
      socket.destroy();
      return answer.toString();
    };
    expect(await ask()).toContain('400 Bad Request');
    // The folder is kept for the next one, which has the same path.
    gateway.process.kill('SIGKILL');
    await gateway.ended();
    expect(existsSync(path)).toBe(true);
    const next = await GatewayCli.start(config.replace('web.sock', path), { workers });
    expect(next.log).toContain(' ready: ');
    expect(await ask()).toContain('400 Bad Request');
  });
});

test.skipIf(OPENSSL === null)('a server by TLS: its authority is the file’s, and nobody else’s', async () => {
  const [one, two] = [makeCertificate(), makeCertificate()];
  const irc = await PlainIrc.start(one);
  const config = `${LOCAL}${ORIGIN}<upstream host="localhost" port="${irc.port}" tls="yes" cafile="ca.pem">
<webirc passwordfile="password" gateway="goodgw">`;
  const gateway = await GatewayCli.start(config, { files: { 'ca.pem': two.cert, password: `${SECRET}\n` } });
  await expect(RawClient.open(gateway.webPort())).rejects.toThrow(
    /503 [\s\S]*The IRC server has a certificate that is not trusted$/,
  );
  expect(irc.peers.flatMap(({ lines }) => lines)).toEqual([]);
  await gateway.logged(/ localhost:\d+: has no trusted certificate: /);

  gateway.write('ca.pem', one.cert);
  expect(await gateway.reload(config)).toMatch(/^reloaded: /);
  const next = irc.next();
  await RawClient.open(gateway.webPort());
  expect(await (await next).line(/^WEBIRC /)).toMatch(/^WEBIRC gatepass goodgw /);
  expect(gateway.log).not.toContain(SECRET);
});

describe('workers', () => {
  test('a dead one is started again; its counts stay, its clients’ places are free', async () => {
    const irc = await PlainIrc.start();
    // One that is known: any free one would be another after both workers were gone.
    const port = await freePort();
    const binds = `<bind port="${port}"><health port="0">`;
    const gateway = await GatewayCli.start(`${binds}${ORIGIN}<limits connectionsperaddress="2">${to(irc.port)}`, { workers: 2 });
    const enter = (): Promise<RawClient> => RawClient.open(port);
    const clients = [await enter(), await enter()];
    // Whichever worker it comes to: the primary counts for all of them.
    for (let i = 0; i < 4; i++) await expect(enter()).rejects.toThrow('429');
    expect(await gateway.stats()).toMatchObject({ gateway: { clients: 2, accepted: 2, refused: 4 } });

    for (const pid of childrenOf(gateway)) process.kill(pid, 'SIGKILL');
    for (const client of clients) await client.until(() => client.closed || client.ended);
    await gateway.logged(/worker 1 died \(SIGKILL\): the next one starts now/);
    await gateway.logged(/worker 1 is back/);
    await gateway.logged(/worker 2 is back/);
    expect(await gateway.stats()).toMatchObject({
      workers: 2,
      restarts: 2,
      gateway: { clients: 0, accepted: 2, refused: 4 },
    });
    const again = [await enter(), await enter()];
    await expect(enter()).rejects.toThrow('429');
    // One that leaves makes room.
    again[0]?.socket.end(clientClose(1000));
    for (let isIn = false; !isIn; )
      isIn = await enter().then(
        () => true,
        () => false,
      );
    // One that dies young again is waited for.
    process.kill(childrenOf(gateway)[0] as number, 'SIGKILL');
    await gateway.logged(/worker [12] died \(SIGKILL\): the next one starts in 1 s/);
  });

  test('each is a process with a small young generation', async () => {
    const gateway = await GatewayCli.start(LOCAL + ORIGIN + to(1), { workers: 2 });
    for (const pid of childrenOf(gateway))
      expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')).toContain('--max-semi-space-size=2');
  });

  test('one that does not answer is named after a reload, and counted as it was last', async () => {
    const irc = await PlainIrc.start();
    const config = LOCAL + ORIGIN + to(irc.port);
    const gateway = await GatewayCli.start(config, { workers: 2 });
    await RawClient.open(gateway.webPort());
    expect((await gateway.stats()).gateway['accepted']).toBe(1);
    const [first = 0] = childrenOf(gateway);
    process.kill(first, 'SIGSTOP');
    expect(await gateway.reload(config)).toMatch(/^reloaded: /);
    expect(gateway.log).toContain('warning: worker 1 has not answered: it may have the old configuration');
    expect((await gateway.stats()).gateway['accepted']).toBe(1);
    // A drain does not wait for it for ever; nor does a second signal.
    gateway.process.kill('SIGTERM');
    await gateway.logged(/SIGTERM: draining/);
    gateway.process.kill('SIGTERM');
    expect(await gateway.ended()).toBe(1);
    await expect.poll(() => isGone(first)).toBe(true);
  });

  test('who has lost the primary goes, too', async () => {
    const irc = await PlainIrc.start();
    const gateway = await GatewayCli.start(LOCAL + ORIGIN + to(irc.port), { workers: 2 });
    const client = await RawClient.open(gateway.webPort());
    gateway.process.kill('SIGKILL');
    await client.until(() => client.closeFrame !== undefined);
    expect(client.closeFrame).toEqual({ code: 1001, reason: 'Gateway is shutting down' });
    client.socket.end(clientClose(1001));
    await client.until(() => client.closed);
  });
});

test('with workers: whichever worker a client comes back to takes it to the one that has it', async () => {
  const irc = await PlainIrc.start();
  const config = `${LOCAL}${ORIGIN}<websocket proxyranges="loopback" proxyheader="x-real-ip" resumenode="gw">${to(irc.port)}`;
  const gateway = await GatewayCli.start(config, { workers: 2 });
  const port = gateway.webPort();
  const RESUME = 'text.ircv3.net, v1.resume.ircd-websocket';
  const control = (text: string): Buffer => clientFrame(Opcode.BINARY, text);
  const controls = ({ frames }: RawClient): string[] =>
    frames.filter(({ opcode }) => opcode === Opcode.BINARY).map(({ payload }) => payload.toString());
  const next = irc.next();
  let client = await RawClient.open(port, { 'Sec-WebSocket-Protocol': RESUME, 'X-Real-IP': '203.0.113.9' });
  const peer = await next;
  await client.until(() => controls(client).length === 1);
  let token = controls(client)[0]?.split(' ')[2] as string;
  expect(token).toMatch(/^gw-[12]\./);
  const node = token.split('.')[0];
  client.socket.write(control('ack 0'));
  // The primary hands connections to its workers in turn: of six at least one comes to the other worker.
  for (let attempt = 1; attempt <= 6; attempt++) {
    client.socket.resetAndDestroy();
    await expect.poll(async () => (await gateway.stats()).hook['suspended']).toBe(1);
    peer.socket.write(`PRIVMSG ada :line ${attempt}\r\n`);
    const address = `2001:db8::${attempt}`;
    const protocols = `${RESUME}, v1.session.${token}.${attempt - 1}.${attempt}`;
    client = await RawClient.open(port, { 'Sec-WebSocket-Protocol': protocols, 'X-Real-IP': address });
    await client.until(() => client.frames.some(({ payload }) => payload.toString() === `PRIVMSG ada :line ${attempt}`));
    expect(controls(client)[0]).toMatch(/^resumed 0 /);
    token = controls(client)[0]?.split(' ')[3] as string;
    expect(token.split('.')[0]).toBe(node);
    client.socket.write(control(`ack ${attempt}`));
    await gateway.logged(new RegExp(`${address} has come back to `));
  }
  // The checks of /stats say nothing.
  expect(irc.peers.filter(({ lines }) => lines.length > 0)).toEqual([peer]);
  expect(peer.lines).toHaveLength(1);
  expect(await gateway.stats()).toMatchObject({ gateway: { clients: 1, accepted: 1 }, hook: { resumed: 6 } });
  // A worker that is none of these.
  const unknown = `${RESUME}, v1.session.gw-9.${token.split('.').slice(1).join('.')}.6.7`;
  const stranger = await RawClient.open(port, { 'Sec-WebSocket-Protocol': unknown, 'X-Real-IP': '203.0.113.9' });
  await stranger.until(() => stranger.closeFrame !== undefined);
  expect(stranger.closeFrame?.code).toBe(4900);
});

describe('SIGHUP', () => {
  test.each([1, 2])('%i: newcomers meet what is new; what is wrong changes nothing', async (workers) => {
    const [first, second] = [await PlainIrc.start(), await PlainIrc.start()];
    const gateway = await GatewayCli.start(LOCAL + ORIGIN + to(first.port), { workers });
    const arrival = first.next();
    const client = await RawClient.open(gateway.webPort());
    const peer = await arrival;
    const other = '<wsorigin allow="https://other.example.com">';
    const wrong = await gateway.reload(`${LOCAL}${other}\n${to(second.port)}<webirc pasword="hunter2">`);
    expect(wrong).toMatch(
      /^not reloaded, the old configuration stays in force: \S+gateway\.conf: line 4: <webirc:pasword> is not known: did you mean password\?$/,
    );
    const stays = first.next();
    await RawClient.open(gateway.webPort());
    await stays;

    expect(await gateway.reload(`<bind port="1">${other}${to(second.port)}`)).toMatch(/^reloaded: /);
    expect(gateway.log).toContain('warning: <bind> has changed: restart the gateway to apply the change');
    expect(gateway.log).toContain('warning: <health> has changed: restart the gateway to apply the change');
    const next = second.next();
    await RawClient.open(gateway.webPort(), { Origin: 'https://other.example.com' });
    await next;
    await expect(RawClient.open(gateway.webPort())).rejects.toThrow('403');
    client.socket.write(clientText('PING still'));
    await peer.line(/^PING still$/);
    expect((await gateway.health('/metrics')).body).toMatch(
      /reloads_total\{result="done"\} 1\n\S+reloads_total\{result="failed"\} 1\n/,
    );
    expect(gateway.log).not.toMatch(/hunter2|gatepass/);
  });

  test.skipIf(OPENSSL === null).each([1, 2])('%i: certificates are read again; a wrong one changes nothing', async (workers) => {
    const [one, two] = [makeCertificate(), makeCertificate()];
    const config = `<bind port="0" certificate="cert.pem" key="key.pem">
<bind port="0" proxyprotocol="yes" certificate="cert.pem" key="key.pem"><websocket proxyranges="loopback">${ORIGIN}${to(1)}`;
    const gateway = await GatewayCli.start(config, { workers, files: { 'cert.pem': one.cert, 'key.pem': one.key } });
    const certificateOf = async (port: number, preface = ''): Promise<string> => {
      const raw = connect(port, '127.0.0.1');
      raw.write(preface);
      const secure = connectTls({ socket: raw, rejectUnauthorized: false });
      await once(secure, 'secureConnect');
      const pem = secure.getPeerX509Certificate()?.toString() ?? '';
      secure.destroy();
      return pem;
    };
    const both = async (): Promise<string[]> => [
      await certificateOf(gateway.webPort(0)),
      await certificateOf(gateway.webPort(1), 'PROXY TCP4 203.0.113.9 10.0.0.1 54321 443\r\n'),
    ];
    expect(await both()).toEqual([one.cert, one.cert]);
    gateway.write('cert.pem', two.cert);
    expect(await gateway.reload(config)).toMatch(
      /^not reloaded.*line 1: <bind:key> "key\.pem" cannot be used: .*key values mismatch/,
    );
    expect(await both()).toEqual([one.cert, one.cert]);
    gateway.write('key.pem', two.key);
    expect(await gateway.reload(config)).toMatch(/^reloaded: /);
    expect(await both()).toEqual([two.cert, two.cert]);
    expect(gateway.log).not.toContain('warning: <bind>');
  });
});
