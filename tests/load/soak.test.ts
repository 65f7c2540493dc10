import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const SOAK = fileURLToPath(new URL('../../.build/load/soak.js', import.meta.url));

/** Runs the soak; its JSON, and what else it printed. */
async function soak(options: Readonly<Record<string, number>>): Promise<{ code: number; json: string; notes: string }> {
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn(process.execPath, [SOAK, '--json', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let json = '';
  let notes = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    json += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    notes += text;
  });
  const [code] = (await once(child, 'close')) as [number];
  return { code, json, notes };
}

test('1,500 clients for a minute, 900 of them replaced, a rehash every 5 s: every line once and in order, no descriptor and no memory lost', async () => {
  const { code, json, notes } = await soak({
    ...{ clients: 1_500, seconds: 60, churn: 900, every: 10, warmup: 10 },
    ...{ 'ping-interval': 5_000, 'ping-timeout': 5_000, spread: 2_000 },
  });
  expect(json, notes).not.toBe('');
  const result = JSON.parse(json) as {
    broken: string[];
    delivered: number;
    left: Record<string, number>;
    looks: Record<'before' | 'after' | 'end', { clients: number; rehashes: number }>;
    closed: Record<number, number>;
  };
  expect(result.broken).toEqual([]);
  expect(code).toBe(0);
  // That the promises held says nothing unless there was something to break them.
  expect(result.delivered).toBeGreaterThan(100_000);
  for (const way of ['close', 'fin', 'reset', 'mute', 'slow']) expect(result.left[way], way).toBeGreaterThan(50);
  expect(result.closed[1008]).toBe(result.left['slow']);
  expect(result.looks.after.clients).toBe(1_500);
  expect(result.looks.after.rehashes - result.looks.before.rehashes).toBeGreaterThan(5);
  expect(result.looks.end.clients).toBe(0);
});
