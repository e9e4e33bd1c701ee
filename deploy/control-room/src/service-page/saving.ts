// How settings are saved: checked by the device, signed here, tried by the device.
import { plain } from "../plain";
import { type Changes, checkSettings, getSettings, type Mistake, sendSettings } from "./api";
import { attempt, device, deviceTimeS, key, say, state } from "./state";
import { t } from "./strings";

/** Save changes; return whether it was done, or the mistakes for which it was not. What else became of it is said. */
export async function save(changes: Changes): Promise<"saved" | "failed" | Mistake[]> {
  let outcome: "saved" | "failed" | Mistake[] = "failed";
  const [by, named, nonce] = [key.peek(), device.peek(), state.peek()?.nonce ?? null];
  if (by === null || named === null) return outcome;
  // An admin's settings replace all that the office has set, and do not lie on top.
  if (by.role !== "technician") say(t.save.notTechnician, true);
  else if (nonce === null) say(t.noAnswer, true);
  else {
    await attempt(async () => {
      const { mistakes, two } = await checkSettings(changes);
      if (mistakes.length > 0) outcome = mistakes;
      if (two !== null && mistakes.length === 0) say(plain(two), true);
      if (mistakes.length > 0 || two !== null) return;
      const args = { revision: (await getSettings()).revision + 1, changes };
      const id = `page-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
      const { status, code, text } = await sendSettings(by.order(id, "config-set", args, named, nonce, deviceTimeS()));
      if (status === "succeeded") outcome = "saved";
      say(status === "succeeded" ? t.save.saved : code === "second-signer" ? t.save.secondSigner : t.save.failed(plain(text, 120), code), status !== "succeeded");
    });
  }
  return outcome;
}
