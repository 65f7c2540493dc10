/** What is unread, where it is seen from another window: in the title, on the icon of the tab, and on an installed page's icon. */

/** Not in every browser, and not in TypeScript's list of what every browser has. */
interface BadgeNavigator {
  setAppBadge?(count: number): Promise<void>;
}

let shownCount = -1;
let shownMention = false;

export function showUnread(count: number, hasMention: boolean, title: string): void {
  const text = `${count > 0 ? `(${count}) ` : ''}${title} · Chat`;
  if (document.title !== text) document.title = text;
  if (count === shownCount && hasMention === shownMention) return;
  [shownCount, shownMention] = [count, hasMention];
  const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  const file = count === 0 ? '/icon.svg' : hasMention ? '/icon-mention.svg' : '/icon-unread.svg';
  if (icon !== null && icon.getAttribute('href') !== file) icon.setAttribute('href', file);
  void (navigator as BadgeNavigator).setAppBadge?.(count).catch(() => {});
}
