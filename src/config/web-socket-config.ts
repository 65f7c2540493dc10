/**
 * What an operator sets, and `rehash` may change: plain data.
 *
 * Written from `options.ts` by `npm run docs:api`: change that one. A test says when this file is not current.
 */
import type { ProxyHeader } from '../admission/proxy.ts';

/** What an operator sets, and `rehash` may change: plain data. In brackets: the key of the `<websocket>` tag. */
export interface WebSocketConfig {
  /**
   * Globs of the web pages that may connect, `<wsorigin allow="https://*.example.com">`. An empty list is an error, as in
   * InspIRCd.
   */
  readonly origins: readonly string[];
  /**
   * The mode of a client that asks for no known subprotocol: `text` frames, `binary` frames, `reject` (the documented 400), or
   * `auto` (frames like those of its first message). [defaultmode]
   * @defaultValue `'text'`
   */
  readonly defaultMode?: 'text' | 'binary' | 'reject' | 'auto';
  /**
   * Whether the library sends WebSocket pings to check that clients are still connected. If not, the IRC server sends pings of
   * its own. [nativeping]
   * @defaultValue `true`
   */
  readonly nativePing?: boolean;
  /**
   * The proxies whose headers are believed: addresses, CIDR ranges, globs, `loopback`, `unix`. [proxyranges]
   * @defaultValue `[]`
   */
  readonly proxyRanges?: readonly string[];
  /**
   * Deprecated since InspIRCd 3.12: `yes` is `defaultmode="text"`, `no` is `defaultmode="binary"`. Where both are set,
   * `defaultmode` counts. [sendastext]
   * @deprecated since InspIRCd 3.12: use `defaultMode`, which wins
   */
  readonly sendAsText?: boolean;
  /**
   * Whether clients that send no `Origin` are let in: programs such as Halloy and WeeChat. Browsers always send one.
   * [allowmissingorigin]
   * @defaultValue `false`
   */
  readonly allowMissingOrigin?: boolean;
  /**
   * The one field in which the proxies tell the client's address. `auto` is X-Real-IP, then X-Forwarded-For. Name the field that
   * your proxy overwrites: in any other the client writes what it likes. [proxyheader]
   * @defaultValue `'auto'`
   */
  readonly proxyHeader?: ProxyHeader;
  /**
   * How peers outside `proxyranges` are treated. `reject`: a 400, unless they send a well-formed field, which is then ignored (as
   * documented by InspIRCd). `accept`: they come in under their own address, and no field is read. [directclients]
   * @defaultValue `'reject'`
   */
  readonly directClients?: 'reject' | 'accept';
  /**
   * How long a client is silent before it is sent a ping. Common proxies cut connections after 60 s of silence. 0: only
   * `socket.ping()` sends any. [pinginterval; milliseconds; in tags a duration]
   * @defaultValue `30000`
   */
  readonly pingInterval?: number;
  /**
   * The time within which a pinged client must send something. After that it is closed with 1001. [pingtimeout; milliseconds; in
   * tags a duration]
   * @defaultValue `60000`
   */
  readonly pingTimeout?: number;
  /**
   * The charset of the IRC server. One that is neither UTF-8 nor ASCII forbids text mode, as in InspIRCd 4. [charset]
   * @defaultValue `'utf-8'`
   */
  readonly charset?: string;
  /**
   * Text mode: the encoding of lines that are not UTF-8, a `TextDecoder` label such as `windows-1252`. Without it wrong bytes
   * become U+FFFD. [fallbackencoding]
   */
  readonly fallbackEncoding?: string | undefined;
  /**
   * The longest message. A client that sends a longer one is closed with 1009. The default is 8,191 bytes of tags and a line of
   * 510. [maxmessagesize; bytes]
   * @defaultValue `8701`
   */
  readonly maxMessageSize?: number;
  /** The most frames of one message. A client that sends more is closed with 1008. [maxfragments] @defaultValue `16` */
  readonly maxFragments?: number;
  /**
   * The most that may queue for one client. A client that falls further behind is closed with "SendQ exceeded". [sendqueuelimit;
   * bytes]
   * @defaultValue `1048576`
   */
  readonly sendQueueLimit?: number;
  /**
   * The time within which a client must be let in, `authorize` included. [handshaketimeout; milliseconds; in tags a duration]
   * @defaultValue `10000`
   */
  readonly handshakeTimeout?: number;
  /**
   * The time that a closing handshake and `hook.close()` may take. [closetimeout; milliseconds; in tags a duration]
   * @defaultValue `5000`
   */
  readonly closeTimeout?: number;
  /**
   * How a client is refused: by the HTTP error, or by accepting and closing it with the reason, which is all that JavaScript can
   * read. [rejectmode]
   * @defaultValue `'http'`
   */
  readonly rejectMode?: 'http' | 'close-frame';
  /**
   * How long a client that asks for it stays when its connection is lost, so that it can come back without a QUIT. 0: not at all.
   * [resumewindow; milliseconds; in tags a duration]
   * @defaultValue `60000`
   */
  readonly resumeWindow?: number;
  /**
   * The name of this server in the tokens of such clients, by which balancers find it. It is not a secret. [resumenode]
   * @defaultValue `'0'`
   */
  readonly resumeNode?: string;
}
