// The operator's key: made or brought here, never to be read again, and what it signs.
import type { PublicJwk } from "../contract";
import { base64url, hex } from "../octets";
import type { Failure, KeyView, Role } from "../protocol";

const ROLES: Role[] = ["operator", "supervisor", "technician", "admin"];
/** What a kid or an issuer may look like. */
const NAME = /^[A-Za-z0-9._-]{1,64}$/;
const FINGERPRINT_DIGITS = 20;
const ED25519 = { name: "Ed25519" };
const UTF8 = new TextEncoder();

/** What is kept: the private half is a CryptoKey that gives out nothing. */
export interface Kept {
  view: KeyView;
  key: CryptoKey;
}

/** Where the key is kept. */
export interface Box {
  load(): Promise<Kept | null>;
  /** Save this key, or none, in place of the key with this public half, or of none. Throws `key-changed` if there is a different
   * one: another tab was faster. */
  save(kept: Kept | null, replaces: string | null): Promise<void>;
}

/** What can't be done. */
export class FailureError extends Error {
  readonly failure: Failure;
  constructor(failure: Failure, detail = "") {
    super(detail);
    this.failure = failure;
  }
}

export class Keys {
  readonly #box: Box;
  #kept: Kept | null = null;
  /** One from a link, which is not used until a person accepts it. */
  #offered: Kept | null = null;

  constructor(box: Box) {
    this.#box = box;
  }

  get view(): KeyView | null {
    return this.#kept?.view ?? null;
  }

  /** The key that waits for a person's answer. */
  get offered(): KeyView | null {
    return this.#offered?.view ?? null;
  }

  async load(): Promise<void> {
    const kept = await this.#box.load();
    // A key that an earlier version saved has fewer fields.
    this.#kept = kept && { ...kept, view: { ...kept.view, fingerprint: await fingerprint(kept.view.public.x), sinceMs: kept.view.sinceMs ?? null } };
  }

  /** Make a key whose private half can't be taken out. */
  async make(role: Role, issuer: string): Promise<void> {
    if (!ROLES.includes(role)) throw new FailureError("key-role");
    if (!NAME.test(issuer)) throw new FailureError("key-name");
    const pair = (await crypto.subtle.generateKey(ED25519, false, ["sign", "verify"])) as CryptoKeyPair;
    const kid = `${role}-${hex(crypto.getRandomValues(new Uint8Array(4)))}`;
    const x = base64url(new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)));
    try {
      await this.#keep({ view: await viewOf(kid, role, issuer, x), key: pair.privateKey });
    } catch (error) {
      if (!(error instanceof FailureError) || error.failure !== "key-changed") throw error;
      await this.load(); // another tab has made one, and kiosks know it
    }
  }

  /** Read a private key that `edge-centre keygen` has made. It replaces nothing: it waits in `offered`, unless there is no key
   * and `isSure`. */
  async import(jwk: Record<string, unknown>, isSure = true): Promise<void> {
    const kept = await read(jwk);
    if (kept.view.fingerprint === this.view?.fingerprint && kept.view.kid === this.view.kid) return;
    if (isSure && this.#kept === null) await this.#keep(kept);
    else this.#offered = kept;
  }

  /** Use the offered key instead of the current one, or drop it. */
  async answer(isTaken: boolean): Promise<void> {
    const offered = this.#offered;
    this.#offered = null;
    if (!isTaken || offered === null) return;
    const sinceMs = Date.now();
    try {
      await this.#keep({ ...offered, view: { ...offered.view, sinceMs } });
    } catch (error) {
      await this.load(); // the person compared it with a key that is no longer there
      throw error;
    }
  }

  async forget(): Promise<void> {
    await this.#keep(null);
  }

  /** A compact JWS of `claims`, with the key's id in its header. */
  async sign(claims: Record<string, unknown>): Promise<string> {
    if (this.#kept === null) throw new FailureError("no-key");
    const { view, key } = this.#kept;
    const header = { alg: "EdDSA", kid: view.kid, typ: "JWT" };
    const said = [header, claims].map((each) => base64url(UTF8.encode(JSON.stringify(each)))).join(".");
    return `${said}.${base64url(new Uint8Array(await crypto.subtle.sign("Ed25519", key, UTF8.encode(said))))}`;
  }

  async #keep(kept: Kept | null): Promise<void> {
    await this.#box.save(kept, this.view?.public.x ?? null);
    this.#kept = kept;
  }
}

async function read(jwk: Record<string, unknown>): Promise<Kept> {
  if (typeof jwk !== "object" || jwk === null) throw new FailureError("key-form");
  const field = (name: string): unknown => (Object.hasOwn(jwk, name) ? jwk[name] : undefined);
  const [kid, role, x, d] = [field("kid"), field("role"), field("x"), field("d")];
  const issuer = field("iss") ?? kid;
  const isNamed = typeof kid === "string" && NAME.test(kid) && typeof issuer === "string" && NAME.test(issuer);
  if (!isNamed) throw new FailureError("key-name");
  if (!ROLES.includes(role as Role)) throw new FailureError("key-role");
  if (field("kty") !== "OKP" || field("crv") !== "Ed25519" || typeof x !== "string" || typeof d !== "string") {
    throw new FailureError("key-form");
  }
  let isPair = false;
  let key: CryptoKey;
  try {
    key = await crypto.subtle.importKey("jwk", { kty: "OKP", crv: "Ed25519", x, d }, ED25519, false, ["sign"]);
    const half = await crypto.subtle.importKey("jwk", { kty: "OKP", crv: "Ed25519", x }, ED25519, true, ["verify"]);
    const probe = UTF8.encode(kid);
    isPair = await crypto.subtle.verify(ED25519, half, await crypto.subtle.sign(ED25519, key, probe), probe);
  } catch {
    throw new FailureError("key-form");
  }
  if (!isPair) throw new FailureError("key-halves");
  return { view: await viewOf(kid, role as Role, issuer, x), key };
}

async function viewOf(kid: string, role: Role, issuer: string, x: string): Promise<KeyView> {
  const jwk: PublicJwk = { kty: "OKP", crv: "Ed25519", kid, use: "sig", role, iss: issuer, x };
  return { kid, role, issuer, fingerprint: await fingerprint(x), sinceMs: Date.now(), public: jwk };
}

async function fingerprint(x: string): Promise<string> {
  const octets = Uint8Array.from(atob(x.replaceAll("-", "+").replaceAll("_", "/")), (each) => each.charCodeAt(0));
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", octets))).slice(0, FINGERPRINT_DIGITS);
}
