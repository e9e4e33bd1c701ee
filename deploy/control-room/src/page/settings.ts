// control-room.json, as it is served beside the page: read, and judged in words.
import type { Settings } from "../protocol";
import { t } from "./strings";

/** What is wrong with the file, one sentence each. */
export class SettingsError extends Error {
  constructor(readonly problems: string[]) {
    super(problems.join("; "));
  }
}

/** Fetch and check. @throws SettingsError */
export async function loadSettings(): Promise<Settings> {
  let text: string;
  try {
    const answer = await fetch("control-room.json", { cache: "no-cache" });
    if (!answer.ok) throw new SettingsError([t.settings.notServed(answer.status)]);
    text = await answer.text();
  } catch (error) {
    if (error instanceof SettingsError) throw error;
    throw new SettingsError([t.settings.notFetched]);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new SettingsError([t.settings.notJson(String((error as Error).message))]);
  }
  return checkSettings(parsed);
}

/** @throws SettingsError with every problem at once. */
export function checkSettings(parsed: unknown): Settings {
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) throw new SettingsError([t.settings.noObject]);
  const file = parsed as Record<string, unknown>;
  const problems: string[] = [];
  const text = (key: string, otherwise?: string): string => {
    const value = file[key] ?? otherwise;
    if (typeof value === "string" && value !== "") return value;
    problems.push(t.settings.text(key));
    return "";
  };
  const seconds = (key: string, otherwise: number): number => {
    const value = file[key] ?? otherwise;
    if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
    problems.push(t.settings.seconds(key));
    return otherwise;
  };
  const texts = (key: string): string[] => {
    const value = file[key] ?? [];
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value as string[];
    problems.push(t.settings.texts(key));
    return [];
  };
  const known = ["centre", "title", "language", "root", "brokers", "outlines", "units", "tiles", "ring_after_s", "supervisor_after_s", "registrar", "clips", "key_by_link", "exercises_ring"];
  for (const key of Object.keys(file)) if (!known.includes(key)) problems.push(t.settings.unknown(key, known.join(", ")));
  const centre = text("centre");
  if (/[/+#]/.test(centre)) problems.push(t.settings.level("centre"));
  const settings: Settings = {
    centre,
    title: text("title", centre),
    language: text("language", "en"),
    root: text("root", "edge/v1"),
    brokers: brokers(file["brokers"], problems),
    outlines: texts("outlines"),
    units: texts("units"),
    tiles: file["tiles"] === undefined || file["tiles"] === null ? null : text("tiles"),
    ring_after_s: seconds("ring_after_s", 15),
    supervisor_after_s: seconds("supervisor_after_s", 60),
    registrar: registrar(file["registrar"] ?? null, problems),
    clips: file["clips"] === true,
    key_by_link: file["key_by_link"] === true,
    exercises_ring: file["exercises_ring"] === true,
  };
  for (const name of ["clips", "key_by_link", "exercises_ring"]) if (typeof (file[name] ?? false) !== "boolean") problems.push(t.settings.yesOrNo(name));
  if (/[+#]/.test(settings.root)) problems.push(t.settings.level("root"));
  if (problems.length > 0) throw new SettingsError(problems);
  return settings;
}

// Requests go to /registrar/ of this host, whatever else is in the address.
function registrar(value: unknown, problems: string[]): Settings["registrar"] {
  if (value === null) return null;
  const { url, province } = Object(value) as Record<string, unknown>;
  if (typeof url !== "string" || typeof province !== "string" || !/^[a-z0-9-]+$/.test(province)) {
    problems.push(t.settings.registrar);
    return null;
  }
  const address = URL.canParse(url, location.href) ? new URL(url, location.href) : null;
  const isSafe = address?.protocol === "https:" || address?.origin === location.origin;
  if (address === null || !isSafe || !["/", "/registrar/"].includes(address.pathname) || address.search + address.hash + address.username !== "") {
    problems.push(t.settings.registrarAddress(url));
  }
  return { url, province };
}

function brokers(value: unknown, problems: string[]): Settings["brokers"] {
  if (!Array.isArray(value) || value.length === 0) {
    problems.push(t.settings.brokers);
    return [];
  }
  const found: Settings["brokers"] = [];
  for (const [index, item] of value.entries()) {
    const { name, url } = (item ?? {}) as Record<string, unknown>;
    if (typeof name !== "string" || name === "" || typeof url !== "string") {
      problems.push(t.settings.broker(index + 1));
      continue;
    }
    if (found.some((other) => other.name === name)) problems.push(t.settings.twice(name));
    try {
      const address = new URL(url, location.href);
      if (!["ws:", "wss:", "http:", "https:"].includes(address.protocol)) problems.push(t.settings.address(name, url));
    } catch {
      problems.push(t.settings.address(name, url));
    }
    found.push({ name, url });
  }
  return found;
}
