/**
 * Declarations and doc comments, as data.
 *
 * In: the text of a `.d.ts` file that `tsc` wrote. Out: one declaration with its doc comment, and the members of an interface or
 * a class with theirs. It does not know Markdown, or which names are exported.
 */

/** A doc comment, by its tags. */
export interface Doc {
  /** What stands before the first tag. */
  readonly text: string;
  readonly params: readonly { readonly name: string; readonly text: string }[];
  readonly returns: string | null;
  readonly throws: readonly string[];
  readonly defaultValue: string | null;
  /** Why, or `''`; `null` for what is not deprecated. */
  readonly deprecated: string | null;
  /** Blocks of code, with their fences. */
  readonly examples: readonly string[];
}

/** One declaration: an overloaded function has several texts. */
export interface Declaration {
  readonly name: string;
  readonly kind: 'interface' | 'class' | 'function' | 'const' | 'type';
  readonly doc: Doc;
  /** Without `export`, `declare` and comments. */
  readonly texts: readonly string[];
  /** Of interfaces and classes; empty for all others. */
  readonly members: readonly Member[];
}

/** One member: an overloaded method has several, with the same name. */
export interface Member {
  readonly name: string;
  readonly isMethod: boolean;
  readonly isOptional: boolean;
  /** The type of a property; of a method what stands behind its name. */
  readonly type: string;
  readonly doc: Doc;
}

/** Returns the declaration of a name. @throws Error where there is none */
export function declarationOf(name: string, source: string): Declaration {
  const pattern = new RegExp(
    `((?:/\\*\\*(?:(?!\\*/)[\\s\\S])*\\*/\\s*)?)export (?:declare )?(interface|class|function|const|type) ${name}\\b`,
    'g',
  );
  const found = [...source.matchAll(pattern)].filter(({ 2: kind }, i, all) => i === 0 || kind === all[0]?.[2]);
  const [first] = found;
  if (first === undefined) throw new Error(`no declaration of ${name}`);
  const kind = first[2] as Declaration['kind'];
  const isBlock = kind === 'interface' || kind === 'class';
  const whole = found.map(({ 1: comment = '', index }) => {
    const start = index + comment.length;
    return source.slice(start, endOfDeclaration(source, start, isBlock));
  });
  const [block = ''] = whole;
  return {
    name,
    kind,
    doc: docOf(found.map(([, comment = '']) => comment).find((comment) => comment !== '') ?? ''),
    texts: whole.map((text) =>
      withoutComments(text)
        .replace(/^(?:export )?(?:declare )?/, '')
        .replace(/\n\s*#private;/, '')
        .trim(),
    ),
    members: isBlock ? membersOf(block.slice(block.indexOf('{') + 1, block.lastIndexOf('}'))) : [],
  };
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

function withoutComments(text: string): string {
  return text.replace(/\n\s*\/\*\*[\s\S]*?\*\//g, '');
}

function membersOf(body: string): Member[] {
  const members: Member[] = [];
  let at = 0;
  while (at < body.length) {
    const [lead = ''] = /^\s*/.exec(body.slice(at)) ?? [];
    at += lead.length;
    let comment = '';
    if (body.startsWith('/**', at)) {
      const end = body.indexOf('*/', at) + 2;
      comment = body.slice(at, end);
      at = end;
    }
    const end = endOfDeclaration(body, at, false);
    const text = withoutComments(body.slice(at, end)).replace(/;$/, '').trim();
    at = end;
    if (text === '' || text === '#private') continue;
    const member = memberOf(text, docOf(comment));
    if (member !== null) members.push(member);
  }
  return members;
}

function memberOf(text: string, doc: Doc): Member | null {
  const bare = text.replace(/^(?:(?:readonly|static|get|declare) )+/, '');
  const [head = '', name = '', optional = ''] = /^(\[[^\]]+\]|constructor|[\w$]+)(\??)/.exec(bare) ?? [];
  if (name === '') return null;
  const rest = bare.slice(head.length).trim();
  // An accessor is a property to whoever reads it.
  const isMethod = /^[(<]/.test(rest) && !/^(?:static )?get /.test(text);
  return { name, isMethod, isOptional: optional === '?', type: isMethod ? rest : rest.replace(/^(?:\(\))?:\s*/, ''), doc };
}

const TAG = /(?:^|\s)@(param|returns|throws|defaultValue|deprecated|example)\b[ \t]*/g;

/** Returns a doc comment by its tags. */
export function docOf(comment: string): Doc {
  const plain = comment
    .trim()
    .replace(/^\/\*\*|\*\/$/g, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trimEnd())
    .join('\n')
    .trim();
  // What looks like a tag within a block of code is code.
  const tags = [...plain.matchAll(TAG)].filter(({ index }) => (plain.slice(0, index).split('```').length - 1) % 2 === 0);
  const pieces = tags.map(({ 0: whole, 1: tag = '', index }, i) => ({
    tag,
    text: plain.slice(index + whole.length, tags[i + 1]?.index ?? plain.length).trim(),
  }));
  // A default behind a parameter is the parameter's.
  const ofParameter = new Set(pieces.filter(({ tag }, i) => tag === 'defaultValue' && pieces[i - 1]?.tag === 'param'));
  const of = (wanted: string): string[] =>
    pieces.flatMap((piece, i) => {
      if (piece.tag !== wanted || ofParameter.has(piece)) return [];
      const next = pieces[i + 1];
      return next !== undefined && ofParameter.has(next)
        ? [`${piece.text.replace(/\.$/, '')} (default ${next.text})`]
        : [piece.text];
    });
  return {
    text: plain.slice(0, tags[0]?.index ?? plain.length).trim(),
    params: of('param').map((text) => {
      const [, name = '', rest = ''] = /^(\S+)\s*([\s\S]*)$/.exec(text) ?? [];
      return { name, text: rest };
    }),
    returns: of('returns')[0] ?? null,
    throws: of('throws'),
    defaultValue: of('defaultValue')[0] ?? null,
    deprecated: of('deprecated')[0] ?? null,
    examples: of('example'),
  };
}
