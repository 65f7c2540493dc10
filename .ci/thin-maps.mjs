/**
 * `node .ci/thin-maps.mjs dist`: keeps one place a line in source maps, and drops the rest: a stack trace still names the line, and the package is a tenth smaller.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode, encode } from '@jridgewell/sourcemap-codec';

const [folder] = process.argv.slice(2);
for (const name of readdirSync(folder, { recursive: true }).filter((path) => path.endsWith('.js.map'))) {
  const map = JSON.parse(readFileSync(join(folder, name), 'utf8'));
  map.mappings = encode(decode(map.mappings).map((line) => line.slice(0, 1)));
  writeFileSync(join(folder, name), JSON.stringify({ ...map, names: [] }));
}
