import { RawClient, upgradeRequest } from './raw-client.ts';

/** An HTTP answer as it came. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly head: string;
}

/** Sends bytes and reads the answer; for a 101 it stops there. */
export async function answerTo(port: number, bytes: string | Uint8Array): Promise<Answer> {
  const client = await RawClient.connect(port);
  client.socket.write(bytes);
  await client.until(() => client.status === 101 || client.ended || client.closed);
  client.socket.destroy();
  return { status: client.head === '' ? 0 : client.status, body: client.status === 101 ? '' : client.body, head: client.head };
}

/** Sends a handshake with these fields replaced, and reads the answer. */
export function handshake(port: number, fields?: Parameters<typeof upgradeRequest>[0], requestLine?: string): Promise<Answer> {
  return answerTo(port, upgradeRequest(fields, requestLine));
}
