// The key of this browser: its public half for whoever enrols it, and an end to it.
import { useSignal } from "@preact/signals";
import type { KeyView } from "../protocol";
import { ask } from "./ask";
import { save } from "./handover";
import { key } from "./state";
import { t } from "./strings";

export function KeyCard() {
  const mine = key.value;
  const isForgetting = useSignal(false);
  const isCopied = useSignal(false);
  if (mine === null) return null;
  const jwk = JSON.stringify(mine.public);
  const file = `${mine.kid}.public.json`;
  return (
    <section class="card" aria-labelledby="key-title">
      <h2 id="key-title">{t.shift.keyHave(mine.kid, t.shift.roles[mine.role])}</h2>
      <p>{t.shift.keyPublic}:</p>
      <pre tabIndex={0} aria-label={t.shift.keyPublic}>{jwk}</pre>
      <div class="buttons">
        <button type="button" onClick={() => void navigator.clipboard.writeText(jwk).then(() => (isCopied.value = true))}>{isCopied.value ? t.shift.keyCopied : t.shift.keyCopy}</button>
        <button type="button" onClick={() => save(file, jwk)}>{t.shift.keySave}</button>
      </div>
      <p class="small">{t.shift.keyWhy}</p>
      <pre tabIndex={0} aria-label={t.shift.keyWhy}>{enrol(mine, file)}</pre>
      {isForgetting.value ? (
        <div class="buttons">
          <span>{t.shift.keyForgetSure}</span>
          <button type="button" onClick={() => (ask({ ask: "forget-key" }), (isForgetting.value = false))}>{t.shift.keyForgetYes}</button>
          <button type="button" onClick={() => (isForgetting.value = false)}>{t.cancel}</button>
        </div>
      ) : (
        <button type="button" onClick={() => (isForgetting.value = true)}>{t.shift.keyForget}</button>
      )}
    </section>
  );
}

function enrol(mine: KeyView, file: string): string {
  return t.shift.keyEnrol(file, mine.issuer).replace("--role operator", `--role ${mine.role}`);
}
