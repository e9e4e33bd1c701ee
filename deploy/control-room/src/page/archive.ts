// Reads a ZIP file as an unpacker does, by the list at its end: what is in it must be known before it is saved.
import { hex } from "../octets";

const END = 0x06054b50, ENTRY = 0x02014b50, STORED = 0;

/** The SHA-256 of each file, in hex; null where it is not as our server writes it: not compressed, no name twice, no comment. */
export async function filesOf(content: ArrayBuffer): Promise<Map<string, string> | null> {
  const found = new Map<string, string>();
  try {
    const view = new DataView(content);
    const [u16, u32] = [(at: number) => view.getUint16(at, true), (at: number) => view.getUint32(at, true)];
    const end = content.byteLength - 22;
    if (u32(end) !== END) return null;
    let at = u32(end + 16);
    for (let left = u16(end + 10); left > 0; left--) {
      const [size, local, lengths] = [u32(at + 20), u32(at + 42), [u16(at + 28), u16(at + 30), u16(at + 32)] as const];
      const name = new TextDecoder().decode(new Uint8Array(content, at + 46, lengths[0]));
      if (u32(at) !== ENTRY || u16(at + 10) !== STORED || found.has(name)) return null;
      const digest = await crypto.subtle.digest("SHA-256", new Uint8Array(content, local + 30 + u16(local + 26) + u16(local + 28), size));
      found.set(name, hex(new Uint8Array(digest)));
      at += 46 + lengths[0] + lengths[1] + lengths[2];
    }
    return at === end ? found : null;
  } catch {
    return null;
  }
}
