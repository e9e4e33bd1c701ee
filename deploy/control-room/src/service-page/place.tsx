// The place, as the centre reads it.
import { signal, useSignal } from "@preact/signals";
import { plain } from "../plain";
import { checkSettings, type Mistake } from "./api";
import { isBusy, busily, Screen, Sheet } from "./parts";
import { save } from "./saving";
import { attempt, say, state } from "./state";
import { t } from "./strings";

/** What was typed; null while nothing was. It outlives a change of the view. */
const typed = signal<string | null>(null);

export function Place() {
  const before = state.value?.place ?? "";
  const mistakes = useSignal<Mistake[]>([]);
  const isAsking = useSignal(false);
  const text = typed.value ?? before;
  const isChanged = text.trim() !== before;
  const changes = { device: { location: { text: text.trim() } } };
  const check = (event?: Event) => {
    event?.preventDefault();
    if (!isChanged) return;
    say("");
    void busily(() =>
      attempt(async () => {
        mistakes.value = (await checkSettings(changes)).mistakes;
        isAsking.value = mistakes.value.length === 0;
      }),
    );
  };
  const confirm = () =>
    busily(async () => {
      const outcome = await save(changes);
      if (outcome === "saved") typed.value = null;
      else if (outcome !== "failed") mistakes.value = outcome;
      isAsking.value = false;
    });
  return (
    <Screen
      title={t.place.title}
      thumb={<button type="button" class="big do" aria-disabled={!isChanged || isBusy.value} onClick={() => check()}>{isChanged ? t.place.check : t.place.unchanged}</button>}
    >
      <form onSubmit={check}>
        <label>
          {t.place.text}
          <input type="text" maxLength={200} value={text} aria-describedby="place-why place-bad" aria-invalid={mistakes.value.length > 0} onInput={(event) => ((typed.value = event.currentTarget.value), (mistakes.value = []))} />
        </label>
        <p id="place-bad" class="bad mistake">{mistakes.value.map(({ sentence }) => `▲ ${plain(sentence)}`).join(" ")}</p>
        <p id="place-why" class="small">{t.place.why}</p>
      </form>
      {isAsking.value && (
        <Sheet title={t.place.saveTitle} onClose={() => (isAsking.value = false)}>
          <dl class="facts">
            <dt>{t.place.from}</dt>
            <dd>{plain(before, 200) || t.key.unknown}</dd>
            <dt>{t.place.to}</dt>
            <dd>{plain(text.trim(), 200)}</dd>
          </dl>
          <p class="small">{isBusy.value ? t.save.trying : ""}</p>
          <div class="row is-tall">
            <button type="button" onClick={() => (isAsking.value = false)}>{t.cancel}</button>
            <button type="button" class="do" aria-disabled={isBusy.value} onClick={() => void confirm()}>{t.save.yes}</button>
          </div>
        </Sheet>
      )}
    </Screen>
  );
}
