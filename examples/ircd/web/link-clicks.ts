/** Links that lead into a channel of this server: followed here, and not in another tab. */
import { element } from './dom.ts';

export function wireLinks(onChannel: (name: string) => void): void {
  for (const place of ['log', 'topic'])
    element(place).addEventListener('click', (event) => {
      const anchor = (event.target as Element).closest('a');
      // With a modifier key the link opens in another tab, as everywhere: the page starts with the channel of its address.
      if (anchor === null || event.ctrlKey || event.metaKey || event.shiftKey) return;
      const channel = channelOf(anchor);
      if (channel === null) return;
      event.preventDefault();
      onChannel(channel);
    });
}

/** Returns the channel of this server that a link leads to, or `null`. */
function channelOf(anchor: HTMLAnchorElement): string | null {
  const { link } = anchor.dataset;
  if (link === 'channel') return anchor.textContent;
  if (link !== 'irc') return null;
  // `irc://host/channel`, as in draft-butcher-irc-url; browsers do not take such an address apart.
  const [, host = '', path = ''] = /^ircs?:\/\/([^/:]+)(?::\d+)?\/([^?,]+)/i.exec(anchor.href) ?? [];
  if (host !== location.hostname || path === '') return null;
  return decodeURIComponent(path).replace(/^(?!#)/, '#');
}
