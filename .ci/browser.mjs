/**
 * `node .ci/browser.mjs`: bundles and minifies `src/browser` into `dist/browser`: `index.js`, a module, and
 * `resumable-websocket.js`, a classic script. A page loads these as they are, so every byte counts; the readable source is in
 * `src/browser`.
 */
import { rolldown } from 'rolldown';

const OUTPUTS = [
  { input: 'src/browser/index.ts', file: 'dist/browser/index.js', format: 'esm' },
  { input: 'src/browser/classic.ts', file: 'dist/browser/resumable-websocket.js', format: 'iife' },
];

for (const { input, file, format } of OUTPUTS) {
  // ES2022: private members and static blocks, in every browser since 2022.
  const bundle = await rolldown({ input, transform: { target: 'es2022' } });
  await bundle.write({ file, format, minify: true, comments: false });
  await bundle.close();
}
