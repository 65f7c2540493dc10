/**
 * Light, dark, or as the system is: the button goes round, and the browser remembers. The colours themselves are the style
 * sheet's.
 */
import { element } from './dom.ts';
import { recall, remember } from './storage.ts';

const THEMES = ['auto', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];

export function wireTheme(): void {
  let theme = THEMES.find((one) => one === recall('theme')) ?? 'auto';
  show(theme);
  element('theme').addEventListener('click', () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'auto';
    remember('theme', theme);
    show(theme);
  });
}

function show(theme: Theme): void {
  document.documentElement.dataset['theme'] = theme;
  const button = element('theme');
  button.ariaLabel = `Theme: ${theme === 'auto' ? 'as the system' : theme}`;
  button.title = button.ariaLabel;
}
