// A list and the detail of what is open in it: side by side where there is room, else one at a time.
import type { ComponentChildren } from "preact";
import { t } from "./strings";

interface Props {
  title: string;
  /** What stands between title and list. */
  above?: ComponentChildren;
  list: ComponentChildren;
  detail: ComponentChildren | null;
  hint: string;
  onBack: () => void;
}

export function Panes({ title, above, list, detail, hint, onBack }: Props) {
  return (
    <div class={detail === null ? "panes" : "panes has-detail"}>
      <section class="list-pane" aria-labelledby="list-title">
        <h1 id="list-title">{title}</h1>
        {above}
        {list}
      </section>
      <div class="detail-pane">
        {detail === null ? (
          <p class="hint">{hint}</p>
        ) : (
          <div class="detail">
            <button type="button" class="back" onClick={onBack}>
              ← {t.back} <kbd>Esc</kbd>
            </button>
            {detail}
          </div>
        )}
      </div>
    </div>
  );
}

/** One fact: left out while there is nothing to say. */
export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  if (children === null || children === undefined || children === "" || children === false) return null;
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
