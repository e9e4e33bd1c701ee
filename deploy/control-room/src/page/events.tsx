// Events in lists of their own, by what an operator does about them, so that passers-by can't hide a tamper; and what each list is narrowed to.
import { useSignal } from "@preact/signals";
import { LISTS, listOf, shortType, type ListName } from "../kept";
import type { EventView } from "../protocol";
import { openDevice } from "./devices";
import { focusDetail } from "./focus";
import { type EventGroup, type Filter, HOURS } from "./groups";
import { RowList, showTop } from "./list";
import { Fact, Panes } from "./panes";
import { Picture } from "./picture";
import { devices, events, losses, view } from "./state";
import { t } from "./strings";
import { wall } from "./time";
import { clock, deviceName, eventWord, placeOf, plain, siteAndId, span, word } from "./words";

const ENDS = new Set(["person-left", "part-restored", "in-service", "siren-stopped", "test-mode-ended"]);

function isOver(event: EventView): boolean {
  return ENDS.has(shortType(event.type)) || event.data["phase"] === "ended" || event.data["active"] === false;
}

/** Whether the group is of something that lasts, and so goes on until it is over. */
function lasts({ first, newest }: EventGroup): boolean {
  const short = shortType(first.type);
  return typeof first.data["event_id"] === "string" && short in t.events.types && short !== "line-crossed" && !isOver(newest);
}

function summary(event: EventView): string {
  const { data } = event;
  const detail = (data["detail"] ?? {}) as unknown;
  const words = [
    typeof data["camera"] === "string" && t.events.camera(plain(data["camera"], 40)),
    typeof data["zone"] === "string" && t.events.zone(plain(data["zone"], 40)),
    data["unseen"] === true && t.events.unseen,
    ...["line", "part", "input", "kind", "fault", "outcome", "severity"].map((name) => typeof data[name] === "string" && data[name] !== shortType(event.type) && plain(data[name], 60)),
    typeof data["left_to_right"] === "number" && typeof data["right_to_left"] === "number" && t.events.crossed(data["left_to_right"], data["right_to_left"]),
    typeof data["persons"] === "number" && data["persons"] > 0 && t.alarms.persons(data["persons"]),
    Array.isArray(data["reasons"]) && data["reasons"].map((reason) => plain(reason, 40)).join(", "),
    typeof data["text"] === "string" && plain(data["text"], 160),
    typeof detail === "string" && plain(detail, 160),
  ];
  return words.filter((word) => typeof word === "string" && word !== "").join(" · ");
}

/** Narrow the list to what can be found in it at all, then show the first row of it. */
function narrow(filter: Partial<Filter>): void {
  events.narrow(filter);
  showTop();
}

/** Show one of them, from wherever the person is. */
export function showEvent(group: EventGroup): void {
  narrow({ ...EVERYTHING, list: listOf(group.first.type) });
  events.opened.value = group.id;
  view.value = "events";
}

const EVERYTHING = { kind: "", text: "", withinMs: null };
const WITHIN_MIN = [15, 60, 240] as const;

export function Events() {
  events.changed.value;
  const opened = events.opened.value;
  const { list, ...filter } = events.filter.value;
  const all = events.size(list);
  const isNarrowed = filter.kind !== "" || filter.text.trim() !== "" || filter.withinMs !== null;
  return (
    <Panes
      title={t.events.lists[list]}
      above={
        <>
          <ul class="tabs" aria-label={t.events.which}>
            {LISTS.map((name) => (
              <li key={name}>
                <button type="button" aria-pressed={name === list} title={t.events.what[name]} onClick={() => narrow({ list: name, kind: "" })}>
                  {t.events.lists[name]} <span class="count">{t.events.size(events.size(name), events.isFull(name))}</span>
                </button>
              </li>
            ))}
          </ul>
          <div class="filters">
            <label class="find">
              <span>{t.events.find} <kbd>/</kbd></span>
              <input type="search" value={filter.text} placeholder={t.events.findWhat} onInput={(event) => narrow({ text: event.currentTarget.value })} />
            </label>
            <label>
              {t.events.kind}
              <select value={filter.kind} onChange={(event) => narrow({ kind: event.currentTarget.value })}>
                <option value="">{t.events.every}</option>
                {[...new Set([...events.kinds.value, ...(filter.kind === "" ? [] : [filter.kind])])]
                  .map((kind) => [kind, word(t.events.types, kind, 60)] as const)
                  .sort(([, a], [, b]) => (a < b ? -1 : 1))
                  .slice(0, 100)
                  .map(([kind, its]) => <option key={kind} value={kind}>{its}</option>)}
              </select>
            </label>
            <label>
              {t.events.when}
              <select value={String(filter.withinMs ?? "")} onChange={(event) => narrow({ withinMs: Number(event.currentTarget.value) || null })}>
                <option value="">{t.events.always}</option>
                {WITHIN_MIN.map((minutes) => <option key={minutes} value={String(minutes * 60_000)}>{t.events.within(minutes)}</option>)}
              </select>
            </label>
          </div>
          {isNarrowed && (
            <p class="small">
              {t.events.shown(events.order.shown.value.length, all)} <button type="button" class="link" onClick={() => narrow(EVERYTHING)}>{t.events.showAll}</button>
            </p>
          )}
          <Counts list={list} />
          <Losses />
        </>
      }
      list={<RowList order={events.order} label={t.events.lists[list]} opened={opened} row={(id) => <Row id={id} />} onOpen={open} />}
      detail={opened !== null && events.get(opened) !== undefined ? <Detail key={opened} id={opened} /> : null}
      hint={all === 0 ? t.events.none[list] : isNarrowed && events.order.shown.value.length === 0 ? t.events.nothingFound : t.events.choose}
      onBack={() => (events.opened.value = null)}
    />
  );
}

const MOST_PLACES = 12;

/** How many began at each place, by the hour. */
function Counts({ list }: { list: ListName }) {
  const isOpen = useSignal(false);
  return (
    <details onToggle={(event) => (isOpen.value = event.currentTarget.open)}>
      <summary>{t.events.counts(HOURS)}</summary>
      {isOpen.value && <CountsTable list={list} />}
    </details>
  );
}

function CountsTable({ list }: { list: ListName }) {
  events.changed.value;
  const rows = events.counts(list);
  if (rows.length === 0) return <p class="small">{t.events.noCounts}</p>;
  const thisHour = new Date().getHours();
  const most = Math.max(...rows.flatMap(({ hours }) => hours));
  return (
    <div class="scrolls" tabIndex={0} role="region" aria-label={t.events.counts(HOURS)}>
      <table class="hours">
        <thead>
          <tr>
            <th scope="col">{t.events.place}</th>
            <th scope="col">{t.events.sum}</th>
            {Array.from({ length: HOURS }, (_, i) => <th key={i} scope="col">{String((thisHour - HOURS + 1 + i + 24) % 24).padStart(2, "0")}</th>)}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, MOST_PLACES).map(({ site, hours, sum }) => (
            <tr key={site}>
              <th scope="row"><button type="button" class="link" onClick={() => narrow({ text: site })}>{plain(site, 64)}</button></th>
              <td>{sum}</td>
              {hours.map((count, i) => <td key={i} style={{ "--share": String(count / most) }}>{count > 0 ? count : ""}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > MOST_PLACES && <p class="small">{t.events.morePlaces(rows.length - MOST_PLACES)}</p>}
    </div>
  );
}

function open(id: string): void {
  events.opened.value = id;
  focusDetail();
}

function Losses() {
  if (losses.value.length === 0) return null;
  return (
    <details class="losses">
      <summary>{t.events.losses(losses.value.length)}</summary>
      <ul class="plain">
        {losses.value.slice(0, 200).map((loss) => (
          <li key={`${loss.source} ${loss.first}`}>
            {deviceName(loss.source)}: {t.events.loss(loss.first, loss.last)}, {t.events.lossStates[loss.state]}
          </li>
        ))}
      </ul>
    </details>
  );
}

/** A security event has no end: more of it is the same again. */
function isRepeated({ first, count }: EventGroup): boolean {
  return count > 1 && typeof first.data["event_id"] !== "string";
}

function state(group: EventGroup): string {
  const { first, newest } = group;
  if (lasts(group)) return t.events.going;
  if (!isOver(newest)) return "";
  const duration = newest.data["duration_ms"];
  if (typeof duration === "number") return t.events.over(span(duration));
  return first === newest ? t.events.ended : t.events.over(span(newest.heardMs - first.heardMs));
}

/** Where it was, by the words of the device's settings, else by the name of its site. */
function placeName(source: string): string {
  return placeOf(devices.get(source)?.value) || siteAndId(source)[0] || "";
}

function Row({ id }: { id: string }) {
  const group = events.get(id)?.value;
  // The list holds still, so its place stays.
  if (group === undefined) return <span class="row event-row is-gone">{t.events.gone}</span>;
  const { first, newest } = group;
  const severity = newest.data["severity"];
  return (
    <button type="button" class={`row event-row${severity === "alert" ? " is-alert" : ""}`} data-id={id} tabIndex={-1}>
      <span class="row-time">{clock(wall(first.heardMs))}</span>
      <span class="row-main">
        <span class="row-place">{eventWord(first)}{severity === "alert" && " ▲"}</span>
        <span class="row-more"><strong>{placeName(first.source)}</strong>{[deviceName(first.source), summary(newest)].filter((words) => words !== "").map((words) => ` · ${words}`)}</span>
      </span>
      <span class="row-side">
        <span class="row-count">{state(group)}</span>
        {isRepeated(group) && <span class="row-count">{t.events.times(group.count)}</span>}
        {newest.historical && <span class="row-count">{t.events.historical}</span>}
      </span>
    </button>
  );
}

function Detail({ id }: { id: string }) {
  const group = events.get(id)?.value;
  if (group === undefined) return null;
  const { first, newest } = group;
  const snapshot = first.data["snapshot"];
  return (
    <>
      <header class="plain-head">
        <h2 tabIndex={-1}>{eventWord(newest)}</h2>
        <p class="standing">{[placeName(first.source), state(group)].filter((words) => words !== "").join(" · ")}</p>
      </header>
      <p class="links">
        <button type="button" onClick={() => narrow({ ...EVERYTHING, text: deviceName(first.source) })}>{t.events.allOfDevice}</button>
        {devices.has(first.source) && <button type="button" onClick={() => ((view.value = "devices"), openDevice(first.source))}>{t.events.showDevice}</button>}
      </p>
      <div class="cards">
        <section class="card" aria-labelledby="event-title">
          <h3 id="event-title">{t.events.all}</h3>
          <dl>
            <Fact name={t.detail.device}>{deviceName(newest.source)}</Fact>
            <Fact name={t.events.type}>{plain(newest.type, 100)}</Fact>
            <Fact name={t.events.heard}>{clock(wall(first.heardMs))}{newest !== first && ` – ${clock(wall(newest.heardMs))}`}</Fact>
            <Fact name={t.events.told}>{newest.timeMs === null ? t.events.noClock : clock(newest.timeMs)}</Fact>
            <Fact name={t.events.messages}>{group.count}</Fact>
            {Object.entries(newest.data).slice(0, 60).map(([name, value]) => (
              <Fact key={name} name={plain(name, 60)}>{plain(value, 1000)}</Fact>
            ))}
          </dl>
        </section>
        {typeof snapshot === "string" && (
          <section class="card" aria-labelledby="event-picture-title">
            <h3 id="event-picture-title">{t.events.picture}</h3>
            <Picture id={snapshot} alt={t.events.pictureAlt(plain(first.data["camera"], 64), deviceName(first.source))} />
          </section>
        )}
      </div>
    </>
  );
}
