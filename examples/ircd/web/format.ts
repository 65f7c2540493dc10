/**
 * The text of a message as nodes: formatted, coloured, with links.
 *
 * Everything becomes a text node or an attribute that was checked: nothing that a peer sends is ever read as HTML.
 */
import { findLinks, type Part } from './links.ts';
import { type Run, readableOn, readMirc } from './mirc.ts';

/** Most lines are plain text without a link. They need neither of the two readers. */
const IS_PLAIN = /^(?!.*(?::\/\/|www\.|#))[^\x00-\x1f\x7f]*$/i;

export function formatText(text: string): (Node | string)[] {
  if (IS_PLAIN.test(text)) return [text];
  return readMirc(text).flatMap((run) => styled(run, findLinks(run.text).map(partNode)));
}

function styled({ styles, colour, background }: Run, nodes: (Node | string)[]): (Node | string)[] {
  if (styles.length === 0 && colour === null && background === null) return nodes;
  const span = document.createElement('span');
  span.classList.add(...styles);
  span.append(...nodes);
  // A property set by script is no inline style to the Content-Security-Policy.
  if (background !== null) {
    span.classList.add('has-background');
    span.style.setProperty('--background', background);
    span.style.setProperty('--colour', readableOn(background, colour));
  } else if (colour !== null) {
    // The style sheet keeps the hue, and makes it as light or as dark as the theme needs.
    span.classList.add('has-colour');
    span.style.setProperty('--colour', colour);
  }
  return [span];
}

function partNode({ text, link }: Part): Node | string {
  if (link === null) return text;
  const anchor = document.createElement('a');
  anchor.href = link.href;
  anchor.textContent = text;
  anchor.dataset['link'] = link.kind;
  if (link.kind !== 'web') return anchor;
  anchor.target = '_blank';
  anchor.rel = 'noopener noreferrer';
  return anchor;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const calendar = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });

let lastMinute = -1;
let lastTime = '';

/** Returns hours and minutes. Many lines in a row are of the same minute, so the last result is kept. */
export function formatTime(at: Date): string {
  const minute = Math.floor(at.getTime() / 60_000);
  if (minute !== lastMinute) [lastMinute, lastTime] = [minute, clock.format(at)];
  return lastTime;
}

export function formatDay(at: Date): string {
  return calendar.format(at);
}
