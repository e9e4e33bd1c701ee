// Uploaded recordings over HTTPS, from the server beside this page, with the operator's login. What comes is compared before anybody sees it.
import type { Ask, RecordingFailure, Tell } from "../protocol";
import { hex } from "../octets";

/** The server may wait for the store for 20 s, and check what it has read. */
const WITHIN_MS = 75_000;

export class Recordings {
  readonly #tell: (said: Tell) => void;
  #authorization = "";

  constructor(tell: (said: Tell) => void) {
    this.#tell = tell;
  }

  /** Use this login from now on; null forgets it. */
  logIn(login: { name: string; password: string } | null): void {
    const said = new TextEncoder().encode(`${login?.name}:${login?.password}`);
    this.#authorization = login === null ? "" : `Basic ${btoa(String.fromCharCode(...said))}`;
  }

  async fetch({ ticket, path, sha256 }: Extract<Ask, { ask: "recording" }>): Promise<void> {
    const end = (content: ArrayBuffer | null, failure: RecordingFailure | null, why = ""): void => this.#tell({ tell: "recording", ticket, content, failure, why });
    try {
      const answer = await fetch(new URL(path, self.location.origin), {
        headers: { Authorization: this.#authorization },
        // Else the browser asks for a password itself where this one is wrong.
        credentials: "omit",
        cache: "no-store",
        redirect: "error",
        referrerPolicy: "no-referrer",
        signal: AbortSignal.timeout(WITHIN_MS),
      });
      if (answer.status === 401) return end(null, "login");
      const content = await answer.arrayBuffer();
      if (!answer.ok) return end(null, answer.status === 404 ? "missing" : answer.status === 503 || answer.status === 429 ? "busy" : "says", whyOf(content, answer.status));
      if (sha256 !== null && hex(new Uint8Array(await crypto.subtle.digest("SHA-256", content))) !== sha256) return end(null, "altered");
      end(content, null);
    } catch (error) {
      end(null, (error as Error).name === "TimeoutError" ? "slow" : "no-connection");
    }
  }
}

/** The sentence of our server, or the number of whoever else has answered. */
function whyOf(content: ArrayBuffer, status: number): string {
  try {
    const { why } = JSON.parse(new TextDecoder().decode(content)) as { why?: unknown };
    if (typeof why === "string") return why;
  } catch {
    // nginx answers with a page of its own
  }
  return `HTTP ${status}`;
}
