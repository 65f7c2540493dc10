/** What the browser remembers of a visit. A browser that forbids it forgets, and nothing else happens. */

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
    // Private windows may forbid it, or have no room.
  }
}
