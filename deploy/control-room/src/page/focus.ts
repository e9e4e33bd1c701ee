// Where the keyboard goes when what it was on is no longer there.

/** Give it to the first of these once the page has been drawn anew. */
export function focusOn(find: string | (() => HTMLElement | null | undefined)): void {
  requestAnimationFrame(() => (typeof find === "string" ? document.querySelector<HTMLElement>(find) : find())?.focus());
}
