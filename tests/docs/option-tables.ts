/**
 * What is written from the tables of options: the interface of the configuration, and the tables of docs/configuration.md and
 * docs/gateway.md.
 *
 * In: `src/config/options.ts` and `src/cli/gateway-options.ts`. Out: the text of `src/config/web-socket-config.ts`, and the pages
 * with their tables anew.
 */
import { ALL_TAGS } from '../../src/cli/gateway-options.ts';
import type { OptionRow } from '../../src/config/option-table.ts';
import { ORIGIN_OPTIONS, WEBSOCKET_OPTIONS } from '../../src/config/options.ts';

const HEAD = `/**
 * What an operator sets, and \`rehash\` may change: plain data.
 *
 * Written from \`options.ts\` by \`npm run docs:api\`: change that one. A test says when this file is not current.
 */
import type { ProxyHeader } from '../admission/proxy.ts';
`;

/** Returns the source of the interface. */
export function interfaceSource(): string {
  const rows = [...ORIGIN_OPTIONS.rows, ...WEBSOCKET_OPTIONS.rows];
  const fields = rows.map((row) => {
    const isRequired = row.name === 'origins';
    return `${comment(row)}\n  readonly ${row.name}${isRequired ? '' : '?'}: ${typeOf(row)};`;
  });
  const about =
    '/** What an operator sets, and `rehash` may change: plain data. In brackets: the key of the `<websocket>` tag. */';
  return `${HEAD}\n${about}\nexport interface WebSocketConfig {\n${fields.join('\n')}\n}\n`;
}

/** Returns the page with its table anew. */
export function withOptionTable(page: string): string {
  return page.replace(
    /(<!-- options: [^\n]*-->\n)[\s\S]*?(\n<!-- \/options -->)/,
    (_all, begin: string, end: string) => `${begin}\n${WEBSOCKET_OPTIONS.markdown()}\n${end}`,
  );
}

/** Returns docs/gateway.md with the table of its tags anew. */
export function withGatewayTable(page: string): string {
  const lines = ALL_TAGS.flatMap(({ name, count, options }) => {
    const tag = `\`<${name}>\`${count === 'any number' ? '' : `, ${count}`}`;
    return options
      .cells()
      .map(({ key, sentence, byDefault }, i) => `| ${i === 0 ? tag : ''} | \`${key}\` | ${sentence} | ${byDefault} |`)
      .map((line) => line.replace(/^\| {2}\|/, '| |'));
  });
  const table = ['| tag | key | what it is | default |', '| --- | --- | --- | --- |', ...lines].join('\n');
  return page.replace(
    /(<!-- options: [^\n]*-->\n)[\s\S]*?(\n<!-- \/options -->)/,
    (_all, begin: string, end: string) => `${begin}\n${table}\n${end}`,
  );
}

function comment(row: OptionRow): string {
  const { name, key = name.toLowerCase(), kind, byDefault, sentence, deprecated } = row;
  // In an editor there is no page to link to.
  const text = sentence.replace(/ See \[[^\]]*\]\([^)]*\)\./g, '');
  const unit = kind === 'duration' ? 'milliseconds; in tags a duration' : kind === 'size' ? 'bytes' : '';
  const where = name === 'origins' ? '' : ` [${[key, unit].filter((part) => part !== '').join('; ')}]`;
  const tags = [
    byDefault === undefined ? '' : `@defaultValue \`${JSON.stringify(byDefault).replaceAll('"', "'")}\``,
    deprecated === undefined ? '' : `@deprecated ${deprecated}`,
  ].filter((tag) => tag !== '');
  const whole = `  /** ${[text + where, ...tags].join(' ')} */`;
  if (whole.length <= 130) return whole;
  return ['  /**', ...[text + where, ...tags].flatMap((part) => wrap(part, 125)).map((line) => `   * ${line}`), '   */'].join(
    '\n',
  );
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

function typeOf(row: OptionRow): string {
  if (row.type !== undefined) return row.type;
  switch (row.kind) {
    case 'boolean':
      return 'boolean';
    case 'choice':
      return row.choices.map((choice) => `'${choice}'`).join(' | ');
    case 'text':
      return 'string';
    case 'list':
      return 'readonly string[]';
    default:
      return 'number';
  }
}
