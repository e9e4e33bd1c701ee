// Texts that somebody else wrote are only ever text.

// Controls, and marks that turn the direction of what follows: a device could hide with them what it says.
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** A text that somebody else wrote, safe to put before a person: no controls, at most `most` characters. */
export function plain(text: unknown, most = 300): string {
  const whole = typeof text === "string" ? text : text === undefined || text === null ? "" : JSON.stringify(text) ?? "";
  const cut = whole.length > most ? `${whole.slice(0, most)}…` : whole;
  return cut.replace(UNPRINTABLE, "\ufffd");
}

/** A text that was the end of a sentence, as one of its own. */
export const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
