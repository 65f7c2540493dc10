import { EventEmitter, getEventListeners, once } from 'node:events';
import { Duplex, type DuplexOptions, Readable, Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { describe, expect, test } from 'vitest';
import { LazyDuplex, type StreamOwner } from '../../src/client/lazy-duplex.ts';

class Echo extends LazyDuplex implements StreamOwner {
  made = 0;

  streamOptions(): DuplexOptions {
    return { allowHalfOpen: false, highWaterMark: 4 };
  }

  streamMade(): void {
    this.made++;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.push(chunk);
    callback();
  }

  override _final(callback: () => void): void {
    this.push(null);
    callback();
  }
}

const ASKED = [
  'destroyed',
  'readable',
  'writable',
  'writableEnded',
  'writableLength',
  'writableNeedDrain',
  'writableCorked',
] as const;

describe('before there is a stream', () => {
  test('it is a Duplex, and answers what is asked of each socket as one that was just made', () => {
    const echo = new Echo();
    const plain = new Duplex();
    expect(echo).toBeInstanceOf(Duplex);
    expect(echo).toBeInstanceOf(Readable);
    expect(echo).toBeInstanceOf(EventEmitter);
    for (const name of ASKED) expect(echo[name], name).toBe(plain[name]);
    expect(echo.hasStream).toBe(false);
  });

  test('listeners come and go, are called, and are still there when it is made', async () => {
    const echo = new Echo();
    const got: unknown[] = [];
    const listener = (value: unknown): void => void got.push(value);
    echo.on('close', listener).once('close', listener).addListener('timeout', listener).prependListener('error', listener);
    expect(echo.emit('timeout', 1)).toBe(true);
    echo.off('timeout', listener);
    expect(echo.emit('timeout', 2)).toBe(false);
    echo.once('drain', listener);
    echo.emit('drain', 3);
    echo.emit('drain', 4);
    expect(got).toEqual([1, 3]);
    expect(echo.listenerCount('close')).toBe(2);
    expect(getEventListeners(echo, 'error')).toEqual([listener]);
    expect(echo.hasStream).toBe(false);
    const closed = once(echo, 'close');
    echo.destroy(new Error('over'));
    await closed.catch(() => {});
    expect(got.map(String)).toEqual(['1', '3', 'Error: over', 'undefined', 'undefined']);
    expect(echo.made).toBe(1);
  });
});

describe('the first listener of an event', () => {
  const events = ['data', 'error', 'close'] as const;

  /** Gives 'data' without a stream. */
  class Direct extends Echo {
    isFlowing = false;

    override resume(): this {
      this.isFlowing = true;
      if (this.hasStream) super.resume();
      return this;
    }
  }

  test.each(events)(
    '%s: is called with this and what is emitted, and is gone after off, also by the function that once was given',
    (event) => {
      const direct = new Direct();
      const got: unknown[] = [];
      const listener = function (this: unknown, ...args: unknown[]): void {
        got.push(this === direct, ...args);
      };
      direct.on(event, listener);
      expect(direct.emit(event, 1, 2)).toBe(true);
      direct.off(event, () => {});
      expect(direct.emit(event, 3)).toBe(true);
      direct.off(event, listener);
      direct.once(event, listener);
      expect(direct.emit(event, 4)).toBe(true);
      if (event !== 'error') expect(direct.emit(event, 5)).toBe(false);
      direct.once(event, listener).removeListener(event, listener);
      if (event !== 'error') expect(direct.emit(event, 6)).toBe(false);
      expect(got).toEqual([true, 1, 2, true, 3, true, 4]);
      expect(direct.hasStream).toBe(false);
      expect(direct.isFlowing).toBe(event === 'data');
    },
  );

  test.each(events)('%s: comes before a second one, and behind one that is prepended', (event) => {
    for (const second of ['on', 'prependListener', 'stream'] as const) {
      const direct = new Direct();
      const got: string[] = [];
      direct.on(event, () => got.push('first'));
      if (second === 'on') direct.on(event, () => got.push('second'));
      if (second === 'prependListener') direct.prependListener(event, () => got.push('second'));
      if (second === 'stream') direct.makeStream();
      direct.emit(event);
      expect(got).toEqual({ on: ['first', 'second'], prependListener: ['second', 'first'], stream: ['first'] }[second]);
      expect(direct.listenerCount(event)).toBe(second === 'stream' ? 1 : 2);
    }
  });

  test('can be asked for', () => {
    for (const event of events) {
      const direct = new Direct();
      const listener = (): void => {};
      direct.once(event, listener);
      expect(direct.listeners(event)).toEqual([listener]);
      expect(direct.rawListeners(event)).not.toEqual([listener]);
      expect(direct.eventNames()).toEqual([event]);
      expect(direct.hasStream).toBe(false);
      direct.removeAllListeners(event);
      expect(direct.listenerCount(event)).toBe(0);
    }
  });

  test('an error that nobody listens for is thrown; what is no function is refused', () => {
    const direct = new Direct();
    direct.on('close', () => {});
    expect(() => direct.emit('error', new Error('unheard'))).toThrow('unheard');
    expect(() => direct.on('data', 'x' as never)).toThrow(TypeError);
  });

  test('of data sets the stream flowing once there is one', async () => {
    const direct = new Direct();
    const got: string[] = [];
    direct.on('data', (chunk) => got.push(String(chunk)));
    direct.write('x');
    expect(direct.readableFlowing).toBe(true);
    await once(direct.end(), 'end');
    expect(got).toEqual(['x']);
  });
});

describe('what makes the stream', () => {
  const uses: Record<string, (echo: Echo) => unknown> = {
    write: (echo) => echo.write('x'),
    end: (echo) => echo.end(),
    destroy: (echo) => echo.destroy(),
    push: (echo) => echo.push('x'),
    read: (echo) => echo.read(),
    pause: (echo) => echo.pause(),
    resume: (echo) => echo.resume(),
    pipe: (echo) => echo.pipe(new Writable({ write() {} })),
    cork: (echo) => echo.cork(),
    setEncoding: (echo) => echo.setEncoding('utf8'),
    "on('data')": (echo) => echo.on('data', () => {}),
    "on('readable')": (echo) => echo.on('readable', () => {}),
    "on('resume')": (echo) => echo.on('resume', () => {}),
    removeAllListeners: (echo) => echo.removeAllListeners(),
    readableFlowing: (echo) => echo.readableFlowing,
    writableHighWaterMark: (echo) => expect(echo.writableHighWaterMark).toBe(4),
    allowHalfOpen: (echo) => expect(echo.allowHalfOpen).toBe(false),
    'instanceof Writable': (echo) => expect(echo).toBeInstanceOf(Writable),
    finished: (echo) => void finished(echo).catch(() => {}),
    'for await': (echo) => void echo[Symbol.asyncIterator]().next(),
  };
  for (const [name, use] of Object.entries(uses)) {
    test(`${name}: once, with its options`, () => {
      const echo = new Echo();
      use(echo);
      expect(echo.made).toBe(1);
      expect(echo.hasStream).toBe(true);
      expect(echo.readableHighWaterMark).toBe(4);
      expect(echo.made).toBe(1);
    });
  }
});

test('from then on it is a stream like any other', async () => {
  const echo = new Echo();
  let text = '';
  await pipeline(Readable.from(['one ', 'two ', 'three']), echo, async (source) => {
    for await (const chunk of source) text += String(chunk);
  });
  expect(text).toBe('one two three');
  await finished(echo);
  for (const name of ['writable', 'readable'] as const) expect(echo[name], name).toBe(false);
  expect(echo.writableEnded).toBe(true);
});

test('asked of its state, it answers as a stream', () => {
  const echo = new Echo();
  echo.cork();
  echo.write('12345');
  expect([echo.writableCorked, echo.writableLength, echo.writableNeedDrain]).toEqual([1, 5, true]);
  echo.uncork();
  expect([echo.writableCorked, echo.writableLength]).toEqual([0, 0]);
  expect(String(echo.read())).toBe('12345');
  echo.destroy();
  expect([echo.destroyed, echo.readable, echo.writable]).toEqual([true, false, false]);
});
