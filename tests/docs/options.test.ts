import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { interfaceSource, withGatewayTable, withOptionTable } from './option-tables.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

// `npm run docs:api` writes both anew.
test('the interface of the configuration is what the table of options says', async () => {
  await expect(interfaceSource()).toMatchFileSnapshot(join(ROOT, 'src/config/web-socket-config.ts'));
});

test('docs/configuration.md has the table of options', async () => {
  const page = readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8');
  expect(page).toContain('<!-- /options -->');
  await expect(withOptionTable(page)).toMatchFileSnapshot(join(ROOT, 'docs/configuration.md'));
});

test('docs/gateway.md has the table of tags', async () => {
  const page = readFileSync(join(ROOT, 'docs/gateway.md'), 'utf8');
  expect(page).toContain('<!-- /options -->');
  await expect(withGatewayTable(page)).toMatchFileSnapshot(join(ROOT, 'docs/gateway.md'));
});
