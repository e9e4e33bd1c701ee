// Before the walk: the code, the label, the key; and the end.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { plain } from "../../../deploy/control-room/src/plain";
import { busily, isBusy, Screen } from "./parts";
import { sealed } from "./report";
import { device, enterCode, key, nameOf, say, session, state, takeKey } from "./state";
import { getDoor, type End } from "./api";
import { t } from "./strings";

const DIGITS = 8;

export function Enter() {
  const code = useSignal("");
  const field = useRef<HTMLInputElement>(null);
  const doubt = useSignal("");
  useEffect(() => {
    if (location.protocol !== "https:") return; // at the cable nobody else is
    void getDoor().then(
      ({ host, vouched }) => (doubt.value = !vouched ? t.enter.unknown : location.hostname === host ? "" : t.enter.named(`https://${host}:${location.port}`)),
      () => undefined,
    );
  }, []);
  const type = (digit: string) => (code.value = (code.value + digit).slice(0, DIGITS));
  const open = (event?: Event) => {
    event?.preventDefault();
    if (code.value.length < DIGITS) return say(t.enter.entered(code.value.length));
    void busily(async () => {
      const left = await enterCode(code.value);
      code.value = "";
      if (left !== null) say(t.enter.left(left), true);
    });
  };
  return (
    <Screen
      title={t.enter.title}
      thumb={
        <div class="keypad">
          {["1", "2", "3", "4", "5", "6", "7", "8", "9"].map((digit) => (
            <button key={digit} type="button" onClick={() => type(digit)}>
              {digit}
            </button>
          ))}
          <button type="button" class="word" onClick={() => (code.value = code.value.slice(0, -1))}>
            {t.enter.erase}
          </button>
          <button type="button" onClick={() => type("0")}>
            0
          </button>
          <button type="button" class="word do" aria-disabled={code.value.length < DIGITS || isBusy.value} onClick={() => open()}>
            {t.enter.open}
          </button>
        </div>
      }
    >
      <form onSubmit={open}>
        {/* The keys below are the phone's keyboard; one that is plugged in types here. */}
        <input
          ref={field}
          class="code"
          type="text"
          inputMode="none"
          autocomplete="off"
          aria-label={`${t.enter.title}: ${t.enter.entered(code.value.length)}`}
          placeholder="– – – – – – – –"
          value={code.value}
          onInput={(event) => {
            code.value = event.currentTarget.value.replace(/\D/g, "").slice(0, DIGITS);
            event.currentTarget.value = code.value;
          }}
        />
      </form>
      <p>{t.enter.where}</p>
      {doubt.value !== "" && <p class="doubt">{doubt.value}</p>}
      <details>
        <summary>{t.enter.how}</summary>
        <p>{t.enter.howLong}</p>
      </details>
    </Screen>
  );
}

export function KeyAndLabel() {
  const now = state.value?.device ? state.value : null; // it has no name before the agent has answered
  const mine = key.value;
  const begin = () => {
    if (now === null) return say(t.asking);
    if (mine === null) return say(t.key.none);
    say("");
    device.value = now.device;
  };
  return (
    <Screen
      title={t.key.title}
      thumb={
        <>
          <label class={`file${mine === null ? " do" : ""}`}>
            {mine === null ? t.key.choose : t.key.change}
            <input
              type="file"
              accept=".json,application/json"
              onChange={(event) => {
                const file = event.currentTarget.files?.[0];
                event.currentTarget.value = "";
                if (file) void takeKey(file);
              }}
            />
          </label>
          <button type="button" class="big do" aria-disabled={mine === null || now === null} onClick={begin}>
            {t.key.begin}
          </button>
        </>
      }
    >
      {now === null ? (
        <p>{t.asking}</p>
      ) : (
        <dl class="label">
          <dt>{t.key.name}</dt>
          <dd>{plain(nameOf(now.device), 200)}</dd>
          <dt>{t.key.serial}</dt>
          <dd>{plain(now.serial, 64) || t.key.unknown}</dd>
          <dt>{t.key.place}</dt>
          <dd>{plain(now.place, 200) || t.key.unknown}</dd>
        </dl>
      )}
      <p class="key-have">{mine === null ? t.key.none : `✓ ${t.key.have(plain(mine.issuer), mine.role)}`}</p>
      <p class="small">{t.key.memory}</p>
    </Screen>
  );
}

export function Ended({ end }: { end: End }) {
  const [title, why, what] = t.ends[end];
  return (
    <Screen title={title} thumb={<button type="button" class="big do" onClick={() => (say(""), (session.value = "none"))}>{t.again}</button>}>
      <p class="sentence">{why}</p>
      <p>{what}</p>
      {sealed.value === null ? <p class="small">{t.kept}</p> : <p><strong>✓ {t.sealed}</strong></p>}
    </Screen>
  );
}
