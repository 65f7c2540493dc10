/**
 * `npm run pictures`: takes the pictures of the web client in README.md, from the example server as it runs: light and dark, on a desktop and on a phone.
 *
 * It needs Chromium (`CHROMIUM` names it where it is not /usr/bin/chromium), and what `npm run build` and `npm run build:examples` make. The people who talk are
 * TCP clients; the one who looks is a browser.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const PICTURES = [
  { name: 'web-client', colorScheme: 'light', viewport: { width: 1080, height: 640 } },
  { name: 'web-client-dark', colorScheme: 'dark', viewport: { width: 1080, height: 640 } },
  { name: 'web-client-phone', colorScheme: 'light', viewport: { width: 390, height: 640 }, isMobile: true, hasTouch: true },
  { name: 'web-client-phone-dark', colorScheme: 'dark', viewport: { width: 390, height: 640 }, isMobile: true, hasTouch: true },
];

const server = spawn(process.execPath, ['.build/examples/ircd/main.js', '--port', '0', '--irc-port', '0'], {
  cwd: ROOT,
  stdio: ['ignore', 'pipe', 'inherit'],
});
let output = '';
server.stdout.setEncoding('utf8').on('data', (text) => {
  output += text;
});
while (!/the web client/.test(output)) await once(server.stdout, 'data');
const ircPort = Number(/over TCP\s+\S+:(\d+)/.exec(output)[1]);
const page = `http://127.0.0.1:${/over WebSocket\s+ws:\/\/[^/]+:(\d+)\//.exec(output)[1]}/`;

/** A person with a terminal client, in the channel. */
async function enter(nick) {
  const socket = connect(ircPort, '127.0.0.1').setEncoding('utf8');
  let heard = '';
  socket.on('data', (text) => {
    heard += text;
  });
  socket.write(`NICK ${nick}\r\nUSER ${nick} 0 * :${nick}\r\nJOIN #lobby\r\n`);
  while (!heard.includes(' 366 ')) await once(socket, 'data');
  return {
    say: (text) => socket.write(`PRIVMSG #lobby :${text}\r\n`),
    send: (line) => socket.write(`${line}\r\n`),
    leave: () => socket.end('QUIT :bye\r\n'),
  };
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
const [grace, alan, hedy] = [await enter('grace'), await enter('alan'), await enter('hedy')];
grace.send('TOPIC #lobby :IRC in the browser, and everywhere else · questions to #help');
grace.send('MODE #lobby +v hedy');

for (const { name, ...options } of PICTURES) {
  const context = await browser.newContext({ deviceScaleFactor: options.isMobile ? 1.5 : 1, ...options });
  const tab = await context.newPage();
  await tab.goto(page);
  await tab.fill('#nick', 'ada');
  await tab.click('#join-button');
  await tab.locator('#title:text-is("#lobby")').waitFor();
  const sees = (text) => tab.locator('#log li', { hasText: text }).first().waitFor();
  const answer = async (text) => {
    await tab.fill('#line', text);
    await tab.press('#line', 'Enter');
    await sees(text);
  };

  grace.say('Is anybody here with a terminal client?');
  await sees('Is anybody here');
  alan.say('I am: irssi, over plain TCP.');
  await sees('irssi');
  await answer('And I am in a browser, over a WebSocket. The server cannot tell us apart.');
  grace.say('ada: \x02neat\x02. What is new? https://github.com/topics/irc');
  await sees('neat');
  const newcomers = [await enter('barbara'), await enter('dennis'), await enter('katherine')];
  newcomers[2].leave();
  await sees('came and went');
  hedy.say('\x0304co\x0307lo\x0308ur\x0303s,\x03 if you like them, and \x1dwords\x1d');
  await sees('if you like');
  hedy.say('\x01ACTION changes the frequency\x01');
  await sees('changes the frequency');
  await answer('Time for #help, then 🚀');
  await tab.screenshot({ path: `${ROOT}docs/${name}.png` });
  for (const one of newcomers) one.leave();
  await sees('left');
  await context.close();
}

await browser.close();
server.kill();
await once(server, 'exit');
