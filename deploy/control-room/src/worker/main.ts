// The dedicated worker of a page: everything of MQTT, all timers, the key.
import type { Ask, Tell } from "../protocol";
import { BrowserBox } from "./box";
import { Keys } from "./keys";
import { MqttLine } from "./line";
import { Room } from "./room";

const TICK_MS = 50;
const scope = self as unknown as DedicatedWorkerGlobalScope;
const tell = (said: Tell): void => scope.postMessage(said);
const keys = new Keys(new BrowserBox());
const room = new Room({
  clock: { nowMs: () => performance.timeOrigin + performance.now(), wallMs: () => Date.now() },
  keys,
  tell,
  connect: (url, session, events) => new MqttLine(absolute(url), session, events),
});

/** An address that is relative is below the page's own. */
function absolute(url: string): string {
  const found = new URL(url, scope.location.href);
  found.protocol = found.protocol.replace(/^http/, "ws");
  return found.href;
}

// What the page asks before the key is there waits for it, and everything stays in its order.
let before: Promise<void> = keys
  .load()
  .catch((error: unknown) => tell({ tell: "error", failure: "no-store", detail: String(error) }))
  .then(() => tell({ tell: "key", key: keys.view }));
scope.addEventListener("message", ({ data }: MessageEvent<Ask>) => {
  before = before.then(() => room.ask(data));
});
setInterval(() => room.tick(), TICK_MS);
