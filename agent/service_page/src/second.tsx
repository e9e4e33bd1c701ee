// A second person signs what takes two: with their key, here; or at the office, by a command whose token comes back.
import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { plain } from "../../../deploy/control-room/src/plain";
import { Key, KeyError, octets } from "./key";
import { busily, isBusy, Sheet } from "./parts";
import { anew, type Asked, Changed, type Change, type Checked, send } from "./changes";
import { attempt, device, deviceTimeS, key, nameOf, say } from "./state";
import { canonical } from "./statement";
import { t } from "./strings";

const ROLES = ["admin", "supervisor"];

/** The command by which the office signs the same. Its JSON has no letter that a shell or a messenger might change. */
export function commandOf({ revision, changes }: Asked, source: string): string {
  const escaped = JSON.stringify(changes).replace(/['\u007f-\uffff]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return `edge-centre command --device ${nameOf(source)} config-set revision=${revision} 'changes=${escaped}' --key YOUR.key.json --co-sign second.jwt`;
}

/** Whether a command has a login in it, as the address of a camera may. */
export const hasLogin = (command: string): boolean => /:\/\/[^\s"]*@|\b(user(name)?|usr|login|pass(word|wd)?|pwd|token|secret|key|auth)=/i.test(command);

type TokenFault = keyof typeof t.second.faults;

/** Why a token is not a second signature under this order; null if it may be one. Only the device can verify it. */
export function faultOf(token: string, { revision, changes }: Asked, source: string, first: Key): TokenFault | null {
  let header: Record<string, unknown>;
  let said: Record<string, unknown>;
  try {
    [header, said] = token.split(".").slice(0, 2).map((part) => JSON.parse(new TextDecoder().decode(octets(part)))) as [typeof header, typeof said];
    if (token.split(".").length !== 3 || typeof header["kid"] !== "string" || typeof said["iss"] !== "string") return "none";
  } catch {
    return "none";
  }
  const args = (said["args"] ?? {}) as Record<string, unknown>;
  if (said["name"] !== "config-set") return "command";
  if (said["aud"] !== source) return "device";
  if (args["revision"] !== revision) return "revision";
  if (canonical(args) !== canonical({ revision, changes })) return "changes";
  return header["kid"] === first.kid || said["iss"] === first.issuer ? "person" : null;
}

export function Second({ changes, checked, onEnd }: { changes: readonly Change[]; checked: Checked; onEnd: (outcome: "saved" | "failed" | "left") => void }) {
  const asked = useSignal(checked.asked);
  const isHere = useSignal(true);
  const other = useSignal<Key | null>(null);
  const token = useSignal("");
  const fault = useSignal("");
  const command = useRef<HTMLTextAreaElement>(null);
  const forget = () => {
    other.peek()?.forget();
    other.value = null;
  };
  useLayoutEffect(() => {
    addEventListener("pagehide", forget); // as with the technician's own key
    return () => {
      removeEventListener("pagehide", forget);
      forget();
    };
  }, []);
  const [first, source] = [key.value, device.value];
  if (first === null || source === null) return null;
  const way = (here: boolean) => () => {
    forget();
    [isHere.value, fault.value, token.value] = [here, "", ""];
  };
  const take = (text: string) => {
    forget();
    fault.value = "";
    try {
      const read = Key.read(text, ROLES);
      if (read.issuer === first.issuer || read.x === first.x) {
        read.forget();
        fault.value = t.second.samePerson(plain(first.issuer, 64));
      } else other.value = read;
    } catch (error) {
      const why = error instanceof KeyError ? error : new KeyError("not-json");
      fault.value = why.fault === "role" ? t.second.role(plain(why.detail, 64)) : t.key.faults[why.fault]();
    }
  };
  const compare = (text: string) => {
    token.value = text.replace(/\s+/g, "");
    const wrong = token.value === "" ? null : faultOf(token.value, asked.peek(), source, first);
    fault.value = wrong === null ? "" : t.second.faults[wrong];
  };
  const isReady = fault.value === "" && (isHere.value ? other.value !== null : token.value !== "");
  const sign = () =>
    busily(async () => {
      if (!isReady) return void (fault.value = fault.peek() || (isHere.peek() ? t.second.noKey : t.second.noToken));
      let outcome: "saved" | "taken" | "failed" | null = null;
      await attempt(async () => {
        const now = await anew(checked.asked.changes);
        // What the office has signed is good for its revision alone; a key that is here signs the newest.
        if (isHere.peek()) asked.value = now;
        else if (now.revision !== asked.peek().revision) return void (outcome = "taken");
        const { revision } = asked.peek();
        const second = isHere.peek() ? other.peek()?.second({ revision, changes: now.changes }, source, deviceTimeS()) : token.peek();
        forget();
        outcome = await send(asked.peek(), second);
      });
      if (outcome !== "taken") return onEnd(outcome === "saved" ? "saved" : "failed");
      await attempt(async () => void (asked.value = await anew(checked.asked.changes)));
      [token.value, fault.value] = ["", t.second.taken(asked.peek().revision)];
      say(t.save.taken, true);
    });
  const leave = () => !isBusy.peek() && onEnd("left");
  const copy = () => {
    command.current?.select();
    fault.value = document.execCommand("copy") ? "" : t.second.copyByHand; // navigator.clipboard needs HTTPS
    say(t.second.copied);
  };
  return (
    <Sheet title={t.second.title} onClose={leave}>
      <Changed changes={changes.filter(({ two }) => two)} />
      <div class="row" role="group" aria-label={t.second.ways}>
        <button type="button" aria-pressed={isHere.value} onClick={way(true)}>{t.second.here}</button>
        <button type="button" aria-pressed={!isHere.value} onClick={way(false)}>{t.second.office}</button>
      </div>
      {isHere.value ? (
        <>
          <label class="file">
            {t.second.choose}
            <input type="file" accept=".json,application/json" onChange={(event) => {
              const file = event.currentTarget.files?.[0];
              event.currentTarget.value = "";
              if (file) void file.text().then(take);
            }} />
          </label>
          <label>
            {t.second.paste}
            <textarea rows={1} autocomplete="off" autocapitalize="none" spellcheck={false} onInput={(event) => {
              const text = event.currentTarget.value.trim();
              event.currentTarget.value = "";
              if (text !== "") take(text);
            }} />
          </label>
          <p class="key-have">{other.value !== null && `✓ ${t.key.have(plain(other.value.issuer, 64), other.value.role)}`}</p>
          <p class="small">{t.second.who(plain(first.issuer, 64))} {t.second.memory}</p>
        </>
      ) : (
        <>
          <label>
            {t.second.runs}
            <textarea ref={command} class="command" readOnly rows={3} value={commandOf(asked.value, source)} />
          </label>
          {hasLogin(commandOf(asked.value, source)) && <p><strong>▲ {t.second.login}</strong></p>}
          <button type="button" onClick={copy}>{t.second.copy}</button>
          <label>
            {t.second.token}
            <textarea class="command" rows={2} autocomplete="off" autocapitalize="none" spellcheck={false} value={token.value} onInput={(event) => compare(event.currentTarget.value)} />
          </label>
        </>
      )}
      <p class={`sheet-said${fault.value !== "" ? " bad" : " small"}`} role="status">{isBusy.value ? t.save.trying : fault.value !== "" ? `▲ ${fault.value}` : ""}</p>
      <div class="row is-tall">
        <button type="button" aria-disabled={isBusy.value} onClick={leave}>{t.cancel}</button>
        <button type="button" class="do" aria-disabled={!isReady || isBusy.value} onClick={() => void sign()}>{t.save.yes}</button>
      </div>
    </Sheet>
  );
}
