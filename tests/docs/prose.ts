/**
 * The words of the documents and of the doc comments: what a reader would have to read twice.
 *
 * In: the text of a Markdown page or of a source file. Out: the sentences that CONTRIBUTING.md, "Plain English", refuses, each with its line and the reason.
 * It knows patterns, not grammar: a text that passes may still be hard to read.
 */

/** One sentence, or one line, that is refused. */
export interface Finding {
  /** From 1. */
  readonly line: number;
  readonly text: string;
  readonly reason: string;
}

/** The longest line of Markdown, in characters. Tables and code blocks cannot be wrapped. */
const MAX_LINE_LENGTH = 120;

/** How a sentence may not begin. Questions may. */
const BEGINNINGS: readonly (readonly [RegExp, string])[] = [
  [/^(?:Is|Are|Was) \S/, 'has no subject: say what it is ("A connection …"), or "Returns whether …"'],
  [/^Gives \S/, 'say "Returns"'],
  [/^Learns? \S/, 'say "Called when", or who is told'],
  [/^(?:Says|Tells) \S/, 'say "Returns", "Reports" or who does it'],
  [/^(?:Who|Whoever) \S/, 'a clause is no subject: say "A client that …"'],
  [/^Heeds? \S/, 'say "Check" or "Follow"'],
];

/** What may stand nowhere. */
const ANYWHERE: readonly (readonly [RegExp, string])[] = [
  [/\b(?:that|which|or) (?:is|are) none\b(?! of\b)/, 'a noun is missing: say what is wrong'],
  [/\b(?:is|are) let go\b/, 'say "is closed" or "is dropped"'],
  [/\bwith a word\b/, 'say "with a message"'],
  [/\bwho is (?:in|out|silent|gone)\b/i, 'say "connected clients", "silent clients"'],
  [/\bto nobody\b/, 'say "do not"'],
  [/\b[Nn]ote that\b/, 'leave it out'],
];

/** Returns what is refused in a page of Markdown. Its code blocks are not looked at. */
export function findingsInMarkdown(text: string): Finding[] {
  const findings: Finding[] = [];
  const blocks: Block[] = [];
  let block: Block | null = null;
  let isCode = false;
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(```|~~~)/.test(line)) {
      isCode = !isCode;
      block = null;
      continue;
    }
    if (isCode) continue;
    if (line.startsWith('|')) {
      block = null;
      for (const cell of line.split('|')) blocks.push({ line: index + 1, text: cell.trim() });
      continue;
    }
    if (/^(?:<{7}|>{7}) /.test(line)) findings.push({ line: index + 1, text: line, reason: 'a conflict of a merge' });
    // A link or a picture may be longer than a line.
    if (line.length > MAX_LINE_LENGTH && !/^\S*\[.*\]\(\S+\)$/.test(line))
      findings.push({ line: index + 1, text: line, reason: `${line.length} characters, limit ${MAX_LINE_LENGTH}` });
    if (line.trim() === '') {
      block = null;
      continue;
    }
    const [marker = ''] = /^\s*(?:#+ |[-*>] |\d+\. )*/.exec(line) ?? [];
    if (block === null || marker.trim() !== '') {
      block = { line: index + 1, text: line.slice(marker.length) };
      blocks.push(block);
    } else block.text += `\n${line.trim()}`;
    if (line.startsWith('#')) block = null;
  }
  return [...findings, ...blocks.flatMap(findingsInBlock)].sort((a, b) => a.line - b.line);
}

/** Returns what is refused in the doc comments of a source file. */
export function findingsInComments(source: string): Finding[] {
  return [...source.matchAll(/\/\*\*([\s\S]*?)\*\//g)].flatMap(({ 1: body = '', index }) => {
    const first = source.slice(0, index).split('\n').length;
    const blocks: Block[] = [];
    let block: Block | null = null;
    let isCode = false;
    for (const [offset, raw] of body.split('\n').entries()) {
      const line = raw.replace(/^\s*\*? ?/, '').trim();
      if (line.startsWith('```')) isCode = !isCode;
      if (isCode || line === '' || line.startsWith('```')) {
        block = null;
        continue;
      }
      // "@param name", "@throws Name" and list marks are no part of the sentence.
      const sentence = line.replace(/^(?:[-*] |\d+\. )/, '').replace(/^@(?:param|throws) \S+\s*|^@\w+\s*/, '');
      if (block === null || sentence !== line) {
        block = { line: first + offset, text: sentence };
        blocks.push(block);
      } else block.text += `\n${line}`;
    }
    return blocks.flatMap(findingsInBlock);
  });
}

/** A paragraph, a heading, an item of a list or a cell of a table. */
interface Block {
  readonly line: number;
  text: string;
}

function findingsInBlock({ line, text }: Block): Finding[] {
  // Code is quoted, not written; what stands in quotation marks is somebody else's.
  const plain = text.replace(/`[^`]*`|"[^"]*"|“[^”]*”/g, (quoted) => quoted.replace(/[^\n]/g, 'x'));
  const sentences = [...plain.matchAll(/\S[\s\S]*?(?:[.!?:](?=[\s)]|$)|$)/g)];
  return sentences.flatMap(({ 0: sentence, index }) => {
    const at = line + plain.slice(0, index).split('\n').length - 1;
    const shown = text.slice(index, index + sentence.length).replace(/\s+/g, ' ');
    const bare = sentence.replace(/^[*_(]+/, '');
    const found = [
      ...(sentence.endsWith('?') ? [] : BEGINNINGS.filter(([pattern]) => pattern.test(bare))),
      ...ANYWHERE.filter(([pattern]) => pattern.test(sentence)),
    ];
    return found.map(([, reason]) => ({ line: at, text: shown.slice(0, 160), reason }));
  });
}
