// A key from a link: nothing is replaced until a person who sees both keys agrees.
import { ask } from "./ask";
import type { KeyView } from "../protocol";
import { key, offeredKey, shift } from "./state";
import { t } from "./strings";
import { clock, plain } from "./words";

/** The link's maker chose every text of the offered key. Nothing here takes the focus: Enter must not answer it. */
export function OfferedKey() {
  const offered = offeredKey.value;
  if (offered === null) return null;
  const mine = key.value;
  const words = t.shift.offered;
  const answer = (isTaken: boolean) => ask({ ask: "answer-key", isTaken });
  return (
    <section class="notice bad offered" role="alert" aria-labelledby="offered-title">
      <h2 id="offered-title">▲ {words.title}</h2>
      <p>{mine === null ? words.first : words.replaces}</p>
      <dl>
        {mine !== null && <Named name={words.mine} named={mine} />}
        <Named name={words.its} named={offered} />
      </dl>
      <div class="buttons">
        <button type="button" onClick={() => answer(false)}>{mine === null ? words.leave : words.keep}</button>
        {shift.value === null ? <button type="button" class="quiet" onClick={() => answer(true)}>{mine === null ? words.take : words.replace}</button> : <span class="small">{words.shiftRuns}</span>}
      </div>
    </section>
  );
}

function Named({ name, named: { kid, issuer, role, fingerprint, sinceMs } }: { name: string; named: KeyView }) {
  const words = t.shift.offered;
  const said = (text: string): string => (name === words.mine ? plain(text, 64) : words.quoted(plain(text, 64)));
  const since = name === words.mine && sinceMs !== null ? words.since(clock(sinceMs, false)) : "";
  const more = [words.of(said(issuer)), t.shift.roles[role], words.print(fingerprint.replace(/(.{4})(?=.)/g, "$1 ")), since];
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd><code>{said(kid)}</code> {more.filter((each) => each !== "").join(" · ")}</dd>
    </div>
  );
}
