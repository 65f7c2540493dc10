/**
 * Shows: the server's side of WEBIRC. Gateways connect by TCP and say who their user is. Until the verdict is there, the
 * server holds what else the client sent: see client.ts.
 *
 * Run: `npm run example webirc -- 6667`
 * Try: `printf 'WEBIRC secret kiwi host.example 203.0.113.9\r\nNICK ada\r\n' | nc 127.0.0.1 6667`. The answer says
 * `You are from 203.0.113.9`.
 */
import { createServer } from 'node:net';
import { createWebirc, gatewaysFromTags, ircAddress, parseTags } from 'ircd-websocket';
import { Client, type IrcServer } from './client.ts';

const tags = parseTags(`
  # The password is "secret", as InspIRCd's MKPASSWD writes it.
  <gateway type="webirc" name="Kiwi" mask="127.0.0.1" hash="sha256"
           password="2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b">`);

const ircServer: IrcServer = {
  webirc: createWebirc(gatewaysFromTags(tags)),
  tellOpers: (notice) => console.log(notice),
  handle({ socket, address }, line) {
    if (/^NICK /i.test(line)) socket.write(`:irc.example.com 001 ${line.slice(5)} :You are from ${ircAddress(address)}\r\n`);
  },
};

const server = createServer((socket) => new Client(socket, ircServer));
server.listen(Number(process.argv[2] ?? 6667), '127.0.0.1', () => console.log('listening', server.address()));
