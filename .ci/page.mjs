/** `node .ci/page.mjs`: bundles the web client of `examples/ircd` into one file, `.build/examples/ircd/web/main.js`. */
import { rolldown } from 'rolldown';

// ES2022: what browsers since 2022 understand.
const bundle = await rolldown({ input: 'examples/ircd/web/main.ts', transform: { target: 'es2022' } });
await bundle.write({ file: '.build/examples/ircd/web/main.js', format: 'esm', minify: true });
await bundle.close();
