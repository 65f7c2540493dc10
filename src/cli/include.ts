/**
 * The tags of a configuration and of the files that it includes: `<include file="…">`.
 *
 * In: a file. Out: its tags in order, those of an included file in the place of their `<include>`. It does not know what the tags
 * mean.
 *
 * Variables (`<define>`) hold in the file that sets them, from there on, and in the files that it includes after that.
 */
import { dirname, relative, resolve } from 'node:path';
import { parseTags } from '../config/tags.ts';
import { INCLUDE_OPTIONS } from './gateway-options.ts';
import type { Problems } from './problems.ts';
import { type PlacedTag, TagFields } from './tag-fields.ts';

/** Where a file stands among the others. */
interface Source {
  readonly folder: string;
  /** `null` for the configuration itself. */
  readonly file: string | null;
  /** The files that include one another up to here, this one among them. */
  readonly chain: readonly string[];
}

/** Reads tags from text, and follows its includes; mistakes are remembered. */
export function readTags(text: string, path: string, problems: Problems): PlacedTag[] {
  return readSource(text, {}, { folder: dirname(path), file: null, chain: [path] }, problems);
}

function readSource(text: string, outer: Readonly<Record<string, string>>, source: Source, problems: Problems): PlacedTag[] {
  const parsed = problems.attempt(() => parseTags(text, outer, source.file === null ? {} : { file: source.file }), []);
  const variables: Record<string, string> = { ...outer };
  return parsed.flatMap((tag) => {
    const placed: PlacedTag = { ...tag, folder: source.folder, file: source.file };
    if (tag.name === 'define') variables[tag.entries.get('name') ?? ''] = tag.entries.get('value') ?? '';
    return tag.name === 'include' ? includeFile(placed, variables, source, problems) : [placed];
  });
}

function includeFile(
  tag: PlacedTag,
  variables: Readonly<Record<string, string>>,
  { chain }: Source,
  problems: Problems,
): PlacedTag[] {
  const fields = new TagFields(tag, INCLUDE_OPTIONS, problems);
  const name = fields.required('file');
  if (name === undefined) return [];
  const path = resolve(tag.folder, name);
  if (chain.includes(path)) {
    fields.fault('file', 'includes itself', name);
    return [];
  }
  const text = fields.file('file');
  if (text === undefined) return [];
  const file = relative(dirname(chain[0] as string), path);
  return readSource(text, variables, { folder: dirname(path), file, chain: [...chain, path] }, problems);
}
