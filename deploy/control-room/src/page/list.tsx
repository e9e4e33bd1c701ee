// A list of rows that a person walks through. Only the rows on the screen and some around them are in the page: each says which of how many
// it is, and scrolling, the arrows and the Tab key bring the others. A row is drawn again only when its own signal changes.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { ComponentChildren, VNode } from "preact";
import type { HeldOrder } from "./held";
import { Places } from "./places";
import { t } from "./strings";

interface Props {
  order: HeldOrder;
  label: string;
  /** The id of the row whose detail is open. */
  opened: string | null;
  row: (id: string) => VNode;
  onOpen: (id: string) => void;
  /** What stands behind the last row. */
  after?: ComponentChildren;
}

/** How far beyond the screen rows are drawn, and how close to their end a person gets before more are drawn. */
const AHEAD_PX = 900;
const NEAR_PX = 400;
const AROUND = 5;

/** The rows that are drawn, and where. */
class Pane {
  readonly places = new Places();
  /** The row that the Tab key reaches: the last focused one, else the open one, else the first. It stays in the page. */
  stop: string | null = null;
  /** The range of rows that are drawn; one more may be `away` from them. */
  from = 0;
  to = 0;
  away = -1;
  #box: HTMLElement | null = null;
  #list: HTMLElement | null = null;
  #top = 0;
  #height = 0;
  #width = 0;
  #mustScroll = false;
  #wanted: string | null = null;
  readonly #redraw: () => void;
  readonly #observer = new ResizeObserver((entries) => this.#measure(entries));

  constructor(redraw: () => void) {
    this.#redraw = redraw;
  }

  /** Choose which of these to draw. Rows on the screen do not move, unless the list is scrolled to its top. */
  choose(ids: readonly string[], opened: string | null): void {
    if (ids !== this.places.ids) this.#keep(() => this.places.take(ids));
    const { places } = this;
    this.from = places.at(this.#top - AHEAD_PX);
    this.to = ids.length === 0 ? 0 : places.at(this.#top + this.#height + AHEAD_PX) + 1;
    const stop = [this.stop, opened].map((id) => (id === null ? -1 : ids.indexOf(id))).find((index) => index >= 0) ?? 0;
    this.away = stop >= ids.length || (stop >= this.from && stop < this.to) ? -1 : stop;
  }

  attach(box: HTMLElement, list: HTMLElement): () => void {
    [this.#box, this.#list, this.#height] = [box, list, box.clientHeight];
    this.#observer.observe(box);
    box.addEventListener("scroll", this.#scrolled, { passive: true });
    this.#redraw();
    return () => (box.removeEventListener("scroll", this.#scrolled), this.#observer.disconnect());
  }

  watch(row: Element): () => void {
    this.#observer.observe(row);
    return () => this.#observer.unobserve(row);
  }

  /** Put the drawn rows where they belong, and the focus on the row that waits for it. */
  settle(opened: string | null): void {
    const list = this.#list;
    if (list === null) return;
    this.#place();
    for (const was of list.querySelectorAll('[aria-current="true"]')) was.removeAttribute("aria-current");
    const current = opened === null ? null : rowElement(list, opened);
    current?.setAttribute("aria-current", "true");
    const wanted = this.#wanted;
    this.#wanted = null;
    if (wanted !== null) rowElement(list, wanted)?.focus();
    const stop = (this.stop !== null && rowElement(list, this.stop)) || current || list.querySelector<HTMLElement>(".row");
    if (stop?.getAttribute("tabindex") === "0") return;
    for (const was of list.querySelectorAll('[tabindex="0"]')) was.setAttribute("tabindex", "-1");
    stop?.setAttribute("tabindex", "0");
  }

  /** @returns whether there is such a row. */
  focus(id: string): boolean {
    const index = this.places.ids.indexOf(id);
    if (index < 0 || this.#list === null) return false;
    const element = rowElement(this.#list, id);
    if (element !== null) return element.focus(), true;
    const [start, end] = [this.places.start(index), this.places.start(index + 1)];
    this.#scroll(start < this.#top ? start : end - this.#height);
    this.#wanted = id;
    return true;
  }

  move(by: number): void {
    const { ids } = this.places;
    const focused = document.activeElement?.closest<HTMLElement>(".row");
    const current = this.#wanted ?? (focused && this.#list?.contains(focused) ? focused.dataset["id"] : undefined);
    if (current === undefined) this.#list?.querySelector<HTMLElement>('.row[tabindex="0"]')?.focus();
    else this.focus(ids[ids.indexOf(current) + by] ?? "");
  }

  toTop(): void {
    this.#scroll(0);
  }

  #scroll(top: number): void {
    [this.#top, this.#mustScroll] = [Math.max(0, top), true];
    this.#redraw();
  }

  /** Change places, and let what most of the screen shows stay where it is: one row of it may have gone far away. Where only heights change
   * (`isMeasured`), whoever is at the end of the list stays there. */
  #keep(change: () => void, isMeasured = false): void {
    const { places } = this;
    this.#follow();
    const end = places.start(places.ids.length);
    // Where rows turn out lower, the browser has moved up to the new end already.
    const isAtEnd = isMeasured && this.#top > 0 && this.#top + this.#height >= Math.min(end, this.#box!.scrollHeight) - 1;
    const first = places.at(this.#top);
    const seen = this.#top <= 0 ? [] : places.ids.slice(first, first + AROUND).map((id, i) => ({ id, fromTop: places.start(first + i) - this.#top }));
    change();
    const tops = seen.map(({ id, fromTop }) => [places.ids.indexOf(id), fromTop] as const).filter(([index]) => index >= 0).map(([index, fromTop]) => places.start(index) - fromTop);
    const top = isAtEnd ? this.#top + Math.max(0, places.start(places.ids.length) - end) : tops.sort((a, b) => a - b)[tops.length >> 1];
    if (top === undefined || Math.abs(top - this.#top) < 1) return;
    [this.#top, this.#mustScroll] = [Math.max(0, top), true];
  }

  /** Take over where a person has scrolled to: the browser says so with its next frame, and a row may come before. */
  #follow(): void {
    if (this.#box === null || this.#mustScroll) return;
    // The browser rounds what we have set: the parts of pixels must not add up.
    if (Math.abs(this.#box.scrollTop - this.#top) >= 1) this.#top = this.#box.scrollTop;
  }

  #place(): void {
    const [box, list, { places }] = [this.#box!, this.#list!, this];
    list.style.paddingTop = `${places.start(this.from)}px`;
    list.style.paddingBottom = `${places.start(places.ids.length) - places.start(this.to)}px`;
    if (this.away >= 0) list.querySelector<HTMLElement>("li.pinned")?.style.setProperty("top", `${places.start(this.away)}px`);
    if (this.#mustScroll) box.scrollTop = this.#top;
    this.#mustScroll = false;
  }

  // Before the frame is painted, so that no row is seen in a wrong place.
  #measure(entries: ResizeObserverEntry[]): void {
    const isOther = this.#box!.clientWidth !== this.#width;
    [this.#width, this.#height] = [this.#box!.clientWidth, this.#box!.clientHeight];
    const rows = entries.filter(({ target }) => target !== this.#box);
    let isChanged = rows.length < entries.length;
    this.#keep(() => {
      if (isOther) this.places.forget();
      for (const { target, borderBoxSize } of rows) {
        const id = this.places.ids[Number(target.getAttribute("aria-posinset")) - 1];
        if (id !== undefined && target.isConnected && this.places.measure(id, borderBoxSize[0]!.blockSize)) isChanged = true;
      }
    }, true);
    if (!isChanged) return;
    this.#place();
    this.#scrolled();
  }

  readonly #scrolled = (): void => {
    this.#follow();
    const { places, from, to } = this;
    if (places.at(this.#top - NEAR_PX) < from || places.at(this.#top + this.#height + NEAR_PX) >= to) this.#redraw();
  };
}

/** The list on the screen. */
let pane: Pane | null = null;

export function RowList({ order, label, opened, row, onOpen, after }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLOListElement>(null);
  const [, count] = useState(0);
  const mine = useMemo(() => new Pane(() => count((before) => before + 1)), []);
  const drawn = useRef(new Map<string, VNode>());
  const ids = order.shown.value;
  useEffect(() => () => order.release(), [order]);
  useLayoutEffect(() => {
    pane = mine;
    const detach = mine.attach(box.current!, list.current!);
    return () => (detach(), (pane = pane === mine ? null : pane));
  }, [mine]);
  mine.choose(ids, opened);
  useLayoutEffect(() => mine.settle(opened));

  const before = drawn.current;
  drawn.current = new Map();
  const item = (index: number) => {
    const id = ids[index]!;
    const node = before.get(id) ?? row(id);
    drawn.current.set(id, node);
    return <Item key={id} index={index} of={ids.length} pane={mine} isAway={index === mine.away}>{node}</Item>;
  };
  const { from, to, away } = mine;
  const indices = Array.from({ length: to - from }, (_, i) => from + i);
  if (away >= 0) indices[away < from ? "unshift" : "push"](away);

  const onFocus = (event: FocusEvent) => {
    order.hasFocus.value = true;
    const target = (event.target as HTMLElement).closest<HTMLElement>(".row");
    if (target === null) return;
    mine.stop = target.dataset["id"] ?? null;
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
    <div ref={box} class="rows" onPointerEnter={() => (order.isPointedAt.value = true)} onPointerLeave={() => (order.isPointedAt.value = false)}>
      <ol ref={list} aria-label={label} onFocusIn={onFocus} onFocusOut={onBlur} onClick={onClick}>
        {indices.map(item)}
      </ol>
      {after}
      {order.added.value > 0 && (
        <div class="added">
          <button type="button" onClick={() => sortKeepingFocus(order)}>
            {order.isAppended ? `↓ ${t.list.added(order.added.value)}` : `↑ ${t.list.newer(order.added.value)}`}. {t.list.sort} <kbd>s</kbd>
          </button>
        </div>
      )}
    </div>
  );
}

function Item({ index, of, pane: its, isAway, children }: { index: number; of: number; pane: Pane; isAway: boolean; children: VNode }) {
  const item = useRef<HTMLLIElement>(null);
  useLayoutEffect(() => its.watch(item.current!), [its]);
  return <li ref={item} aria-posinset={index + 1} aria-setsize={of} class={isAway ? "pinned" : undefined}>{children}</li>;
}

function rowElement(within: ParentNode, id: string): HTMLElement | null {
  return within.querySelector<HTMLElement>(`.row[data-id="${CSS.escape(id)}"]`);
}

/** Sort now; whoever is on a row stays on it, wherever that goes. */
export function sortKeepingFocus(order: HeldOrder): void {
  const id = (document.activeElement as HTMLElement | null)?.dataset["id"];
  order.sort();
  if (id === undefined) showTop();
  else requestAnimationFrame(() => focusRow(id));
}

/** Show the first row of the list on the screen. */
export function showTop(): void {
  pane?.toTop();
}

/** @returns whether there is such a row in the list on the screen. */
export function focusRow(id: string): boolean {
  return pane?.focus(id) ?? false;
}

/** Move the focus by so many rows in the list on the screen. */
export function moveFocus(by: number): void {
  pane?.move(by);
}
