// An uploaded recording, as it arrives: what of it is here, whether it is what the kiosk sent, and what it proves.
import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { AlarmView, ClipView, PartView } from "../protocol";
import { OrderState } from "./actions";
import { save } from "./handover";
import { command, isPending, mayAsk, orderOf } from "./orders";
import { Footage, type Verdict } from "./recordings";
import { key, settings } from "./state";
import { t } from "./strings";
import { clock, deviceClock, plain, span } from "./words";

/** Watch a recording, or read why that can't be. Nothing where the site does not show recordings. */
export function Watch({ alarm, clip }: { alarm: AlarmView; clip: ClipView }) {
  const isOpen = useSignal(false);
  if (settings.value?.clips !== true) return null;
  const { parts, unsent, begins, state } = clip;
  if (parts.length === 0 && state === "deleted") return null;
  const earlier = begins === null && (parts.length > 0 || state !== "asked") && <Earlier alarm={alarm} clip={clip} />;
  if (parts.length === 0) {
    const why = unsent.length > 0 ? t.footage.unsent(unsent.length, plain(unsent.at(-1)!.why, 200)) : state === "asked" || state === "recording" ? t.footage.noneYet : t.footage.none;
    return <>{(unsent.length > 0 || !earlier) && <p class="small">{why}</p>}{earlier}</>;
  }
  const camera = plain(clip.camera, 64);
  return (
    <>
      <button type="button" class="do" aria-expanded={isOpen.value} aria-label={isOpen.value ? t.footage.hideOf(camera) : t.footage.showOf(camera)} onClick={() => (isOpen.value = !isOpen.value)}>{isOpen.value ? t.footage.hide : t.footage.show}</button>
      {isOpen.value && <Player alarm={alarm} clip={clip} />}
      {earlier}
    </>
  );
}

/** What the kiosk said of a recording before this page listened, which it can say again. */
function Earlier({ alarm, clip }: { alarm: AlarmView; clip: ClipView }) {
  const about = `earlier ${clip.clip}`;
  const order = orderOf(about).value;
  const isDone = order?.answer?.result?.status === "succeeded";
  return (
    <>
      {!isDone && <p class="small">{t.footage.late}</p>}
      {!isDone && mayAsk(key.value) && <button type="button" aria-disabled={isPending(order)} onClick={() => command(about, alarm.source, "rebirth", { clip: clip.clip })}>{t.footage.askEarlier}</button>}
      <OrderState order={order} alarm={alarm} />
    </>
  );
}

function Player({ alarm, clip }: { alarm: AlarmView; clip: ClipView }) {
  const footage = useMemo(() => new Footage(alarm, clip), []);
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    footage.attach(video.current!);
    return () => footage.close();
  }, []);
  useEffect(() => footage.update(alarm, clip), [clip.parts, clip.isWhole]);
  const refused = footage.refused.value;
  const pressedMs = Date.parse(alarm.data.raised_at);
  const pictureMs = footage.pictureMs.value;
  return (
    <div class="footage">
      <video ref={video} class="picture" controls muted playsInline aria-label={t.footage.videoOf(plain(clip.camera, 64))} />
      {pictureMs !== null && <p class="small">{t.footage.picture(clock(pictureMs), relative(pictureMs - pressedMs))}</p>}
      <p>{extent(footage.shown.value, pressedMs)}</p>
      <p role="status">{outcome(footage.shown.value, refused.length, clip)}</p>
      {refused.map(({ part, why }) => <p key={part.name} class="said bad" role="alert">✗ {t.footage.refused(deviceClock(part.begins, true), why)}</p>)}
      {footage.trouble.value !== "" && <p class="said bad" role="alert">✗ {footage.trouble.value}</p>}
      {(refused.length > 0 || footage.trouble.value !== "" || (footage.verdict.value?.word === null && !footage.verdict.value.isPending)) && <button type="button" onClick={() => footage.again()}>{t.footage.again}</button>}
      <VerdictOf verdict={footage.verdict.value} isChecking={footage.isChecking.value} clip={clip} />
      <Export footage={footage} clip={clip} />
    </div>
  );
}

/** A time before or after the press. */
const relative = (ms: number): string => (Math.abs(ms) < 500 ? t.footage.atPress : ms < 0 ? t.footage.before(span(-ms)) : t.footage.after(span(ms)));

/** From when to when it is shown: anew with each part, and so not announced. */
function extent(shown: readonly PartView[], pressedMs: number): string {
  const [first, last] = [shown[0], shown.at(-1)];
  if (first === undefined || last === undefined) return t.footage.loading;
  return t.footage.extent(relative(Date.parse(first.begins) - pressedMs), relative(Math.max(...shown.map(({ ends }) => Date.parse(ends))) - pressedMs));
}

/** What is missing of it, and whether more may come. */
function outcome(shown: readonly PartView[], refused: number, clip: ClipView): string {
  if (shown.length === 0) return "";
  const holes = shown.slice(1).filter((part, i) => part.first > Math.max(...shown.slice(0, i + 1).map((each) => each.last)) + 1).length;
  const missing = holes === 0 ? "" : `${t.footage.holes(holes)} `;
  const failed = clip.unsent.length === 0 ? "" : `${t.footage.unsent(clip.unsent.length, plain(clip.unsent.at(-1)!.why, 200))} `;
  const end = clip.beyond > 0 ? t.footage.beyond(clip.beyond) : !clip.isWhole ? t.footage.goesOn : shown.length + refused < clip.parts.length ? t.footage.isComing : t.footage.whole;
  return `${missing}${failed}${end}`;
}

/** Nothing of what was sent is altered or missing. Includes the word of a server older than this page. */
const WHOLE: ReadonlySet<string> = new Set(["authentic", "authentic, alone"]);
const MARKS: Record<string, [string, string]> = { authentic: ["✓", "good"], "authentic, alone": ["✓", "good"], "authentic, shown otherwise": ["✗", "bad"], "authentic with missing": ["▲", ""], "not signed": ["✗", "bad"], "not authentic": ["✗", "bad"] };

function VerdictOf({ verdict, isChecking, clip }: { verdict: Verdict | null; isChecking: boolean; clip: ClipView }) {
  if (verdict === null) return <p role="status">{t.footage.checking}</p>;
  const word = verdict.word !== null && Object.hasOwn(t.footage.verdicts, verdict.word) ? verdict.word : null;
  const [mark, colour] = verdict.isPending ? ["…", ""] : word === null ? ["?", "bad"] : (MARKS[word] ?? ["?", "bad"]);
  const newer = clip.parts.length - verdict.parts;
  return (
    <div class="footage">
      <p role="status" class={`said ${colour}`}>{mark} {judgement(verdict, word, clip.isWhole && newer <= 0)}</p>
      {verdict.provenMs !== null && word === "authentic with missing" && <p>{t.footage.openEnd}</p>}
      <p class="small">{t.footage.asOf(clock(verdict.atMs), verdict.parts)} {newer > 0 ? t.footage.newer(newer) : ""} {isChecking ? t.footage.checking : ""}</p>
      {(word !== null || verdict.isPending) && verdict.says.length > 0 && (
        <details>
          <summary>{t.footage.found}</summary>
          {verdict.says.map((each, i) => <p key={i} class="small">{each}</p>)}
        </details>
      )}
    </div>
  );
}

/** What the check has found. `isAll`: it was of all that there is. */
function judgement({ says, provenMs, isPending }: Verdict, word: string | null, isAll: boolean): string {
  if (isPending) return isAll ? t.footage.unproven : t.footage.pending;
  if (word === null) return says[0] ?? t.footage.notChecked("");
  if (!WHOLE.has(word) || provenMs === null) return t.footage.verdicts[word]!;
  return (isAll ? t.footage.upTo : t.footage.soFar)(span(provenMs));
}

function Export({ footage, clip }: { footage: Footage; clip: ClipView }) {
  const said = useSignal<string | null>("");
  const give = async () => {
    if (said.value === null) return;
    said.value = null;
    const made = await footage.export();
    if (typeof made !== "string") save(`${clip.clip}.zip`, made.file, made.file.type);
    said.value = typeof made === "string" ? made : made.lacks > 0 ? t.footage.exportedWithout(made.lacks) : t.footage.exported;
  };
  return (
    <>
      <button type="button" aria-disabled={said.value === null} onClick={() => void give()}>{t.footage.export}</button>
      <p role="status" class="small">{said.value === null ? t.footage.exporting : said.value}</p>
    </>
  );
}
