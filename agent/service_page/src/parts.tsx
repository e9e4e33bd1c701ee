// What every view is put together from. No part changes its height when something is said.
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { isInEarnest, left, lostSinceMs, nowMs, said, state, tab, type Tab } from "./state";
import { plain } from "../../../deploy/control-room/src/plain";
import { t } from "./strings";

/** A view: what is read above, what was said in a line of its own, and what is tapped at the thumb. */
export function Screen({ title, children, thumb, isBare = false }: { title: string; children: ComponentChildren; thumb: ComponentChildren; isBare?: boolean }) {
  return (
    <>
      {isBare ? (
        children
      ) : (
        <main>
          <h1>{title}</h1>
          {children}
        </main>
      )}
      <Said />
      <section class="thumb" aria-label={t.thumb}>{thumb}</section>
    </>
  );
}

/** The newest thing that the technician must know. Two lines are kept free for it. */
export function Said() {
  const lost = lostSinceMs.value;
  const seconds = lost === null ? 0 : Math.floor((nowMs.value - lost) / 1000);
  const isPowerCut = state.value?.walk?.step === "power-cut";
  const trouble = state.value?.trouble ?? null;
  const [text, isBad] =
    lost !== null && seconds >= 1 ? [isPowerCut ? t.lost.powerCut(seconds) : t.lost.since(seconds), !isPowerCut] : said.value.text !== "" ? [said.value.text, said.value.isBad] : [plain(trouble ?? "", 160), true];
  return (
    <p class={`said${isBad && text !== "" ? " is-bad" : ""}`} role="status">
      {text !== "" && <span aria-hidden="true">{isBad ? "▲ " : "● "}</span>}
      {/* A count that goes up every second would be read out every second. */}
      {lost !== null && seconds >= 1 ? <span aria-hidden="true">{text}</span> : text}
      {lost !== null && seconds >= 1 && <span class="visually-hidden">{isPowerCut ? t.lost.powerCut(1) : t.lost.since(1)}</span>}
    </p>
  );
}

export function Head() {
  const now = state.value;
  return (
    <header class="head">
      {isInEarnest.value ? (
        <strong class="head-earnest">
          <span aria-hidden="true">▲ </span>
          {t.earnest.short}
        </strong>
      ) : (
        <span class="head-name">
          <strong>{plain(now?.device.split("/").at(-1) ?? t.title, 64)}</strong> {plain(now?.device.split("/").at(-2) ?? "", 64)}
        </span>
      )}
      {now !== null && (
        <span class="head-left">
          <span class="head-words">{t.closesIn}</span> {t.clock(left(now.seconds_left))}
        </span>
      )}
    </header>
  );
}

export function Tabs() {
  return (
    <nav class="tabs">
      {(Object.keys(t.tabs) as Tab[]).map((name) => (
        <button key={name} type="button" aria-current={tab.value === name ? "page" : undefined} onClick={() => (tab.value = name)}>
          {t.tabs[name]}
        </button>
      ))}
    </nav>
  );
}

const STEADY_MS = 500;
let steadyFromMs = 0;
/** Have taps ignored for half a second: the buttons under the finger mean something else now. */
export function settle(): void {
  steadyFromMs = performance.now() + STEADY_MS;
}
/** A click that counts only when the button has meant the same for half a second. */
export const steadily = (what: () => void) => () => {
  if (performance.now() >= steadyFromMs) what();
};

/** Whether something is under way for which a tap must wait. */
export const isBusy = signal(false);
export async function busily(what: () => Promise<unknown>): Promise<void> {
  if (isBusy.peek()) return;
  isBusy.value = true;
  try {
    await what();
  } finally {
    isBusy.value = false;
  }
}

/** A question over the view, at the thumb. */
export function Sheet({ title, children, onClose }: { title: string; children: ComponentChildren; onClose: () => void }) {
  const element = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    return () => dialog?.close(); // which gives the focus back
  }, []);
  const close = (event: Event) => {
    event.preventDefault();
    onClose();
  };
  return (
    <dialog ref={element} class="sheet" aria-labelledby="sheet-title" onCancel={close}>
      <h2 id="sheet-title">{title}</h2>
      {children}
    </dialog>
  );
}
