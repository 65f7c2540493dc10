/** What the browser remembers: name, channel, theme. A browser that forbids it forgets it. */

export type Theme = 'auto' | 'light' | 'dark';

export function recall(key: string): string | null {
  try {
    return localStorage.getItem(`chat.${key}`);
  } catch {
    return null;
  }
}

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(`chat.${key}`, value);
  } catch {
    // Private windows may forbid it: then it is for this visit only.
  }
}

const dark = matchMedia('(prefers-color-scheme: dark)');

/** Shows a theme; `auto` follows the system. */
export function applyTheme(theme: Theme): void {
  document.documentElement.dataset['theme'] = theme === 'auto' ? (dark.matches ? 'dark' : 'light') : theme;
}

export function currentTheme(): Theme {
  const theme = recall('theme');
  return theme === 'light' || theme === 'dark' ? theme : 'auto';
}

dark.addEventListener('change', () => applyTheme(currentTheme()));
