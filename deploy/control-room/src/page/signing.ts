// Signatures by the operator's key: the worker signs, since it has the key.
import { ask, nextTicket } from "./ask";

const waiting = new Map<number, (token: string) => void>();

/** A compact JWS of the payload, by the loaded key. */
export function sign(payload: Record<string, unknown>): Promise<string> {
  return new Promise((resolve) => {
    const ticket = nextTicket();
    waiting.set(ticket, resolve);
    ask({ ask: "sign", ticket, payload });
  });
}

export function hearSigned(ticket: number, token: string): void {
  waiting.get(ticket)?.(token);
  waiting.delete(ticket);
}

function bytesOf(base64url: string): Uint8Array<ArrayBuffer> {
  const binary = atob(base64url.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** What a token says, and whether it is whole by the public key that lies beside it; null if it is no token. */
export async function readToken(token: string, publicKey: object): Promise<{ payload: Record<string, unknown>; kid: string; isWhole: boolean } | null> {
  try {
    const [head = "", body = "", signature = ""] = token.split(".");
    const decoder = new TextDecoder();
    const header = JSON.parse(decoder.decode(bytesOf(head))) as { kid?: string };
    const payload = JSON.parse(decoder.decode(bytesOf(body))) as Record<string, unknown>;
    const { kty, crv, x } = publicKey as { kty?: string; crv?: string; x?: string };
    const imported = await crypto.subtle.importKey("jwk", { kty: kty ?? "", crv: crv ?? "", x: x ?? "" }, { name: "Ed25519" }, false, ["verify"]);
    const isWhole = await crypto.subtle.verify("Ed25519", imported, bytesOf(signature), new TextEncoder().encode(`${head}.${body}`));
    return { payload, kid: header.kid ?? "", isWhole };
  } catch {
    return null;
  }
}
