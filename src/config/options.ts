/**
 * The options of a WebSocket listener, `<websocket>` and `<wsorigin>`: the one table of them.
 *
 * In: nothing. Out: the tables. Checking, the reading of tags, suggestions for misspelt names, the interface in
 * `web-socket-config.ts` and the tables of `docs/configuration.md` come from them; `npm run docs:api` writes the latter two anew,
 * and a test says when they are not current.
 */
import { OptionTable } from './option-table.ts';

/** Timers end here, in milliseconds: 24.8 days. A longer one would fire at once. */
export const LONGEST_TIMER: number = 2 ** 31 - 1;

/** The header fields of known proxies that tell one address or a list of them. */
export const KNOWN_PROXY_HEADERS: readonly string[] = [
  'auto',
  'x-real-ip',
  'x-forwarded-for',
  'forwarded',
  'cf-connecting-ip',
  'true-client-ip',
  'fly-client-ip',
  'x-azure-clientip',
  'fastly-client-ip',
  'do-connecting-ip',
  'x-envoy-external-address',
  'x-nf-client-connection-ip',
  'x-appengine-user-ip',
];

/** Fields that clients write, or that tell something else: the address of nobody. */
const NOT_ADDRESSES =
  /^(?:host|origin|cookie|user-agent|upgrade|connection|authorization|via|referer|x-forwarded-(?!for$).*|sec-.*)$/;

/** The options of `<websocket>`. */
export const WEBSOCKET_OPTIONS: OptionTable = new OptionTable('websocket', [
  {
    name: 'defaultMode',
    kind: 'choice',
    choices: ['text', 'binary', 'reject', 'auto'],
    byDefault: 'text',
    sentence:
      'The mode of a client that asks for no known subprotocol: `text` frames, `binary` frames, `reject` (the documented 400), or `auto` (frames like those of its first message).',
  },
  {
    name: 'nativePing',
    kind: 'boolean',
    byDefault: true,
    sentence:
      'Whether the library sends WebSocket pings to check that clients are still connected. If not, the IRC server sends pings of its own.',
  },
  {
    name: 'proxyRanges',
    kind: 'list',
    byDefault: [],
    sentence:
      'The proxies whose headers are believed: addresses, CIDR ranges, globs, `loopback`, `unix`. See [Behind a proxy](#behind-a-proxy).',
  },
  {
    name: 'sendAsText',
    kind: 'boolean',
    byDefault: undefined,
    defaultText: '–',
    deprecated: 'since InspIRCd 3.12: use `defaultMode`, which wins',
    sentence:
      'Deprecated since InspIRCd 3.12: `yes` is `defaultmode="text"`, `no` is `defaultmode="binary"`. Where both are set, `defaultmode` counts.',
  },
  {
    name: 'allowMissingOrigin',
    kind: 'boolean',
    byDefault: false,
    sentence: 'Whether clients that send no `Origin` are let in: programs such as Halloy and WeeChat. Browsers always send one.',
  },
  {
    name: 'proxyHeader',
    kind: 'text',
    anyCase: true,
    type: 'ProxyHeader',
    describedAs: '`auto`, or the name of a header field',
    check: checkProxyHeader,
    byDefault: 'auto',
    sentence:
      "The one field in which the proxies tell the client's address. `auto` is X-Real-IP, then X-Forwarded-For. Name the field that your proxy overwrites: in any other the client writes what it likes.",
  },
  {
    name: 'directClients',
    kind: 'choice',
    choices: ['reject', 'accept'],
    byDefault: 'reject',
    sentence:
      'How peers outside `proxyranges` are treated. `reject`: a 400, unless they send a well-formed field, which is then ignored (as documented by InspIRCd). `accept`: they come in under their own address, and no field is read.',
  },
  {
    name: 'pingInterval',
    kind: 'duration',
    least: 0,
    most: LONGEST_TIMER,
    byDefault: 30_000,
    sentence:
      'How long a client is silent before it is sent a ping. Common proxies cut connections after 60 s of silence. 0: only `socket.ping()` sends any.',
  },
  {
    name: 'pingTimeout',
    kind: 'duration',
    least: 1,
    most: LONGEST_TIMER,
    byDefault: 60_000,
    sentence: 'The time within which a pinged client must send something. After that it is closed with 1001.',
  },
  {
    name: 'charset',
    kind: 'text',
    byDefault: 'utf-8',
    sentence: 'The charset of the IRC server. One that is neither UTF-8 nor ASCII forbids text mode, as in InspIRCd 4.',
  },
  {
    name: 'fallbackEncoding',
    kind: 'text',
    describedAs: 'label of an encoding',
    check: checkEncoding,
    type: 'string | undefined',
    byDefault: undefined,
    sentence:
      'Text mode: the encoding of lines that are not UTF-8, a `TextDecoder` label such as `windows-1252`. Without it wrong bytes become U+FFFD.',
  },
  {
    name: 'maxMessageSize',
    kind: 'size',
    least: 1,
    most: 2 ** 30,
    byDefault: 8_701,
    sentence:
      'The longest message. A client that sends a longer one is closed with 1009. The default is 8,191 bytes of tags and a line of 510.',
  },
  {
    name: 'maxFragments',
    kind: 'integer',
    least: 1,
    most: Number.MAX_SAFE_INTEGER,
    byDefault: 16,
    sentence: 'The most frames of one message. A client that sends more is closed with 1008.',
  },
  {
    name: 'sendQueueLimit',
    kind: 'size',
    least: 1,
    most: Number.MAX_SAFE_INTEGER,
    byDefault: 1_048_576,
    sentence: 'The most that may queue for one client. A client that falls further behind is closed with "SendQ exceeded".',
  },
  {
    name: 'handshakeTimeout',
    kind: 'duration',
    least: 1,
    most: LONGEST_TIMER,
    byDefault: 10_000,
    sentence: 'The time within which a client must be let in, `authorize` included.',
  },
  {
    name: 'closeTimeout',
    kind: 'duration',
    least: 1,
    most: LONGEST_TIMER,
    byDefault: 5_000,
    sentence: 'The time that a closing handshake and `hook.close()` may take.',
  },
  {
    name: 'rejectMode',
    kind: 'choice',
    choices: ['http', 'close-frame'],
    byDefault: 'http',
    sentence:
      'How a client is refused: by the HTTP error, or by accepting and closing it with the reason, which is all that JavaScript can read.',
  },
  {
    name: 'resumeWindow',
    kind: 'duration',
    least: 0,
    most: LONGEST_TIMER,
    byDefault: 60_000,
    sentence:
      'How long a client that asks for it stays when its connection is lost, so that it can come back without a QUIT. 0: not at all. See [resume.md](resume.md).',
  },
  {
    name: 'resumeNode',
    kind: 'text',
    check: (text) => (/^[\w-]{1,32}$/.test(text) ? null : 'must be 1 to 32 letters, digits, "_" and "-"'),
    byDefault: '0',
    sentence: 'The name of this server in the tokens of such clients, by which balancers find it. It is not a secret.',
  },
]);

/** The keys of `<wsorigin>`. */
export const ORIGIN_OPTIONS: OptionTable = new OptionTable('wsorigin', [
  {
    name: 'origins',
    key: 'allow',
    kind: 'list',
    byDefault: undefined,
    defaultText: 'required',
    sentence:
      'Globs of the web pages that may connect, `<wsorigin allow="https://*.example.com">`. An empty list is an error, as in InspIRCd.',
  },
]);

function checkProxyHeader(header: string): string | null {
  // Upper case is wrong only in an option: the key of a tag is made lower case before.
  if (header !== header.toLowerCase()) return `must be in lower case: "${header.toLowerCase()}"`;
  if (!/^[!#$%&'*+.^_`|~\w-]{1,100}$/.test(header)) return 'must be "auto" or the name of a header field';
  return NOT_ADDRESSES.test(header) ? 'is not a field in which proxies tell an address' : null;
}

function checkEncoding(label: string): string | null {
  try {
    new TextDecoder(label);
    return null;
  } catch {
    return 'is not an encoding that TextDecoder knows';
  }
}
