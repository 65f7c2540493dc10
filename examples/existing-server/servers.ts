/** Three IRC servers as people write them, for plain TCP. None of them has heard of websockets, and none has to. */
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** Splits lines by `readline`. */
export class ReadlineServer {
  accept(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY })
      .on('line', (line) => answer(socket, line))
      // Node hands the socket's errors on to the interface, too. Without a listener here they end the process.
      .on('error', () => {});
  }
}

/** Carries the rest of each chunk over to the next one. */
export class CarryServer {
  accept(socket: Socket): void {
    let carry = '';
    socket.setEncoding('utf8');
    socket.setTimeout(120_000, () => socket.end('ERROR :Ping timeout\r\n'));
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: string) => {
      const lines = (carry + chunk).split('\r\n');
      carry = lines.pop() ?? '';
      for (const line of lines) answer(socket, line);
    });
  }
}

/** Has a buffer of its own, and counts bytes. */
export class BufferServer {
  accept(socket: Socket): void {
    const buffer = Buffer.alloc(512);
    let used = 0;
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      for (const byte of chunk) {
        if (byte === 0x0a) {
          answer(socket, buffer.toString('utf8', 0, buffer[used - 1] === 0x0d ? used - 1 : used));
          used = 0;
        } else if (used < buffer.length) {
          buffer[used++] = byte;
        } else {
          socket.end('ERROR :Line too long\r\n');
          return;
        }
      }
    });
  }
}

function answer(socket: Socket, line: string): void {
  const [command = '', ...params] = line.split(' ');
  if (command === 'PING') {
    socket.write(`:irc.example.com PONG ${params.join(' ')}\r\n`);
  } else if (command === 'WHOAMI') {
    // In two writes: what belongs to one line need not be written at once.
    socket.write(`:irc.example.com NOTICE * :You are `);
    socket.write(`${socket.remoteAddress}\r\n`);
  } else if (command === 'QUIT') {
    socket.end('ERROR :Bye\r\n');
  } else {
    socket.write(`:irc.example.com 421 * ${command} :Unknown command\r\n`);
  }
}
