// The technician's key: read from a file, kept in the memory of this page alone, and what it signs.
//
// On a USB cable the page comes by plain HTTP, where browsers have no crypto.subtle; so its own arithmetic signs everywhere.
import { ed25519 } from "@noble/curves/ed25519.js";
import { base64url } from "../../../deploy/control-room/src/octets";

const ROLES = ["technician", "admin"];
const NAME = /^[A-Za-z0-9._-]{1,64}$/;
const LIFE_S = 120;
const UTF8 = new TextEncoder();

/** Why a file is no key that may walk. */
export type KeyFault = "not-json" | "no-key" | "public" | "role" | "halves";
export class KeyError extends Error {
  constructor(
    readonly fault: KeyFault,
    readonly detail = "",
  ) {
    super(fault);
  }
}

export class Key {
  readonly #secret: Uint8Array;
  #lastCtr = 0;

  private constructor(
    readonly kid: string,
    readonly role: string,
    readonly issuer: string,
    /** Its public half. */
    readonly x: string,
    secret: Uint8Array,
  ) {
    this.#secret = secret;
  }

  /** The key in a file of `edge-centre keygen`. Throws KeyError. */
  static read(text: string, roles: readonly string[] = ROLES): Key {
    let jwk: unknown;
    try {
      jwk = JSON.parse(text);
    } catch {
      throw new KeyError("not-json");
    }
    const field = (name: string): unknown => (typeof jwk === "object" && jwk !== null && Object.hasOwn(jwk, name) ? (jwk as Record<string, unknown>)[name] : undefined);
    const [kid, role, x, d] = [field("kid"), field("role"), field("x"), field("d")];
    const issuer = field("iss") ?? kid;
    if (field("kty") !== "OKP" || field("crv") !== "Ed25519" || typeof x !== "string") throw new KeyError("no-key");
    if (typeof d !== "string") throw new KeyError("public");
    if (typeof kid !== "string" || !NAME.test(kid) || typeof issuer !== "string" || !NAME.test(issuer) || typeof role !== "string") throw new KeyError("no-key");
    if (!roles.includes(role)) throw new KeyError("role", role);
    let secret: Uint8Array;
    try {
      secret = octets(d);
      if (base64url(ed25519.getPublicKey(secret)) !== x) throw new KeyError("halves");
    } catch (error) {
      throw error instanceof KeyError ? error : new KeyError("no-key");
    }
    return new Key(kid, role, issuer, x, secret);
  }

  /** The token of a command, as `deploy/centre/edge_centre/library/orders.py` makes it, at the device's time in seconds since 1970. */
  order(id: string, name: string, args: unknown, device: string, nonce: string, timeS: number): string {
    return this.#token(id, name, args, device, timeS, LIFE_S, { boot_nonce: nonce });
  }

  /** The `second` of a `config-set` with these arguments. It has expired when it is made, so it is good for nothing else. */
  second(args: unknown, device: string, timeS: number): string {
    return this.#token("second", "config-set", args, device, timeS, 0, {});
  }

  #token(id: string, name: string, args: unknown, device: string, timeS: number, lifeS: number, more: object): string {
    const iat = Math.floor(timeS);
    this.#lastCtr = Math.max(this.#lastCtr + 1, Date.now() * 1000);
    const claims = { cmd_id: id, name, args, aud: device, iss: this.issuer, iat, exp: iat + lifeS, ctr: this.#lastCtr, ...more };
    const payload = base64url(UTF8.encode(JSON.stringify(claims)));
    const seal = this.seal(payload);
    return `${seal.protected}.${payload}.${seal.signature}`;
  }

  /** A signature in the JSON form of a JWS over a payload, which is base64url already. */
  seal(payload: string): { protected: string; signature: string } {
    const header = base64url(UTF8.encode(JSON.stringify({ alg: "EdDSA", kid: this.kid, typ: "JWT" })));
    return { protected: header, signature: base64url(ed25519.sign(UTF8.encode(`${header}.${payload}`), this.#secret)) };
  }

  /** Overwrite the secret. */
  forget(): void {
    this.#secret.fill(0);
  }
}

/** What a text in base64url stands for. Throws for one that is none. */
export function octets(text: string): Uint8Array {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
}
