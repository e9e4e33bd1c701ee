// Changes of settings on their way: checked by the device, signed, tried by the device.
import { plain } from "../../../deploy/control-room/src/plain";
import { type Changes, checkSettings, getSettings, type Mistake, sendSettings } from "./api";
import { attempt, device, deviceTimeS, key, say, state } from "./state";
import { t } from "./strings";

/** What is signed, by one person or by two. */
export interface Asked {
  readonly revision: number;
  readonly changes: Changes;
}
/** One of the changes, for a person. */
export interface Change {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  /** Whether it takes two. */
  readonly two: boolean;
}
/** What may be saved: what to sign, and why that takes two; null if it does not. */
export interface Checked {
  readonly asked: Asked;
  readonly two: string | null;
}

/** Have the device check changes; return what may be saved, the mistakes, or null when it was said why there is neither. */
export async function check(changes: Changes): Promise<Checked | Mistake[] | null> {
  // An admin's settings replace all that the office has set, and do not lie on top.
  if (key.peek()?.role !== "technician") return say(t.save.notTechnician, true), null;
  let outcome: Checked | Mistake[] | null = null;
  say("");
  await attempt(async () => {
    const { mistakes, two } = await checkSettings(changes);
    outcome = mistakes.length > 0 ? mistakes : { asked: await anew(changes), two };
  });
  return outcome;
}

/** The same changes under the next revision. */
export const anew = async (changes: Changes): Promise<Asked> => ({ revision: (await getSettings()).revision + 1, changes });

/** Send what is signed; return what became of it. `taken`: another order had the revision. What else there is to know is said. */
export async function send({ revision, changes }: Asked, second?: string): Promise<"saved" | "taken" | "failed"> {
  const [by, named, nonce] = [key.peek(), device.peek(), state.peek()?.nonce ?? null];
  let outcome: "saved" | "taken" | "failed" = "failed";
  if (by === null || named === null || nonce === null) return say(t.noAnswer, true), outcome;
  await attempt(async () => {
    const args = { revision, changes, ...(second === undefined ? {} : { second }) };
    const id = `page-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
    const { status, code, text } = await sendSettings(by.order(id, "config-set", args, named, nonce, deviceTimeS()));
    if (status === "succeeded") outcome = "saved";
    else if (code === "old-revision") outcome = "taken";
    say(outcome === "saved" ? t.save.saved : outcome === "taken" ? t.save.taken : t.save.failed(plain(text, 160), code), outcome !== "saved");
  });
  return outcome;
}

export function Changed({ changes }: { changes: readonly Change[] }) {
  return (
    <ul class="plain changes">
      {changes.map(({ name, from, to, two }) => (
        <li key={name}>
          <span>{name}{two && <span class="two">{t.save.twoSign}</span>}</span>
          <span class="from-to"><span class="visually-hidden">{t.save.from} </span>{from} <span aria-hidden="true">→</span><span class="visually-hidden"> {t.save.to}</span> <strong>{to}</strong></span>
        </li>
      ))}
    </ul>
  );
}
