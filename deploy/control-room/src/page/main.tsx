// Begins the page: its settings, its worker, and what is in its address.
import { effect } from "@preact/signals";
import { render } from "preact";
import "../colours.css";
import type { Tell } from "../protocol";
import { App, applyTheme } from "./app";
import { ask, askOf } from "./ask";
import { recall } from "./handover";
import { listen } from "./keys";
import "./page.css";
import { loadSettings, SettingsError } from "./settings";
import { sound, sounding } from "./sound";
import { errors, greySinceMs, hear, isForSupervisor, isKeyBrought, isLouder, key, keyAnswers, ringing, settings, shift, view, views } from "./state";
import { choose, t } from "./strings";

/** A key has 300. */
const MOST_LETTERS = 4000;

async function main(): Promise<void> {
  const fragment = takeFragment();
  applyTheme();
  const root = document.getElementById("app");
  if (root === null) return;
  try {
    const read = await loadSettings();
    choose(read.language);
    settings.value = read;
    document.title = `${read.title} – ${t.product}`;
  } catch (error) {
    render(<Wrong problems={error instanceof SettingsError ? error.problems : [String(error)]} />, root);
    return;
  }
  startWorker();
  if (fragment.startsWith("key=")) importKey(fragment.slice(4));
  view.value = views.peek().find((one) => one === fragment) ?? "shift";
  effect(() => {
    if (location.hash.slice(1) !== view.value) history.replaceState(null, "", `#${view.value}`);
  });
  addEventListener("hashchange", () => {
    const now = takeFragment();
    if (now.startsWith("key=")) importKey(now.slice(4));
    view.value = views.peek().find((one) => one === now) ?? view.peek();
  });
  // The page may come back from the browser's memory: then nobody has begun a shift on it.
  addEventListener("pagehide", () => {
    ask({ ask: "end" });
    shift.value = null;
  });
  effect(() => {
    const registrar = settings.value?.registrar;
    if (registrar) ask({ ask: "enrolment", registrar, isLookedAt: view.value === "enrolment" });
  });
  effect(() => {
    if (shift.value === null || ringing.value.length === 0) sound("off");
    else if (key.value?.role === "supervisor" && isForSupervisor.value) sound("supervisor");
    else if (ringing.value.some(({ data }) => data.silent)) sound(isLouder.value ? "silent-louder" : "silent");
    else sound(isLouder.value ? "louder" : "new");
    document.documentElement.dataset["sound"] = sounding.value;
  });
  effect(() => {
    document.documentElement.toggleAttribute("data-grey", greySinceMs.value !== null);
  });
  recall();
  listen();
  render(<App />, root);
}

/** The fragment of the address. A key is removed from the address bar and the history before anything else happens. */
function takeFragment(): string {
  const fragment = location.hash.slice(1);
  if (fragment.startsWith("key=")) history.replaceState(null, "", location.pathname + location.search);
  return fragment;
}

function startWorker(): void {
  const worker = new Worker("worker.js", { type: "module" });
  worker.onmessage = (event: MessageEvent<Tell>) => hear(event.data);
  worker.onerror = () => (errors.value = [...errors.peek(), t.status.workerSilent]);
  askOf(worker);
}

function importKey(encoded: string): void {
  try {
    if (encoded.length > MOST_LETTERS) throw new RangeError();
    const bytes = Uint8Array.from(atob(encoded.replace(/-/g, "+").replace(/_/g, "/")), (character) => character.charCodeAt(0));
    const jwk = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    ask({ ask: "import-key", jwk, isSure: settings.peek()?.key_by_link === true });
    keyAnswers.value += 1;
    isKeyBrought.value = true;
  } catch {
    errors.value = [...errors.peek(), t.shift.keyBadAddress];
  }
}

function Wrong({ problems }: { problems: readonly string[] }) {
  return (
    <main class="wrong">
      <h1>{t.settings.wrong}</h1>
      <ul>
        {problems.map((problem) => (
          <li key={problem}>{problem}</li>
        ))}
      </ul>
      <p>{t.settings.why}</p>
    </main>
  );
}

void main();
