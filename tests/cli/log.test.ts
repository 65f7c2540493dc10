import { expect, test } from 'vitest';
import { Log, type LogOptions } from '../../src/cli/log.ts';
import type { GatewayEvent } from '../../src/gateway/index.ts';

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /;

function logOf(options: LogOptions = {}): { log: Log; written: string[] } {
  const written: string[] = [];
  return { log: new Log((text) => void written.push(text), options), written };
}

const refusal = (message: string, level: GatewayEvent['level'] = 'info'): GatewayEvent => ({
  level,
  event: 'refused',
  message,
  fields: { address: '203.0.113.9', origin: 'https://a.example.com' },
});

test.each([
  ['as it is', 'refused 203.0.113.9: 403 no 😀', 'refused 203.0.113.9: 403 no 😀'],
  ['without line ends and escapes', 'a\r\nb\u001b[31m\u0085\u2028c', 'a??b?[31m??c'],
  ['cut', 'x'.repeat(2_000), 'x'.repeat(1_000)],
])('a line of the log, %s, with the time', (_, line, shown) => {
  const { log, written } = logOf();
  log.info(line);
  expect(written).toHaveLength(1);
  expect(written[0]?.replace(TIME, '')).toBe(`${shown}\n`);
});

test('json: one object a line, with the fields of the event; line ends stay within it', () => {
  const { log, written } = logOf({ format: 'json', process: 'worker 1' });
  log.event(refusal('refused\n\u2028{"x":1}'));
  expect(written).toHaveLength(1);
  expect(written[0]?.trimEnd()).not.toMatch(/[\n\u2028]/);
  expect(JSON.parse(written[0] as string)).toEqual({
    time: expect.any(String) as string,
    level: 'info',
    process: 'worker 1',
    message: 'refused\n\u2028{"x":1}',
    event: 'refused',
    address: '203.0.113.9',
    origin: 'https://a.example.com',
  });
});

test('levels: what is below is not written, and is not made', () => {
  const { log, written } = logOf({ level: 'warn' });
  log.info('no');
  log.event(refusal('no'));
  log.event({
    ...refusal(''),
    level: 'debug',
    get message(): string {
      throw new Error('made for nobody');
    },
  });
  log.warn('yes');
  log.error('yes');
  expect(written.map((line) => line.replace(TIME, ''))).toEqual(['warning: yes\n', 'yes\n']);
});

test('a thousand refused requests at once: a few lines, and every client that comes and goes is still there', () => {
  const { log, written } = logOf();
  for (let i = 0; i < 1_000; i++) log.event(refusal(`refused ${i}`));
  const refused = written.length;
  expect(refused).toBeGreaterThanOrEqual(20);
  expect(refused).toBeLessThan(100);
  for (let i = 0; i < 200; i++) log.event({ ...refusal(`${i}`), event: 'connect' });
  expect(written).toHaveLength(refused + 200);
});
