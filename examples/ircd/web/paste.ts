/** The question before a text of many lines is said: how many they are, and how long it takes. */
import { element, setText } from './dom.ts';
import { LINE_INTERVAL } from './pace.ts';

/** So many messages are sent unasked. */
const UNASKED = 5;
const PREVIEW = 6;

/** Asks where there are many lines. @returns whether to send them */
export async function confirmPaste(lines: readonly string[], target: string): Promise<boolean> {
  if (lines.length <= UNASKED) return true;
  const dialog = element<HTMLDialogElement>('paste');
  setText(element('paste-title'), `Send ${lines.length} lines to ${target}?`);
  const seconds = Math.ceil((lines.length * LINE_INTERVAL) / 1_000);
  const time = seconds < 90 ? `${seconds} seconds` : `${Math.round(seconds / 60)} minutes`;
  setText(
    element('paste-hint'),
    `Each line is a message of its own. The server disconnects whoever sends too fast, so it takes about ${time}.`,
  );
  const more = lines.length - PREVIEW;
  setText(element('paste-preview'), [...lines.slice(0, PREVIEW), ...(more > 0 ? [`… and ${more} more`] : [])].join('\n'));
  dialog.returnValue = '';
  dialog.showModal();
  // The safe button has the focus: a second Enter by accident sends nothing.
  element('paste-back').focus();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'send'), { once: true });
  });
}
