/**
 * The log: the conversation that is shown, and where in it the reader is.
 *
 * In: a conversation. Out: its pane in the page, at its end for as long as the reader is there. New entries are appended and old
 * ones stay, so that a screen reader hears each line once; only another conversation is shown in silence.
 */
import type { Conversation } from './conversation.ts';
import { element } from './dom.ts';
import { LogPane } from './log-pane.ts';

/** How near to its end the log must be to follow what is new, in pixels. */
const FOLLOW_WITHIN = 80;
/** The number of conversations whose elements are kept: going back to one of them is instant. */
const MAX_PANES = 5;
/** Milliseconds of each frame for older entries: half of a frame. */
const OLDER_TIME = 8;

export class LogView {
  readonly #log = element('log');
  readonly #jump = element<HTMLButtonElement>('jump');
  /** By when they were shown, the newest last. */
  readonly #panes = new Map<Conversation, LogPane>();
  #shown: LogPane | null = null;
  #isFollowing = true;
  /** Whether text in the log is selected: a log that scrolls would take it away. */
  #isSelecting = false;
  #missed = 0;
  readonly #requestDraw: () => void;
  /**
   * Keeps the newest line in sight when a phone shows its keyboard, or when lines turn out to be longer than the browser
   * estimated.
   */
  readonly #sizes: ResizeObserver = new ResizeObserver(() => {
    if (this.#isFollowing && !this.#isSelecting) this.#log.scrollTop = this.#log.scrollHeight;
  });

  constructor(requestDraw: () => void) {
    this.#requestDraw = requestDraw;
    this.#jump.addEventListener('click', () => this.#scrollToEnd());
    this.#log.addEventListener(
      'scroll',
      () => {
        this.#isFollowing = this.#isAtEnd();
        if (this.#isFollowing) this.#setMissed(0);
      },
      { passive: true },
    );
    // Made when somebody points at them: most are never looked at.
    this.#log.addEventListener('pointerover', ({ target }) => {
      if (target instanceof HTMLTimeElement) target.title = new Date(target.dateTime).toLocaleString();
      else if (target instanceof HTMLElement && target.matches('.from')) target.title = target.textContent ?? '';
    });
    // Asked at each drawing, the selection would cost a layout of the page each time.
    document.addEventListener('selectionchange', () => {
      const selection = getSelection();
      this.#isSelecting = selection !== null && !selection.isCollapsed && this.#log.contains(selection.anchorNode);
    });
    this.#sizes.observe(this.#log);
  }

  draw(conversation: Conversation): void {
    const pane = this.#pane(conversation);
    const isOther = pane !== this.#shown;
    if (isOther) this.#show(pane);
    const added = pane.drawNew(isOther || this.#isFollowing);
    // A screen reader announces new lines only: neither another conversation nor older entries.
    this.#log.ariaLive = isOther || pane.hasOlder ? 'off' : 'polite';
    if (!isOther && pane.hasOlder) pane.drawOlder(performance.now() + OLDER_TIME);
    if (this.#isFollowing && !this.#isSelecting) this.#scrollToEnd();
    else if (added > 0) this.#setMissed(this.#missed + added);
    if (isOther || pane.hasOlder) this.#requestDraw();
  }

  /** Scrolls to an entry. Returns its element. */
  reveal(conversation: Conversation, number: number): HTMLElement | undefined {
    const item = this.#pane(conversation).item(number);
    this.#isFollowing = false;
    item?.scrollIntoView({ block: 'center' });
    return item;
  }

  scrollToEnd(): void {
    this.#scrollToEnd();
  }

  #pane(conversation: Conversation): LogPane {
    const pane = this.#panes.get(conversation) ?? new LogPane(conversation);
    this.#panes.delete(conversation);
    this.#panes.set(conversation, pane);
    const [oldest] = this.#panes.keys();
    if (this.#panes.size > MAX_PANES && oldest !== undefined) this.#panes.delete(oldest);
    return pane;
  }

  #show(pane: LogPane): void {
    if (this.#shown !== null) this.#sizes.unobserve(this.#shown.root);
    this.#shown = pane;
    this.#sizes.observe(pane.root);
    this.#log.ariaLive = 'off';
    this.#log.replaceChildren(pane.root);
    this.#isFollowing = true;
    this.#setMissed(0);
  }

  #isAtEnd(): boolean {
    return this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < FOLLOW_WITHIN;
  }

  #scrollToEnd(): void {
    this.#isFollowing = true;
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#setMissed(0);
  }

  #setMissed(missed: number): void {
    this.#missed = missed;
    this.#jump.hidden = missed === 0;
    if (missed > 0) this.#jump.textContent = `${missed} new ${missed === 1 ? 'line' : 'lines'} ↓`;
  }
}
