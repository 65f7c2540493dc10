/**
 * Values as an operator writes them in tags: booleans, durations, sizes.
 *
 * In: a text, and where it stands. Out: a value, or a `ConfigError` that names the place. It does not know which values are
 * allowed.
 */
import { ConfigError, type ConfigErrorPlace } from '../errors.ts';

/** @throws ConfigError */
export function parseBoolean(value: string, place: ConfigErrorPlace): boolean {
  const lower = value.toLowerCase();
  if (['yes', 'true', 'on', '1'].includes(lower)) return true;
  if (['no', 'false', 'off', '0'].includes(lower)) return false;
  throw new ConfigError(place, 'must be "yes" or "no"');
}

const SECONDS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800, y: 31_557_600 };

/**
 * Reads one of InspIRCd's durations: seconds, or `1m30s`. A number at the end without a unit is seconds. Fractions of a second
 * are ours.
 *
 * @returns milliseconds
 * @throws ConfigError
 */
export function parseDuration(value: string, place: ConfigErrorPlace): number {
  if (value === '' || !/^(\d+(\.\d+)?[smhdwy])*(\d+(\.\d+)?)?$/i.test(value))
    throw new ConfigError(place, 'must be a duration such as "30", "30s" or "1m30s"');
  let seconds = 0;
  for (const [, count, unit] of value.toLowerCase().matchAll(/(\d+(?:\.\d+)?)([smhdwy]?)/g))
    seconds += Number(count) * (SECONDS[unit as string] as number);
  return Math.round(seconds * 1_000);
}

/** Writes milliseconds as an operator would: `30 s`, `24.8 days`. */
export function formatDuration(milliseconds: number): string {
  const units: [name: string, size: number][] = [
    ['days', 86_400_000],
    ['hours', 3_600_000],
    ['minutes', 60_000],
    ['s', 1_000],
  ];
  const [name, size] = units.find(([, least]) => milliseconds >= 2 * least) ?? (milliseconds >= 1_000 ? ['s', 1_000] : ['ms', 1]);
  return `${Math.floor((milliseconds / size) * 10) / 10} ${name}`;
}

const BYTES: Readonly<Record<string, number>> = { '': 1, k: 1_024, m: 1_024 ** 2, g: 1_024 ** 3 };

/**
 * Reads a number of bytes: `8701`, `64K`, `1M`.
 *
 * @throws ConfigError
 */
export function parseSize(value: string, place: ConfigErrorPlace): number {
  const [, count, unit] = /^(\d+)([kmg]?)$/i.exec(value) ?? [];
  if (count === undefined || unit === undefined) throw new ConfigError(place, 'must be a number such as "8701", "64K" or "1M"');
  return Number(count) * (BYTES[unit.toLowerCase()] as number);
}
