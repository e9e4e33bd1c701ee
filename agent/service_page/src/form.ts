// Settings as text in a form. Pure. Whether a value may be is the device's matter.
import type { Changes, Row } from "./api";

const MIB = 1024 * 1024;
const nameIn = (row: Row): string => row.path.split(".").at(-1) ?? "";
const isBytes = (row: Row): boolean => nameIn(row).endsWith("_bytes");

const ORDER = ["device", "cameras", "mqtt", "self_test", "health", "storage"];
/** The groups that there are, in the order of who looks for them. */
export const groupsOf = (rows: readonly Row[]): string[] => [...new Set(rows.map(groupOf))].sort((one, other) => ORDER.indexOf(one.split(".")[0] ?? "") - ORDER.indexOf(other.split(".")[0] ?? ""));

/** `device`, `mqtt`, `cameras.front`. */
export const groupOf = ({ path }: Row): string => path.split(".").slice(0, path.startsWith("cameras.") ? 2 : 1).join(".");

const UNITS: Record<string, string> = { frames_per_second: "per s", inferences_per_second: "per s", smallest_person: "of height", min_travel: "bodies" };

/** What stands beside the figure. */
export function unitOf(row: Row): string {
  const name = nameIn(row);
  if (isBytes(row)) return "MiB";
  if (row.type === "time") return String(row.value).replace(/^[\d:.]+/, "").replace(/^Z?$/, "UTC");
  return UNITS[name] ?? (name.endsWith("_s") ? "s" : "");
}

const figure = (row: Row, value: number): string => String(isBytes(row) ? Math.round((value / MIB) * 1000) / 1000 : value);

/** The value in force, as the field has it. What is told without its login has to be written anew. */
export function textOf(row: Row): string {
  if (row.hidden) return "";
  if (typeof row.value === "number") return figure(row, row.value);
  if (typeof row.value !== "string") return row.value.join("\n");
  return row.type === "time" ? row.value.slice(0, 5) : row.value;
}

/** A value for reading, with its unit. */
export function told(row: Row, value: unknown = row.value): string {
  const text = typeof value === "number" ? figure(row, value) : Array.isArray(value) ? value.join(", ") : String(value);
  return `${(row.type === "time" ? text.slice(0, 5) : text) || "–"} ${unitOf(row)}`.trim();
}

/** What a text means. A figure that is none goes to the device as it is, which says so. */
export function valueOf(row: Row, text: string): unknown {
  if (row.type === "texts") return text.trim() === "" ? [] : text.trimEnd().split("\n").map((line) => line.trim());
  if (row.type === "time") return text + String(row.value).slice(5);
  const trimmed = text.trim();
  if (row.type === "text") return trimmed;
  const number = Number(trimmed.replace(",", "."));
  if (trimmed === "" || Number.isNaN(number)) return trimmed;
  return isBytes(row) ? Math.round(number * MIB) : number;
}

/** The limits in figures: "1 to 16", "above 0", "at most 60". */
export function limitsOf(row: Row, words: { above: string; below: string; least: string; most: string; to: string }): string {
  const said = (word: string, value: number | undefined): string[] => (value === undefined ? [] : [`${word} ${figure(row, value)}`]);
  if (row.least !== undefined && row.most !== undefined) return `${figure(row, row.least)} ${words.to} ${figure(row, row.most)}`;
  return [...said(words.least, row.least), ...said(words.above, row.above), ...said(words.most, row.most), ...said(words.below, row.below)].join(", ");
}

/** What was typed, as a tree like a settings file's. */
export function changesOf(typed: readonly (readonly [Row, string])[]): Changes {
  const tree: Record<string, unknown> = {};
  const cameras = new Map<string, Record<string, unknown>>();
  for (const [row, text] of typed) {
    const words = row.path.split(".");
    const name = words.pop() ?? "";
    let table = tree;
    if (words[0] === "cameras") {
      const camera = words[1] ?? "";
      cameras.set(camera, (table = cameras.get(camera) ?? { name: camera }));
    } else for (const word of words) table = (table[word] ??= {}) as Record<string, unknown>;
    table[name] = valueOf(row, text);
  }
  return cameras.size === 0 ? tree : { ...tree, cameras: [...cameras.values()] };
}
