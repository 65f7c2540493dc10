/**
 * Bytes that are not UTF-8, made UTF-8 for text frames.
 *
 * In: the bytes of one line, and the label of the encoding they are taken for. Out: text. It does not know lines or frames.
 */

/**
 * Decodes bytes that are not valid UTF-8.
 *
 * @param encoding a `TextDecoder` label such as `windows-1252`, for the whole line, as the hybrid encodings of IRC clients do;
 *   `undefined` replaces what is not UTF-8 by U+FFFD, as the WHATWG decoder counts it (InspIRCd's counts overlong sequences as
 *   one)
 */
export function decodeFallback(bytes: Uint8Array, encoding: string | undefined): string {
  return decoderFor(encoding ?? 'utf-8')(bytes);
}

type Decode = (bytes: Uint8Array) => string;

const decoders = new Map<string, Decode>();

function decoderFor(label: string): Decode {
  let decode = decoders.get(label);
  if (decode === undefined) {
    const decoder = new TextDecoder(label, { ignoreBOM: true });
    decode = decoder.encoding === 'windows-1252' ? decodeWindows1252 : (bytes) => decoder.decode(bytes);
    decoders.set(label, decode);
  }
  return decode;
}

/**
 * Node 20's `TextDecoder('windows-1252')` gives 0x80–0x9F as Latin-1 does: control characters in place of quotes, dashes and the
 * euro.
 */
function decodeWindows1252(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString('latin1')
    .replace(/[\x80-\x9f]/g, (c) => WINDOWS_1252[c.charCodeAt(0) - 0x80] as string);
}

/** 0x80 to 0x9F as the WHATWG Encoding standard has them (index windows-1252); the five holes are C1 controls. */
const WINDOWS_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';
