// The key of this browser, for the administrator: its public half, how it is enrolled, and an end to it.
import { signal, useSignal } from "@preact/signals";
import type { KeyView } from "../protocol";
import { ask } from "./ask";
import { save } from "./handover";
import { key } from "./state";
import { t } from "./strings";

/** This page has made the key, so no kiosk may know it yet. */
export const isKeyNew = signal(false);

export function KeyCard() {
  const mine = key.value;
  const isForgetting = useSignal(false);
  const isCopied = useSignal(false);
  if (mine === null) return null;
  const jwk = JSON.stringify(mine.public);
  const file = `${mine.kid}.public.json`;
  const forget = () => {
    ask({ ask: "forget-key" });
    isForgetting.value = false;
    isKeyNew.value = false;
  };
  return (
    <details class="card wide" open={isKeyNew.value}>
      <summary id="key-title">{t.shift.keyHave(mine.kid, t.shift.roles[mine.role])}</summary>
      <p>{t.shift.keyPublic}:</p>
      <pre tabIndex={0} aria-label={t.shift.keyPublic}>{jwk}</pre>
      <div class="buttons">
        <button type="button" onClick={() => void navigator.clipboard.writeText(jwk).then(() => (isCopied.value = true))}>{isCopied.value ? t.shift.keyCopied : t.shift.keyCopy}</button>
        <button type="button" onClick={() => save(file, jwk)}>{t.shift.keySave}</button>
      </div>
      <p class="small">{t.shift.keyWhy}</p>
      <pre tabIndex={0} aria-label={t.shift.keyWhy}>{enrol(mine, file)}</pre>
      {isForgetting.value ? (
        <>
          <p class="bad">▲ {t.shift.keyForgetSure}</p>
          <div class="buttons">
            <button type="button" onClick={forget}>{t.shift.keyForgetYes}</button>
            <button type="button" onClick={() => (isForgetting.value = false)}>{t.cancel}</button>
          </div>
        </>
      ) : (
        <button type="button" onClick={() => (isForgetting.value = true)}>{t.shift.keyForget}</button>
      )}
    </details>
  );
}

function enrol(mine: KeyView, file: string): string {
  return t.shift.keyEnrol(file, mine.issuer).replace("--role operator", `--role ${mine.role}`);
}
