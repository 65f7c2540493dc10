/**
 * `docs/api.md`: what the sources say of every exported name, by topic.
 *
 * In: the page as it is, and the declarations that `tsc` makes of `src/`. Out: the page with its contents and each topic's names
 * written anew. What stands between a topic's heading and its first name is written by hand, and kept.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runTool } from '../helpers/run.ts';
import { type Declaration, type Doc, declarationOf, type Member } from './declarations.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The entry points of the package. */
export const ENTRY_POINTS: readonly { readonly entry: string; readonly title: string }[] = [
  { entry: 'index.ts', title: 'ircd-websocket' },
  { entry: 'gateway/index.ts', title: 'ircd-websocket/gateway' },
  { entry: 'testing/index.ts', title: 'ircd-websocket/testing' },
  { entry: 'protocol/index.ts', title: 'ircd-websocket/protocol' },
  { entry: 'browser/index.ts', title: 'ircd-websocket/browser' },
];

interface Topic {
  readonly title: string;
  /** The entry point that its names are imported from. */
  readonly from: string;
  /** The folders and files of `src/` whose names belong to it. */
  readonly sources: readonly string[];
  /** Names in the order in which a reader needs them; others follow by the alphabet. */
  readonly first: readonly string[];
}

const MAIN = 'ircd-websocket';

/** The topics, in the order in which the author of a server needs them. */
export const TOPICS: readonly Topic[] = [
  {
    title: 'The hook',
    from: MAIN,
    sources: ['./hook.ts', './client/client.ts', './metrics/'],
    first: [
      'createWebSocketHook',
      'WebSocketHookOptions',
      'WebSocketHook',
      'FaultContext',
      'FaultPlace',
      'HookStats',
      'HistogramSnapshot',
    ],
  },
  {
    title: 'The client as lines',
    from: MAIN,
    sources: ['./client/', './connection/'],
    first: ['IrcClient', 'clientOf', 'broadcast', 'prepareLine', 'PreparedLine', 'CloseStatus'],
  },
  { title: 'The client as a net.Socket', from: MAIN, sources: ['./client/irc-socket.ts'], first: ['IrcSocket'] },
  { title: 'Deviations from net.Socket', from: MAIN, sources: [], first: [] },
  {
    title: 'Facts and reports',
    from: MAIN,
    sources: ['./admission/', './address/'],
    first: ['ConnectionFacts', 'Endpoint', 'TlsFacts', 'ircAddress', 'AdmissionReport', 'AdmissionStep'],
  },
  {
    title: 'Configuration',
    from: MAIN,
    sources: ['./config/'],
    first: ['WebSocketConfig', 'ResolvedConfig', 'parseTags', 'configFromTags', 'webSocketNames', 'ConfigTag'],
  },
  {
    title: 'Listening, TLS and proxies',
    from: MAIN,
    sources: ['./listening/'],
    first: ['ListenerOptions', 'AcceptOptions', 'ListenerTls', 'SniCertificates', 'RenewableTls', 'RenewedTls'],
  },
  {
    title: 'Blocklists and host names',
    from: MAIN,
    sources: ['./dns/'],
    first: ['checkDnsbl', 'DnsblOptions', 'DnsblHit', 'confirmHostname', 'LookupOptions'],
  },
  {
    title: 'WEBIRC on the server',
    from: MAIN,
    sources: ['./webirc/'],
    first: [
      'createWebirc',
      'WebircOptions',
      'Webirc',
      'WebircGateway',
      'gatewaysFromTags',
      'WebircPeer',
      'WebircState',
      'WebircVerdict',
      'WebircAccepted',
      'WebircRefused',
      'WebircRefusal',
      'WebircClaims',
      'UsernameAccepted',
      'PasswordVerifier',
      'formatWebirc',
      'parseWebirc',
      'WebircRequest',
    ],
  },
  {
    title: 'The gateway',
    from: 'ircd-websocket/gateway',
    sources: ['./'],
    first: ['createIrcGateway', 'IrcGatewayOptions', 'Upstream', 'IrcGateway'],
  },
  {
    title: 'Testing',
    from: 'ircd-websocket/testing',
    sources: ['./'],
    first: ['connect', 'ConnectOptions', 'TestClient', 'ConnectionRejectedError'],
  },
  {
    title: 'The protocol without I/O',
    from: 'ircd-websocket/protocol',
    sources: ['./'],
    first: [
      'WebSocketSession',
      'SessionSink',
      'SessionOptions',
      'SessionLimits',
      'ReadyState',
      'FrameParser',
      'FrameHandler',
      'FrameParserOptions',
      'encodeFrame',
      'FrameOptions',
      'Opcode',
      'maskKey',
      'acceptKey',
    ],
  },
  {
    title: 'The browser',
    from: 'ircd-websocket/browser',
    sources: ['./'],
    first: ['ResumableWebSocket', 'ResumableWebSocketConstructor'],
  },
  {
    title: 'Errors',
    from: MAIN,
    sources: ['./errors.ts'],
    first: ['WebSocketError', 'ConfigError', 'ConfigErrorPlace', 'HandshakeError', 'ProtocolError', 'CloseCode'],
  },
  { title: 'Diagnostics channels', from: MAIN, sources: [], first: [] },
];

/** Returns every name that an entry point re-exports, with the file that it is from. */
export function exportedNames(entry: string): { readonly name: string; readonly from: string }[] {
  const source = readFileSync(join(ROOT, 'src', entry), 'utf8');
  return [...source.matchAll(/export (?:type )?\{([^}]*)\} from '([^']+)'/g)].flatMap(([, names, from]) =>
    (names as string)
      .split(',')
      .map((name) => ({ name: name.trim().replace(/^type /, ''), from: from as string }))
      .filter(({ name }) => name !== ''),
  );
}

/** Returns the names of each topic. A name that two entry points export stands once, where it is exported first. */
export function namesByTopic(): Map<Topic, { readonly name: string; readonly entry: string; readonly from: string }[]> {
  const seen = new Set<string>();
  const byTopic = new Map(TOPICS.map((topic) => [topic, [] as { name: string; entry: string; from: string }[]]));
  for (const { entry, title } of ENTRY_POINTS) {
    for (const { name, from } of exportedNames(entry)) {
      if (seen.has(name)) continue;
      seen.add(name);
      const candidates = TOPICS.filter((topic) => topic.from === title);
      const length = (topic: Topic): number =>
        Math.max(-1, ...topic.sources.filter((source) => from.startsWith(source)).map((source) => source.length));
      const [topic] = candidates.toSorted((a, b) => length(b) - length(a));
      if (topic === undefined || length(topic) === -1)
        throw new Error(`${name} of ${from} has no topic in tests/docs/api-reference.ts`);
      byTopic.get(topic)?.push({ name, entry, from });
    }
  }
  for (const [{ first }, names] of byTopic) {
    const place = (name: string): number => (first.includes(name) ? first.indexOf(name) : first.length);
    names.sort((a, b) => place(a.name) - place(b.name) || (a.name < b.name ? -1 : 1));
  }
  return byTopic;
}

/** Returns the names of every exported function that has no `@example`. */
export function functionsWithoutExample(): string[] {
  return withDeclarations((find) =>
    [...namesByTopic().values()]
      .flat()
      .map(find)
      .filter(({ kind, doc }) => kind === 'function' && doc.examples.length === 0)
      .map(({ name }) => name),
  );
}

/** Returns every type of ours that the declaration of an exported name mentions, and that no reader can look up or import. */
export function typesThatAreNotExported(): string[] {
  const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const ours = new Set(
    files.flatMap((file) =>
      [...readFileSync(join(ROOT, 'src', file), 'utf8').matchAll(/^export (?:type|interface|class) ([A-Z]\w+)/gm)].map(
        ([, name]) => name as string,
      ),
    ),
  );
  return withDeclarations((find) => {
    const entries = [...namesByTopic().values()].flat();
    const names = new Set(entries.map(({ name }) => name));
    const missing = entries.flatMap((entry) => mentioned(find(entry).texts.join('\n'), ours, entry.name));
    return [...new Set(missing)].filter((name) => !names.has(name));
  });
}

/** Returns the whole page: what is written by hand in `current`, and the reference anew. */
export function apiPage(current: string): string {
  return withDeclarations((find) => {
    const byTopic = namesByTopic();
    const names = new Set([...byTopic.values()].flat().map(({ name }) => name));
    const head = current.slice(0, current.indexOf('\n## ')).trim();
    const contents = [...byTopic].map(([{ title }, entries]) => {
      const links = entries.map(({ name }, i) => `[${name}](#${name.toLowerCase()})${i === entries.length - 1 ? '' : ','}`);
      return wrapped([`- **[${title}](#${anchorOf(title)})**${links.length === 0 ? '' : ':'}`, ...links]);
    });
    const sections = [...byTopic].map(([{ title, from }, entries]) => {
      const byHand = introductionOf(current, title, names);
      const parts = entries.map((entry) => describe(find(entry), names, from));
      return [`## ${title}`, ...(byHand === '' ? [] : [byHand]), ...parts].join('\n\n');
    });
    return folded(`${[head, '## Contents', contents.join('\n'), ...sections].join('\n\n')}\n`);
  });
}

function withDeclarations<Result>(
  use: (find: (entry: { name: string; entry: string; from: string }) => Declaration) => Result,
): Result {
  const folder = mkdtempSync(join(tmpdir(), 'ircd-websocket-api-'));
  try {
    runTool('typescript', ['-p', 'src', '--emitDeclarationOnly', '--declarationMap', 'false', '--outDir', folder]);
    return use(({ name, entry, from }) =>
      declarationOf(name, readFileSync(join(folder, dirname(entry), from.replace(/\.ts$/, '.d.ts')), 'utf8')),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Returns what is written by hand in a topic: everything before its first name. */
function introductionOf(page: string, title: string, names: ReadonlySet<string>): string {
  const section = page.split(/^## /m).find((part) => part.startsWith(`${title}\n`)) ?? '';
  const parts = section.slice(title.length).split(/^### /m);
  const firstName = parts.findIndex((part) => names.has(part.slice(0, part.indexOf('\n'))));
  return parts
    .slice(0, firstName === -1 ? parts.length : firstName)
    .join('### ')
    .trim();
}

/** Returns a page whose paragraphs and items have lines of at most 120 characters. Code and tables stay as they are. */
function folded(page: string): string {
  let isCode = false;
  const lines = page.split('\n').flatMap((line) => {
    if (line.startsWith('```')) isCode = !isCode;
    if (isCode || line.length <= 120 || /^(?:[|#]|```)/.test(line)) return [line];
    const [indent = '', mark = ''] = [/^ */.exec(line)?.[0], /^ *(- )?/.exec(line)?.[1]];
    // A piece of code is one word.
    const words = line.trim().match(/(?:`[^`]*`|\S)+/g) ?? [];
    const folds: string[] = [];
    for (const word of words) {
      const last = folds.at(-1);
      if (last !== undefined && last.length + 1 + word.length <= 120) folds[folds.length - 1] = `${last} ${word}`;
      else folds.push(`${indent}${last === undefined ? '' : ' '.repeat(mark.length)}${word}`);
    }
    return folds;
  });
  return lines.join('\n');
}

/** Returns the pieces in lines of at most 120 characters, as an item of a list. */
function wrapped(pieces: readonly string[]): string {
  const lines: string[] = [];
  for (const piece of pieces) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + piece.length <= 120) lines[lines.length - 1] = `${last} ${piece}`;
    else lines.push(last === undefined ? piece : `  ${piece}`);
  }
  return lines.join('\n');
}

function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_ -]/gu, '')
    .replaceAll(' ', '-');
}

function describe(declaration: Declaration, names: ReadonlySet<string>, from: string): string {
  const { name, kind, doc, texts, members } = declaration;
  const link = (text: string): string => withLinks(text, names);
  const isTable = members.length > 0 && kind === 'interface' && members.every(({ isMethod }) => !isMethod);
  const parts = [`### ${name}`, oneLine(link(doc.text))];
  if (doc.deprecated !== null) parts.push(`**Deprecated.** ${link(doc.deprecated)}`.trim());
  if (kind === 'function' || kind === 'class') parts.push(`\`import { ${name} } from '${from}'\``);
  // An interface of properties is a table; all others show their shape.
  if (isTable) {
    const [head = ''] = /^interface [^{]*/.exec(texts[0] ?? '') ?? [];
    const parents = /extends (.*)$/.exec(head.trim())?.[1];
    if (parents !== undefined) parts.push(`Everything that ${typeText(parents, names)} has, and:`);
    parts.push(table(members, names));
  } else {
    parts.push(`\`\`\`typescript\n${texts.join('\n')}\n\`\`\``);
    const types = mentioned(texts.join('\n'), names, name);
    if (types.length > 0) parts.push(`Types: ${types.map((type) => `[${type}](#${type.toLowerCase()})`).join(', ')}.`);
    const details = tagList(doc, link);
    if (details.length > 0) parts.push(details.join('\n'));
    const items = members.filter((member) => hasWords(member.doc)).map((member) => memberItem(member, link));
    if (items.length > 0) parts.push(items.join('\n'));
  }
  return [...parts, ...doc.examples].filter((part) => part !== '').join('\n\n');
}

/** The exported types that a text names, in its order. */
function mentioned(text: string, names: ReadonlySet<string>, self: string): string[] {
  const words = text.replace(/(['"`])(?:(?!\1).)*\1/g, '').match(/\b[A-Z]\w+\b/g) ?? [];
  return [...new Set(words)].filter((word) => names.has(word) && word !== self);
}

function hasWords({ text, params, returns, throws, defaultValue, deprecated }: Doc): boolean {
  return text !== '' || params.length + throws.length > 0 || returns !== null || defaultValue !== null || deprecated !== null;
}

function memberItem({ name, isMethod, type, doc }: Member, link: (text: string) => string): string {
  const shown = isMethod ? `${name}(${parameterNames(type)})` : name;
  const first = [
    doc.deprecated === null ? '' : `Deprecated. ${link(doc.deprecated)}`,
    link(doc.text),
    doc.defaultValue === null ? '' : `Default: ${link(doc.defaultValue)}.`,
  ];
  const text = first
    .filter((part) => part !== '')
    .map((part) => oneLine(part).replace(/\n+/g, '\n  '))
    .join(' ');
  const details = tagList(doc, link).map((line) => `  ${line}`);
  return [`- **\`${shown}\`**: ${text}`, ...details].join('\n');
}

/** A paragraph is one line, whatever the width of the source. */
function oneLine(text: string): string {
  return text.replace(/([^\n])\n(?=[^\n])/g, '$1 ');
}

/** `(a: A, b?: B): C` is `a, b?`. */
function parameterNames(signature: string): string {
  const open = signature.indexOf('(');
  let depth = 0;
  let names = '';
  for (let i = open; i < signature.length; i++) {
    const c = signature[i] as string;
    if ('([{'.includes(c)) depth++;
    else if (')]}'.includes(c)) depth--;
    if (depth === 0) break;
    if (depth === 1 && i > open) names += c;
  }
  // What is nested stays out: the name is what stands before the colon.
  return names
    .split(',')
    .map((part) => /^\s*(\.{0,3}[\w$]+\??)\s*:/.exec(part)?.[1] ?? '')
    .filter((name) => name !== '')
    .join(', ');
}

function tagList({ params, returns, throws }: Doc, link: (text: string) => string): string[] {
  const inItem = (text: string): string => oneLine(link(text)).replace(/\n+/g, '\n  ');
  return [
    ...params.map(({ name, text }) => `- \`${name}\`: ${inItem(text)}`),
    ...(returns === null ? [] : [`- Returns ${inItem(returns)}`]),
    // "@throws TypeError for …" names a class, "@throws the signal's reason" does not.
    ...throws.map((text) => `- Throws ${inItem(text.replace(/^([A-Z]\w*)\b/, '`$1`'))}`),
  ];
}

function table(members: readonly Member[], names: ReadonlySet<string>): string {
  const hasDefaults = members.some(({ doc }) => doc.defaultValue !== null);
  const cell = (text: string): string => withLinks(text, names).replace(/\s+/g, ' ').replaceAll('|', '\\|');
  const rows = members.map(({ name, isOptional, type, doc }) => [
    `\`${name}${isOptional ? '?' : ''}\``,
    typeText(type, names),
    ...(hasDefaults ? [cell(doc.defaultValue ?? '')] : []),
    cell([doc.deprecated === null ? '' : 'Deprecated.', doc.deprecated ?? '', doc.text, ...tagSentences(doc)].join(' ').trim()),
  ]);
  const heads = ['name', 'type', ...(hasDefaults ? ['default'] : []), 'meaning'];
  return [heads, heads.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function tagSentences({ params, returns, throws }: Doc): string[] {
  return [
    ...params.map(({ name, text }) => `\`${name}\`: ${text}`),
    ...(returns === null ? [] : [`Returns ${returns}`]),
    ...throws.map((text) => `Throws ${text}`),
  ];
}

/** A type as code, with its exported names as links. */
function typeText(type: string, names: ReadonlySet<string>): string {
  const bare = type.replace(/\s+/g, ' ').replaceAll('|', '\\|');
  return bare
    .split(/\b([A-Z]\w+)\b/)
    .map((piece) => (names.has(piece) ? `[\`${piece}\`](#${piece.toLowerCase()})` : piece))
    .reduce<string[]>((pieces, piece) => {
      // Neighbours that are no links are one piece of code.
      const last = pieces.at(-1);
      if (last === undefined || last.startsWith('[`') || piece.startsWith('[`')) pieces.push(piece);
      else pieces[pieces.length - 1] = last + piece;
      return pieces;
    }, [])
    .filter((piece) => piece.trim() !== '')
    .map((piece) => (piece.startsWith('[`') ? piece : `\`${piece.trim()}\``))
    .join(' ');
}

/** `{@link Name.member}` is a link where the name has a heading, and code elsewhere. */
function withLinks(text: string, names: ReadonlySet<string>): string {
  return text.replace(/\{@link ([\w.]+)\}/g, (_all, path: string) => {
    const [name = ''] = path.split('.');
    return names.has(name) ? `[${path}](#${name.toLowerCase()})` : `\`${path}\``;
  });
}
