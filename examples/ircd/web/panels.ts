/** The side panels of narrow screens: one at a time, closed by Escape, by choosing something, and by a touch beside them. */
import { element } from './dom.ts';

const PANELS: readonly { readonly button: string; readonly panel: string }[] = [
  { button: 'show-buffers', panel: 'buffers' },
  { button: 'show-members', panel: 'members' },
];

export function wirePanels(): void {
  for (const { button, panel } of PANELS) {
    element(button).addEventListener('click', () => {
      const opens = !element(panel).classList.contains('is-open');
      closePanels();
      if (!opens) return;
      element(panel).classList.add('is-open');
      element(button).ariaExpanded = 'true';
      element('shade').hidden = false;
      element(panel).querySelector<HTMLElement>('[aria-current], button')?.focus();
    });
  }
  element('shade').addEventListener('click', closePanels);
}

export function closePanels(): void {
  for (const { button, panel } of PANELS) {
    element(panel).classList.remove('is-open');
    element(button).ariaExpanded = 'false';
  }
  element('shade').hidden = true;
}
