/**
 * `npm run example NAME -- ARGUMENTS`: runs one of the examples beside this file; without a name it lists them.
 *
 * It adds one thing to what an example does by itself: where another program has the port, it says what to type instead.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// This file runs as .build/examples/run.js; the first words of each example are in the sources.
const SOURCES = fileURLToPath(new URL('../../examples/', import.meta.url));

/** Returns the first sentence after "Shows:" of each example, by name. */
function examples(): Map<string, string> {
  const folders = readdirSync(SOURCES, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return new Map(
    folders.map(({ name }) => {
      const head = readFileSync(`${SOURCES}${name}/main.ts`, 'utf8').split('*/')[0] as string;
      const [, sentence = ''] = /Shows: ([\s\S]*?\.)(?:\s|$)/.exec(head.replace(/\n \* ?/g, ' ')) ?? [];
      return [name, sentence];
    }),
  );
}

/** Ends the process, with words in place of a stack where a port is taken. */
function fail(error: unknown): void {
  const { code, address, port = 0 } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code === 'EADDRINUSE') console.error(`Port ${port} on ${address} is taken by another program. ${wayOut(port)}`);
  else console.error(error);
  process.exit(1);
}

/** Explains how to choose another port. */
function wayOut(port: number): string {
  const args = process.argv.slice(2);
  const [file] = args.filter((arg) => arg.endsWith('.conf'));
  if (file !== undefined) return `Choose another one in ${file}.`;
  const others = args.includes(String(port)) ? args.map((arg) => (arg === String(port) ? port + 1 : arg)) : [port + 1];
  return `Choose another one: npm run example ${name} -- ${others.join(' ')}`;
}

const name = process.argv[2] ?? '';
const known = examples();
if (known.has(name)) {
  // The example finds its arguments where it finds them when it is run by itself.
  process.argv.splice(1, 2, `${SOURCES}${name}/main.ts`);
  process.on('uncaughtException', fail);
  await import(`./${name}/main.js`).catch(fail);
} else {
  if (name !== '') console.error(`There is no example ${JSON.stringify(name)}.`);
  console.log('npm run example NAME -- ARGUMENTS; the head of examples/NAME/main.ts says which arguments.\n');
  for (const [example, sentence] of known) console.log(`  ${example.padEnd(26)} ${sentence}`);
  process.exitCode = name === '' ? 0 : 1;
}
