/**
 * Header fields as they came, RFC 9110 section 5.
 *
 * In: the raw header list of a request. Out: the values of a field, without the white space around them. It does not know what
 * they mean.
 *
 * Only the raw list has every field. Node joins two `Origin` fields to one value, which a glob may match, and drops the second
 * one of others.
 */

/** Returns every value of the field `name` (lower case), in order. */
export function headerValues(rawHeaders: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (let at = nextField(rawHeaders, name, 0); at >= 0; at = nextField(rawHeaders, name, at + 2))
    values.push(trimOws(rawHeaders[at + 1] as string));
  return values;
}

/** Returns the first value of the field `name` (lower case). */
export function headerValue(rawHeaders: readonly string[], name: string): string | undefined {
  const at = nextField(rawHeaders, name, 0);
  return at < 0 ? undefined : trimOws(rawHeaders[at + 1] as string);
}

/** Whether the field `name` (lower case) is there more than once. */
export function isHeaderDoubled(rawHeaders: readonly string[], name: string): boolean {
  const first = nextField(rawHeaders, name, 0);
  return first >= 0 && nextField(rawHeaders, name, first + 2) >= 0;
}

/** Returns the index of the next field `name` (lower case) in the raw list, from `from` on; -1 where there is none. */
function nextField(rawHeaders: readonly string[], name: string, from: number): number {
  for (let i = from; i + 1 < rawHeaders.length; i += 2) {
    const field = rawHeaders[i] as string;
    if (field.length === name.length && field.toLowerCase() === name) return i;
  }
  return -1;
}

/** Returns the elements of a list field, RFC 9110 section 5.6.1: all its lines are one list, empty elements do not count. */
export function headerList(rawHeaders: readonly string[], name: string): string[] {
  const elements: string[] = [];
  for (const value of headerValues(rawHeaders, name)) {
    for (let start = 0; start <= value.length; ) {
      const comma = value.indexOf(',', start);
      const end = comma < 0 ? value.length : comma;
      const element = trimOws(value.slice(start, end));
      if (element !== '') elements.push(element);
      start = end + 1;
    }
  }
  return elements;
}

/** Whether a list field has a token, in any case: the whole token, `notwebsocket` is another. */
export function hasToken(rawHeaders: readonly string[], name: string, token: string): boolean {
  return headerList(rawHeaders, name).some((element) => element.toLowerCase() === token);
}

/** Returns the name of a header field as people write it: `X-Real-IP` for `x-real-ip`. */
export function fieldName(name: string): string {
  return name
    .split('-')
    .map((word) => WORDS.get(word) ?? word.charAt(0).toUpperCase() + word.slice(1))
    .join('-');
}

/** The words that are not merely capitalised. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ['ip', 'IP'],
  ['cf', 'CF'],
  ['websocket', 'WebSocket'],
]);

/**
 * 5.5: white space around a value "MUST be excluded by parsers"; spaces and tabs, nothing else. No regular expression: `\s+$` is
 * quadratic.
 */
export function trimOws(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isOws(value.charCodeAt(start))) start++;
  while (end > start && isOws(value.charCodeAt(end - 1))) end--;
  return start === 0 && end === value.length ? value : value.slice(start, end);
}

const isOws = (code: number): boolean => code === 0x20 || code === 0x09;
