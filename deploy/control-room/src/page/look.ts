// What the person at this page sees of a camera now: one at a time, for as long as the page shows it.
import { effect, signal } from "@preact/signals";
import type { LookView } from "../protocol";
import { ask } from "./ask";

export const look = signal<LookView | null>(null);
/** The address of the newest picture; empty before the first. */
export const lookPicture = signal("");
let before = "";

export function lookThrough(source: string, camera: string, by: string, reason: string): void {
  lookAway();
  ask({ ask: "look", source, camera, by, reason });
}

/** Nobody sees the page, or it shows something else. */
export function lookAway(): void {
  if (look.peek() === null) return;
  if (look.peek()?.state !== "ended") ask({ ask: "look-away" });
  look.value = null;
  for (const address of [before, lookPicture.peek()]) if (address !== "") URL.revokeObjectURL(address);
  [before, lookPicture.value] = ["", ""];
}

export function hearLook(view: LookView, jpeg: Blob | null): void {
  // What was on its way when the person looked away.
  if (view.state === "ended" && view.why === "stopped") return;
  look.value = view;
  if (jpeg === null) return;
  // The one before may still be read: it goes with the next.
  if (before !== "") URL.revokeObjectURL(before);
  [before, lookPicture.value] = [lookPicture.peek(), URL.createObjectURL(jpeg)];
}

addEventListener("visibilitychange", () => document.hidden && lookAway());
effect(() => {
  if (look.value?.state === "ended") lookPicture.value = "";
});
