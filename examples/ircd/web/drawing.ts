/**
 * When the page is drawn: once a frame, however many lines have come, and never under a finger.
 *
 * While a button or a link is pressed nothing moves: it is still there, and at the same place, when it is released.
 */

/** A hidden page gets no frames, but its title still counts unread messages. Milliseconds. */
const HIDDEN_INTERVAL = 500;
/** The longest press, in milliseconds: some browsers never report the release of a scroll bar. */
const LONGEST_PRESS = 10_000;
/** From the release of a finger to the click, at most. Milliseconds. */
const CLICK_DELAY = 80;

export class Drawing {
  readonly #draw: () => void;
  #isRequested = false;
  #pressedAt: number | null = null;

  constructor(draw: () => void) {
    this.#draw = draw;
    const options = { capture: true, passive: true };
    addEventListener(
      'pointerdown',
      () => {
        this.#pressedAt = performance.now();
      },
      options,
    );
    for (const event of ['pointerup', 'pointercancel']) addEventListener(event, () => this.#release(), options);
    // Of the window: a press takes the focus from the line, and that is no release.
    addEventListener('blur', ({ target }) => {
      if (target === window) this.#release();
    });
    addEventListener(
      'pointermove',
      ({ buttons }) => {
        if (buttons === 0) this.#release();
      },
      options,
    );
    document.addEventListener('visibilitychange', () => this.#schedule());
  }

  request(): void {
    if (this.#isRequested) return;
    this.#isRequested = true;
    this.#schedule();
  }

  #schedule(): void {
    if (!this.#isRequested) return;
    if (document.hidden) setTimeout(this.#run, HIDDEN_INTERVAL);
    else requestAnimationFrame(this.#run);
  }

  /** Two drawings may be scheduled if the page was hidden meanwhile: the first one draws. */
  readonly #run = (): void => {
    if (!this.#isRequested) return;
    if (this.#pressedAt !== null && performance.now() - this.#pressedAt < LONGEST_PRESS) {
      requestAnimationFrame(this.#run);
      return;
    }
    this.#isRequested = false;
    this.#draw();
  };

  /** A finger's click comes a moment after its release. */
  #release(): void {
    const pressedAt = this.#pressedAt;
    if (pressedAt === null) return;
    setTimeout(() => {
      if (this.#pressedAt === pressedAt) this.#pressedAt = null;
    }, CLICK_DELAY);
  }
}
