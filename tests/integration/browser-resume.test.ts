/** A page that loses its network: it shows that, the others in the channel notice nothing, and no line is lost. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchBrowser, WebUser } from '../helpers/browser.ts';
import { type RunningIrcd, startIrcd, TcpUser } from '../helpers/ircd.ts';
import { requirePeer } from '../helpers/peers.ts';

const CHROMIUM = requirePeer('chromium');

/** A network that can be taken away: a relay between the browser and the server. */
class Network {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isThere = true;

  private constructor(target: number) {
    this.#server = createServer((client) => {
      if (!this.#isThere) {
        client.resetAndDestroy();
        return;
      }
      const upstream = connect(target, '127.0.0.1');
      for (const [one, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        this.#sockets.add(one);
        one.on('error', () => {});
        one.on('close', () => {
          this.#sockets.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
  }

  static async to(port: number): Promise<Network> {
    const network = new Network(port);
    network.#server.listen(0, '127.0.0.1');
    await once(network.#server, 'listening');
    return network;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Resets what is connected, and every new connection, until {@link restore}. */
  takeAway(): void {
    this.#isThere = false;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  restore(): void {
    this.#isThere = true;
  }

  close(): void {
    this.takeAway();
    this.#server.close();
  }
}

describe.skipIf(CHROMIUM === null)('the web client without a network', () => {
  let browser: Browser;
  let ircd: RunningIrcd;

  beforeAll(async () => {
    browser = await launchBrowser(CHROMIUM as string);
    ircd = await startIrcd();
  });

  afterAll(async () => {
    await browser?.close();
    await ircd?.stop();
  });

  test('five losses: each is told, each line arrives once and in order, and nobody sees a QUIT', async () => {
    const network = await Network.to(ircd.webPort);
    const web = await WebUser.enter(browser, network.port, 'train', '#rail');
    const observer = await TcpUser.register(ircd.tcpPort, 'station');
    observer.send('JOIN #rail');
    await observer.line(/ 366 station #rail /);
    await web.sees('station joined');

    for (let loss = 0; loss < 5; loss++) {
      await web.say(`before ${loss}`);
      await observer.line(new RegExp(`^:train!.* PRIVMSG #rail :before ${loss}$`));
      network.takeAway();
      await web.page.locator('#status[data-state="suspended"]', { hasText: 'Reconnecting…' }).waitFor();
      observer.send(`PRIVMSG #rail :meanwhile ${loss}`);
      await web.say(`typed in the tunnel ${loss}`);
      await web.page.locator('#sending', { hasText: '1 line waits for the network' }).waitFor();
      if (loss === 0) {
        await web.page.locator('#banner', { hasText: 'You are still in your channels' }).waitFor();
        await web.takePicture('suspended');
      }
      network.restore();
      await web.isConnection('online');
      await web.sees(`meanwhile ${loss}`);
      await observer.line(new RegExp(`^:train!.* PRIVMSG #rail :typed in the tunnel ${loss}$`));
      expect(await web.page.locator('#banner').isVisible()).toBe(false);
    }

    await web.sees('typed in the tunnel 4');
    const shown = await web.page.locator('#log .is-message .text').allTextContents();
    const rounds = [0, 1, 2, 3, 4];
    expect(shown.filter((text) => text.startsWith('meanwhile'))).toEqual(rounds.map((loss) => `meanwhile ${loss}`));
    const own = rounds.flatMap((loss) => [`before ${loss}`, `typed in the tunnel ${loss}`]);
    expect(shown.filter((text) => !text.startsWith('meanwhile'))).toEqual(own);
    const said = observer.lines.filter((line) => line.startsWith(':train!')).map((line) => line.replace(/^:\S+ /, ''));
    expect(said).toEqual(own.map((text) => `PRIVMSG #rail :${text}`));
    observer.socket.destroy();
    await web.close();
    network.close();
  });
});
