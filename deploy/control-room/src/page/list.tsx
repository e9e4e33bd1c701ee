// A list of rows that a person walks through: every row is in the page, so a reader counts them all and the browser finds them.
// A row is drawn again only when its own signal changes.
import { useSignal, type ReadonlySignal, type Signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { ComponentChildren, VNode } from "preact";
import type { HeldOrder } from "./held";
import { t } from "./strings";

interface Props {
  order: HeldOrder;
  label: string;
  /** The id of the row whose detail is open. */
  opened: string | null;
  /** `isSeen`: whether the row is on the screen. */
  row: (id: string, isSeen: ReadonlySignal<boolean>) => VNode;
  onOpen: (id: string) => void;
  /** What stands behind the last row. */
  after?: ComponentChildren;
}

// Rows are put into the page by and by, so that a long list does not hold up what must happen now.
const FIRST_ROWS = 150;
const ROWS_A_STEP = 250;

export function RowList({ order, label, opened, row, onOpen, after }: Props) {
  const list = useRef<HTMLOListElement>(null);
  const drawn = useRef(new Map<string, VNode>());
  const [limit, setLimit] = useState(FIRST_ROWS);
  const ids = order.shown.value;
  useEffect(() => {
    if (limit >= ids.length) return;
    const timer = setTimeout(() => setLimit(limit + ROWS_A_STEP), 16);
    return () => clearTimeout(timer);
  }, [limit, ids.length]);
  useEffect(() => () => order.release(), [order]);

  // One row takes part in the order of the Tab key: the one last focused, else the open one, else the first.
  useLayoutEffect(() => {
    const element = list.current;
    if (element === null) return;
    for (const was of element.querySelectorAll('[aria-current="true"]')) was.removeAttribute("aria-current");
    const current = opened === null ? null : rowElement(element, opened);
    current?.setAttribute("aria-current", "true");
    if (element.querySelector('[tabindex="0"]') === null) (current ?? element.querySelector<HTMLElement>(".row"))?.setAttribute("tabindex", "0");
  });

  if (drawn.current.size > 2 * ids.length + 100) drawn.current.clear();
  const rows = ids.slice(0, limit).map((id) => {
    let node = drawn.current.get(id);
    if (node === undefined) drawn.current.set(id, (node = <Item key={id} id={id} row={row} />));
    return node;
  });

  const onFocus = (event: FocusEvent) => {
    order.hasFocus.value = true;
    const target = (event.target as HTMLElement).closest<HTMLElement>(".row");
    if (target === null) return;
    for (const was of list.current?.querySelectorAll('[tabindex="0"]') ?? []) was.setAttribute("tabindex", "-1");
    target.setAttribute("tabindex", "0");
  };
  const onBlur = (event: FocusEvent) => {
    if (!list.current?.contains(event.relatedTarget as Node | null)) order.hasFocus.value = false;
  };
  const onClick = (event: MouseEvent) => {
    const id = (event.target as HTMLElement).closest<HTMLElement>(".row")?.dataset["id"];
    if (id === undefined) return;
    order.choose();
    onOpen(id);
  };
  return (
    <div class="rows" onPointerEnter={() => (order.isPointedAt.value = true)} onPointerLeave={() => (order.isPointedAt.value = false)}>
      <ol ref={list} aria-label={label} onFocusIn={onFocus} onFocusOut={onBlur} onClick={onClick}>
        {rows}
      </ol>
      {after}
      {order.added.value > 0 && (
        <div class="added">
          <button type="button" onClick={() => sortKeepingFocus(order)}>
            ↓ {t.list.added(order.added.value)}. {t.list.sort} <kbd>s</kbd>
          </button>
        </div>
      )}
    </div>
  );
}

// A thousand texts that change each second make scrolling slow, so what counts up asks whether somebody can see it.
const seen = new WeakMap<Element, Signal<boolean>>();
const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const isSeen = seen.get(target);
    if (isSeen !== undefined) isSeen.value = isIntersecting;
  }
});

function Item({ id, row }: { id: string; row: Props["row"] }) {
  const item = useRef<HTMLLIElement>(null);
  const isSeen = useSignal(true);
  useEffect(() => {
    const element = item.current;
    if (element === null) return;
    seen.set(element, isSeen);
    observer.observe(element);
    return () => observer.unobserve(element);
  }, [isSeen]);
  return <li ref={item}>{row(id, isSeen)}</li>;
}

function rowElement(within: ParentNode, id: string): HTMLElement | null {
  return within.querySelector<HTMLElement>(`.row[data-id="${CSS.escape(id)}"]`);
}

/** Sort now; whoever is on a row stays on it, wherever that goes. */
export function sortKeepingFocus(order: HeldOrder): void {
  const id = (document.activeElement as HTMLElement | null)?.dataset["id"];
  order.sort();
  if (id !== undefined) requestAnimationFrame(() => focusRow(id));
}

/** @returns whether there is such a row on the screen. */
export function focusRow(id: string): boolean {
  const element = rowElement(document, id);
  element?.focus();
  return element !== null;
}

/** Move the focus by so many rows in the list on the screen. */
export function moveFocus(by: number): void {
  const list = document.querySelector(".rows ol");
  if (list === null) return;
  const current = document.activeElement?.closest("li");
  if (current === null || current === undefined || !list.contains(current)) {
    (list.querySelector<HTMLElement>('.row[tabindex="0"]') ?? list.querySelector<HTMLElement>(".row"))?.focus();
    return;
  }
  const next = by > 0 ? current.nextElementSibling : current.previousElementSibling;
  next?.querySelector<HTMLElement>(".row")?.focus();
}
