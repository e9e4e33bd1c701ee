// Whether what a signature of a report would say is said of the report that is shown. The contract, "The report", has the rule.
import { sha256 } from "@noble/hashes/sha2.js";
import { hex } from "../../../deploy/control-room/src/octets";
import type { Report } from "./api";
import { octets } from "./key";

const UTF8 = new TextEncoder();

/** One form for one value: names in order, no spaces. A report has no number with a fraction. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const fields = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${fields.map(([name, each]) => `${JSON.stringify(name)}:${canonical(each)}`).join(",")}}`;
}

const digest = (value: unknown): string => hex(sha256(UTF8.encode(canonical(value))));

function leaves(value: unknown, pointer: string): [string, string][] {
  const inside = value !== null && typeof value === "object" ? Object.entries(value) : [];
  if (inside.length === 0) return [[pointer, digest(value)]];
  return inside.flatMap(([name, each]) => leaves(each, `${pointer}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`));
}

/** Whether `payload`, in base64url, is the statement on this report and no other. */
export function isOf(payload: string, report: Report): boolean {
  const hashes = digest(Object.fromEntries(leaves(report, "/report")));
  try {
    return new TextDecoder().decode(octets(payload)) === canonical({ commissioning: report.id, device: report.device.name, hashes });
  } catch {
    return false;
  }
}
