/**
 * What may happen in a conversation: lines both ways, cuts at any byte, attempts that come late or never. Generators for
 * fast-check.
 */
import fc from 'fast-check';
import type { Fate } from '../browser/fake-network.ts';

/** After this long an end has noticed, whatever was lost: the page's silence, the server's pings. */
export const NOTICED = 120_000;

export type Step =
  | { readonly do: 'page'; readonly lines: readonly string[] }
  | { readonly do: 'server'; readonly lines: readonly string[] }
  | { readonly do: 'wait'; readonly time: number }
  | { readonly do: 'wake'; readonly type: string }
  | {
      readonly do: 'cut';
      /** How many bytes of what is on its way still arrive. */
      readonly toPage: number;
      readonly toServer: number;
      /** When the ends learn of it. */
      readonly pageLearns: number;
      readonly serverLearns: number;
      readonly code: number;
    };

const line = fc.oneof(
  { weight: 20, arbitrary: fc.string({ maxLength: 20, unit: 'grapheme' }) },
  { weight: 1, arbitrary: fc.constant('x'.repeat(9_000)) },
);
const lines = fc.array(line, { minLength: 1, maxLength: 6 });
const delay = fc.oneof(fc.constant(0), fc.integer({ max: 40, min: 1 }), fc.integer({ max: 15_000, min: 1 }));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('page' as const), lines }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('server' as const), lines }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), time: delay }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('wake' as const), type: fc.constantFrom('online', 'pageshow', 'visibilitychange') }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('cut' as const),
      toPage: fc.nat({ max: 200 }),
      toServer: fc.nat({ max: 200 }),
      pageLearns: fc.oneof(delay, fc.constant(NOTICED)),
      serverLearns: fc.oneof(delay, fc.constant(NOTICED)),
      code: fc.constantFrom(1006, 1006, 1012, 1013, 1014),
    }),
  },
);
const fate: fc.Arbitrary<Fate> = fc.record({
  latency: fc.integer({ min: 1, max: 300 }),
  detour: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 20_000 }) }),
  outcome: fc.oneof(
    { weight: 4, arbitrary: fc.constant('through' as const) },
    { weight: 1, arbitrary: fc.constantFrom('unreachable' as const, 'unanswered' as const, 'refused' as const) },
  ),
});
/** A conversation. */
export interface Scenario {
  readonly steps: readonly Step[];
  /** Of the attempts to resume; the first connection goes through. */
  readonly fates: readonly Fate[];
  /** How long the checks of each attempt take. */
  readonly authorizing: readonly number[];
  readonly seed: number;
}

export const scenario: fc.Arbitrary<Scenario> = fc.record({
  steps: fc.array(step, { maxLength: 30, size: 'max' }),
  fates: fc.array(fate, { maxLength: 12 }),
  authorizing: fc.array(delay, { maxLength: 12 }),
  seed: fc.integer(),
});
