// Octets as text, and their digests.

export const hex = (octets: Uint8Array): string => [...octets].map((each) => each.toString(16).padStart(2, "0")).join("");

/** SHA-256 as base64url, which tokens have. */
export async function digest(octets: Uint8Array<ArrayBuffer>): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", octets)));
}

export async function sha256(text: string): Promise<string> {
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));
}

export function base64url(octets: Uint8Array): string {
  let text = "";
  for (const each of octets) text += String.fromCharCode(each);
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
