/**
 * A client that is gone is gone: every way in which a client can end, in every state in which it can be.
 *
 * The cells of a row are played side by side. A failure names the state, and what was wrong.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { beginWatch, canOpen } from '../helpers/doors.ts';
import { leftOver, takeInventory } from '../helpers/left-over.ts';
import { DOORS, type Door } from '../helpers/world.ts';
import { play, type State, type Way } from './cell.ts';
import { STATES } from './states.ts';
import { WAYS } from './ways.ts';

beforeAll(beginWatch);

/** TCP takes 4 MB before a server has to wait, a Unix domain socket 0.2 MB: the whole table is played over the latter, a part of it over the others. */
const OVER_TCP = new Set([
  "reading 'data'",
  'reading lines',
  'paused, with bytes unread',
  'lines held',
  'a peer that does not read, 2 more writes held',
  'corked, 3 writes',
  'ended behind a peer that does not read',
]);

const statesOf = (door: Door, { needsData = false }: Way): State[] =>
  STATES.filter(({ name, hasData = true }) => (hasData || !needsData) && (door === 'unix' || OVER_TCP.has(name)));

describe.each(DOORS.filter(canOpen))('over %s', (door) => {
  test.each(WAYS.map((way) => [way.name, way] as const))('C1, M9, J6: %s', async (_name, way) => {
    const before = takeInventory();
    const cells = await Promise.all(
      statesOf(door, way).map(async (state) => (await play(door, state, way)).map((problem) => `${state.name}: ${problem}`)),
    );
    expect(cells.flat()).toEqual([]);
    expect(await leftOver(before)).toEqual([]);
  });
});
