// The question before settings are saved, which one person signs here, or two.
import { useSignal } from "@preact/signals";
import { plain } from "../../../deploy/control-room/src/plain";
import { type Change, Changed, type Checked, send } from "./changes";
import { busily, isBusy, Sheet } from "./parts";
import { Second } from "./second";
import { key } from "./state";
import { t } from "./strings";

export function Saving({ title, changes, note = "", checked, onEnd }: { title: string; changes: readonly Change[]; note?: string; checked: Checked; onEnd: (outcome: "saved" | "failed" | "left") => void }) {
  const isSecond = useSignal(false);
  const leave = () => !isBusy.peek() && onEnd("left");
  const alone = () => busily(async () => onEnd((await send(checked.asked)) === "saved" ? "saved" : "failed"));
  if (isSecond.value) return <Second changes={changes} checked={checked} onEnd={onEnd} />;
  return (
    <Sheet title={title} onClose={leave}>
      <Changed changes={changes} />
      {note !== "" && <p><strong>▲ {note}</strong></p>}
      {checked.two !== null && <p><strong>▲ {plain(checked.two)}</strong></p>}
      <p class="small sheet-said" role="status">{isBusy.value ? t.save.trying : t.save.by(plain(key.value?.issuer, 64))}</p>
      <div class="row is-tall">
        <button type="button" aria-disabled={isBusy.value} onClick={leave}>{t.cancel}</button>
        {checked.two === null ? (
          <button type="button" class="do" aria-disabled={isBusy.value} onClick={() => void alone()}>{t.save.yes}</button>
        ) : (
          <button type="button" class="do" onClick={() => (isSecond.value = true)}>{t.save.second}</button>
        )}
      </div>
    </Sheet>
  );
}
