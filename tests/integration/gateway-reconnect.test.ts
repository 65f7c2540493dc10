/** Web clients come back by themselves when the IRC server was away: irc-framework with `auto_reconnect`, as Kiwi IRC uses it. */
import { createRequire } from 'node:module';
import { afterEach, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { type Daemon, daemonFolder, freePort, startDaemon } from '../helpers/daemons.ts';
import { GatewayCli } from '../helpers/gateway-cli.ts';
import { requirePeer } from '../helpers/peers.ts';

const NGIRCD = requirePeer('ngircd');
const INSPIRCD = requirePeer('inspircd');
const ORIGIN = 'http://127.0.0.1';

/** The parts of irc-framework that are used here. */
interface Client {
  on(event: string, listener: (event: Record<string, string>) => void): void;
  connect(options: object): void;
  quit(message?: string): void;
}

const require = createRequire(import.meta.url);
const { Client: IrcFramework } = require('irc-framework') as { Client: new () => Client };
const transport = require('irc-framework/src/transports/websocket') as object;

// Node 20 has no WebSocket of its own, and no page to take an Origin from.
class PageSocket extends WebSocket {
  constructor(url: string, protocols?: string | string[]) {
    super(url, protocols, { origin: ORIGIN });
  }
}
(globalThis as { WebSocket: unknown }).WebSocket = PageSocket;

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

const SERVERS = {
  ngircd: {
    program: NGIRCD,
    start: (port: number): Promise<Daemon> => {
      const config = `[Global]
Name = irc.ngircd.test
Info = Test
Listen = 127.0.0.1
Ports = ${port}
[Limits]
MaxConnectionsIP = 0
[Options]
Ident = no
PAM = no
DNS = no
WebircPassword = gatepass
`;
      const folder = daemonFolder({ 'ngircd.conf': config });
      return startDaemon(NGIRCD as string, ['-n', '-f', `${folder}/ngircd.conf`], folder, port);
    },
  },
  inspircd: {
    program: INSPIRCD,
    start: (port: number): Promise<Daemon> => {
      const config = `<server name="irc.inspircd.test" description="Test" network="Test">
<admin name="a" nick="a" email="a@example.test">
<bind address="127.0.0.1" port="${port}" type="clients">
<module name="cgiirc"><cgihost type="webirc" mask="127.0.0.1" password="gatepass">
<connect allow="*" timeout="20" resolvehostnames="no" useident="no" localmax="100" globalmax="100">
<options nouserdns="yes"><dns server="127.0.0.1" timeout="1"><files motd=""><pid file="/dev/null">
`;
      const folder = daemonFolder({ 'inspircd.conf': config });
      const args = ['--runasroot', '--nofork', '--nopid', `--config=${folder}/inspircd.conf`];
      return startDaemon(INSPIRCD as string, args, folder, port);
    },
  },
};

describe.each(['ngircd', 'inspircd'] as const)('in front of %s', (name) => {
  const { program, start } = SERVERS[name];

  test.skipIf(program === null).each(['SIGKILL', 'SIGTERM'] as const)(
    'the server is ended by %s, is away, and comes back: so does the client, which has read no ERROR',
    async (signal) => {
      const ircPort = await freePort();
      let ircd = await start(ircPort);
      cleanup.push(() => ircd.stop());
      const gateway = await GatewayCli.start(`<bind port="0"><health port="0"><wsorigin allow="${ORIGIN}">
<upstream host="127.0.0.1" port="${ircPort}"><webirc password="gatepass">`);
      const client = new IrcFramework();
      const events: string[] = [];
      const lines: string[] = [];
      client.on('registered', () => void events.push('registered'));
      client.on('reconnecting', () => void events.push('reconnecting'));
      client.on('close', () => void events.push('gave up'));
      client.on('raw', ({ line }) => void lines.push(line as string));
      const server = { host: '127.0.0.1', port: gateway.webPort(), nick: 'ada', transport, auto_reconnect: true };
      client.connect({ ...server, auto_reconnect_max_retries: 10 });
      cleanup.push(() => client.quit());
      await expect.poll(() => events).toEqual(['registered']);
      // irc-framework comes back only to where it was for five seconds.
      await new Promise((resolve) => setTimeout(resolve, 5_500));

      ircd.process.kill(signal);
      await expect.poll(() => events).toContain('reconnecting');
      // The gateway knows when it has tried to connect again.
      await expect.poll(async () => (await gateway.health('/health')).status).toBe(503);
      // One attempt is refused by 503 before the server is back.
      await gateway.logged(/refused 127\.0\.0\.1: 503 /);
      await ircd.stop();
      ircd = await start(ircPort);
      await expect.poll(() => events.filter((event) => event === 'registered').length, { timeout: 45_000 }).toBe(2);
      expect(events).not.toContain('gave up');
      expect(lines.filter((line) => line.startsWith('ERROR'))).toEqual([]);
      await expect.poll(async () => (await gateway.health('/health')).status).toBe(200);
    },
    90_000,
  );
});
