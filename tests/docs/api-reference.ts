/**
 * `docs/api.md`: what the sources say of every exported name.
 *
 * In: the page as it is, and the declarations that `tsc` makes of `src/`. Out: the page with its hand-written beginning, and a section for each entry point: every name
 * that it exports with its doc comment and its declaration, in alphabetical order.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runTool } from '../helpers/run.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The entry points of the package, in the order of the page. */
export const ENTRY_POINTS: readonly { readonly entry: string; readonly title: string; readonly about: string }[] = [
  { entry: 'index.ts', title: 'ircd-websocket', about: '' },
  {
    entry: 'protocol/index.ts',
    title: 'ircd-websocket/protocol',
    about: "RFC 6455's server side without I/O: feed it bytes, it gives messages.",
  },
  {
    entry: 'gateway/index.ts',
    title: 'ircd-websocket/gateway',
    about:
      'Websockets for IRC servers that have none. The command line over it, `npx ircd-websocket gateway`, is in [gateway.md](gateway.md).',
  },
  {
    entry: 'testing/index.ts',
    title: 'ircd-websocket/testing',
    about: 'Clients for a hook in unit tests: no ports, no timers. [testing.md](testing.md) has whole examples.',
  },
  {
    entry: 'browser/index.ts',
    title: 'ircd-websocket/browser',
    about: 'A `WebSocket` for pages that survives the loss of its network. [resume.md](resume.md) says how, and how to use it.',
  },
];

/** Gives every name that an entry point re-exports, with the file that it is from. */
export function exportedNames(entry: string): { readonly name: string; readonly from: string }[] {
  const source = readFileSync(join(ROOT, 'src', entry), 'utf8');
  return [...source.matchAll(/export (?:type )?\{([^}]*)\} from '([^']+)'/g)].flatMap(([, names, from]) =>
    (names as string)
      .split(',')
      .map((name) => ({ name: name.trim().replace(/^type /, ''), from: from as string }))
      .filter(({ name }) => name !== ''),
  );
}

/** Gives the whole page: the beginning of `current`, and the reference anew. */
export function apiPage(current: string): string {
  const declarations = mkdtempSync(join(tmpdir(), 'ircd-websocket-api-'));
  try {
    runTool('typescript', ['-p', 'src', '--emitDeclarationOnly', '--declarationMap', 'false', '--outDir', declarations]);
    const head = current.slice(0, current.indexOf(`\n## ${ENTRY_POINTS[0]?.title}\n`));
    return [head, ...ENTRY_POINTS.map((point) => section(point, declarations))].join('\n');
  } finally {
    rmSync(declarations, { recursive: true, force: true });
  }
}

function section({ entry, title, about }: (typeof ENTRY_POINTS)[number], declarations: string): string {
  const names = exportedNames(entry).sort((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1));
  const entries = names.map(({ name, from }) => {
    const file = join(declarations, dirname(entry), from.replace(/\.ts$/, '.d.ts'));
    const { comment, text } = declarationOf(name, readFileSync(file, 'utf8'));
    return `### ${name}\n\n${comment}\n\n\`\`\`ts\n${text}\n\`\`\`\n`;
  });
  return [`## ${title}`, '', ...(about === '' ? [] : [about, '']), ...entries].join('\n');
}

/** Finds a declaration with its doc comment. @throws Error where there is none */
function declarationOf(name: string, source: string): { comment: string; text: string } {
  const pattern = new RegExp(
    `((?:/\\*\\*(?:(?!\\*/)[\\s\\S])*\\*/\\s*)?)export (?:declare )?(interface|class|function|const|type) ${name}\\b`,
  );
  const found = pattern.exec(source);
  if (found === null) throw new Error(`no declaration of ${name}`);
  const [, comment = '', kind = ''] = found;
  const start = found.index + comment.length;
  const isBlock = kind === 'interface' || kind === 'class';
  const text = source.slice(start, endOfDeclaration(source, start, isBlock));
  const bare = text
    .replace(/^(?:export )?(?:declare )?/, '')
    .replace(/\n\s*#private;/, '')
    .trim();
  return { comment: asMarkdown(comment), text: bare };
}

/** The end of a block's outermost brace, or of a statement's semicolon. */
function endOfDeclaration(source: string, start: number, isBlock: boolean): number {
  let depth = 0;
  for (let i = start; i < source.length; i++) {
    // What stands in a comment opens and closes nothing.
    if (source.startsWith('/*', i)) i = source.indexOf('*/', i) + 1;
    const c = source[i];
    if (c === '{' || c === '(') depth++;
    else if (c === '}' || c === ')') depth--;
    if (depth === 0 && ((isBlock && c === '}') || (!isBlock && c === ';'))) return i + 1;
  }
  return source.length;
}

function asMarkdown(comment: string): string {
  return comment
    .trim()
    .replace(/^\/\*\*|\*\/$/g, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, ''))
    .join('\n')
    .trim()
    .replace(/\{@link ([\w.]+)\}/g, '`$1`')
    .replace(/@param (\w+) /g, '- `$1`: ')
    .replace(/@returns /g, '- Returns ')
    .replace(/@throws (\w+)/g, '- Throws `$1`')
    .replace(/@defaultValue (.*)/g, '(default: $1)')
    .replace(/@deprecated/g, 'Deprecated');
}
