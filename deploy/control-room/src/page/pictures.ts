// Pictures of cameras, as addresses of blobs. The newest few are kept.
import { signal, type Signal } from "@preact/signals";
import { ask } from "./ask";

const MOST = 30;
/** `null`: asked for; empty: there is none so far, and the worker tells when it comes. */
const pictures = new Map<string, Signal<string | null>>();

export function picture(id: string): Signal<string | null> {
  let address = pictures.get(id);
  if (address === undefined) {
    pictures.set(id, (address = signal<string | null>(null)));
    ask({ ask: "picture", id });
    if (pictures.size > MOST) for (const [oldest] of pictures) return drop(oldest), address;
  }
  return address;
}

export function hearPicture(id: string, jpeg: Blob | null): void {
  const address = pictures.get(id);
  if (address === undefined || address.peek()) return;
  address.value = jpeg === null ? "" : URL.createObjectURL(jpeg);
}

export function forgetPictures(): void {
  for (const id of [...pictures.keys()]) drop(id);
}

function drop(id: string): void {
  const address = pictures.get(id)?.peek();
  if (address) URL.revokeObjectURL(address);
  pictures.delete(id);
}
