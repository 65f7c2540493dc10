/**
 * Header fields as they came, RFC 9110 section 5.
 *
 * In: the raw header list of a request. Out: the values of a field, without the white space around them. It does not know what they mean.
 *
 * Node joins two `Origin` fields to one value that a glob may match (hostile-inputs N5), and keeps the first of other fields: only the raw list tells.
 */

/** Gives every value of the field `name` (lower case), in order. */
export function headerValues(rawHeaders: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const field = rawHeaders[i] as string;
    if (field.length === name.length && field.toLowerCase() === name) values.push(trimOws(rawHeaders[i + 1] as string));
  }
  return values;
}

/** Gives the first value of the field `name` (lower case). */
export function headerValue(rawHeaders: readonly string[], name: string): string | undefined {
  return headerValues(rawHeaders, name)[0];
}

/** Gives the elements of a list field, RFC 9110 section 5.6.1: all its lines are one list, empty elements do not count. */
export function headerList(rawHeaders: readonly string[], name: string): string[] {
  const elements: string[] = [];
  for (const value of headerValues(rawHeaders, name)) {
    for (const part of value.split(',')) {
      const element = trimOws(part);
      if (element !== '') elements.push(element);
    }
  }
  return elements;
}

/** 5.5: white space around a value "MUST be excluded by parsers"; spaces and tabs, nothing else. No regular expression: `\s+$` is quadratic. */
export function trimOws(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isOws(value.charCodeAt(start))) start++;
  while (end > start && isOws(value.charCodeAt(end - 1))) end--;
  return start === 0 && end === value.length ? value : value.slice(start, end);
}

const isOws = (code: number): boolean => code === 0x20 || code === 0x09;
