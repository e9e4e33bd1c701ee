// What the person at this page sees of a camera now: one at a time, for as long as the page shows it.
import { signal } from "@preact/signals";
import type { LookView } from "../protocol";
import { ask } from "./ask";

export const look = signal<LookView | null>(null);
/** The address of the newest picture; empty before the first. */
export const lookPicture = signal("");
let before = "";

export function lookThrough(source: string, camera: string, by: string, reason: string): void {
  lookAway();
  // At once and not when the worker says so: it may be busy, and whoever turns away by then must end the look too.
  look.value = { source, camera, state: "asking", why: "", detail: "", endsMs: null, others: [], pictureMs: null };
  ask({ ask: "look", source, camera, by, reason });
}

/** Nobody sees the page, or it shows something else. */
export function lookAway(): void {
  if (look.peek() === null) return;
  if (look.peek()?.state !== "ended") ask({ ask: "look-away" });
  look.value = null;
  forgetPictures();
}

export function hearLook(view: LookView, jpeg: Blob | null): void {
  // What was on its way when the person looked away, or through another camera.
  const asked = look.peek();
  if (asked === null || view.source !== asked.source || view.camera !== asked.camera) return;
  if (view.state === "ended" && view.why === "stopped") return;
  look.value = view;
  if (view.state === "ended") return forgetPictures();
  if (jpeg === null) return;
  // The one before may still be read: it goes with the next.
  if (before !== "") URL.revokeObjectURL(before);
  [before, lookPicture.value] = [lookPicture.peek(), URL.createObjectURL(jpeg)];
}

function forgetPictures(): void {
  for (const address of [before, lookPicture.peek()]) if (address !== "") URL.revokeObjectURL(address);
  [before, lookPicture.value] = ["", ""];
}

addEventListener("visibilitychange", () => document.hidden && lookAway());
