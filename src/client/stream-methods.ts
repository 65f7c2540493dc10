/**
 * A stream's own methods, as functions of a stream.
 *
 * A server may replace any method of the socket that it holds (`socket.write = …`): what the library itself does with the stream
 * does not go through that.
 */
import { Duplex } from 'node:stream';

/** The methods of `Duplex.prototype`; call them with the stream as `this`. */
export const stream: {
  readonly write: (this: Duplex, ...args: unknown[]) => boolean;
  readonly end: (this: Duplex, ...args: unknown[]) => unknown;
  readonly push: (this: Duplex, chunk: unknown) => boolean;
  readonly read: (this: Duplex, size?: number) => unknown;
  readonly pause: (this: Duplex) => unknown;
  readonly resume: (this: Duplex) => unknown;
  readonly destroy: (this: Duplex, error?: Error) => unknown;
} = Duplex.prototype as never;
