// Where the keyboard goes when what it was on is no longer there.

/** Give it there once the page has been drawn anew, and show it, as after a click too it is the person's next step. */
export function focusOn(find: string | (() => HTMLElement | null | undefined)): void {
  requestAnimationFrame(() => (typeof find === "string" ? document.querySelector<HTMLElement>(find) : find())?.focus({ focusVisible: true } as FocusOptions));
}

/**
 * Brings the focus to the heading of what has just been opened, once it is drawn.
 *
 * Whoever opens a form before that keeps the focus there: the keys that follow belong to the form.
 */
export function focusDetail(): void {
  focusOn(() => (document.activeElement?.closest(".detail form") ? null : document.querySelector<HTMLElement>(".detail h2")));
}
