/** The number of unread messages in the title, on the tab's icon, and on the icon of an installed page. */

/** Not every browser has this method, and TypeScript's types do not have it. */
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
