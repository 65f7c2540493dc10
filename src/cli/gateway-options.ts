/**
 * The tags of `gateway.conf` that are the command's own, and their keys: the one table of them.
 *
 * In: nothing. Out: the tables. Checking, suggestions for misspelt names and the table of `docs/gateway.md` come from them;
 * `npm run docs:api` writes the latter anew, and a test says when it is not current. `<websocket>` and `<wsorigin>` are the
 * library's, `config/options.ts`.
 */
import { isIP } from 'node:net';
import { type OptionRow, OptionTable } from '../config/config.ts';
import { ConfigError } from '../errors.ts';
import { legacyEncoding } from '../gateway/encoding.ts';
import { templateProblem } from '../gateway/identity.ts';
import { LIMIT_OPTIONS, TIMER } from '../gateway/limits.ts';

/** The command's own tags that are left when all files are read. */
export type OwnTag = 'bind' | 'upstream' | 'webirc' | 'users' | 'limits' | 'hostnames' | 'dnsbl' | 'dns' | 'health';

/** How often a tag may be there. */
type TagCount = 'one or more' | 'one at most' | 'any number';

/** A tag of the configuration. */
interface GatewayTag {
  readonly options: OptionTable;
  readonly count: TagCount;
}

const TEXT = { kind: 'text', byDefault: undefined } as const;

const port = (least: 0 | 1, defaultText: string, sentence: string): OptionRow => ({
  name: 'port',
  kind: 'integer',
  least,
  most: 65_535,
  problem: `must be a port from ${least} to 65535`,
  byDefault: undefined,
  defaultText,
  sentence,
});

const address = (defaultText: string, sentence: string): OptionRow => ({
  ...TEXT,
  name: 'address',
  check: (text) => (isIP(text) === 0 ? 'must be an IP address, such as "0.0.0.0" or "::" for all' : null),
  defaultText,
  sentence,
});

const isWord = (text: string): boolean => /^[^\s:\0][^\s\0]*$/.test(text);
const checkSecret = (text: string): string | null =>
  isWord(text) ? null : 'must be a word that does not begin with a colon: it is a parameter of an IRC line';

function checkEncoding(label: string): string | null {
  try {
    legacyEncoding(label, { tag: 'upstream', key: 'encoding' });
    return null;
  } catch (error) {
    if (error instanceof ConfigError) return error.problem;
    throw error;
  }
}

/** Where web clients come in. */
export const BIND_OPTIONS: OptionTable = new OptionTable('bind', [
  address('`127.0.0.1`', 'the IP address to listen on; `0.0.0.0` or `::` for all'),
  port(0, 'required, or `path`', 'the port; 0 for any that is free'),
  { ...TEXT, name: 'path', sentence: 'a Unix domain socket, in place of address and port' },
  {
    ...TEXT,
    name: 'permissions',
    check: (text) => (/^0?[0-7]{3}$/.test(text) ? null : 'must be a mode such as "0660"'),
    defaultText: 'as the umask has it',
    sentence: 'the mode of that socket, such as `0660`',
  },
  {
    ...TEXT,
    name: 'certificate',
    defaultText: 'plain',
    sentence: 'a file in PEM, with its `key`: the bind is TLS (`wss`)',
  },
  { ...TEXT, name: 'key', defaultText: 'plain', sentence: 'the file with the key of the certificate' },
  {
    name: 'proxyProtocol',
    kind: 'boolean',
    byDefault: false,
    sentence: 'whether a PROXY header comes first, from `proxyranges` alone',
  },
  {
    ...TEXT,
    name: 'websocket',
    defaultText: 'the one without a name',
    sentence: 'the name of the `<websocket>` that holds for it',
  },
]);

/** The IRC servers. */
export const UPSTREAM_OPTIONS: OptionTable = new OptionTable('upstream', [
  {
    ...TEXT,
    name: 'name',
    defaultText: '`host:port`',
    sentence: 'what `<webirc upstream>`, the log and metrics call the server',
  },
  { ...TEXT, name: 'host', defaultText: 'required, or `path`', sentence: 'the host name or address of the IRC server' },
  port(1, 'required, or `path`', 'its port'),
  { ...TEXT, name: 'path', sentence: 'its Unix domain socket, in place of host and port' },
  { name: 'tls', kind: 'boolean', byDefault: false, sentence: 'whether to connect by TLS' },
  { ...TEXT, name: 'cafile', defaultText: "Node's", sentence: 'a file with the authorities to trust for it, in PEM' },
  { ...TEXT, name: 'servername', defaultText: '`host`', sentence: 'the name that its certificate must have' },
  { name: 'verify', kind: 'boolean', byDefault: true, sentence: '`no` accepts any certificate; the log warns' },
  {
    ...TEXT,
    name: 'certificate',
    sentence: "the gateway's own certificate, with its `key`, for servers that know gateways by a fingerprint",
  },
  { ...TEXT, name: 'key', sentence: 'the file with the key of that certificate' },
  {
    name: 'family',
    kind: 'choice',
    choices: ['4', '6'],
    byDefault: undefined,
    defaultText: 'both, the first that answers',
    sentence: '`4` or `6`: which addresses of the host are tried',
  },
  {
    ...TEXT,
    name: 'localAddress',
    check: (text) => (isIP(text) === 0 ? 'must be an IP address of this machine' : null),
    defaultText: "the system's choice",
    sentence: 'the address of this machine to connect from',
  },
  {
    ...TEXT,
    name: 'pass',
    isSecret: true,
    check: checkSecret,
    sentence: "the server's password; a client's own PASS is then dropped",
  },
  { ...TEXT, name: 'passfile', sentence: 'a file that has it, in place of `pass`' },
  {
    name: 'weight',
    kind: 'integer',
    least: 1,
    most: 1_000,
    byDefault: 1,
    sentence: 'the share of clients that begin here, 1 to 1000',
  },
  {
    ...TEXT,
    name: 'encoding',
    check: checkEncoding,
    defaultText: 'UTF-8',
    sentence: "the server's encoding where it is not UTF-8, such as `windows-1252`",
  },
]);

/** How the gateway proves itself to the IRC servers. */
export const WEBIRC_OPTIONS: OptionTable = new OptionTable('webirc', [
  {
    ...TEXT,
    name: 'upstream',
    defaultText: 'all that have none of their own',
    sentence: 'the server that it is for',
  },
  {
    ...TEXT,
    name: 'password',
    isSecret: true,
    check: checkSecret,
    defaultText: 'required, or `passwordfile`',
    sentence: 'what the servers know the gateway by; one word',
  },
  { ...TEXT, name: 'passwordfile', sentence: 'a file that has it, in place of `password`' },
  {
    name: 'gateway',
    kind: 'text',
    byDefault: 'webchat',
    check: (text) => (isWord(text) ? null : 'must be a word that does not begin with a colon'),
    sentence: 'what the gateway calls itself; one word',
  },
]);

/** The names of users. */
export const USERS_OPTIONS: OptionTable = new OptionTable('users', [
  {
    ...TEXT,
    name: 'username',
    check: templateProblem,
    defaultText: "the client's own",
    sentence: 'a [template](#names-of-users) in place of the user name that the client sends',
  },
  {
    ...TEXT,
    name: 'realname',
    check: templateProblem,
    defaultText: "the client's own",
    sentence: 'a template in place of the real name that the client sends',
  },
  { ...TEXT, name: 'hostname', check: templateProblem, defaultText: '`%h`', sentence: 'a template for the host name in WEBIRC' },
]);

/** Whether users have host names. */
export const HOSTNAMES_OPTIONS: OptionTable = new OptionTable('hostnames', [
  {
    name: 'lookup',
    kind: 'boolean',
    byDefault: true,
    defaultText: '`yes`; without the tag: no',
    sentence: 'whether users have host names, where reverse and forward DNS agree',
  },
]);

/** Lists of addresses that may not come in. */
export const DNSBL_OPTIONS: OptionTable = new OptionTable('dnsbl', [
  {
    name: 'zone',
    kind: 'list',
    byDefault: undefined,
    defaultText: 'required',
    sentence: 'lists of addresses that may not come in, separated by blanks',
  },
  {
    name: 'codes',
    kind: 'list',
    byDefault: undefined,
    defaultText: 'all',
    sentence: 'which answers of these lists count: `3 5-9`',
  },
  {
    name: 'action',
    kind: 'choice',
    choices: ['deny', 'mark'],
    byDefault: 'deny',
    sentence: '`deny`, or `mark`: the client is let in, logged, and marked for the server',
  },
]);

/** The name servers. */
export const DNS_OPTIONS: OptionTable = new OptionTable('dns', [
  {
    name: 'servers',
    kind: 'list',
    byDefault: undefined,
    defaultText: "the system's",
    sentence: 'name servers for both, `:port` where it is not 53',
  },
  {
    name: 'timeout',
    ...TIMER,
    byDefault: 5_000,
    sentence: 'a duration for a whole lookup',
  },
]);

/** Where health and counters are. */
export const HEALTH_OPTIONS: OptionTable = new OptionTable('health', [
  address('`127.0.0.1`', 'where [health and counters](#health-and-counters) are; without the tag: nowhere'),
  port(0, 'required', 'their port; 0 for any that is free'),
  {
    name: 'hosts',
    kind: 'list',
    byDefault: undefined,
    defaultText: "addresses, `localhost`, the machine's name",
    sentence: 'host names that a request may name',
  },
]);

/** Another file. */
export const INCLUDE_OPTIONS: OptionTable = new OptionTable('include', [
  {
    ...TEXT,
    name: 'file',
    defaultText: 'required',
    sentence: 'another file, whose tags stand here; its paths are relative to it',
  },
]);

/** Their keys. */
export const GATEWAY_TAGS: Readonly<Record<OwnTag, GatewayTag>> = {
  bind: { options: BIND_OPTIONS, count: 'one or more' },
  upstream: { options: UPSTREAM_OPTIONS, count: 'one or more' },
  webirc: { options: WEBIRC_OPTIONS, count: 'any number' },
  users: { options: USERS_OPTIONS, count: 'one at most' },
  limits: { options: LIMIT_OPTIONS, count: 'one at most' },
  hostnames: { options: HOSTNAMES_OPTIONS, count: 'one at most' },
  dnsbl: { options: DNSBL_OPTIONS, count: 'any number' },
  dns: { options: DNS_OPTIONS, count: 'one at most' },
  health: { options: HEALTH_OPTIONS, count: 'one at most' },
};

const ELSEWHERE = 'the other keys are in [configuration.md](configuration.md#websocket)';

/** Every tag, in the order of the documentation; of `<websocket>` and `<wsorigin>` the keys that are explained there. */
export const ALL_TAGS: readonly (GatewayTag & { readonly name: string })[] = [
  { name: 'bind', ...GATEWAY_TAGS.bind },
  {
    name: 'websocket',
    count: 'any number',
    options: new OptionTable('websocket', [
      { ...TEXT, name: 'name', sentence: `the name of one that only some binds use; ${ELSEWHERE}` },
    ]),
  },
  {
    name: 'wsorigin',
    count: 'one or more',
    options: new OptionTable('wsorigin', [
      { ...TEXT, name: 'allow', defaultText: 'required', sentence: 'as in [configuration.md](configuration.md)' },
      { ...TEXT, name: 'websocket', defaultText: 'all', sentence: 'the name of the only `<websocket>` that it is for' },
    ]),
  },
  ...Object.entries(GATEWAY_TAGS).flatMap(([name, tag]) => (name === 'bind' ? [] : [{ name, ...tag }])),
  {
    name: 'define',
    count: 'any number',
    options: new OptionTable('define', [
      { ...TEXT, name: 'name', defaultText: 'required', sentence: 'the name of a variable: `&name;` in the values behind it' },
      { ...TEXT, name: 'value', defaultText: 'required', sentence: 'what the variable stands for' },
    ]),
  },
  { name: 'include', count: 'any number', options: INCLUDE_OPTIONS },
];
