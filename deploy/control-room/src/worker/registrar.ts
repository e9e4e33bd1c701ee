// The registrar over HTTPS: what it is asked, signed for with the key, and its answers, which are judged before anybody sees them.
import type { EnrolledView, RegistrarTrouble, WaitingView } from "../protocol";
import type { TrueTime } from "./clock";
import { digest, hex } from "../octets";
import type { Keys } from "./keys";

const ANSWER_WITHIN_MS = 15_000;
const LARGEST_ANSWER = 8 * 1024 * 1024;
/** For how long a token counts: the registrar takes none that is good for longer. */
const LIFE_S = 60;
const UTF8 = new TextEncoder();

/** What the registrar did not do, and why. */
export class TroubleError extends Error {
  constructor(readonly trouble: RegistrarTrouble) {
    super(trouble.why);
  }
}

const fail = (why: RegistrarTrouble["why"], detail = ""): TroubleError => new TroubleError({ why, detail });

export class Registrar {
  readonly #origin: string;
  readonly #province: string;
  readonly #keys: Keys;
  readonly #time: TrueTime;

  constructor(url: string, province: string, keys: Keys, time: TrueTime) {
    this.#origin = new URL(url, self.location.href).origin;
    this.#province = province;
    this.#keys = keys;
    this.#time = time;
  }

  /** @throws TroubleError, as all that follow. */
  async waiting(): Promise<WaitingView[]> {
    const offsetMs = this.#time.offsetMs;
    return rows(await this.#ask("GET", "/registrar/requests"), (row) => ({
      key: formed(row["key"], /^[0-9a-f]{64}$/),
      code: formed(row["code"], /^[0-9A-Z]{4}(-[0-9A-Z]{4}){2}$/),
      name: text(row["name"]),
      board: textOrNull(row["board"]),
      site: textOrNull(row["site"]),
      place: textOrNull(row["place"]),
      sinceMs: seconds(row["asked_at"]) - offsetMs,
      replaces: textOrNull(row["replaces"]),
      remark: textOrNull(row["remark"]),
      address: text(row["address"]),
    }));
  }

  async devices(): Promise<EnrolledView[]> {
    const offsetMs = this.#time.offsetMs;
    return rows(await this.#ask("GET", "/registrar/devices"), (row) => ({
      name: text(row["name"]),
      board: textOrNull(row["board"]),
      endsMs: seconds(row["not_after"]),
      revoked: row["revoked"] === null ? null : text(object(row["revoked"])["reason"]),
      seenMs: row["seen_at"] === null ? null : seconds(row["seen_at"]) - offsetMs,
    }));
  }

  async decide({ key, replaces }: WaitingView, isApproval: boolean, reason: string): Promise<void> {
    // Whom it replaces is what the person has seen, and not who has got the name since.
    const said = isApproval ? { do: "approve", replaces } : { do: "refuse", reason };
    const answer = object(await this.#ask("POST", `/registrar/requests/${key}`, JSON.stringify(said)));
    if (answer["key"] !== key || answer["state"] !== (isApproval ? "approved" : "refused")) throw fail("nonsense");
  }

  async #ask(method: "GET" | "POST", path: string, content = ""): Promise<unknown> {
    const body = UTF8.encode(content);
    const token = await this.#token(`${method} ${path}`, await digest(body));
    let status = 0;
    let kind = "";
    let said = "";
    try {
      const answer = await fetch(`${this.#origin}${path}`, {
        method,
        headers: { Authorization: `Bearer ${token}`, ...(method === "POST" ? { "Content-Type": "application/json" } : {}) },
        ...(method === "POST" ? { body } : {}),
        credentials: "omit",
        cache: "no-store",
        redirect: "error",
        referrerPolicy: "no-referrer",
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
      status = answer.status;
      kind = answer.headers.get("Content-Type")?.split(";")[0]?.trim().toLowerCase() ?? "";
      said = await bounded(answer);
    } catch (error) {
      if (error instanceof TroubleError) throw error;
      throw fail((error as Error).name === "TimeoutError" ? "slow" : "no-connection");
    }
    if (status !== 200) throw kind === "text/plain" && said.trim() !== "" ? fail("says", said.trim().slice(0, 400)) : fail("status", String(status));
    if (kind === "text/html" || /^\s*</.test(said)) throw fail("html");
    try {
      return JSON.parse(said) as unknown;
    } catch {
      throw fail("nonsense");
    }
  }

  /** For one request, and once. */
  async #token(what: string, bodyDigest: string): Promise<string> {
    const iat = Math.floor(this.#time.trueMs / 1000);
    const jti = hex(crypto.getRandomValues(new Uint8Array(16)));
    const iss = this.#keys.view?.issuer;
    return this.#keys.sign({ iss, aud: `registrar/${this.#province}`, iat, exp: iat + LIFE_S, jti, do: what, body: bodyDigest });
  }
}

async function bounded(answer: Response): Promise<string> {
  const decoder = new TextDecoder();
  const reader = answer.body?.getReader();
  let said = "";
  for (let octets = 0; reader !== undefined; ) {
    const { done, value } = await reader.read();
    if (done) break;
    octets += value.byteLength;
    if (octets > LARGEST_ANSWER) {
      void reader.cancel();
      throw fail("nonsense");
    }
    said += decoder.decode(value, { stream: true });
  }
  return said + decoder.decode();
}

function rows<T>(list: unknown, read: (row: Record<string, unknown>) => T): T[] {
  if (!Array.isArray(list)) throw fail("nonsense");
  return list.map((row) => read(object(row)));
}

function object(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw fail("nonsense");
  return value as Record<string, unknown>;
}

function text(value: unknown): string {
  if (typeof value !== "string") throw fail("nonsense");
  return value;
}

function textOrNull(value: unknown): string | null {
  return value === null ? null : text(value);
}

function formed(value: unknown, form: RegExp): string {
  if (!form.test(text(value))) throw fail("nonsense");
  return text(value);
}

/** Seconds since 1970, as ms. */
function seconds(value: unknown): number {
  if (typeof value !== "number" || !Number.isFinite(value)) throw fail("nonsense");
  return value * 1000;
}
