import { describe, expect, test } from 'vitest';
import {
  compileConfig,
  configFromTags,
  ErrorList,
  formatDuration,
  OptionTable,
  type WebSocketConfig,
  webSocketNames,
} from '../../src/config/config.ts';
import { type ConfigTag, parseTags } from '../../src/config/tags.ts';
import { ConfigError } from '../../src/errors.ts';

const ORIGINS = { origins: ['https://chat.example.com'] };

function errorOf(run: () => unknown): ConfigError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return error as ConfigError;
  }
  throw new Error('nothing was refused');
}

test('every option has its documented default', () => {
  const { values, warnings } = compileConfig(ORIGINS);
  expect(values).toEqual({
    origins: ['https://chat.example.com'],
    allowMissingOrigin: false,
    defaultMode: 'text',
    sendAsText: undefined,
    proxyRanges: [],
    proxyHeader: 'auto',
    directClients: 'reject',
    nativePing: true,
    pingInterval: 30_000,
    pingTimeout: 60_000,
    charset: 'utf-8',
    fallbackEncoding: undefined,
    maxMessageSize: 8_701,
    maxFragments: 16,
    sendQueueLimit: 1_048_576,
    handshakeTimeout: 10_000,
    closeTimeout: 5_000,
    rejectMode: 'http',
    resumeWindow: 60_000,
    resumeNode: '0',
  });
  expect(warnings).toEqual([]);
  expect(Object.isFrozen(values)).toBe(true);
});

test('an option that is undefined is at its default', () => {
  expect(
    compileConfig({ ...ORIGINS, pingInterval: undefined, defaultMode: undefined } as unknown as WebSocketConfig).values
      .pingInterval,
  ).toBe(30_000);
});

describe('bad configuration is refused, naming tag, key and value', () => {
  test.each([
    [{ origins: [] }, 'wsorigin', undefined],
    [{}, 'wsorigin', undefined],
    [{ origins: 'https://a.example' }, 'wsorigin', 'allow'],
    [{ ...ORIGINS, defaultMode: 'texte' }, 'websocket', 'defaultmode'],
    [{ ...ORIGINS, proxyHeader: 'X-Real-IP' }, 'websocket', 'proxyheader'],
    [{ ...ORIGINS, directClients: true }, 'websocket', 'directclients'],
    [{ ...ORIGINS, rejectMode: 'silent' }, 'websocket', 'rejectmode'],
    [{ ...ORIGINS, nativePing: 'yes' }, 'websocket', 'nativeping'],
    [{ ...ORIGINS, proxyRanges: '10.0.0.0/8' }, 'websocket', 'proxyranges'],
    [{ ...ORIGINS, proxyRanges: ['10.0.0.0/33'] }, 'websocket', 'proxyranges'],
    [{ ...ORIGINS, proxyRanges: ['localhost'] }, 'websocket', 'proxyranges'],
    [{ ...ORIGINS, pingInterval: -1 }, 'websocket', 'pinginterval'],
    [{ ...ORIGINS, pingTimeout: 0 }, 'websocket', 'pingtimeout'],
    [{ ...ORIGINS, handshakeTimeout: 1.5 }, 'websocket', 'handshaketimeout'],
    [{ ...ORIGINS, closeTimeout: Number.POSITIVE_INFINITY }, 'websocket', 'closetimeout'],
    [{ ...ORIGINS, maxMessageSize: '8701' }, 'websocket', 'maxmessagesize'],
    [{ ...ORIGINS, maxFragments: 0 }, 'websocket', 'maxfragments'],
    [{ ...ORIGINS, sendQueueLimit: Number.NaN }, 'websocket', 'sendqueuelimit'],
    [{ ...ORIGINS, charset: 'iso-8859-1' }, 'websocket', 'defaultmode'],
    [{ ...ORIGINS, charset: 'koi8-r', defaultMode: 'auto' }, 'websocket', 'defaultmode'],
    [{ ...ORIGINS, charset: 8 }, 'websocket', 'charset'],
    [{ ...ORIGINS, fallbackEncoding: 'klingon' }, 'websocket', 'fallbackencoding'],
    [{ ...ORIGINS, defaultmode: 'text' }, 'websocket', 'defaultmode'],
    [{ ...ORIGINS, proxyRange: [] }, 'websocket', 'proxyRange'],
  ] as const)('%j', (config, tag, key) => {
    const error = errorOf(() => compileConfig(config as unknown as WebSocketConfig));
    expect([error.tag, error.key, error.code]).toEqual([tag, key, 'ERR_CONFIG']);
    expect(error.message).toContain(key === undefined ? `<${tag}>` : `<${tag}:${key}>`);
  });

  test.each([
    ['defaultmode', 'defaultMode'],
    ['orgins', 'origins'],
    ['proxyRange', 'proxyRanges'],
    ['allowMisingOrigin', 'allowMissingOrigin'],
    ['pingIntervall', 'pingInterval'],
    ['nativePings', 'nativePing'],
    ['onConnect', undefined],
    ['x', undefined],
    ['constructor', undefined],
    ['z'.repeat(10_000), undefined],
  ])('a misspelt option is met with what was meant: %.20s', (key, meant) => {
    const { message } = errorOf(() => compileConfig({ ...ORIGINS, [key]: 'text' } as never));
    expect(message).toContain('is not an option');
    expect(/did you mean (\w+)\?/.exec(message)?.[1]).toBe(meant);
  });

  test('a list that is a text is named as a whole', () => {
    expect(errorOf(() => compileConfig({ origins: 'https://a.example' } as never)).message).toBe(
      '<wsorigin:allow> "https://a.example" must be a list of patterns',
    );
  });
});

test('sendAsText maps to defaultMode with a deprecation warning; defaultMode wins', () => {
  expect(compileConfig({ ...ORIGINS, sendAsText: false }).values.defaultMode).toBe('binary');
  expect(compileConfig({ ...ORIGINS, sendAsText: true }).values.defaultMode).toBe('text');
  const both = compileConfig({ ...ORIGINS, sendAsText: false, defaultMode: 'reject' });
  expect(both.values.defaultMode).toBe('reject');
  expect(both.warnings.map(({ code, isDeprecation }) => [code, isDeprecation])).toEqual([['IRCD_WEBSOCKET_SENDASTEXT', true]]);
});

test('origins that let in whole parts of the web warn', () => {
  const { warnings } = compileConfig({ origins: ['*', 'http://*', 'https://*', 'https://*.example.com'] });
  expect(warnings.length).toBe(3);
});

describe('configFromTags', () => {
  test('proxy ranges that trust everybody are warned of, and no others', () => {
    const codes = (proxyRanges: string[]): string[] =>
      compileConfig({ ...ORIGINS, proxyRanges }).warnings.map(({ code }) => code);
    for (const range of ['*', '*.*', '*.*.*.*', '*:*', '0.0.0.0/0', '::/0'])
      expect(codes([range]), range).toEqual(['IRCD_WEBSOCKET_WIDE_PROXY']);
    expect(codes(['10.0.0.0/8', '192.0.2.*', '2001:db8::/32', 'loopback', 'unix', '192.0.2.10/32'])).toEqual([]);
  });

  test('reads the documents’ example', () => {
    const config = configFromTags(
      parseTags(`
        <module name="websocket">
        <bind address="0.0.0.0" port="8080" hook="websocket">
        <websocket proxyranges="192.0.2.0/24 198.51.100.*" defaultmode="text">
        <wsorigin allow="https://*.example.com">`),
    );
    expect(config).toEqual({
      origins: ['https://*.example.com'],
      proxyRanges: ['192.0.2.0/24', '198.51.100.*'],
      defaultMode: 'text',
    });
  });

  test('reads every key', () => {
    const config = configFromTags(
      parseTags(`<wsorigin allow="https://a.example"><wsorigin allow="null"><websocket
        allowmissingorigin="yes" defaultmode="BINARY" sendastext="no" proxyranges="unix  loopback" proxyheader="Forwarded" directclients="accept"
        nativeping="off" pinginterval="45" pingtimeout="1m30s" charset="ascii" fallbackencoding="windows-1252" maxmessagesize="64K" maxfragments="4"
        sendqueuelimit="2M" handshaketimeout="0.5" closetimeout="2s" rejectmode="close-frame">`),
    );
    expect(config).toEqual({
      origins: ['https://a.example', 'null'],
      allowMissingOrigin: true,
      defaultMode: 'binary',
      sendAsText: false,
      proxyRanges: ['unix', 'loopback'],
      proxyHeader: 'forwarded',
      directClients: 'accept',
      nativePing: false,
      pingInterval: 45_000,
      pingTimeout: 90_000,
      charset: 'ascii',
      fallbackEncoding: 'windows-1252',
      maxMessageSize: 65_536,
      maxFragments: 4,
      sendQueueLimit: 2_097_152,
      handshakeTimeout: 500,
      closeTimeout: 2_000,
      rejectMode: 'close-frame',
    });
    expect(compileConfig(config).values.defaultMode).toBe('binary');
  });

  test.each([
    ['<websocket>\n<websocket>', '<websocket>', 2],
    ['\n<websocket defaultmode="texte">', '<websocket:defaultmode> "texte"', 2],
    ['<websocket nativeping="maybe">', '<websocket:nativeping> "maybe" must be "yes" or "no"', 1],
    ['<websocket pingtimeout="soon">', '<websocket:pingtimeout> "soon" must be a duration', 1],
    ['<websocket maxmessagesize="8 kB">', '<websocket:maxmessagesize> "8 kB"', 1],
    ['<websocket defaultmodes="text">', '<websocket:defaultmodes> "text" is not known: did you mean defaultmode?', 1],
    ['<websocket\n\nproxyranges="10.0.0.0/99">', '<websocket:proxyranges> "10.0.0.0/99" is not a CIDR range', 1],
    ['\n\n<wsorigin allow="https://a.example/">', '<wsorigin:allow> "https://a.example/" has a path', 3],
    ['<wsorigin allows="https://a.example">', '<wsorigin:allows>', 1],
    ['<wsorigin>', '<wsorigin:allow> is missing', 1],
  ])('%j is refused with its line', (text, message, line) => {
    const error = errorOf(() => configFromTags(parseTags(`${text}\n<wsorigin allow="https://ok.example">`)));
    expect(error.message).toContain(message);
    expect(error.line).toBe(line);
    expect(error.message).toContain(`line ${line}: `);
  });

  test.each([
    ['30', 30_000],
    ['1.5', 1_500],
    ['90s', 90_000],
    ['1m30s', 90_000],
    ['1m30', 90_000],
    ['1H', 3_600_000],
    ['1d1h1m1s', 90_061_000],
  ])('a duration of %s is %i ms', (text, ms) => {
    expect(configFromTags(parseTags(`<wsorigin allow="*"><websocket pingtimeout="${text}">`)).pingTimeout).toBe(ms);
  });

  test.each(['', ' ', '-1', '1x', 's', '1 m', '1m s', '.5', '1e3', '0x10', `${'1'.repeat(40_000)}!`])(
    'S5 %.20j is no duration, and it takes no time to see that',
    (text) => {
      expect(errorOf(() => configFromTags(parseTags(`<websocket pingtimeout="${text}">`))).problem).toContain(
        'must be a duration',
      );
    },
  );

  test('tags may come from a generator; the line is there all the same', () => {
    function* tags(): Generator<ConfigTag> {
      yield* parseTags('<websocket>\n<wsorigin allow="https://a.example/">');
    }
    expect(errorOf(() => configFromTags(tags())).line).toBe(2);
  });

  test('no <wsorigin> at all is an error, as in InspIRCd', () => {
    expect(errorOf(() => configFromTags(parseTags('<websocket>'))).message).toContain('<wsorigin> is missing');
  });
});

describe('all errors of a configuration are told at once', () => {
  test('of an object', () => {
    const error = errorOf(() =>
      compileConfig({
        origins: ['https://ok.example', 'https://a.example/', 'b.example'],
        defaultMod: 'text',
        nativePing: 'yes',
        pingInterval: -1,
        proxyRanges: ['localhost', '10.0.0.0/8', '10.0.0.0/99'],
        charset: 'koi8-r',
      } as never),
    );
    expect(error.errors.map(({ tag, key }) => `${tag}:${key}`)).toEqual([
      'websocket:defaultMod',
      'websocket:nativeping',
      'websocket:pinginterval',
      'websocket:defaultmode',
      'wsorigin:allow',
      'wsorigin:allow',
      'websocket:proxyranges',
      'websocket:proxyranges',
    ]);
    expect(error.message.split('\n').length).toBe(9);
    expect(error.message).toMatch(/^8 errors:\n/);
    for (const { message } of error.errors) expect(error.message).toContain(message);
    expect([error.code, error.tag, error.key]).toEqual(['ERR_CONFIG', 'websocket', 'defaultMod']);
  });

  test('of tags, each with its line', () => {
    const text = `<websocket defaultmode="texte"
  pingtimeout="soon" maxfragments="0" rejectmode="silent" orgins="x">
<wsorigin allow="https://a.example/">
<wsorigin alow="https://b.example">
<websocket>
<wsorigins allow="https://c.example">`;
    expect(
      errorOf(() => configFromTags(parseTags(text))).errors.map(({ line, message }) => [line, message.slice(8, 60)]),
    ).toEqual([
      [5, '<websocket> appears twice, first on line 1'],
      [1, '<websocket:defaultmode> "texte" must be one of text,'],
      [1, '<websocket:pingtimeout> "soon" must be a duration su'],
      [1, '<websocket:maxfragments> "0" must be a whole number '],
      [1, '<websocket:rejectmode> "silent" must be one of http,'],
      [1, '<websocket:orgins> "x" is not known: use one of defa'],
      [4, '<wsorigin:alow> "https://b.example" is not known: di'],
      [4, '<wsorigin:allow> is missing'],
      [3, '<wsorigin:allow> "https://a.example/" has a path or '],
      [6, '<wsorigins> is not known: did you mean wsorigin?'],
    ]);
  });

  test('with the file of an included tag', () => {
    const tags = [
      ...parseTags('<websocket x="y">', {}, { file: 'web.conf' }),
      ...parseTags('<wsorigin allow="https://a.example">'),
    ];
    expect(errorOf(() => configFromTags(tags)).message).toMatch(/^web\.conf: line 1: <websocket:x> /);
  });
});

describe('limits', () => {
  test.each([
    ['handshakeTimeout', 2 ** 31 - 1],
    ['pingInterval', 0],
    ['resumeWindow', 0],
    ['resumeWindow', 2 ** 31 - 1],
    ['maxMessageSize', 2 ** 30],
    ['resumeNode', 'gw-1_A'],
    ['resumeNode', 'n'.repeat(32)],
    ['proxyHeader', 'fly-client-ip'],
    ['proxyHeader', 'x-azure-clientip'],
  ] as const)('%s may be %s', (option, value) => {
    expect(compileConfig({ ...ORIGINS, [option]: value }).values[option]).toBe(value);
  });

  test.each([
    ['handshakeTimeout', 2 ** 31],
    ['resumeWindow', -1],
    ['resumeWindow', 2 ** 31],
    ['resumeNode', ''],
    ['resumeNode', 'a.b'],
    ['resumeNode', 'n'.repeat(33)],
    ['resumeNode', 7],
    ['proxyHeader', ''],
    ['proxyHeader', 'x y'],
    ['proxyHeader', 'x-real-ip:'],
    ['proxyHeader', 'host'],
    ['proxyHeader', 'origin'],
    ['proxyHeader', 'cookie'],
    ['proxyHeader', 'x-forwarded-proto'],
    ['proxyHeader', 'sec-websocket-key'],
    ['proxyHeader', 5],
  ])('%s may not be %s', (option, value) => {
    expect(errorOf(() => compileConfig({ ...ORIGINS, [option]: value } as never)).key).toBe(option.toLowerCase());
  });

  test.each([
    ['handshaketimeout="25d"', 'must be from 1 ms to 24.8 days'],
    ['pingtimeout="0"', 'must be from 1 ms to 24.8 days'],
    ['resumewindow="4y"', 'must be from 0 ms to 24.8 days'],
    ['maxfragments="1.5"', 'must be a whole number from 1'],
    ['resumenode="gw 1"', 'must be 1 to 32 letters'],
  ])('in words that an operator writes: %s', (attribute, problem) => {
    expect(
      errorOf(() => configFromTags(parseTags(`<wsorigin allow="https://a.example"><websocket ${attribute}>`))).problem,
    ).toContain(problem);
  });

  test('resumption is allowed while its window is not 0, and there is text', () => {
    const { rules } = compileConfig({ ...ORIGINS, resumeWindow: 1 });
    expect([rules.allowsResumption, compileConfig({ ...ORIGINS, resumeWindow: 0 }).rules.allowsResumption]).toEqual([
      true,
      false,
    ]);
  });
});

test('a header field of no known proxy is warned of', () => {
  const codes = (proxyHeader: string): string[] => compileConfig({ ...ORIGINS, proxyHeader }).warnings.map(({ code }) => code);
  expect(codes('x-my-proxy-says')).toEqual(['IRCD_WEBSOCKET_UNKNOWN_PROXY_HEADER']);
  for (const known of ['auto', 'x-real-ip', 'forwarded', 'fly-client-ip', 'x-azure-clientip'])
    expect(codes(known), known).toEqual([]);
});

describe('<websocket name>', () => {
  const TAGS = parseTags(`<wsorigin allow="https://all.example">
<websocket defaultmode="binary">
<websocket name="kiosk" defaultmode="text" resumewindow="0">
<websocket name="native" allowmissingorigin="yes">
<wsorigin allow="https://kiosk.example" websocket="kiosk">`);

  test('each stands alone; a <wsorigin> is for all, or for the one that it names', () => {
    expect(webSocketNames(TAGS)).toEqual(['', 'kiosk', 'native']);
    expect(configFromTags(TAGS)).toEqual({ origins: ['https://all.example'], defaultMode: 'binary' });
    expect(configFromTags(TAGS, 'kiosk')).toEqual({
      origins: ['https://all.example', 'https://kiosk.example'],
      defaultMode: 'text',
      resumeWindow: 0,
    });
    expect(configFromTags(TAGS, 'native')).toEqual({ origins: ['https://all.example'], allowMissingOrigin: true });
  });

  test.each([
    ['<websocket name="a"><websocket name="a">', 'a', '<websocket:name> "a" appears twice, first on line 1'],
    ['<websocket name="">', '', '<websocket:name> is empty'],
    ['<websocket name="kiosk">', 'kiosq', '<websocket:name> "kiosq" is not the name of a <websocket>: did you mean kiosk?'],
    ['<websocket>', 'x', '<websocket:name> "x" is not the name of a <websocket>: no <websocket> has a name'],
    [
      '<wsorigin allow="https://b.example" websocket="x">',
      '',
      '<wsorigin:websocket> "x" is not the name of a <websocket>: no <websocket> has a name',
    ],
  ])('%s is refused', (text, name, message) => {
    const tags = parseTags(`${text}<wsorigin allow="https://a.example">`);
    expect(errorOf(() => configFromTags(tags, name)).message).toContain(message);
  });

  test('one that has only origins of others lets nobody in', () => {
    const tags = parseTags('<websocket name="a"><wsorigin allow="https://a.example" websocket="a">');
    expect(errorOf(() => configFromTags(tags)).message).toContain('<wsorigin> is missing');
  });
});

describe('OptionTable, for other configurations', () => {
  const table = new OptionTable('upstream', [
    { name: 'host', kind: 'text', byDefault: undefined, sentence: 'The host.' },
    {
      name: 'password',
      kind: 'text',
      byDefault: undefined,
      isSecret: true,
      sentence: 'Secret.',
      check: (text) => (text === '' ? 'is empty' : null),
    },
    { name: 'weight', kind: 'integer', least: 1, most: 100, byDefault: 1, sentence: 'How much.' },
  ]);
  const read = (text: string): { values: object; errors: string[] } => {
    const errors = new ErrorList();
    const values = table.read(parseTags(text)[0] as ConfigTag, errors);
    try {
      errors.throwIfAny();
    } catch (thrown) {
      return { values, errors: (thrown as ConfigError).errors.map(({ message }) => message) };
    }
    return { values, errors: [] };
  };

  test('reads what is right, and collects what is wrong', () => {
    expect(read('<upstream host="irc.example.com" weight="7">')).toEqual({
      values: { host: 'irc.example.com', weight: 7 },
      errors: [],
    });
    expect(read('<upstream host="x" weight="101" hots="y">')).toEqual({
      values: { host: 'x' },
      errors: [
        'line 1: <upstream:weight> "101" must be a whole number from 1 to 100',
        'line 1: <upstream:hots> is not known: did you mean host?',
      ],
    });
    expect(table.defaults()).toEqual({ weight: 1 });
  });

  test('L9 neither a secret nor the value of a key that is not known is shown, where there are secrets', () => {
    const { errors } = read('<upstream password="" pasword="hunter2" x="hunter2">');
    expect(errors).toEqual([
      'line 1: <upstream:password> is empty',
      'line 1: <upstream:pasword> is not known: did you mean password?',
      'line 1: <upstream:x> is not known: use one of host, password, weight',
    ]);
    const list = new ErrorList();
    table.check('password', 7, list);
    expect(() => list.throwIfAny()).toThrow('<upstream:password> must be a text');
  });

  test('is a table of documentation', () => {
    expect(table.markdown().split('\n')).toEqual([
      '| tag key | option | type | default | meaning |',
      '| --- | --- | --- | --- | --- |',
      '| `host` | `host` | text | none | The host. |',
      '| `password` | `password` | text | none | Secret. |',
      '| `weight` | `weight` | number | 1 | How much. |',
    ]);
  });
});

test.each([
  [1, '1 ms'],
  [999, '999 ms'],
  [1_000, '1 s'],
  [1_500, '1.5 s'],
  [60_000, '60 s'],
  [120_000, '2 minutes'],
  [7_200_000, '2 hours'],
  [2 ** 31 - 1, '24.8 days'],
])('%i ms is written as %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});
